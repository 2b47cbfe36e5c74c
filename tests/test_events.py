"""Events in the queue: tried again by the rig's clock, and what becomes of them in the end."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from lambda_fixtures import create, function, until, zipped

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.events import EventQueue
from emulator.functions.registry import NoSuchFunction, Version
from emulator.functions.service import Ready
from emulator.model import Invocation, Outcome
from emulator.rig import Rig
from emulator.settings import Settings
from emulator.timeline import Timeline

OK = Outcome("ok", b'"done"')
BAD = Outcome("error", b'{"errorMessage":"no","errorType":"E"}', "Unhandled")
LOST = Outcome("lost", b"")
FULL = Outcome("throttled", b"", reason="ReservedFunctionConcurrentInvocationLimitExceeded")
PAYLOAD = b'{ "a": 1.0 }'
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"


class World:
    """A queue whose function ends as `outcomes` say; the last one goes on for ever."""

    def __init__(self, *outcomes, reserved=None, fails=()):
        self.clock = Clock(manual=True)
        self.timeline = Timeline(self.clock)
        self.outcomes, self.reserved, self.fails = list(outcomes), reserved, fails
        self.ran, self.delivered = [], []
        self.pool = SimpleNamespace(account_limit=4)
        self.queue = EventQueue(self, self.clock, self.timeline, self._deliver)

    def again(self, ready):
        return Ready(ready.invocation, ready.version, ready.qualifier, self.reserved)

    def run(self, ready):
        self.ran.append((ready.invocation.request_id, self.clock.now()))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _deliver(self, target, body, attributes):
        if target in self.fails:
            raise OSError("unreachable")
        self.delivered.append((target, body, dict(attributes)))

    def submit(self, dead_letter="", **config):
        of = function()
        ready = Ready(Invocation("f/inv-1", "id-1", of, PAYLOAD), Version(of, "", "", 0), "", self.reserved)
        self.queue.submit(ready, config, dead_letter)

    def times(self):
        return [at for _, at in self.ran]


@pytest.fixture
def world():
    worlds = []

    def make(*outcomes, **settings):
        worlds.append(World(*outcomes, **settings))
        return worlds[-1]

    yield make
    for one in worlds:
        one.queue.close()


def both(queue=QUEUE):
    return {"DestinationConfig": {"OnSuccess": {"Destination": queue}, "OnFailure": {"Destination": queue}}}


def test_an_error_is_tried_again_after_one_and_two_minutes_with_the_same_id(world):
    it = world(BAD)
    it.submit()
    until(it.timeline, "retry_waits", 1)
    it.clock.advance(60)
    until(it.timeline, "retry_waits", 2)
    it.clock.advance(120)
    until(it.timeline, "RetriesExhausted")
    assert it.times() == [0, 60, 180]
    assert {request_id for request_id, _ in it.ran} == {"id-1"}


@pytest.mark.parametrize(("retries", "runs"), [(0, 1), (1, 2)])
def test_fewer_retries_can_be_asked_for(world, retries, runs):
    it = world(BAD)
    it.submit(MaximumRetryAttempts=retries)
    for n in range(1, runs):
        until(it.timeline, "retry_waits", n)
        it.clock.advance(120)
    until(it.timeline, "RetriesExhausted")
    assert len(it.ran) == runs


def test_a_success_ends_it(world):
    it = world(BAD, OK)
    it.submit(**both())
    until(it.timeline, "retry_waits")
    it.clock.advance(60)
    until(it.timeline, "Success")
    it.queue._workers.shutdown(wait=True)
    ((target, body, attributes),) = it.delivered
    record = json.loads(body)
    assert (target, attributes) == (QUEUE, {})
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": "id-1",
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 2,
        },
        "requestPayload": {"a": 1.0},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": "done",
    }


def test_a_failure_goes_to_its_destination_and_to_the_dead_letter_queue(world):
    it = world(BAD)
    it.submit("arn:dlq", MaximumRetryAttempts=0, **both())
    until(it.timeline, "RetriesExhausted")
    it.queue._workers.shutdown(wait=True)
    (_, body, _), (dlq, letter, attributes) = it.delivered
    record = json.loads(body)
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"] == {"errorMessage": "no", "errorType": "E"}
    assert (dlq, letter) == ("arn:dlq", PAYLOAD.decode())  # as it was sent, to the blank
    assert attributes == {"RequestID": "id-1", "ErrorCode": "200", "ErrorMessage": "no"}


def test_a_destination_that_fails_keeps_the_dead_letter_from_nobody(world):
    it = world(BAD, fails=(QUEUE,))
    it.submit("arn:dlq", MaximumRetryAttempts=0, **both())
    until(it.timeline, "destination_failed")
    it.queue._workers.shutdown(wait=True)
    assert [target for target, _, _ in it.delivered] == ["arn:dlq"]


def test_a_throttle_is_tried_again_with_growing_pauses_and_counts_as_no_try(world):
    it = world(FULL, FULL, FULL, BAD, OK)
    it.submit(MaximumRetryAttempts=1)
    for n, pause in enumerate((1, 2, 4, 60), 1):
        until(it.timeline, "retry_waits", n)
        it.clock.advance(pause)
    until(it.timeline, "Success")
    assert it.times() == [0, 1, 3, 7, 67]


def test_an_event_does_not_outlive_its_age(world):
    it = world(FULL)
    it.submit(MaximumEventAgeInSeconds=60, **both())
    for n, pause in enumerate((1, 2, 4, 8, 16), 1):
        until(it.timeline, "retry_waits", n)
        it.clock.advance(pause)
    until(it.timeline, "EventAgeExceeded")
    it.queue._workers.shutdown(wait=True)
    assert json.loads(it.delivered[0][1])["requestContext"]["condition"] == "EventAgeExceeded"
    assert "responseContext" not in json.loads(it.delivered[0][1])


def test_zero_reserved_concurrency_ends_it_at_once(world):
    it = world(FULL, reserved=0)
    it.submit("arn:dlq")
    until(it.timeline, "ZeroReservedConcurrency")
    it.queue._workers.shutdown(wait=True)
    assert it.delivered[0][2]["ErrorCode"] == "429"


def test_a_function_that_is_gone_ends_it(world):
    it = world(BAD)
    it.submit()
    until(it.timeline, "retry_waits")

    def gone(ready):
        raise NoSuchFunction("arn")

    it.again = gone
    it.clock.advance(60)
    until(it.timeline, "function_deleted")
    assert len(it.ran) == 1


@pytest.mark.parametrize("problem", [EngineError("no image"), KeyError("a bug")])
def test_what_the_rig_gets_wrong_is_recorded(world, problem, caplog):
    it = world(problem)
    it.submit()
    until(it.timeline, "rig_failed")
    assert "the rig failed" in caplog.text


def test_a_long_message_of_a_dead_letter_is_cut(world):
    it = world(Outcome("error", json.dumps({"errorMessage": "x" * 5000}).encode(), "Unhandled"))
    it.submit("arn:dlq", MaximumRetryAttempts=0)
    until(it.timeline, "RetriesExhausted")
    it.queue._workers.shutdown(wait=True)
    assert len(it.delivered[0][2]["ErrorMessage"]) == 1024


def test_what_waits_is_dropped_by_clear_and_by_close(world):
    it = world(BAD)
    it.submit()
    until(it.timeline, "retry_waits")
    it.queue.clear()
    it.clock.advance(1000)
    it.submit()
    until(it.timeline, "retry_waits", 2)
    it.queue.close()
    it.clock.advance(1000)
    it.submit()
    assert len(it.ran) == 2


# --- on a rig ---------------------------------------------------------------------------------------------

TAKES = "def handler(event, context):\n    if event.get('fail'):\n        raise ValueError('no')\n    return 'done'\n"


@pytest.fixture(scope="module")
def rig():
    with Rig(Settings(engine="inline", manual_clock=True, seed=3)) as made:
        made.sqs, made.api = made.client("sqs"), made.client("lambda")
        yield made


def queue(rig, name):
    url = rig.sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:123456789012:{name}"


def received(rig, url):
    got = rig.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
    return got.get("Messages", [])


def send(rig, name, payload, **more):
    answer = rig.api.invoke(FunctionName=name, InvocationType="Event", Payload=payload, **more)
    assert answer["StatusCode"] == 202
    return answer["ResponseMetadata"]["RequestId"]


def wait_for_message(rig, url):
    """The first of this queue; queues are each test's own."""
    rig.seen = getattr(rig, "seen", 0) + 1
    until(rig.timeline, "sqs.SendMessage", rig.seen)
    return received(rig, url)[0]


def test_a_success_reaches_a_queue(rig):
    url, arn = queue(rig, "won")
    create(rig.api, "won", TAKES)
    rig.api.put_function_event_invoke_config(
        FunctionName="won", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    request_id = send(rig, "won", b'{"n": 1}')
    record = json.loads(wait_for_message(rig, url)["Body"])
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["condition"] == "Success"
    assert (record["requestPayload"], record["responsePayload"]) == ({"n": 1}, "done")


def test_a_failure_reaches_the_dead_letter_queue_after_its_retries(rig):
    url, arn = queue(rig, "dead")
    create(rig.api, "lost", TAKES, DeadLetterConfig={"TargetArn": arn})
    request_id = send(rig, "lost", b'{"fail": true}')
    until(rig.timeline, "retry_waits", 1)
    rig.clock.advance(60)
    until(rig.timeline, "retry_waits", 2)
    rig.clock.advance(120)
    message = wait_for_message(rig, url)
    assert message["Body"] == '{"fail": true}'
    told = {name: (row["DataType"], row["StringValue"]) for name, row in message["MessageAttributes"].items()}
    assert told == {
        "RequestID": ("String", request_id),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "no"),
    }
    attempts = [e for e in rig.timeline.events() if e.point == "invoke" and e.subject.startswith("lost/")]
    assert [e.outcome for e in attempts] == ["error"] * 3
    assert len({e.subject for e in attempts}) == 1


def test_a_retry_runs_the_code_of_now(rig):
    url, arn = queue(rig, "mended")
    create(rig.api, "mended", TAKES)
    rig.api.put_function_event_invoke_config(
        FunctionName="mended", Qualifier="$LATEST", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    before = sum(e.outcome == "retry_waits" for e in rig.timeline.events())
    send(rig, "mended", b'{"fail": true}')
    until(rig.timeline, "retry_waits", before + 1)
    mended = zipped({"app.py": "def handler(event, context):\n    return 'mended'\n"})
    rig.api.update_function_code(FunctionName="mended", ZipFile=mended)
    rig.clock.advance(60)
    assert json.loads(wait_for_message(rig, url)["Body"])["responsePayload"] == "mended"


def test_the_configuration_of_an_alias_is_its_own(rig):
    url, arn = queue(rig, "alias")
    create(rig.api, "aliased", TAKES, Publish=True)
    rig.api.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1")
    rig.api.put_function_event_invoke_config(
        FunctionName="aliased", Qualifier="live", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    send(rig, "aliased:live", b"{}")
    record = json.loads(wait_for_message(rig, url)["Body"])
    assert record["requestContext"]["functionArn"].endswith(":function:aliased:1")


def test_zero_reserved_concurrency_on_a_rig(rig):
    url, arn = queue(rig, "zero")
    create(rig.api, "zero", TAKES)
    rig.api.put_function_concurrency(FunctionName="zero", ReservedConcurrentExecutions=0)
    rig.api.put_function_event_invoke_config(
        FunctionName="zero", DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    send(rig, "zero", b"{}")
    record = json.loads(wait_for_message(rig, url)["Body"])
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record


def test_a_reset_drops_what_waits():
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        api = rig.client("lambda")
        create(api, "lost", TAKES)
        api.invoke(FunctionName="lost", InvocationType="Event", Payload=b'{"fail": true}')
        until(rig.timeline, "retry_waits")
        rig.reset()
        rig.clock.advance(1000)
        assert rig.events._heap == []


def test_an_answer_that_was_lost_is_a_failed_attempt_and_nobody_knows_what_it_was(world):
    it = world(LOST)
    it.submit("arn:dlq", MaximumRetryAttempts=1, **both())
    until(it.timeline, "retry_waits")
    it.clock.advance(60)
    until(it.timeline, "RetriesExhausted")
    it.queue._workers.shutdown(wait=True)
    (_, body, _), (_, _, attributes) = it.delivered
    assert "responseContext" not in json.loads(body)
    assert (it.times(), attributes["ErrorCode"], attributes["ErrorMessage"]) == ([0, 60], "500", "")
