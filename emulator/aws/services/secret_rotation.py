"""RotateSecret: the four steps of a rotation, each an invocation of the secret's function.

Secrets Manager makes a version without a value, labels it AWSPENDING, and invokes the function with createSecret,
setSecret, testSecret and finishSecret; the function moves the labels (Secrets Manager user guide, rotation functions).
AWS answers before the steps are through; here they are through when it answers, so that a run is the same every time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.errors_wire import write_error
from emulator.aws.services.secretsmanager import follow, secret_of
from emulator.aws.wire import WireRequest
from emulator.clock import Clock
from emulator.model import AwsError, AwsReply, Invoker

log = logging.getLogger(__name__)
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
PRINCIPAL = "secretsmanager.amazonaws.com"
NO_FUNCTION = AwsError("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
UNFINISHED = AwsError(
    "InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted."
)
BAD_TOKEN = AwsError("InvalidParameterException", "ClientRequestToken must be 32-64 characters long.")
NOT_ALLOWED = AwsError(
    "AccessDeniedException",
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the "
    f"principal {PRINCIPAL}.",
)
Writing = Callable[[WireRequest], AbstractContextManager[None]]


class Rotation:
    """writing: wraps each change of a secret, so that it becomes a version for readers. may_invoke: is there such a
    function, and does its policy let Secrets Manager invoke it?"""

    def __init__(
        self, backend: Backend, invoker: Invoker, clock: Clock, writing: Writing, may_invoke: Callable[[str], bool]
    ) -> None:
        self._backend, self._invoker, self._clock = backend, invoker, clock
        self._writing, self._may_invoke = writing, may_invoke

    def rotate(self, request: WireRequest) -> AwsReply:
        """Rotate a secret that is there and not deleted. A step that fails ends it; AWSPENDING stays where it is."""
        secret, asked = secret_of(self._backend, request), request.params
        function = str(asked.get("RotationLambdaARN") or getattr(secret, "rotation_lambda_arn", ""))
        token = str(asked.get("ClientRequestToken") or request.request_id)
        if refused := self._refusal(secret, function, token):
            return write_error(request, refused)
        at_once = asked.get("RotateImmediately") is not False
        with self._writing(request):
            _configure(secret, function, asked.get("RotationRules"), self._clock.epoch())
            _begin(secret, token, int(self._clock.epoch()), copy=not at_once)
        done = all(self._step(step, function, secret.arn, token) for step in (STEPS if at_once else ("testSecret",)))
        with self._writing(request):
            self._end(secret, token, at_once, done)
        body = json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": token}).encode()
        return AwsReply(200, (("content-type", request.content_type),), body)

    def _refusal(self, secret: Any, function: str, token: str) -> AwsError | None:
        if not 32 <= len(token) <= 64:
            return BAD_TOKEN
        if not function:
            return NO_FUNCTION
        if not self._may_invoke(function):
            return NOT_ALLOWED
        pending = [name for name, version in secret.versions.items() if _only_pending(version)]
        return UNFINISHED if pending and pending != [token] else None

    def _step(self, step: str, function: str, arn: str, token: str) -> bool:
        event = {"Step": step, "SecretId": arn, "ClientRequestToken": token}
        outcome = self._invoker.invoke(function, json.dumps(event).encode(), "lambda", caller=PRINCIPAL)
        if outcome.status != "ok":
            log.warning("rotation of %s: %s came to %s", arn, step, outcome.status)
        return outcome.status == "ok"

    def _end(self, secret: Any, token: str, at_once: bool, done: bool) -> None:
        if not at_once:
            secret.versions.pop(token, None)
        elif done:
            secret.last_rotation_date = int(self._clock.epoch())
        follow(secret)


def _only_pending(version: Any) -> bool:
    return "AWSPENDING" in version["version_stages"] and "AWSCURRENT" not in version["version_stages"]


def _configure(secret: Any, function: str, rules: Any, now: float) -> None:
    secret.rotation_requested = secret.rotation_enabled = True
    secret.rotation_lambda_arn = function
    days = rules.get("AutomaticallyAfterDays") if isinstance(rules, dict) else None
    if isinstance(days, int):
        secret.auto_rotate_after_days, secret.next_rotation_date = days, int(now) + days * 86400


def _begin(secret: Any, token: str, now: int, copy: bool) -> None:
    """A version that waits for its value; a mere test of the function gets the current one's."""
    if token in secret.versions:
        return
    secret.remove_version_stages_from_old_versions(["AWSPENDING"])
    current = secret.versions.get(secret.default_version_id, {}) if copy else {}
    value = {key: current[key] for key in ("secret_string", "secret_binary") if key in current}
    secret.versions[token] = {"createdate": now, "version_id": token, "version_stages": ["AWSPENDING"], **value}
