"""Where an asynchronous event's record or dead letter goes: SQS, SNS, Lambda, EventBridge."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from emulator.errors import RigError

Clients = Callable[[str], Any]  # service -> boto3 client that acts as Lambda


def dead_letter_of(shown: Mapping[str, Any]) -> str:
    """TargetArn of DeadLetterConfig, or nothing."""
    return str((shown.get("DeadLetterConfig") or {}).get("TargetArn") or "")


class Destinations:
    """Callable as the event queue's `deliver`."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def __call__(self, arn: str, body: str, attributes: Mapping[str, str]) -> None:
        service = (arn.split(":") + [""] * 3)[2]
        send = {"sqs": self._sqs, "sns": self._sns, "lambda": self._lambda, "events": self._events}.get(service)
        if send is None:
            raise RigError(f"no destination of that kind: {arn}")
        send(arn, body, _message_attributes(attributes))

    def _sqs(self, arn: str, body: str, attributes: dict[str, Any]) -> None:
        sqs = self._clients("sqs")
        url = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)

    def _sns(self, arn: str, body: str, attributes: dict[str, Any]) -> None:
        self._clients("sns").publish(TopicArn=arn, Message=body, MessageAttributes=attributes)

    def _lambda(self, arn: str, body: str, attributes: dict[str, Any]) -> None:
        self._clients("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=body.encode())

    def _events(self, arn: str, body: str, attributes: dict[str, Any]) -> None:
        success = json.loads(body)["requestContext"]["condition"] == "Success"
        entry = {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {'Success' if success else 'Failure'}",
            "Detail": body,
            "EventBusName": arn,
        }
        self._clients("events").put_events(Entries=[entry])


def _message_attributes(attributes: Mapping[str, str]) -> dict[str, Any]:
    kinds = {"ErrorCode": "Number"}
    return {k: {"DataType": kinds.get(k, "String"), "StringValue": v} for k, v in attributes.items() if v}
