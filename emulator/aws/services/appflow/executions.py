"""Runs of flows: begun, canceled, told of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow import describe_flows
from emulator.aws.services.appflow.store import PAGE, RUNNING, Execution, Flow, Params, Store, from_token, to_token
from emulator.aws.services.appflow.transfers import Running, Transfers
from emulator.errors import RigError
from emulator.flows.filters import Window
from emulator.flows.plan import Canceled, FlowFailed
from emulator.flows.run import Progress
from emulator.flows.runs import Runs
from emulator.frontdoors.appflow import ConnectorError
from emulator.functions.service import stable_uuid
from emulator.model import AwsCall
from emulator.timeline import Timeline

if TYPE_CHECKING:
    from emulator.aws.services.appflow.kept.state import State

log = logging.getLogger(__name__)
MESSAGE = 2048  # characters that the API's messages may have


class ExecutionOperations:
    """The methods are operations: params in, output out, both as botocore's model has them. seed: of executions' ids.
    begun, ended: told of every run's begin and end, in the run's thread."""

    def __init__(
        self, store: Store, transfers: Transfers, runs: Runs, timeline: Timeline, seed: int,
        state: State | None = None,
    ) -> None:
        self.store, self._transfers, self._runs = store, transfers, runs
        self._timeline, self._seed, self._state = timeline, seed, state
        self.begun: list[Callable[[Flow, Execution], None]] = []
        self.ended: list[Callable[[Flow, Execution], None]] = []

    def start(self, name: str, window: Window | None = None) -> Execution:
        """Begin a run of that flow. window: what an incremental one pulls. ConflictException while one is under way."""
        with self.store.changing():
            flow = self.store.flow(name)
            if running := [run for run in self.store.runs_of(name) if run.status in RUNNING]:
                raise ServiceError("ConflictException", f"Flow {name} has a run in progress: {running[0].id}.")
            number, now = self.store.runs.get(name, 0) + 1, self.store.now()
            self.store.runs[name] = number
            run = Execution(
                stable_uuid(f"{self._seed}/{name}/run-{number}"), name, number, "InProgress", now, now,
                pulled=(window.begin, window.end) if window else None,
            )
            self.store.executions[run.id] = run
            self._runs.start(run.id, lambda canceled: self._run(Running(flow, run, canceled, window)))
        return run

    def _run(self, running: Running) -> None:
        run = running.execution
        for listener in self.begun:
            listener(running.flow, run)
        status, message = self._outcome(running)
        if ended := self._end(run, status, message[:MESSAGE]):
            self._timeline.record(run.subject, "flow", "", status, message)
            for listener in self.ended:
                listener(running.flow, ended)

    def _end(self, run: Execution, status: str, message: str) -> Execution | None:
        try:
            return self.store.note(run.id, status=status, message=message)
        except RigError as error:  # of a state on disk: the record that people see has changed all the same
            log.error("the end of %s is not kept: %s", run.subject, error)
            return self.store.executions.get(run.id)

    def _outcome(self, running: Running) -> tuple[str, str]:
        run = running.execution
        try:
            self._transfers.of(running, lambda progress: self._note(running, progress)).run()
        except Canceled:
            return "Canceled", ""
        except (ConnectorError, ServiceError, FlowFailed) as error:
            return "Error", error.message
        except Exception as error:  # the rig's own: nobody else would hear of it
            log.exception("%s failed", run.subject)
            return "Error", f"lambdarig failed: {error!r}"
        return "Successful", ""

    def _note(self, running: Running, progress: Progress) -> None:
        """Nobody is told of a page that a state on disk does not have."""
        run, counts = running.execution, progress.counts
        copied = self._state.copy(running.flow, progress.objects) if self._state else ()
        with self.store.changing():
            before = self.store.executions.get(run.id)
            after = self.store.note(
                run.id, records=counts.records, filtered=counts.filtered, read=counts.read, written=counts.written,
                failed=counts.failed, failure=counts.message[:MESSAGE],
            )
            if self._state and before and after:
                self._state.page(progress, copied, before, after)

    def cancel_flow_executions(self, params: Params, call: AwsCall) -> Params:
        """Without ids, every run under way. What is not, cannot be canceled and is told so."""
        with self.store.lock:
            self.store.flow(params["flowName"])
            running = [run.id for run in self.store.runs_of(params["flowName"]) if run.status == "InProgress"]
            wanted = params.get("executionIds") or running
            for execution_id in (i for i in wanted if i in running):
                self.store.note(execution_id, status="CancelStarted")
                self._runs.cancel(execution_id)
        return {"invalidExecutions": [i for i in wanted if i not in running]}

    def describe_flow_execution_records(self, params: Params, call: AwsCall) -> Params:
        """Newest first, as they are at this moment."""
        with self.store.lock:
            self.store.flow(params["flowName"])
            runs = self.store.runs_of(params["flowName"])[::-1]
        below = from_token(params.get("nextToken"), int, "runs", params["flowName"])
        left = [run for run in runs if below is None or run.number < below]
        size = params.get("maxResults") or PAGE
        more = {"nextToken": to_token(left[size - 1].number, "runs", params["flowName"])} if len(left) > size else {}
        return {"flowExecutions": [describe_flows.execution(run) for run in left[:size]], **more}
