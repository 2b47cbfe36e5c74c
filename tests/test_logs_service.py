from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.aws import internal
from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.services.logs import LogStore
from emulator.clock import Clock
from emulator.injector import Injector
from emulator.timeline import Timeline

GROUP, STREAM = "/aws/lambda/orders", "2026/01/02/[$LATEST]0123456789abcdef0123456789abcdef"
NOW = int(Clock().wall() * 1000)


class Rig:
    def __init__(self, **options):
        clock = Clock(manual=True)
        self.backend = Backend()
        self.store = LogStore(self.backend, **options)
        parts = Injector(clock, Timeline(clock)), Attribution(), self.backend
        self.endpoint = AwsEndpoint(*parts, {"logs": self.store})
        self.logs = internal.client(self.endpoint, "logs")

    def messages(self, stream=STREAM):
        found = self.logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)
        return [event["message"] for event in found["events"]]


@pytest.fixture
def rig():
    made = Rig()
    yield made
    made.backend.reset()


def test_a_group_appears_with_its_first_line(rig):
    assert rig.logs.describe_log_groups()["logGroups"] == []
    rig.store.append(GROUP, STREAM, [(NOW, "START\n")])
    (group,) = rig.logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    assert group["logGroupName"] == GROUP
    (stream,) = rig.logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert (stream["logStreamName"], stream["firstEventTimestamp"]) == (STREAM, NOW)


def test_messages_come_back_byte_for_byte_in_order(rig):
    lines = ["START RequestId: 1\n", "ünï\tcode \u2028\n", "no newline", "\n", "END\n"]
    rig.store.append(GROUP, STREAM, [(NOW, line) for line in lines[:2]])
    rig.store.append(GROUP, STREAM, [(NOW, line) for line in lines[2:]])
    assert rig.messages() == lines


def test_lines_can_be_filtered_over_all_streams(rig):
    rig.store.append(GROUP, STREAM, [(NOW, "ERROR one\n"), (NOW + 1, "fine\n")])
    rig.store.append(GROUP, "other", [(NOW + 2, "ERROR two\n")])
    found = rig.logs.filter_log_events(logGroupName=GROUP, filterPattern="ERROR")["events"]
    assert [(event["logStreamName"], event["message"]) for event in found] == [
        (STREAM, "ERROR one\n"), ("other", "ERROR two\n"),
    ]  # fmt: skip


def test_regions_are_kept_apart(rig):
    rig.store.append(GROUP, STREAM, [(NOW, "x")], region="eu-west-1")
    assert rig.logs.describe_log_groups()["logGroups"] == []
    assert internal.client(rig.endpoint, "logs", region="eu-west-1").describe_log_groups()["logGroups"]


def test_a_clients_own_events_are_kept_too(rig):
    rig.logs.create_log_group(logGroupName=GROUP)
    rig.logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    rig.logs.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=[{"timestamp": NOW, "message": "mine"}])
    rig.store.append(GROUP, STREAM, [(NOW + 1, "ours\n")])
    assert rig.messages() == ["mine", "ours\n"]


def test_threads_lose_no_line(rig):
    def write(number):
        rig.store.append(GROUP, f"stream-{number % 4}", [(NOW, f"{number}\n")])
        rig.store.flush()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(200)))
    assert sorted(int(line) for n in range(4) for line in rig.messages(f"stream-{n}")) == list(range(200))


def test_the_oldest_lines_leave_when_memory_is_full():
    rig = Rig(kept_bytes=1000)
    try:
        for number in range(50):
            rig.store.append(GROUP, STREAM, [(NOW, f"{number:099d}\n")])
            if number % 7 == 0:
                rig.store.flush()
        assert [int(line) for line in rig.messages()] == list(range(40, 50))
        rig.store.append(GROUP, STREAM, [(NOW, "x" * 5000)])
        assert [len(line) for line in rig.messages()] == [5000]
    finally:
        rig.backend.reset()


def test_moto_does_not_track_events_for_ever(rig):
    from moto.logs.models import LogEvent

    rig.store.append(GROUP, STREAM, [(NOW, "x")] * 10)
    rig.store.flush()
    assert LogEvent.instances_tracked == []


def test_clearing_forgets_what_was_queued(rig):
    rig.store.append(GROUP, STREAM, [(NOW, "x")])
    rig.store.clear()
    assert rig.logs.describe_log_groups()["logGroups"] == []
