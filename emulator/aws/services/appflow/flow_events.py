"""What AppFlow tells EventBridge of its flows: source `aws.appflow` on the default bus. Fields as in an event recorded
on AWS, of which all values are text and `resources` has an id that is not the flow's ARN."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from emulator.aws.services.appflow.store import Execution, Flow, Params, Store
from emulator.functions.service import stable_uuid

STARTED, ENDED = "AppFlow Start Flow Run Report", "AppFlow End Flow Run Report"
DEACTIVATED = "AppFlow Scheduled Flow Deactivated"
_STATUS = {"Successful": "Execution Successful", "Error": "Execution Failed", "Canceled": "Execution Canceled"}
log = logging.getLogger(__name__)
Publish = Callable[[str, dict[str, Any], bool], None]  # (place, event, waits): see emulator.aws.bus.Bus.put


class FlowEvents:
    """Listens to runs' begins and ends and to deactivations. What a run's end leads to is waited for, so that a clock
    moved by hand goes on after it; what its begin leads to happens beside it."""

    def __init__(self, store: Store, publish: Publish) -> None:
        self._store, self._publish = store, publish

    def begun(self, flow: Flow, run: Execution) -> None:
        self._tell(STARTED, flow, run, {"status": "Execution Started"}, False)

    def ended(self, flow: Flow, run: Execution) -> None:
        told = {
            "num-of-records-processed": str(run.records), "num-of-records-filtered": str(run.filtered),
            "num-of-record-failures": str(run.failed), "num-of-documents-processed": "0",
            "data-processed": str(run.read), "end-time": _time(run.updated_at), "status": _STATUS[run.status],
        }
        self._tell(ENDED, flow, run, told | _message(run.message or run.failure), True)

    def deactivated(self, flow: Flow, run: Execution) -> None:
        self._tell(DEACTIVATED, flow, run, {"status": flow.status} | _message(flow.status_message), True)

    def _tell(self, kind: str, flow: Flow, run: Execution, more: Params, waits: bool) -> None:
        event = {
            "version": "0", "id": stable_uuid(f"{run.id}/{kind}"), "detail-type": kind, "source": "aws.appflow",
            "account": self._store.account, "time": f"{self._store.now():%Y-%m-%dT%H:%M:%SZ}",
            "region": self._store.region, "resources": [hashlib.sha256(flow.arn.encode()).hexdigest()[:32]],
            "detail": {**_common(flow, run), **more},
        }
        place = f"{run.subject}/{kind.removeprefix('AppFlow ').split(' ')[0].lower()}"
        try:
            self._publish(place, event, waits)
        except Exception:  # the rig's own, or moto's over a rule's pattern: the run has not failed
            log.exception("%s could not be delivered", place)


def _common(flow: Flow, run: Execution) -> Params:
    connector = f"CUSTOMCONNECTOR/{flow.connector['connectorProfileName']}", flow.connector_properties["entityName"]
    s3 = "S3", "/".join(filter(None, (f"s3://{flow.s3['bucketName']}", flow.s3.get("bucketPrefix"))))
    source, destination = (connector, s3) if flow.reads_connector else (s3, connector)
    return {
        "flow-name": flow.name, "flow-arn": flow.arn, "created-by": flow.created_by, "execution-id": run.id,
        "source": source[0], "source-object": source[1], "destination": destination[0],
        "destination-object": destination[1], "start-time": _time(run.started_at),
        "trigger-type": flow.given["triggerConfig"]["triggerType"].upper(),
    }


def _message(text: str) -> Params:
    return {"error-message": text} if text else {}


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z[UTC]"
