"""The connector that is checked: in a rig of its own, or a function of a rig that runs."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.cli.asking import aws, problem_of
from emulator.cli.common import client, note
from emulator.clock import Clock
from emulator.connector_check.hearing import Hearing
from emulator.errors import FileProblem, UsageError
from emulator.files import RigFile, specified
from emulator.frontdoors.appflow import PRINCIPAL
from emulator.model import Outcome

INVOKE = "lambda:InvokeFunction"
_ENDS = (("timeout", "Task timed out"), ("oom", "OutOfMemory|signal: killed"), ("crash", r"Runtime\.ExitError"))


@dataclass(frozen=True)
class Target:
    """engine: empty where it is not known. permitted: None where nobody need ask."""

    name: str
    engine: str
    hearing: Hearing
    make_secret: Callable[[str], str]
    timeout_s: float
    permitted: bool | None = None


# --- in a rig of its own ---


@contextlib.contextmanager
def started(written: RigFile, file: Path, function: str, engine: str) -> Iterator[Target]:
    """A function of a rig file, with all that is there; gone afterwards."""
    from emulator import building
    from emulator.aws.internal import client as inside
    from emulator.rig import Rig
    from emulator.settings import Settings

    building.check(written, file)
    name = _chosen(written, file, function)
    with Rig(Settings(engine=engine)) as rig:
        made = building.build_rig(rig, written, file, note)
        arn = made["functions"][name]["arn"]
        hearing = Hearing(rig.functions, rig.clock, arn)
        with _secrets(inside(rig.endpoint, "secretsmanager")) as make_secret:
            yield Target(name, rig.engine.name, hearing, make_secret, rig.functions.timeout_of(arn))


def of_folder(folder: Path, upstreams: Path | None, **given: Any) -> RigFile:
    """A rig file for a connector's folder."""
    if upstreams is not None and not upstreams.is_file():
        raise UsageError(f"{upstreams}: no such file")
    return RigFile(functions={"connector": specified(str(folder), folder=folder, **given)}, upstreams=upstreams)


def _chosen(written: RigFile, file: Path, function: str) -> str:
    if not written.functions:
        raise FileProblem(file, "functions", "there are none")
    if not function and len(written.functions) > 1:
        raise FileProblem(file, "functions", "there are several: say which with --function", written.functions)
    if function and function not in written.functions:
        raise FileProblem(file, "functions", f"unknown function {function!r}", written.functions, given=function)
    return function or next(iter(written.functions))


@contextlib.contextmanager
def _secrets(api: Any) -> Iterator[Callable[[str], str]]:
    """Makes secrets as AppFlow names them; they go again."""
    from botocore.exceptions import BotoCoreError, ClientError

    made: list[str] = []
    numbers = itertools.count(1)

    def make(text: str) -> str:
        name = f"appflow!123456789012-check-{os.getpid()}-{next(numbers)}"
        made.append(api.create_secret(Name=name, SecretString=text)["ARN"])
        return made[-1]

    try:
        yield make
    finally:
        with contextlib.suppress(BotoCoreError, ClientError):  # of a rig that has gone there is nothing to take away
            for arn in made:
                api.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


# --- in a rig that runs ---


@contextlib.contextmanager
def running(port: int, name: str) -> Iterator[Target]:
    """A function of the rig on a port. Raises UsageError where it has none of that name."""
    known = {row["FunctionName"]: row for row in _functions(port)}
    if name not in known:
        raise UsageError.unknown("function", name, known)
    arn = known[name]["FunctionArn"]
    hearing = Hearing(_ByApi(port), Clock(), arn)
    with _secrets(client(port, "secretsmanager")) as make_secret:
        yield Target(name, "", hearing, make_secret, known[name]["Timeout"], _permitted(port, arn))


def _functions(port: int) -> Iterator[dict[str, Any]]:
    marker: dict[str, str] = {}
    while True:
        page = aws(port, "lambda", "list_functions", **marker)
        yield from page["Functions"]
        if not page.get("NextMarker"):
            return
        marker = {"Marker": page["NextMarker"]}


def _permitted(port: int, arn: str) -> bool:
    """By the function's own policy, asked for as AppFlow asks."""
    import json

    from botocore.exceptions import ClientError

    from emulator.aws.authorization.resource_side import function_policy
    from emulator.aws.iam.decide import Policies, decide
    from emulator.aws.iam.request import Principal, Request

    try:
        said = client(port, "lambda").get_policy(FunctionName=arn)["Policy"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise problem_of(error, port) from None
    region, account = arn.split(":")[3:5]
    source = f"arn:aws:appflow:{region}:{account}:connector"
    keys = {"aws:SourceArn": source, "aws:SourceAccount": account, "aws:PrincipalIsAWSService": "true"}
    policy = function_policy(json.loads(said)["Statement"])
    return bool(decide(Request(Principal(PRINCIPAL), INVOKE, arn, keys), Policies(resource=policy)).allowed)


class _ByApi:
    """An invoker that goes through Lambda's API, as anybody can; of the log it has the last 4 KB."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lambda = client(port, "lambda")

    def invoke(self, function: str, payload: bytes, origin: str, **more: Any) -> Outcome:
        """Raises LookupError where there is no such function, RigError where the rig has gone."""
        import base64

        from botocore.exceptions import BotoCoreError, ClientError

        try:
            said = self._lambda.invoke(FunctionName=function, Payload=payload, LogType="Tail")
            body = said["Payload"].read()
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if code == "TooManyRequestsException":
                return Outcome("throttled", message.encode())
            if code == "ResourceNotFoundException":
                raise LookupError(message) from None
            raise problem_of(error, self._port) from None
        except BotoCoreError as error:
            raise problem_of(error, self._port) from None
        log = base64.b64decode(said.get("LogResult", ""))
        failed = said.get("FunctionError", "")
        return Outcome(_status(body) if failed else "ok", body, failed, log)


def _status(body: bytes) -> str:
    text = body.decode(errors="replace")
    return next((status for status, sign in _ENDS if re.search(sign, text)), "error")
