"""Where EventBridge's rules send events: Lambda functions, SQS queues, SNS topics, log groups."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from emulator.aws.services.lambda_api.destinations import dead_letter_of
from emulator.clock import Clock
from emulator.functions.events import EventQueue
from emulator.functions.registry import LATEST
from emulator.functions.service import Functions
from emulator.timeline import Timeline

PRINCIPAL = "events.amazonaws.com"
LOG = logging.getLogger(__name__)
MayInvoke = Callable[[str, str, str], bool]  # (function ARN, qualifier, the rule's ARN)
Clients = Callable[[str], Any]  # service -> boto3 client that acts as EventBridge
Event = Mapping[str, Any]  # as EventBridge sends it


class Targets:
    """Delivers. Nobody is told of what cannot be delivered, as on AWS, but the record and the rig's log."""

    def __init__(
        self, functions: Functions, queue: EventQueue, clock: Clock, timeline: Timeline, may_invoke: MayInvoke,
        clients: Clients,
    ) -> None:
        self._functions, self._queue, self._clock, self._timeline = functions, queue, clock, timeline
        self._may_invoke, self._clients = may_invoke, clients

    def send(self, subject: str, rule_arn: str, target: Mapping[str, Any], event: Event, waits: bool) -> None:
        """subject: what the record calls it. target: as PutTargets gave it. waits: until a function has ended."""
        payload, service = _payload(target, event), target["Arn"].split(":")[2]
        if payload is None or service not in ("lambda", "sqs", "sns", "logs"):
            LOG.warning("%s: lambdarig serves no such target or input: %s", subject, target)
            self._timeline.record(subject, "event", "", "unserved", target["Arn"])
        elif service == "lambda":
            self._invoke(subject, rule_arn, target["Arn"], payload, waits)
        else:
            self._post(subject, service, target, payload)

    def _invoke(self, subject: str, rule_arn: str, arn: str, payload: bytes, waits: bool) -> None:
        try:
            entry, version, qualifier = self._functions.registry.version(arn)
        except LookupError as error:
            self._failed(subject, str(error))
            return
        if not self._may_invoke(arn, qualifier, rule_arn):
            self._failed(subject, f"{PRINCIPAL} may not invoke it")
            return
        ready = self._functions.admit(entry, version, qualifier, payload, "event", caller=PRINCIPAL)
        deliver = self._queue.run if waits else self._queue.submit
        deliver(ready, entry.event.get(qualifier or LATEST, {}), dead_letter_of(version.shown))

    def _post(self, subject: str, service: str, target: Mapping[str, Any], payload: bytes) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        send = {"sqs": self._sqs, "sns": self._sns, "logs": self._logs}[service]
        try:
            send(target, payload.decode())
        except (BotoCoreError, ClientError) as error:
            LOG.warning("%s: %s could not be delivered to: %s", subject, target["Arn"], error)
            self._failed(subject, str(error))

    def _failed(self, subject: str, why: str) -> None:
        self._timeline.record(subject, "event", "", "failed_invocation", why)

    def _sqs(self, target: Mapping[str, Any], body: str) -> None:
        sqs = self._clients("sqs")
        url = sqs.get_queue_url(QueueName=target["Arn"].rsplit(":", 1)[1])["QueueUrl"]
        group = (target.get("SqsParameters") or {}).get("MessageGroupId")
        sqs.send_message(QueueUrl=url, MessageBody=body, **({"MessageGroupId": group} if group else {}))

    def _sns(self, target: Mapping[str, Any], body: str) -> None:
        self._clients("sns").publish(TopicArn=target["Arn"], Message=body)

    def _logs(self, target: Mapping[str, Any], body: str) -> None:
        """A stream for each event, as its id names it."""
        logs, group = self._clients("logs"), target["Arn"].partition(":log-group:")[2].removesuffix(":*")
        said = json.loads(body)
        stream = said["id"] if isinstance(said, dict) and "id" in said else target["Id"]
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]
        if not streams:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": int(self._clock.wall() * 1000), "message": body}]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _payload(target: Mapping[str, Any], event: Event) -> bytes | None:
    """The target's constant, a part of the event, or the whole of it; None for a transformer."""
    if "Input" in target:
        return str(target["Input"]).encode()
    found: Any = event
    for key in str(target.get("InputPath") or "$").split(".")[1:]:
        found = found.get(key) if isinstance(found, Mapping) else None
    return None if target.get("InputTransformer") else json.dumps(found, separators=(",", ":")).encode()
