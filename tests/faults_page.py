"""docs/faults.md, from the code: what each fault says of itself, and a scenario that a test runs.

`python tests/faults_page.py` writes it anew.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import yaml

from emulator import catalogue
from emulator.fault import POINTS, Fault, parameters

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "faults.md"
EXAMPLES = ROOT / "sample_connectors" / "faults"
HEAD = """A *rule* is a fault, where it strikes (`match`) and when (`when`). It is written the same way in a rig file,
in a scenario, after `lambdarig up --fault` and `lambdarig fault add`, in a `POST` to `/_rig/faults`, and, as keyword
arguments, in a test: `rig.fault("cold_start", delay_ms=8000, match={"function": "crm"})`.

```yaml
fault: cold_start           # which; the only key that must be there
name: slow                  # its label in the record and in messages; the fault's own name by default
with: {delay_ms: 8000}      # the fault's parameters
match: {function: crm}      # every field given must fit; * and ? are wildcards
when: {after: 1, times: 2}  # of those, which ones
optional: true              # it may end without having struck; otherwise that is a failure
```

`match` takes `function`, `service` and `operation` (AWS's names: `secretsmanager`, `GetSecretValue`), `resource` (an
ARN), `route` (`GET /orders/{id}`), `origin` (of an invocation `lambda`, `apigateway`, `appflow` or `event`; of an AWS
call `function` or `client`), `caller` (an ARN; `appflow.amazonaws.com` where AppFlow asks a SaaS host for tokens),
`host` (a SaaS host, or the name of a database or relay in the rig file), `flow` and `entity` (of AppFlow: the flow's
name, and what it reads from or writes to its connector). A fault has defaults for some. What a call does not have fits
nothing, not even `*`.

| `when` | default | |
|---|---|---|
| `after` | 0 | let this many pass first |
| `every` | 1 | of the rest only every n-th |
| `times` | all | of those only so many |
| `probability` | 1 | of those only some, drawn from the seed: the same seed strikes the same calls |
| `between` | always | only between two moments, in rig seconds after arming: `[10, 60]` |
| `ttl` | for ever | only for so many rig seconds after arming |
| `per` | `run` | what is counted: the whole `run`, each `invocation`, or each `function` by itself |

A strike is an effect, not a look: a rule that let everything pass as it was has not struck, and what it can do nothing
to takes no turn (with `times: 1` a token that is still good, or a call that a burst has room for, passes, and the first
that is refused is the one). Leaving a rule's scope
always heals it. Of several rules that fit, the first armed is the outermost. `lambdarig faults NAME` prints what this
page says of one. [Write your own](own-faults.md) in an empty folder, with points of its own if need be.

The example below each fault is a whole scenario, kept in `sample_connectors/faults/` with its functions:
`lambdarig run sample_connectors/faults/cold_start.yaml`.
"""
def page() -> str:
    """The whole page."""
    faults = [name for names in catalogue.grouped().values() for name in names]
    return "\n".join([_contents(), HEAD, *(_section(name, catalogue.one(name)) for name in faults)])


def _contents() -> str:
    """Every fault, by its group."""
    rows = [
        f"| {heading} | {', '.join(f'[{name}](#{name})' for name in names)} |"
        for heading, names in catalogue.grouped().items()
    ]
    head = ["# Faults", "", "| | `lambdarig faults` says what each does, in a line |", "|---|---|"]
    return "\n".join([*head, *rows, ""])


def _section(name: str, fault: type[Fault]) -> str:
    where = [f"Strikes {', '.join(POINTS[point] for point in fault.points())}"]
    matches = {key: value for key, value in vars(fault.default_match).items() if value is not None}
    if matches:
        where.append("by default where " + ", ".join(f"`{key}` is `{value}`" for key, value in matches.items()))
    rows = [_row(key, row, catalogue.choices(fault, key)) for key, row in parameters(fault).items()]
    table = ["| parameter | default | unit | |", "|---|---|---|---|", *rows, ""] if rows else ["No parameters.", ""]
    example = ["```yaml", (EXAMPLES / f"{name}.yaml").read_text().rstrip(), "```", ""]
    about = " ".join(inspect.getdoc(fault).split())
    return "\n".join([f"## {name}", "", about, "", f"{', '.join(where)}.", "", *table, *example])


def _row(key: str, row: dict[str, Any], choices: tuple[Any, ...]) -> str:
    others = "".join(f", or `{_yaml(choice)}`" for choice in choices if choice != row["default"])
    return f"| `{key}` | `{_yaml(row['default'])}`{others} | {row['unit']} | {row['about']} |"


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value)).removesuffix("...\n").strip()


if __name__ == "__main__":
    PAGE.write_text(page())
