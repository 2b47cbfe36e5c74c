"""The AWS endpoint: every AWS service on one WSGI callable, every call past the `aws_call` point.

Own services answer what moto lacks or fakes; everything else is moto. What a client can send, however wrong, is
answered as AWS would with a 4xx; a 5xx with `x-lambdarig-error` is the rig's own fault and says so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Protocol

from emulator.aws import resources
from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.errors_wire import write_error
from emulator.aws.wire import WireRequest, read
from emulator.errors import FaultError
from emulator.held import given
from emulator.http_connection import HungUp
from emulator.injector import Injector
from emulator.model import AwsCall, AwsError, AwsReply, Caller, Held

log = logging.getLogger(__name__)
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Service(Protocol):
    """An AWS service the rig serves itself. May be called twice for one request: a fault can deliver it twice. Raises
    HungUp where the connection is to end without an answer."""

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply: ...


class Authenticator(Protocol):
    """Knows who holds an access key, and whether a call is signed with it (`emulator.aws.authentication`)."""

    def holder(self, access_key: str) -> str: ...
    def refusal(self, call: AwsCall, request: WireRequest) -> AwsError | None: ...


class Authorizer(Protocol):
    """Decides by IAM whether a call may be made (`emulator.aws.authorization`)."""

    def refusal(self, call: AwsCall, request: WireRequest) -> AwsError | None: ...


class Consistency(Protocol):
    """Answers with what the caller can see by now (`emulator.aws.consistency`); `serve` answers with the newest."""

    def answer(self, call: AwsCall, request: WireRequest, serve: Callable[[], AwsReply]) -> AwsReply: ...


class AwsEndpoint:
    """services: own ones by SigV4 signing name. Without an authenticator signatures are not looked at; without an
    authorizer every call is allowed; without consistency every write is visible at once. Raises HungUp where a fault
    wants no answer, or nobody is left to hear it."""

    def __init__(
        self, injector: Injector, attribution: Attribution, backend: Backend, services: Mapping[str, Service],
        authorizer: Authorizer | None = None, consistency: Consistency | None = None,
        authenticator: Authenticator | None = None,
    ) -> None:
        self.injector, self.attribution, self.backend, self.services = injector, attribution, backend, services
        self.authenticator, self.authorizer, self.consistency = authenticator, authorizer, consistency

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self.backend.entered():
            reply = self.serve(read(environ))
        start_response(_STATUS.get(reply.status, f"{reply.status} Unknown"), list(reply.headers))
        return [reply.body]

    def serve(self, request: WireRequest) -> AwsReply:
        """Answer one request; the reply has a request id and, unless it is a HEAD's, its length."""
        reply = write_error(request, request.problem) if request.problem else self._pass(request)
        present = {name for name, _ in reply.headers}
        extra = [] if "x-amzn-requestid" in present else [("x-amzn-requestid", request.request_id)]
        if "content-length" not in present and reply.status not in (204, 304):
            extra.append(("content-length", str(len(reply.body))))
        return AwsReply(reply.status, (*reply.headers, *extra), reply.body, reply.code)

    def _pass(self, request: WireRequest) -> AwsReply:
        """Through the fault point to whoever answers. What an environment that has ended had still sent, or sends where
        it could not be killed, is nobody's call: nothing comes of it, and nothing tells of it."""
        if self.attribution.gone(request.access_key):
            raise HungUp
        ahead_s = 0.0

        def answer(call: AwsCall) -> AwsReply | AwsError | Held:
            nonlocal ahead_s
            ahead_s = call.ahead_s
            return self._answer(call, request)

        try:
            reply = self.injector.pass_through("aws_call", self._call(request), answer).reply
            written = _written(request, given(reply))
            return _dated(written, self.injector.clock.wall() + ahead_s) if ahead_s else written
        except FaultError as error:
            return _own_fault(request, "FaultError", error.message)

    def _call(self, request: WireRequest) -> AwsCall:
        caller = self._caller(request.access_key)
        return AwsCall(
            id=self.attribution.call_id(caller, request.service, request.operation),
            service=request.service, operation=request.operation, region=request.region, caller=caller,
            params=request.params, find_resource=lambda: resources.find(request, self.backend),
            iam_action=resources.action(request), attempt=request.attempt,
        )

    def _caller(self, access_key: str) -> Caller:
        caller = self.attribution.caller(access_key)
        if caller.function or self.authenticator is None:
            return caller
        return replace(caller, arn=self.authenticator.holder(access_key) or caller.arn)

    def _answer(self, call: AwsCall, request: WireRequest) -> AwsReply | AwsError | Held:
        try:
            for check in (self.authenticator, self.authorizer):
                if check and (refusal := check.refusal(call, request)):
                    return refusal
            if self.consistency:
                return self.consistency.answer(call, request, lambda: self._served(call, request))
            return self._served(call, request)
        except FaultError:
            raise
        except HungUp:
            return Held(None, 0.0, threading.Event())
        except Exception as error:
            log.exception("%s failed", call.id)
            return _own_fault(request, "InternalFailure", f"{call.action} failed in lambdarig: {error!r}")

    def _served(self, call: AwsCall, request: WireRequest) -> AwsReply:
        service = self.services.get(request.service)
        return service.answer(call, request) if service else self.backend.answer(request)


def _written(request: WireRequest, reply: Any) -> AwsReply:
    if isinstance(reply, AwsError):
        return write_error(request, reply)
    if isinstance(reply, AwsReply):
        return reply
    raise FaultError(f"a fault gave {type(reply).__name__} at aws_call: it must return an AwsReply or an AwsError")


def _dated(reply: AwsReply, moment: float) -> AwsReply:
    """With the time of day that AWS has, by which SDKs set their clocks. moment: seconds since the epoch."""
    others = (header for header in reply.headers if header[0] != "date")
    return replace(reply, headers=(*others, ("date", formatdate(moment, usegmt=True))))


def _own_fault(request: WireRequest, kind: str, message: str) -> AwsReply:
    """HTTP 500 that cannot be taken for AWS's."""
    reply = write_error(request, AwsError(kind, f"lambdarig: {message}", 500))
    return AwsReply(500, (*reply.headers, ("x-lambdarig-error", kind)), reply.body, kind)
