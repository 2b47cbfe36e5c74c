"""A scenario file -> rules, steps and expectations -> a verdict."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator import building, catalogue
from emulator.errors import FileProblem, RigError, one_line
from emulator.expectations import judged
from emulator.files import HttpStep, InvokeStep, ScenarioFile, Step
from emulator.rig import Rig
from emulator.scenario_check import check, name_of
from emulator.settings import Settings

__all__ = ["check", "run_scenario"]
Say = Callable[[str], None]


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
        made = building.build_rig(rig, scenario, file, say)
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
        for number, step in enumerate(self._scenario.steps):
            name = name_of(step, number)
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
        options = ("--engine", self._rig.engine.name, "--seed", str(settings.seed))
        return {
            "scenario": self._scenario.scenario,
            "passed": not self._problems,
            "problems": self._problems,
            "steps": steps,
            "struck": self._struck,
            "fingerprint": self._rig.timeline.fingerprint(),
            "seed": settings.seed,
            "engine": self._rig.engine.name,
            "replay": shlex.join(("lambdarig", "run", str(self._file), *options)),
        }

    def _note_strikes(self, label: str, strikes: int, optional: bool) -> None:
        self._struck[label] = self._struck.get(label, 0) + strikes
        if not strikes and not optional:
            self._problems.append(f"the rule {label!r} never struck")

    def _step(self, step: Step, name: str) -> None:
        try:
            result = self._do(step)
        except FileProblem:
            raise
        except RigError as error:
            error.message = f"{self._file}: {name}: {error.message}"
            raise
        self._made["steps"][name] = result
        self._problems += [f"{name}: {problem}" for problem in judged(step, result)]

    def _do(self, step: Step) -> dict[str, Any]:
        if step.invoke is not None:
            return self._invoke(step.invoke)
        if step.aws is not None:
            return self._aws(step.aws.service, step.aws.operation, self._filled(step.aws.parameters))
        if step.http is not None:
            return self._http(step.http)
        if step.arm is not None:
            self._rig.injector.arm([catalogue.rule(self._filled(step.arm), str(self._file))])
        elif step.disarm is not None:
            self._disarm(step.disarm)
        else:
            self._rig.clock.advance(step.advance or 0.0)
        return {}

    def _filled(self, value: Any) -> Any:
        return building.resolve(value, self._made)

    def _disarm(self, label: str) -> None:
        gone = [armed for armed in self._rig.injector.armed() if armed.rule.label == label]
        self._rig.injector.disarm(gone)
        for armed in gone:
            self._note_strikes(armed.rule.label, armed.strikes, armed.rule.optional)

    def _invoke(self, step: InvokeStep) -> dict[str, Any]:
        payload = json.dumps(self._filled(step.payload))
        params = {"FunctionName": self._filled(step.function), "Payload": payload, "LogType": "Tail"}
        answer = self._aws("lambda", "invoke", params | ({"Qualifier": step.qualifier} if step.qualifier else {}))
        if answer.keys() == {"error"}:
            return answer
        return {
            "status": answer["StatusCode"],
            "function_error": answer.get("FunctionError"),
            "payload": _json(answer["Payload"]),
            "log": base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
        }

    def _aws(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        from emulator.aws.internal import client

        try:
            api = client(self._rig.endpoint, service, region=self._rig.settings.region)
            return _plain(getattr(api, operation)(**params))
        except ClientError as error:
            return {"error": _refusal(error)}
        except (BotoCoreError, TypeError, ValueError, AttributeError) as error:  # some types botocore does not check
            raise FileProblem(self._file, f"aws {service}.{operation}", one_line(error)) from None

    def _http(self, step: HttpStep) -> dict[str, Any]:
        import requests

        path, body = self._filled(step.path), self._filled(step.body)
        try:
            answer = requests.request(
                step.method,
                f"{self._rig.url}{self._made['apis'][step.api]['path']}{path}",
                headers=self._filled(step.headers),
                json=self._filled(step.data),
                data=body.encode() if isinstance(body, str) else body,
                timeout=1000,
                proxies={"http": ""},
            )
        except (requests.RequestException, ValueError) as error:
            raise FileProblem(self._file, f"http {step.method} {path}", one_line(error)) from None
        headers = {name.lower(): value for name, value in answer.headers.items()}
        text = answer.content.decode("utf-8", errors="replace")
        return {"status": answer.status_code, "headers": headers, "body": text, "json": _json(text)}


def _refusal(error: Any) -> dict[str, Any]:
    """What AWS answered, from boto3's ClientError. Raises RigError for what the rig itself got wrong."""
    said, about = error.response["Error"], error.response["ResponseMetadata"]
    if "x-lambdarig-error" in about["HTTPHeaders"]:
        raise RigError(said["Message"].removeprefix("lambdarig: "))
    return {"code": said["Code"], "message": said["Message"], "status": about["HTTPStatusCode"]}


def _plain(result: dict[str, Any]) -> dict[str, Any]:
    """What boto3 gave, as JSON: times and binary become texts."""
    plain: dict[str, Any] = json.loads(json.dumps(result, default=_text))
    return plain


def _text(value: Any) -> str:
    value = value.read() if hasattr(value, "read") else value
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
