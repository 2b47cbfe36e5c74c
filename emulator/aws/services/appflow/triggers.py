"""Flows are started; scheduled ones are activated, run by the rig's clock, and deactivated when they fail too often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import takewhile

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow.executions import MESSAGE, ExecutionOperations
from emulator.aws.services.appflow.store import RUNNING, Execution, Flow, Params, Store
from emulator.aws.services.appflow.trigger_rules import scheduled
from emulator.flows.filters import Window
from emulator.flows.runs import Runs
from emulator.flows.schedule import ROUNDING_S, Recurrence, window
from emulator.model import AwsCall
from emulator.timeline import Timeline
from emulator.timetable import Timetable


class TriggerOperations:
    """The methods are operations: params in, output out, both as botocore's model has them. deactivated: told of every
    flow that failed too often, with its last run."""

    def __init__(self, store: Store, executions: ExecutionOperations, runs: Runs, timeline: Timeline) -> None:
        self.store, self._executions, self._runs, self._timeline = store, executions, runs, timeline
        self._timetable = Timetable(store.clock, self._reached, "flow-schedules")
        self.deactivated: list[Callable[[Flow, Execution], None]] = []
        executions.ended.append(self._ended)

    def start_flow(self, params: Params, call: AwsCall) -> Params:
        """Runs an on-demand flow behind the answer, one run at a time; activates a scheduled one."""
        return self.store.once("StartFlow", params, lambda: self._start(params["flowName"]))

    def _start(self, name: str) -> Params:
        flow = self.store.flow(name)
        if not scheduled(flow.given):
            return {"flowArn": flow.arn, "flowStatus": flow.status, "executionId": self._executions.start(name).id}
        return self._turn(name, "Active")

    def stop_flow(self, params: Params, call: AwsCall) -> Params:
        """An on-demand flow has nothing to deactivate; its runs are canceled by CancelFlowExecutions. A run that is
        under way goes on to its end."""
        flow = self.store.flow(params["flowName"])
        if not scheduled(flow.given):
            message = f"StopFlow is not supported for on-demand flows: {flow.name}."
            raise ServiceError("UnsupportedOperationException", message)
        return self._turn(flow.name, "Suspended")

    def _turn(self, name: str, status: str) -> Params:
        """What is active, or not active, already stays as it is."""
        with self.store.claim(self.store.flow(name).arn):
            with self.store.lock:
                flow = self.store.flow(name)
                if (flow.status == "Active") != (status == "Active"):
                    since, last = self.store.now() if status == "Active" else None, self.store.runs.get(name, 0)
                    flow = self.store.flows[name] = replace(
                        flow, status=status, status_message="", activated_at=since, activated_after=last,
                    )
            self.look()
        return {"flowArn": flow.arn, "flowStatus": flow.status}

    def look(self) -> None:
        """Flows have changed: those that are newly active, or by another schedule, begin now."""
        with self.store.lock:
            self._timetable.set({
                flow.name: _recurrence(flow) for flow in self.store.flows.values()
                if flow.status == "Active" and flow.activated_at and scheduled(flow.given)
            })

    def clear(self) -> None:
        """Forget the schedules."""
        self._timetable.clear()

    def close(self) -> None:
        """Forget them for good; no thread is left."""
        self._timetable.close()

    def _reached(self, name: str, at: float, times: int, waits: bool) -> None:
        try:
            run = self._due(name, at)
        except ServiceError as error:
            self._timeline.record(f"{name}/due-{times}", "flow", "", "skipped", error.message)
            return
        if waits:
            self._runs.wait(run.id, None)

    def _due(self, name: str, at: float) -> Execution:
        """ServiceError where the flow is gone, or the run before it was not over by then."""
        with self.store.lock:
            flow, runs = self.store.flow(name), self.store.runs_of(name)
            if runs and runs[-1].status not in RUNNING and runs[-1].updated_at.timestamp() > at + ROUNDING_S:
                raise ServiceError("ConflictException", f"Flow {name} still had a run in progress: {runs[-1].id}.")
            return self._executions.start(name, _window(flow, runs, self.store.now()))

    def _ended(self, flow: Flow, run: Execution) -> None:
        """So many failed runs in a row deactivate a flow; a canceled one neither counts nor ends the row."""
        with self.store.lock:
            kept = self.store.flows.get(flow.name)
            most = scheduled(kept.given).get("flowErrorDeactivationThreshold") if kept else None
            if kept is None or kept.activated_at is None or not most or run.status != "Error":
                return
            told = [one.status for one in self.store.runs_of(flow.name) if one.number > kept.activated_after]
            failed = len(list(takewhile("Error".__eq__, reversed([one for one in told if one != "Canceled"]))))
            if failed < most:
                return
            message = f"The flow was deactivated after {failed} failed runs in a row. {run.message}"[:MESSAGE]
            off = replace(kept, status="Suspended", activated_at=None, status_message=message)
            self.store.flows[flow.name] = off
        self.look()
        self._timeline.record(run.subject, "flow", "", "deactivated", message)
        for listener in self.deactivated:
            listener(off, run)


def _recurrence(flow: Flow) -> Recurrence:
    given = scheduled(flow.given)
    start, end = (_epoch(given.get(name)) for name in ("scheduleStartTime", "scheduleEndTime"))
    since = _epoch(flow.activated_at) or 0.0
    return Recurrence(given["scheduleExpression"], since, start, end, float(given.get("scheduleOffset") or 0))


def _epoch(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def _window(flow: Flow, runs: list[Execution], now: datetime) -> Window | None:
    """None for a run that transfers everything."""
    field = (flow.source.get("incrementalPullConfig") or {}).get("datetimeTypeFieldName")
    given = scheduled(flow.given)
    if given.get("dataPullMode") != "Incremental" or not field or not flow.reads_connector:
        return None
    last = [run.pulled[1] for run in runs if run.pulled and run.status == "Successful"]
    return window(field, now, last[-1] if last else None, given.get("firstExecutionFrom"))
