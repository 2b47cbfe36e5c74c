import random

from hypothesis import given
from hypothesis import strategies as st

from emulator.model import Caller
from emulator.visibility import Lag, Moment, Read, Sightings, Write

CALLER = Caller("arn:aws:sts::123456789012:assumed-role/crm/crm", function="crm")
times = st.floats(0, 100, allow_nan=False)
histories = st.lists(st.tuples(times, st.booleans()), max_size=12).map(
    lambda rows: (
        Write(0, float("-inf"), "", False),
        *(Write(i, at, "PutSecretValue", there) for i, (at, there) in enumerate(sorted(rows), 1)),
    )
)
lags = st.one_of(
    st.builds(Lag, seconds=st.floats(0.1, 50), replicas=st.integers(1, 4)), st.builds(Lag, reads=st.integers(0, 5))
)


def reading(writes, id="crm/inv-1/x#1", started=None):
    return Read(id, "secret", "secret/us-east-1/db", "secretsmanager", "GetSecretValue", "arn", CALLER, started, writes)


class Always(random.Random):
    """Dice that draw one endpoint."""

    def __init__(self, replica):
        super().__init__(0)
        self.replica = replica

    def randrange(self, *_):
        return self.replica


@given(histories, lags, times, st.integers(0, 9))
def test_nobody_sees_more_than_there_is_and_a_version_is_always_found(writes, lag, now, seed):
    index = lag.index(reading(writes), now, random.Random(seed), Sightings(), len(writes) - 1)
    assert 0 <= index < len(writes)


@given(histories, st.floats(0.1, 50), st.integers(1, 4), st.data())
def test_an_endpoint_never_goes_back(writes, seconds, replicas, data):
    lag, replica = Lag(seconds=seconds, replicas=replicas), data.draw(st.integers(0, replicas - 1))
    moments = sorted(data.draw(st.lists(st.floats(0, 200, allow_nan=False), min_size=2)))
    seen = []
    for now in moments:
        known = tuple(write for write in writes if write.at <= now)
        seen.append(lag.index(reading(known), now, Always(replica), Sightings(), 0))
    assert seen == sorted(seen)


@given(histories, st.integers(0, 5), st.lists(st.integers(0, 3), max_size=20), st.booleans())
def test_by_reads_nobody_goes_back_and_a_write_is_hidden_so_often(writes, reads, steps, all_new):
    lag, sightings, shown, seen = Lag(reads=reads), Sightings(), 1, []
    for step in steps:
        shown = min(shown + step, len(writes))
        fresh = 0 if all_new else shown - 1
        seen.append((lag.index(reading(writes[:shown]), 0.0, random.Random(0), sightings, fresh), shown))
    indexes = [index for index, _ in seen]
    assert indexes == sorted(indexes)
    for last in range(1, len(writes)):
        unseen = [index < last for index, count in seen if count > last]
        wanted = min(reads, len(unseen))
        met_first = not all_new and seen and last < seen[0][1] - 1
        assert sum(unseen) == (0 if met_first else wanted)


@given(histories, st.floats(0.1, 50), st.floats(0, 200, allow_nan=False))
def test_after_the_seconds_every_endpoint_has_everything(writes, seconds, later):
    now = max(0.0, writes[-1].at) + seconds * 1.000001 + later
    for replica in range(3):
        lag = Lag(seconds=seconds, replicas=3)
        assert lag.index(reading(writes), now, Always(replica), Sightings(), 0) == len(writes) - 1


def test_endpoints_share_the_seconds_from_none_to_all():
    assert [Lag(seconds=12, replicas=4).share(replica) for replica in range(4)] == [0, 4, 8, 12]
    assert Lag(seconds=12).share(0) == 12


def test_a_thing_was_born_when_it_was_last_made():
    writes = tuple(Write(i, i, "", there) for i, there in enumerate([False, True, True, False, True, True]))
    assert reading(writes).birth == 4
    assert [reading(writes[:n]).birth for n in (1, 2, 4)] == [0, 1, 1]


def test_a_version_given_is_named_by_how_far_behind_it_is():
    writes = (Write(0, 0, "", False), Write(3, 1, "CreateSecret", True), Write(9, 2, "PutSecretValue", True))
    assert [(reading(writes).give(i).serial, reading(writes).give(i).verdict) for i in range(3)] == [
        (0, "not there yet"), (3, "1 behind"), (9, "newest"),
    ]  # fmt: skip


def test_outside_a_function_the_origin_is_a_client():
    writes = (Write(0, 0, "", False),)
    read = Read("c", "secret", "t", "s", "o", "r", Caller("arn:aws:iam::1:root"), Moment(0.0), writes)
    assert (read.attributes()["origin"], read.attributes()["function"]) == ("client", "")
