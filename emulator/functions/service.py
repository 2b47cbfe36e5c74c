"""Functions as the front doors see them: find one, run an event through it, now or as an event in the queue."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, replace

from emulator.functions.pool import Pool
from emulator.functions.registry import Entry, Registry, Version
from emulator.model import Invocation, Outcome


@dataclass(frozen=True)
class Ready:
    """An invocation that may run now, what its qualifier led to, and the reserved concurrency."""

    invocation: Invocation
    version: Version
    qualifier: str
    reserved: int | None


class Functions:
    """Implements `model.Invoker`."""

    def __init__(self, registry: Registry, pool: Pool, seed: int) -> None:
        self.registry, self.pool, self._seed = registry, pool, seed

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
        """Run one event through a function, by name or ARN. Raises LookupError."""
        entry, version, wanted = self.registry.version(function, qualifier)
        ready = self.admit(entry, version, wanted, payload, origin, client_context, caller, trace_id)
        invocation = ready.invocation
        return replace(self.run(ready), request_id=invocation.request_id, version=invocation.function.version)

    def admit(
        self,
        entry: Entry,
        version: Version,
        qualifier: str,
        payload: bytes,
        origin: str,
        client_context: str = "",
        caller: str = "",
        trace_id: str = "",
    ) -> Ready:
        """Give the event its number, request id and trace."""
        function = version.function
        with self.registry.lock:
            self.registry.invocations[function.name] += 1
            inv_id = f"{function.name}/inv-{self.registry.invocations[function.name]}"
        arn = f"{self.registry.arn(function.name)}:{qualifier}" if qualifier else self.registry.arn(function.name)
        trace = trace_id or _trace(f"{self._seed}/{inv_id}")
        request_id = stable_uuid(f"{self._seed}/{inv_id}")
        invocation = Invocation(inv_id, request_id, function, payload, origin, arn, client_context, trace, caller)
        return Ready(invocation, version, qualifier, entry.reserved)

    def again(self, ready: Ready) -> Ready:
        """The same event for what its function is now: an event may wait for hours. Raises LookupError."""
        name, qualifier = ready.invocation.function.name, ready.qualifier
        entry, version, _ = self.registry.version(name, qualifier)
        return Ready(replace(ready.invocation, function=version.function), version, qualifier, entry.reserved)

    def run(self, ready: Ready) -> Outcome:
        """Run it in this thread."""
        return self.pool.run(ready.invocation, ready.reserved, self.registry.set_aside())

    def timeout_of(self, function: str) -> float:
        """The function's limit in seconds. Raises LookupError."""
        return self.registry.version(function)[1].function.timeout_s


def stable_uuid(text: str) -> str:
    """A version 4 shaped UUID that is the same for the same text."""
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def _trace(text: str) -> str:
    digits = hashlib.sha256(text.encode()).hexdigest()
    return f"Root=1-{digits[:8]}-{digits[8:32]};Parent={digits[32:48]};Sampled=0"
