"""Functions, their execution environments and invocations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from emulator.model.passing import Reply


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
    """One event on its way to a function. id: `NAME/inv-3`. origin: lambda, apigateway, appflow, event.

    calls: how many of each AWS call were made for it so far, in all its deliveries; whoever numbers them counts.
    """

    id: str
    request_id: str
    function: Function
    payload: bytes
    origin: str = "lambda"
    invoked_arn: str = ""
    client_context: str = ""
    trace_id: str = ""
    caller: str = ""
    calls: Counter[str] = field(default_factory=Counter, repr=False, compare=False)

    def attributes(self) -> Mapping[str, str]:
        return {
            "function": self.function.name, "origin": self.origin, "caller": self.caller, "resource": self.invoked_arn
        }


@dataclass(frozen=True)
class Outcome:
    """What came of an invocation.

    status: ok | error (the handler raised) | timeout | crash | oom | init_error | too_large | throttled (did not run) |
    lost (it ran, and nobody hears what came of it: the connection to Lambda broke).
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
class Limits:
    """What an environment gets less of than its function is entitled to, by the kernel's own means. None: nothing less.

    cpu: share of the CPU that belongs to the memory, above 0 up to 1. tmp_kb: size of /tmp. open_files: descriptors of
    a process.
    """

    cpu: float | None = None
    tmp_kb: int | None = None
    open_files: int | None = None


@dataclass(frozen=True)
class ColdStart:
    """An execution environment about to start. id: `NAME/env-2`. phase: init, or invoke (init repeated there).
    initialization: AWS_LAMBDA_INITIALIZATION_TYPE, `on-demand` or `provisioned-concurrency`. limit_s: how long Lambda
    waits for its init.

    What faults alter: limits. exit_status: the runtime's process ends with it instead of running the function.
    handler: what is set as the function's handler, in place of its own.
    kill_after_s: it is killed so many real seconds after its start, unless init is over by then. memory_left_mb: of its
    memory it has only so much until init is over; the kernel kills it when it takes more.
    """

    ALTERABLE: ClassVar = ("limits", "exit_status", "handler", "kill_after_s", "memory_left_mb")

    id: str
    function: Function
    phase: str = "init"
    initialization: str = ON_DEMAND
    limit_s: float = math.inf
    limits: Limits = Limits()
    exit_status: int | None = None
    handler: str | None = None
    kill_after_s: float | None = None
    memory_left_mb: int | None = None

    def attributes(self) -> Mapping[str, str]:
        return {"function": self.function.name}


class Started(Reply, Protocol):
    """What came of a cold start. ms: its init, measured."""

    @property
    def ms(self) -> float: ...

    def retire(self) -> None:
        """Its environment is not to be used again."""


@dataclass(frozen=True)
class Warm:
    """An idle environment about to be used again. id: `NAME/env-2`. idle_s: rig seconds since its last work."""

    id: str
    function: Function
    idle_s: float
    initialization: str = ON_DEMAND

    def attributes(self) -> Mapping[str, str]:
        return {"function": self.function.name}


@dataclass(frozen=True)
class Reuse:
    """Whether it is used. verdict: kept; or why it is gone, in one word, and another one takes its place."""

    verdict: str = "kept"


@dataclass(frozen=True)
class Delivery:
    """An event on its way into an environment. id: the invocation's, `NAME/inv-3`. environment: `NAME/env-2`.

    What faults alter: payload. late_s: virtual seconds of the timeout that are over when the handler gets it.
    kill_after_s: the environment is killed so many real seconds later, unless it has answered by then. memory_left_mb:
    only so much of its memory is free; the kernel kills it when it takes more, and with 0 before it gets the event.
    response_limit: bytes of an answer that Lambda takes.
    """

    ALTERABLE: ClassVar = ("payload", "late_s", "kill_after_s", "memory_left_mb", "response_limit")

    id: str
    invocation: Invocation
    environment: str
    payload: bytes = field(repr=False, default=b"")
    late_s: float = 0.0
    kill_after_s: float | None = None
    memory_left_mb: int | None = None
    response_limit: int | None = None

    def attributes(self) -> Mapping[str, str]:
        return self.invocation.attributes()


@dataclass(frozen=True)
class Answer:
    """An answer that a fault gives to a delivery in the runtime's place. kind: response or error."""

    kind: str
    body: bytes

    @property
    def verdict(self) -> str:
        return self.kind


@dataclass(frozen=True)
class Permit:
    """A look into a function's policy: may `caller` (a service's name, `apigateway.amazonaws.com`) invoke it?
    id: `NAME/permit-3`. source: ARN on whose behalf, if one is known. origin: of the invocation that would follow."""

    id: str
    function: str
    caller: str
    source: str
    origin: str

    def attributes(self) -> Mapping[str, str]:
        return {"function": self.function, "caller": self.caller, "origin": self.origin}


@dataclass(frozen=True)
class Permission:
    """What came of it. verdict: allowed or denied."""

    verdict: str = "allowed"


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
