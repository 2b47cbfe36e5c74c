"""AppFlow as `ModelledService("appflow", AppFlow(...))` serves it; what is not here that one refuses."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from emulator.aws.services.appflow.asking import within_call
from emulator.aws.services.appflow.connectors import ConnectorOperations
from emulator.aws.services.appflow.credentials import Secrets
from emulator.aws.services.appflow.entities import EntityOperations, Metadata
from emulator.aws.services.appflow.executions import ExecutionOperations
from emulator.aws.services.appflow.flow_events import FlowEvents, Publish
from emulator.aws.services.appflow.flows import FlowOperations
from emulator.aws.services.appflow.profiles import ProfileOperations
from emulator.aws.services.appflow.renewal import Renewal
from emulator.aws.services.appflow.store import Store
from emulator.aws.services.appflow.tags import TagOperations
from emulator.aws.services.appflow.transfers import Transfers
from emulator.aws.services.appflow.triggers import TriggerOperations
from emulator.flows.runs import Runs
from emulator.frontdoors.appflow import ConnectorCalls, Lint, MayInvoke
from emulator.injector import Injector
from emulator.model import Invoker
from emulator.saas import SaasHosts

if TYPE_CHECKING:
    from emulator.aws.services.appflow.kept.restoring import Restored
    from emulator.aws.services.appflow.kept.state import State


class Acting(Protocol):
    """Gives a boto3 client acting as appflow.amazonaws.com. place: what its calls' ids begin with; empty: the
    principal's name."""

    def __call__(self, service: str, place: str = "") -> Any: ...


class AppFlow:
    """All operations, looked up among their families by name. seed: of execution ids. lint, may_invoke: see
    `ConnectorCalls`. hosts: where access tokens come from. state: where everything is kept, if it is. publish: takes
    events of flows."""

    def __init__(
        self, invoker: Invoker, acting: Acting, injector: Injector, account: str, region: str, seed: int = 0,
        lint: Lint | None = None, may_invoke: MayInvoke | None = None, hosts: SaasHosts | None = None,
        state: State | None = None, publish: Publish | None = None,
    ) -> None:
        clock, self.state = injector.clock, state
        self.store, self.metadata, self.runs = Store(account, region, clock), Metadata(clock), Runs()
        secrets = Secrets(lambda: acting("secretsmanager"), account, state.secret if state else None)
        renewal = Renewal(self.store, secrets, SaasHosts(injector) if hosts is None else hosts)
        plain = ConnectorCalls(invoker, clock, lint, may_invoke=may_invoke)
        calls = ConnectorCalls(invoker, clock, lint, may_invoke=may_invoke, before=within_call(renewal.before))
        entities = EntityOperations(self.store, calls, self.metadata, renewal.renew)
        transfers = Transfers(
            self.store, calls, entities, injector, lambda place: acting("s3", place), within_call(renewal.renew)
        )
        executions = ExecutionOperations(self.store, transfers, self.runs, injector.timeline, seed, state)
        self.triggers = TriggerOperations(self.store, executions, self.runs, injector.timeline)
        if publish:
            events = FlowEvents(self.store, publish)
            executions.begun.append(events.begun)
            executions.ended.insert(0, events.ended)
            self.triggers.deactivated.append(events.deactivated)
        s3 = cache(lambda: acting("s3"))
        self._families = (
            ConnectorOperations(self.store, calls, self.metadata),
            ProfileOperations(self.store, plain, secrets, self.metadata, renewal),
            entities,
            FlowOperations(self.store, calls, entities, self.runs, s3, self.triggers.look),
            executions,
            self.triggers,
            TagOperations(self.store),
        )

    def __getattr__(self, name: str) -> Any:
        for family in self.__dict__["_families"]:
            if hasattr(family, name):
                return getattr(family, name)
        raise AttributeError(name)

    def restore(self) -> Restored | None:
        """What the state has is there again; None without one. Once, before anything else."""
        restored = self.state.restore(self.store) if self.state else None
        if restored:
            self.triggers.look()
        return restored

    def busy(self) -> bool:
        """Whether a flow runs."""
        return self.runs.busy()

    def wait(self, execution_id: str = "", limit_s: float = 60.0) -> None:
        """Until that run, or every run, has ended; no call is recorded. TimeoutError after machine seconds."""
        self.runs.wait(execution_id, limit_s)

    def clear(self) -> None:
        """Cancel and forget everything; the secrets are the backend's to clear."""
        self.triggers.clear()
        self.runs.cancel_all()
        with self.store.changing():
            self.store.clear()
            if self.state:
                self.state.clear()
        if self.state:
            self.state.tidy()
        self.metadata.clear()

    def stop(self) -> None:
        """Cancel the runs and begin none any more."""
        self.triggers.close()
        self.runs.stop()

    def close(self) -> None:
        """Stop, wait for the runs' ends, and give the state's folder free."""
        try:
            self.runs.close()
        finally:
            if self.state:
                self.state.close()
