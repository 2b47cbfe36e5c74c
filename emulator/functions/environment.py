"""One execution environment: a sandbox, the Runtime API spoken to it, and its place in the function's log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines.protocol import Exit, Sandbox
from emulator.functions.runtime_api import Chunk, Happening, RuntimeApi
from emulator.functions.runtime_http import RESPONSE_LIMIT
from emulator.model import ON_DEMAND, PROVISIONED, ColdStart, Delivery, Function, Invocation

MB = 1024 * 1024
NEAR = 0.9  # of the cap: less was read before the kill
REAP_S = 10.0  # an engine tells how a dead runtime ended well within this


class Identity(Protocol):
    """The environment's credentials: calls signed with them belong to the invocation entered last."""

    def enter(self, invocation: Invocation) -> None: ...
    def revoke(self) -> None: ...


class Environment:
    """Driven by one thread at a time: `initialise`, then `invoke` as often as wanted, then `destroy`.

    retired: not to be used again, whoever drives it now. early_init_ms: init time that no invocation has told yet, of
    one initialised ahead. One that replaces a crashed or timed-out one starts with an
    empty /tmp; on AWS the files survive such a reset, only the processes do not.
    """

    def __init__(
        self,
        env_id: str,
        function: Function,
        sandbox: Sandbox,
        clock: Clock,
        stream: str,
        identity: Identity,
        initialization: str = ON_DEMAND,
    ) -> None:
        self.id, self.function, self.stream = env_id, function, stream
        self.native_id = sandbox.native_id
        self.initialization, self.provisioned = initialization, initialization == PROVISIONED
        self.early_init_ms: float | None = None
        self.idle_since = 0.0
        self.retired = False
        self.invocation_id = f"{env_id}/init"
        self._identity = identity
        self._sandbox, self._clock = sandbox, clock
        self._api = RuntimeApi(sandbox.runtime_api, sandbox.log, clock, self._lives)
        self._frozen = self._killed = False

    def initialise(self, cold: ColdStart, limit_s: float) -> Happening:
        """Wait for the first `next`. kind: next, init_error, died or deadline."""
        began, after_s = self._sandbox.started_at, cold.kill_after_s
        with self._squeezed(None if cold.memory_left_mb is None else cold.memory_left_mb * MB):
            return self._wait(began + limit_s, None if after_s is None else began + after_s)

    def init_ms(self) -> float:
        """Milliseconds since the runtime process began."""
        return (self._clock.monotonic() - self._sandbox.started_at) * 1000

    def invoke(
        self, delivery: Delivery, headers: dict[str, str], deadline: float, tell: Callable[[], None] | None = None
    ) -> Happening:
        """Deliver one event and wait for what comes of it. tell: called now and then while there is output."""
        invocation = delivery.invocation
        self.invocation_id = invocation.id
        self._identity.enter(invocation)
        with self._squeezed(self._cap_for(delivery.memory_left_mb)) as lives:
            if not lives:
                return self._end(tell)
            limit = RESPONSE_LIMIT if delivery.response_limit is None else delivery.response_limit
            self._api.deliver(invocation.request_id, headers, delivery.payload, deadline, limit)
            after_s = delivery.kill_after_s
            return self._wait(deadline, None if after_s is None else self._clock.monotonic() + after_s, tell)

    def _wait(self, deadline: float, kill_at: float | None, tell: Callable[[], None] | None = None) -> Happening:
        """kill_at: when the runtime is killed, if nothing has come of it by then."""
        seen = self._api.wait(deadline if kill_at is None else min(deadline, kill_at), tell)
        if seen.kind != "deadline" or kill_at is None or kill_at > deadline:
            return seen
        self._sandbox.kill_runtime()
        return self._end(tell)

    def _end(self, tell: Callable[[], None] | None) -> Happening:
        """Of a runtime that was killed: what it may have sent just before does not count."""
        until = self._clock.monotonic() + REAP_S
        while (seen := self._api.wait(until, tell)).kind != "died":
            if seen.kind == "deadline":
                raise EngineError(f"{self.id} does not end although it was killed")
        return seen

    def _cap_for(self, left_mb: int | None) -> int | None:
        """With nothing left everything is too much, whatever is in use."""
        return self._sandbox.memory_in_use() + left_mb * MB if left_mb else left_mb

    @contextmanager
    def _squeezed(self, cap: int | None) -> Iterator[bool]:
        """Within, it has `cap` bytes of memory. Gives whether it lives; with none it does not."""
        if cap is None:
            yield True
            return
        self._sandbox.squeeze(cap)
        yield cap > 0
        self._sandbox.squeeze(None)

    def settle(self, deadline: float, tell: Callable[[], None] | None = None) -> bool:
        """After an answer: wait until the runtime asks for the next event. False: it never did."""
        return self._api.wait(deadline, tell).kind == "next"

    def output(self) -> list[Chunk]:
        """What the function printed since the last call."""
        return self._api.take_output()

    def thaw(self) -> None:
        """The peak begins anew before the first instruction: one that ends at once must not have lost it."""
        self._sandbox.reset_peak()
        if self._frozen:
            self._sandbox.thaw()
            self._frozen = False

    def freeze(self) -> None:
        self._sandbox.freeze()
        self._frozen = True

    def halt(self) -> None:
        """Stop one that is lost, until it is destroyed: it must not work on beside the one that takes its place, and no
        call of its counts any more."""
        self._identity.revoke()
        if not self._frozen and self._sandbox.alive():
            self.freeze()

    def alive(self) -> bool:
        return self._sandbox.alive()

    def _lives(self) -> bool:
        """Asked when the output has hung up. The accounts of a dying sandbox last a moment: read them now."""
        self._sandbox.peak_memory()
        return self._sandbox.alive()

    def used_mb(self, how: Exit | None = None) -> int:
        """Peak memory of this invocation in MB, measured. Of one killed by its cap the accounts may have gone before
        they were read; that the kernel killed it is then the measurement: it had reached the cap."""
        used = min(-(-self._sandbox.peak_memory() // MB), self.function.memory_mb)
        missed = how is not None and how.oom and used < NEAR * self.function.memory_mb
        return self.function.memory_mb if missed else used

    def ended(self) -> Exit:
        """How a dead runtime ended."""
        return self._sandbox.wait(REAP_S) or Exit(code=None, signal=9)

    def kill(self) -> None:
        """End it, from any thread: its driver, if there is one, sees it die."""
        if not self._killed:
            self._killed = True
            self._sandbox.kill()
            self._identity.revoke()

    def destroy(self) -> None:
        """Kill it and free what it held; only when nobody drives it."""
        self.kill()
        self._api.close()


@dataclass(frozen=True)
class Start:
    """What came of a cold start. kind: ready, or how init failed: error, exit, timeout.

    ms: init time, measured plus what faults added. virtual_s: the part nobody really waited for.
    error: the payload posted to init/error. how: the exit of a runtime that died.
    """

    kind: str
    environment: Environment
    ms: float
    output: Sequence[Chunk] = ()
    error: bytes = b""
    error_type: str = ""
    how: Exit | None = None
    virtual_s: float = 0.0

    @property
    def verdict(self) -> str:
        return "started" if self.kind == "ready" else f"init_{self.kind}"

    def retire(self) -> None:
        """The environment is not used again."""
        self.environment.retired = True


def watch_init(environment: Environment, cold: ColdStart, limit_s: float) -> Start:
    """Wait for init to end, one way or another."""
    try:
        seen = environment.initialise(cold, limit_s)
    except BaseException:  # nobody knows of it yet
        environment.destroy()
        raise
    ms = environment.init_ms()
    how = environment.ended() if seen.kind == "died" else None
    environment.used_mb(how)  # so that there is a measurement, should the first invocation end it
    if seen.kind in ("next", "deadline"):
        if seen.kind == "deadline":
            environment.halt()
        return Start("ready" if seen.kind == "next" else "timeout", environment, ms, environment.output())
    error_type = _posted_type(seen) if how is None else "Runtime.OutOfMemory" if how.oom else "Runtime.ExitError"
    return Start("exit" if how else "error", environment, ms, environment.output(), seen.body, error_type, how)


def _posted_type(seen: Happening) -> str:
    return seen.error_type or "Runtime.Unknown"
