"""Everything that can be wrong in a scenario as written, before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from emulator import building, catalogue
from emulator.errors import FileProblem
from emulator.expectations import check_expectations, check_path
from emulator.fault import Rule
from emulator.files import AwsStep, GuideScenario, HttpStep, ScenarioFile, Step
from emulator.functions.engines import NAMES
from emulator.functions.loglines import GENERATIONS

KINDS = ("invoke", "aws", "http", "advance", "arm", "disarm", "settle")


def check(scenario: ScenarioFile, file: Path) -> list[Rule]:
    """Everything that can be wrong in what was written, before anything starts. Gives the rules."""
    if scenario.engine not in (*NAMES, "auto"):
        raise FileProblem(file, "engine", f"unknown engine {scenario.engine!r}", (*NAMES, "auto"))
    if scenario.texts not in GENERATIONS:
        raise FileProblem(file, "texts", f"unknown generation of texts {scenario.texts!r}", GENERATIONS)
    building.check(scenario, file)
    rules = catalogue.rules(scenario.faults, file)
    armed = {rule.label for rule in rules}
    known: dict[str, dict[str, Any]] = {
        part: dict(getattr(scenario, part)) for part in ("secrets", "databases", "relays", "roles", "functions", "apis")
    }
    known["steps"] = {}
    written = [(f"steps.{number}", step) for number, step in enumerate(scenario.steps)]
    if isinstance(scenario, GuideScenario):
        written += [(f"fix.{number}", step) for number, step in enumerate(scenario.fix)]
    for number, (key, step) in enumerate(written):
        _check_step(step, scenario, known, armed, file, key)
        name = name_of(step, number)
        if name in known["steps"]:
            raise FileProblem(file, f"{key}.name", f"there is a step named {name!r} already")
        known["steps"][name] = step
    return rules


def name_of(step: Step, number: int) -> str:
    """Its own name, or `step 1` for the first."""
    return step.name or f"step {number + 1}"


def _check_step(
    step: Step, scenario: ScenarioFile, known: dict[str, dict[str, Any]], armed: set[str], file: Path, key: str
) -> None:
    kinds = [kind for kind in KINDS if getattr(step, kind) is not None]
    if len(kinds) != 1:
        raise FileProblem(file, key, f"needs exactly one of its kinds, has {', '.join(kinds) or 'none'}", KINDS)
    written = step.model_dump(by_alias=True)[kinds[0]]
    building.check_references(written, known, file, f"{key}.{kinds[0]}")
    building.check_references(step.expect, known, file, f"{key}.expect")
    if step.aws is not None:
        _check_operation(step.aws, file, f"{key}.aws")
    if step.http is not None:
        _check_http(step.http, scenario, file, f"{key}.http")
    if step.arm is not None:
        catalogue.claim(catalogue.rule(step.arm, str(file), f"{key}.arm"), armed, file, f"{key}.arm")
    if step.disarm is not None:
        if step.disarm not in armed:
            raise FileProblem(file, f"{key}.disarm", f"no rule named {step.disarm!r} is armed then", armed)
        armed.remove(step.disarm)
    if step.repeat > 1 and kinds[0] in ("arm", "disarm"):
        raise FileProblem(file, f"{key}.repeat", f"nobody can {kinds[0]} a rule twice")
    check_expectations(step.expect, file, f"{key}.expect")
    if step.show is not None:
        check_path(step.show, file, f"{key}.show")


def _check_http(step: HttpStep, scenario: ScenarioFile, file: Path, key: str) -> None:
    if (step.api is None) == (step.url is None):
        raise FileProblem(file, key, "needs exactly one of api, url", ("api", "url"))
    if step.url is not None and step.path:
        raise FileProblem(file, f"{key}.path", "belongs to api; a url has its own")
    if step.api is not None and step.api not in scenario.apis:
        raise FileProblem(file, f"{key}.api", f"unknown API {step.api!r}", scenario.apis)
    if step.api is not None and not step.path:
        raise FileProblem(file, f"{key}.path", "is missing")


def _check_operation(step: AwsStep, file: Path, key: str) -> None:
    """botocore knows the services, and what boto3 calls their operations."""
    from botocore import xform_name
    from botocore.exceptions import UnknownServiceError

    from emulator.aws.sessions import core

    session = core()
    try:
        model = session.get_service_model(step.service)
    except UnknownServiceError:
        choices = _like(step.service, session.get_available_services())
        raise FileProblem(file, f"{key}.service", f"unknown service {step.service!r}", choices) from None
    operations = [xform_name(name) for name in model.operation_names]
    if step.operation not in operations:
        problem = f"{step.service} has no operation {step.operation!r}"
        raise FileProblem(file, f"{key}.operation", problem, _like(step.operation, operations))
    if step.region is not None:
        parts = session.get_available_partitions()
        regions = [name for part in parts for name in session.get_available_regions("ec2", part)]
        if step.region not in regions:
            raise FileProblem(file, f"{key}.region", f"unknown region {step.region!r}", _like(step.region, regions))


def _like(given: str, names: Collection[str]) -> Collection[str]:
    """The few that may have been meant, of hundreds; else all."""
    return difflib.get_close_matches(given, names, 5) or names
