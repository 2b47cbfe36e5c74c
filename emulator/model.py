"""Frozen values that pass between the parts. No I/O, no behaviour beyond reading themselves.

A *subject* is what a fault can strike: it has a stable `id`, and `attributes()` in the words of `Match`.
A *reply* is what `proceed` gives back at a point: it has a `verdict`, one word for the timeline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Subject(Protocol):
    """What every point hands to a fault."""

    @property
    def id(self) -> str: ...
    def attributes(self) -> Mapping[str, str]: ...


class Reply(Protocol):
    """What `proceed` gives back at every point."""

    @property
    def verdict(self) -> str: ...


# --- functions ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Function:
    """One version of a function as the pool runs it. Sizes in MB, times in seconds.

    code: folder that becomes /var/task (None for image functions). layers: folders that become /opt.
    revision: changes with code or configuration; environments of an older revision are retired.
    texts: generation of AWS's log and error texts, a key of `functions.loglines.GENERATIONS`. log_format: Text or JSON;
    log_level, system_log_level: what JSON logs leave out, AWS's names (empty in Text).
    """

    name: str
    arn: str
    runtime: str | None
    handler: str | None
    role: str
    code: Path | None
    image: str | None = None
    memory_mb: int = 128
    timeout_s: float = 3
    ephemeral_mb: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[Path, ...] = ()
    version: str = "$LATEST"
    revision: str = "1"
    texts: str = "current"
    log_group: str = ""
    log_format: str = "Text"
    log_level: str = ""
    system_log_level: str = ""
    image_command: tuple[str, ...] = ()
    image_entrypoint: tuple[str, ...] = ()

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def key(self) -> str:
        """Environments are shared by invocations with the same key."""
        return f"{self.arn}:{self.version}"

    def attributes(self) -> Mapping[str, str]:
        return {"function": self.name}


@dataclass(frozen=True)
class Invocation:
    """One event on its way to a function. id: `NAME/inv-3`. origin: lambda, apigateway, appflow, event."""

    id: str
    request_id: str
    function: Function
    payload: bytes
    origin: str = "lambda"
    invoked_arn: str = ""
    client_context: str = ""
    trace_id: str = ""
    caller: str = ""

    def attributes(self) -> Mapping[str, str]:
        return {"function": self.function.name, "origin": self.origin, "caller": self.caller}


@dataclass(frozen=True)
class Outcome:
    """What came of an invocation.

    status: ok | error (the handler raised) | timeout | crash | oom | init_error | too_large | throttled.
    function_error: the X-Amz-Function-Error header, empty on success. log: this invocation's log, START to REPORT.
    duration_ms, init_ms: measured; init_ms None when warm. max_memory_mb: measured. virtual_s: rig-only delay
    that a front door adds to the real time before it compares with its own limit. request_id, version: what Lambda's
    answer to Invoke names; empty where no function was found.
    """

    status: str
    payload: bytes
    function_error: str = ""
    log: bytes = b""
    duration_ms: float = 0.0
    init_ms: float | None = None
    max_memory_mb: int = 0
    environment: str = ""
    virtual_s: float = 0.0
    reason: str = ""
    request_id: str = ""
    version: str = ""

    @property
    def verdict(self) -> str:
        return self.status


ON_DEMAND, PROVISIONED = "on-demand", "provisioned-concurrency"


@dataclass(frozen=True)
class ColdStart:
    """An execution environment about to start. id: `NAME/env-2`. phase: init, or invoke (init repeated there).
    initialization: AWS_LAMBDA_INITIALIZATION_TYPE, `on-demand` or `provisioned-concurrency`."""

    id: str
    function: Function
    phase: str = "init"
    initialization: str = ON_DEMAND

    def attributes(self) -> Mapping[str, str]:
        return {"function": self.function.name}


@dataclass(frozen=True)
class Started:
    """The environment's start went through."""

    verdict: str = "started"


class Invoker(Protocol):
    """What the front doors need of the functions: run one event through a function, by name or ARN."""

    def invoke(
        self,
        function: str,
        payload: bytes,
        origin: str,
        *,
        qualifier: str = "",
        client_context: str = "",
        caller: str = "",
        trace_id: str = "",
    ) -> Outcome:
        """Raises LookupError when there is no such function; a refusal is an Outcome `throttled`."""


# --- AWS calls ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """Who signed a call. environment and invocation are empty for a client outside the functions."""

    arn: str
    access_key: str = ""
    function: str = ""
    environment: str = ""
    invocation: str = ""


@dataclass(frozen=True)
class AwsCall:
    """One request to an AWS service. id: `NAME/inv-3/secretsmanager.GetSecretValue#2`, or `client/...`.

    params: the request's parameters as far as the wire could read them. resource: finds the ARN (or the
    id as the caller typed it) that AWS would name in a refusal. iam_action: where IAM's name is not
    `service:operation`, as `lambda:InvokeFunction` for Invoke.
    """

    id: str
    service: str
    operation: str
    region: str
    caller: Caller
    params: Mapping[str, object]
    find_resource: Callable[[], str] = field(default=lambda: "*", repr=False, compare=False)
    iam_action: str = ""

    @property
    def action(self) -> str:
        """IAM's name for it, e.g. `secretsmanager:GetSecretValue`."""
        return self.iam_action or f"{self.service}:{self.operation}"

    @property
    def resource(self) -> str:
        return self.find_resource()

    def attributes(self) -> Mapping[str, str]:
        return _CallAttributes(self)


class _CallAttributes(dict[str, str]):
    """The resource costs a look into the backend: only a Match that asks for it pays."""

    def __init__(self, call: AwsCall) -> None:
        origin = "function" if call.caller.function else "client"
        super().__init__(
            service=call.service,
            operation=call.operation,
            caller=call.caller.arn,
            function=call.caller.function,
            origin=origin,
        )
        self._call = call

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        return self._call.resource if key == "resource" else super().get(key, default)


@dataclass(frozen=True)
class AwsReply:
    """An answer as bytes. headers: lower-case names."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    code: str = ""

    @property
    def verdict(self) -> str:
        return self.code or str(self.status)


@dataclass(frozen=True)
class AwsError:
    """An answer a fault gives; the wire writes it in the service's own protocol."""

    code: str
    message: str
    status: int = 400

    @property
    def verdict(self) -> str:
        return self.code


@dataclass(frozen=True, eq=False)
class Held:
    """An answer that whoever serves the call keeps back, so that the strike is known at once, however long it takes.

    reply: given after `seconds` of real time, or as soon as `until` is set; with None the connection ends without one.
    """

    reply: Reply | None
    seconds: float
    until: threading.Event

    @property
    def verdict(self) -> str:
        return self.reply.verdict if self.reply else "no answer"


# --- sockets and SaaS hosts ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Connection:
    """A database connection arriving at a relay. id: `orders-db/conn-1`. host: the relay's name."""

    id: str
    host: str
    function: str = ""
    invocation: str = ""

    def attributes(self) -> Mapping[str, str]:
        return {"host": self.host, "function": self.function}


class Release:
    """Says whether held sockets may go; the relay asks, the fault's `heal` answers."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []
        self.released = False

    def on_release(self, callback: Callable[[], None]) -> None:
        """Call back when released (at once if it already is)."""
        self._callbacks.append(callback)
        if self.released:
            callback()

    def release(self) -> None:
        """Let go of everything held, now and from now on."""
        self.released = True
        for callback in self._callbacks:
            callback()
        self._callbacks.clear()


@dataclass(frozen=True)
class Link:
    """How a relay treats one connection: with `hold`, neither side's close reaches the other until released."""

    verdict: str = "connected"
    hold: Release | None = None


@dataclass(frozen=True)
class UpstreamCall:
    """A request to a SaaS host. id: `NAME/inv-3/login.salesforce.com#1`, or `host/...` where unattributed."""

    id: str
    host: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    function: str = ""

    def attributes(self) -> Mapping[str, str]:
        return {"host": self.host, "route": f"{self.method} {self.path.split('?')[0]}", "function": self.function}


@dataclass(frozen=True)
class UpstreamReply:
    """What the SaaS host answers."""

    status: int
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    body: bytes = b""

    @property
    def verdict(self) -> str:
        return str(self.status)


# --- requests at API Gateway --------------------------------------------------------------------------


@dataclass(frozen=True)
class HttpCall:
    """A client's request that API Gateway has routed. id: `apigateway/req-1`.

    path: as sent, without the stage. route: method and resource path, `GET /orders/{id}`. headers: as the client
    sent them. function: name of the function behind the route, empty where there is none.
    """

    id: str
    method: str
    path: str
    route: str
    api: str
    stage: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    function: str = ""

    def attributes(self) -> Mapping[str, str]:
        return {"route": self.route, "origin": "apigateway", "function": self.function}


@dataclass(frozen=True)
class HttpReply:
    """What the client gets; the front door adds its request ids and Content-Length."""

    status: int
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: bytes = b""

    @property
    def verdict(self) -> str:
        return str(self.status)
