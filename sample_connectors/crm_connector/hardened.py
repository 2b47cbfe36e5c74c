"""The same connector, hardened against what README.md names. Here: its log can be searched by flow, profile and
execution."""

import json

from careful import Crm
from careful_records import CarefulRecords
from configuration import Configuration
from custom_connector_sdk.lambda_handler.lambda_handler import BaseLambdaConnectorHandler
from metadata import Metadata

TOLD = ("flowName", "connectorProfileLabel", "executionId")
CRM = Crm()
RECORDS = CarefulRecords(CRM)
ANSWER = BaseLambdaConnectorHandler(Metadata(CRM), RECORDS, Configuration(CRM)).lambda_handler


def handler(event, context):
    """One line of JSON for each call, from the event as it came: the SDK's ConnectorContext has the three no longer.
    They are null where AppFlow calls outside a run. requestId leads to the call's other lines."""
    told = event.get("connectorContext") or {}
    line = {"type": event["type"], **{name: told.get(name) for name in TOLD}, "requestId": context.aws_request_id}
    print(json.dumps(line), flush=True)
    RECORDS.execution = told.get("executionId") or ""
    return ANSWER(event, context)
