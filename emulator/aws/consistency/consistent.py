"""Records what is written, and lets the rules decide which version a reader is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.consistency import principals
from emulator.aws.consistency.history import History, Version
from emulator.aws.consistency.principals import Principals
from emulator.aws.consistency.secrets import ONE, SEVERAL, Secrets, thing
from emulator.aws.consistency.shadow import Shadow
from emulator.aws.iam.policy import Policy
from emulator.aws.iam.principals import Gathered, NoSuchEntity, gather
from emulator.aws.wire import WireRequest
from emulator.clock import Clock
from emulator.errors import FaultError
from emulator.injector import Injector
from emulator.model import AwsCall, AwsReply, Caller
from emulator.visibility import Moment, Read, Seen

_READING = ("Get", "List", "Describe", "BatchGet", "Validate", "Simulate", "Generate")


class Consistency:
    """The endpoint's `consistency`; its `gather` is Authorization's way to policies, its `moment` Attribution's time.

    Writes of Secrets Manager and of IAM are recorded one at a time. A read costs nothing while no rule is armed at
    point `read`. What is written past the endpoint (by CloudFormation) is noticed by the first read that looks. IAM's
    own reads show the newest: a refused caller finds its policy in place.
    """

    def __init__(self, backend: Backend, injector: Injector, attribution: Attribution, clock: Clock) -> None:
        self._backend, self._injector, self._attribution = backend, injector, attribution
        self._history, self._shadow = History(clock), Shadow(backend)
        self._secrets, self._principals = Secrets(backend, self._history), Principals(self._history)

    def clear(self) -> None:
        """Nothing was ever written."""
        self._history.clear()

    def moment(self) -> Moment:
        """Now, and the last write until now."""
        return self._history.moment()

    def answer(self, call: AwsCall, request: WireRequest, serve: Callable[[], AwsReply]) -> AwsReply:
        """The answer to a call; `serve` gives it as of now."""
        if call.service == "secretsmanager" and call.operation in (*ONE, *SEVERAL):
            return self._read(call, request, serve) if self._injector.hooked("read") else serve()
        writes = call.service in ("secretsmanager", "iam") and not call.operation.startswith(_READING)
        if not writes or call.operation == "RotateSecret":  # others write while that runs, and it says when it does
            return serve()
        with self.writing(request):
            return serve()

    @contextmanager
    def writing(self, request: WireRequest) -> Iterator[None]:
        """Around a change of what a request names: what differs afterwards has a new version, whatever came of it."""
        with self._history.lock:
            before = self._named(request)
            try:
                yield
            finally:
                for name in sorted({before, self._named(request)} - {""}):
                    self._secrets.record_everywhere(request.region, name, request.operation)
                if request.service == "iam":
                    iam = self._backend.models("iam", "aws")
                    self._principals.record_all(iam, request.params, request.operation)

    def _named(self, request: WireRequest) -> str:
        if request.service != "secretsmanager":
            return ""
        return self._secrets.named(request.region, request.params.get("SecretId") or request.params.get("Name"))

    def _read(self, call: AwsCall, request: WireRequest, serve: Callable[[], AwsReply]) -> AwsReply:
        """The answer with the versions that the reader is given: as of now, where those still are the newest."""
        given: dict[str, Version] = {}
        for name in self._secrets.asked(request):
            versions = self._secrets.record(call.region, name)
            id = call.id if call.operation in ONE else f"{call.id}/{name}"
            arn = next((version.snapshot.arn for version in reversed(versions) if version.snapshot), "")
            about = ("secret", thing(call.region, name), call.service, call.operation, arn)
            given[name] = self._seen(id, about, call.caller, versions)
        with self._history.lock:
            if all(self._history.versions(thing(call.region, name))[-1] is one for name, one in given.items()):
                return serve()
        there = {name: version.snapshot for name, version in given.items() if version.snapshot}
        return self._shadow.answer(request, there)

    def gather(self, iam: Any, arn: str, session: Iterable[Policy], reader: Caller) -> Gathered:
        """A caller's policies as the service that authorises its call sees them. Raises as `principals.gather`."""
        limits = tuple(session)
        if not (self._injector.hooked("read") and principals.thing(arn)):
            return gather(iam, arn, limits)
        versions = self._principals.record(iam, arn)
        id = self._attribution.call_id(reader, "iam", "Authorize")
        resource = next((version.snapshot.principal.arn for version in reversed(versions) if version.snapshot), arn)
        seen = self._seen(id, ("iam", principals.thing(arn), "iam", "Authorize", resource), reader, versions)
        with self._history.lock:
            if self._history.versions(principals.thing(arn))[-1] is seen:
                return gather(iam, arn, limits)
            try:
                newest = gather(iam, arn, limits)
            except NoSuchEntity:
                newest = None
        return principals.as_of(seen.snapshot, newest, arn, limits)

    def _seen(
        self, id: str, about: tuple[str, str, str, str, str], reader: Caller, versions: tuple[Version, ...]
    ) -> Version:
        """The version that the rules give to a reader. about: kind, thing, service, operation and resource."""
        started = self._attribution.started(reader.access_key)
        writes = tuple(version.write for version in versions)
        read = Read(id, *about, caller=reader, started=started, versions=writes)
        passage = self._injector.pass_through("read", read, lambda _: Seen(writes[-1].serial), quiet=True)
        found = next((version for version in versions if version.write.serial == passage.reply.serial), None)
        if found is None:
            raise FaultError(f"a fault gave version {passage.reply.serial} of {read.thing}, which it does not have")
        return found
