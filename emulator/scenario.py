"""A scenario file -> rules, steps and expectations -> a verdict."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator import building, catalogue
from emulator.errors import FileProblem, RigError
from emulator.fault import Rule
from emulator.files import ScenarioFile, Step
from emulator.functions.engines import NAMES
from emulator.functions.loglines import GENERATIONS
from emulator.rig import Rig
from emulator.settings import Settings

KINDS = ("invoke", "aws", "http", "advance", "arm", "disarm")
KEYS = {
    "invoke": ("function", "payload", "qualifier"),
    "aws": ("service", "operation", "with"),
    "http": ("api", "method", "path", "headers", "json", "body"),
}
NEEDED = {"invoke": ("function",), "aws": ("service", "operation"), "http": ("api", "path")}
CHECKS = ("contains", "matches", "not", "at_least", "at_most")
Say = Callable[[str], None]


def check(scenario: ScenarioFile, file: Path) -> list[Rule]:
    """Everything that can be wrong in what was written, before anything starts. Gives the rules."""
    building.check(scenario, file)
    if scenario.engine not in (*NAMES, "auto"):
        raise FileProblem(file, "engine", f"unknown engine {scenario.engine!r}", (*NAMES, "auto"))
    if scenario.texts not in GENERATIONS:
        raise FileProblem(file, "texts", f"unknown generation of texts {scenario.texts!r}", GENERATIONS)
    for number, step in enumerate(scenario.steps):
        _check_step(step, file, f"steps.{number}")
    return [catalogue.rule(written, str(file), f"faults.{n}") for n, written in enumerate(scenario.faults)]


def _check_step(step: Step, file: Path, key: str) -> None:
    kinds = [kind for kind in KINDS if getattr(step, kind) is not None]
    if len(kinds) != 1:
        raise FileProblem(file, key, f"needs exactly one of its kinds, has {', '.join(kinds) or 'none'}", KINDS)
    kind, inside = kinds[0], getattr(step, kinds[0])
    for name in inside if kind in KEYS else ():
        if name not in KEYS[kind]:
            raise FileProblem(file, f"{key}.{kind}.{name}", "unknown key", KEYS[kind])
    for name in NEEDED.get(kind, ()):
        if name not in inside:
            raise FileProblem(file, f"{key}.{kind}.{name}", "is missing")
    if kind == "arm":
        catalogue.rule(inside, str(file), f"{key}.arm")
    for path, wanted in step.expect.items():
        if isinstance(wanted, dict) and wanted.keys() & set(CHECKS) and not wanted.keys() <= set(CHECKS):
            raise FileProblem(file, f"{key}.expect.{path}", f"unknown check in {sorted(wanted)}", CHECKS)
        _compiled(path, file, f"{key}.expect")


def _compiled(path: str, file: Path, key: str) -> Any:
    import jmespath

    try:
        return jmespath.compile(path)
    except jmespath.exceptions.JMESPathError as error:
        raise FileProblem(file, key, f"{path!r} is no JMESPath: {error}") from None


def run_scenario(
    scenario: ScenarioFile, file: Path, *, engine: str | None = None, seed: int | None = None, say: Say = lambda _: None
) -> dict[str, Any]:
    """Run it on a rig of its own. Gives scenario, passed, problems, steps, struck, fingerprint, seed, engine and
    the command that replays it."""
    rules = check(scenario, file)
    settings = Settings(
        engine=engine or scenario.engine,
        seed=scenario.seed if seed is None else seed,
        texts=scenario.texts,
        manual_clock=scenario.clock == "manual",
    )
    with Rig(settings) as rig:
        made = building.build_rig(rig, scenario, say)
        rig.injector.arm(rules)
        return _Run(rig, scenario, file, made).all(say)


class _Run:
    """One run of a scenario on a rig that is built."""

    def __init__(self, rig: Rig, scenario: ScenarioFile, file: Path, made: dict[str, Any]) -> None:
        self._rig, self._scenario, self._file = rig, scenario, file
        self._made = {**made, "steps": {}}
        self._problems: list[str] = []
        self._struck: dict[str, int] = {}

    def all(self, say: Say) -> dict[str, Any]:
        steps = []
        for number, step in enumerate(self._scenario.steps, 1):
            name = step.name or f"step {number}"
            before = len(self._problems)
            for _ in range(step.repeat):
                self._step(step, name)
            passed = len(self._problems) == before
            steps.append({"name": name, "passed": passed, "result": self._made["steps"].get(name)})
            say(f"{'ok    ' if passed else 'FAILED'} {self._scenario.scenario}: {name}")
        for armed in self._rig.injector.armed():
            self._note_strikes(armed.rule.label, armed.strikes, armed.rule.optional)
        return self._result(steps)

    def _result(self, steps: list[dict[str, Any]]) -> dict[str, Any]:
        settings = self._rig.settings
        replay = f"lambdarig run {self._file} --engine {self._rig.engine.name} --seed {settings.seed}"
        return {
            "scenario": self._scenario.scenario,
            "passed": not self._problems,
            "problems": self._problems,
            "steps": steps,
            "struck": self._struck,
            "fingerprint": self._rig.timeline.fingerprint(),
            "seed": settings.seed,
            "engine": self._rig.engine.name,
            "replay": replay,
        }

    def _note_strikes(self, label: str, strikes: int, optional: bool) -> None:
        self._struck[label] = self._struck.get(label, 0) + strikes
        if not strikes and not optional:
            self._problems.append(f"the rule {label!r} never struck")

    def _step(self, step: Step, name: str) -> None:
        try:
            result = self._do(step)
        except RigError as error:
            raise type(error)(f"{self._file}: {name}: {error.message}", error.mend) from None
        self._made["steps"][name] = result
        self._problems += [f"{name}: {problem}" for problem in judged(step, result)]

    def _do(self, step: Step) -> dict[str, Any]:
        if step.invoke is not None:
            return self._invoke(building.resolve(step.invoke, self._made))
        if step.aws is not None:
            return self._aws(building.resolve(step.aws, self._made))
        if step.http is not None:
            return self._http(building.resolve(step.http, self._made))
        if step.arm is not None:
            self._rig.injector.arm([catalogue.rule(step.arm, str(self._file))])
        elif step.disarm is not None:
            self._disarm(step.disarm)
        else:
            self._rig.clock.advance(step.advance or 0.0)
        return {}

    def _disarm(self, label: str) -> None:
        gone = [armed for armed in self._rig.injector.armed() if armed.rule.label == label]
        if not gone:
            raise FileProblem(
                self._file,
                "disarm",
                f"no rule named {label!r} is armed",
                [armed.rule.label for armed in self._rig.injector.armed()],
            )
        self._rig.injector.disarm(gone)
        for armed in gone:
            self._note_strikes(armed.rule.label, armed.strikes, armed.rule.optional)

    def _invoke(self, spec: dict[str, Any]) -> dict[str, Any]:
        where = {"Qualifier": spec["qualifier"]} if spec.get("qualifier") else {}
        answer = self._aws(
            {
                "service": "lambda",
                "operation": "invoke",
                "with": {
                    "FunctionName": spec["function"],
                    "Payload": json.dumps(spec.get("payload", {})),
                    "LogType": "Tail",
                    **where,
                },
            }
        )
        if "error" in answer:
            return answer
        body = answer["Payload"].read()
        log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
        return {
            "status": answer["StatusCode"],
            "function_error": answer.get("FunctionError"),
            "payload": _json(body),
            "log": log,
        }

    def _aws(self, spec: dict[str, Any]) -> dict[str, Any]:
        from botocore.exceptions import ClientError, ParamValidationError

        from emulator.aws.internal import client

        try:
            api = client(self._rig.endpoint, spec["service"], region=self._rig.settings.region)
            return dict(getattr(api, spec["operation"])(**spec.get("with", {})))
        except ClientError as error:
            said = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return {"error": {"code": said["Code"], "message": said["Message"], "status": status}}
        except (ParamValidationError, AttributeError, ValueError) as error:
            raise FileProblem(self._file, f"aws {spec['service']}.{spec['operation']}", str(error)) from None

    def _http(self, spec: dict[str, Any]) -> dict[str, Any]:
        import requests

        api = self._made["apis"].get(spec["api"])
        if api is None:
            raise FileProblem(self._file, "http.api", f"unknown API {spec['api']!r}", self._made["apis"])
        answer = requests.request(
            spec.get("method", "GET"),
            f"{self._rig.url}{api['path']}{spec['path']}",
            headers=spec.get("headers"),
            json=spec.get("json"),
            data=spec.get("body"),
            timeout=1000,
            proxies={"http": ""},
        )
        return {
            "status": answer.status_code,
            "headers": {k.lower(): v for k, v in answer.headers.items()},
            "body": answer.text,
            "json": _json(answer.content),
        }


def judged(step: Step, result: dict[str, Any]) -> list[str]:
    """What of the step's expectations does not hold. A step that expects no failure must succeed."""
    import jmespath

    problems = []
    if not any(path.split(".")[0] in ("error", "function_error", "status") for path in step.expect):
        failed = result.get("error") or result.get("function_error") or (result.get("status", 200) >= 400 and result)
        if failed:
            problems.append(f"failed: {_short(result.get('payload') or failed)}")
    for path, wanted in step.expect.items():
        found = jmespath.search(path, _plain(result))
        if not holds(found, wanted):
            problems.append(f"{path}: expected {_short(wanted)}, found {_short(found)}")
    return problems


def holds(found: Any, wanted: Any) -> bool:
    """Equality, or the checks contains, matches, not, at_least, at_most."""
    if not isinstance(wanted, dict) or not wanted.keys() & set(CHECKS):
        return bool(found == wanted)
    text = found if isinstance(found, str) else json.dumps(found, default=str)
    tests: dict[str, Callable[[Any], bool]] = {
        "contains": lambda w: str(w) in text,
        "matches": lambda w: re.search(w, text) is not None,
        "not": lambda w: not holds(found, w),
        "at_least": lambda w: isinstance(found, int | float) and found >= w,
        "at_most": lambda w: isinstance(found, int | float) and found <= w,
    }
    return all(tests[name](value) for name, value in wanted.items())


def _plain(result: dict[str, Any]) -> Any:
    return json.loads(json.dumps(result, default=str))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", errors="replace")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 400 else text[:400] + "..."
