"""Rules as people type them on a command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from emulator.errors import FileProblem, UsageError
from emulator.plain_yaml import BadYaml, parse

Command = Callable[..., Any]


def written(text: str, where: str) -> Any:
    """A fault's bare name, or a mapping in YAML. where: names the argument. Raises FileProblem."""
    try:
        return parse(text)
    except BadYaml as error:
        raise FileProblem(where, error.place, f"bad YAML: {error}") from None


def rule_options(command: Command) -> Command:
    """What a rule may be given beside its text: --with, --match, --name, and each of `when`."""
    options = (
        click.option("--with", "params", multiple=True, metavar="KEY=VALUE", help="A parameter of the fault."),
        click.option("--match", multiple=True, metavar="KEY=PATTERN", help="Where it strikes: function=crm, host=*."),
        click.option("--name", help="Its label; the fault's name where none is given."),
        click.option("--after", type=int, help="Let so many pass first."),
        click.option("--every", type=int, help="Of the rest only every n-th."),
        click.option("--times", type=int, help="Of those only so many."),
        click.option("--probability", type=float, help="Of those only some, drawn from the seed."),
        click.option(
            "--between", type=(float, float), metavar="FROM TO", help="Only between two moments, in seconds from now."
        ),
        click.option("--ttl", type=float, metavar="SECONDS", help="Then it is healed by itself."),
        click.option("--per", help="What is counted: run, function or invocation."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def completed(rule: Any, params: tuple[str, ...], match: tuple[str, ...], name: str | None, **when: Any) -> Any:
    """A rule with what the options add to it. Raises UsageError where both say the same."""
    given = {part: value for part, value in when.items() if value is not None}
    added = {
        "with": dict(_pair(text, "--with") for text in params),
        "match": dict(_pair(text, "--match", plain=True) for text in match),
        "when": given,
    }
    if not (name or any(added.values())):
        return rule
    whole: dict[str, Any] = dict(rule) if isinstance(rule, Mapping) else {"fault": rule}
    for part, more in added.items():
        if more:
            whole[part] = _joined(whole.get(part), more, part)
    return _joined(whole, {"name": name}, "RULE") if name else whole


def _joined(there: Any, more: dict[str, Any], part: str) -> dict[str, Any]:
    there = dict(there) if isinstance(there, Mapping) else {}
    if twice := sorted(there.keys() & more.keys()):
        raise UsageError(f"{part}: {twice[0]} stands in the rule and is an option too: say it once")
    return {**there, **more}


def _pair(text: str, option: str, plain: bool = False) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not (key and sign):
        raise UsageError(f"{option} {text}: must be KEY=VALUE")
    return key, value if plain else written(value, f"{option} {key}")
