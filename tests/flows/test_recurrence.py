"""When scheduled flows run, and what incremental runs pull."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.flows.schedule import Recurrence, frequency, valid, window


def at(text):
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


NOON = at("2026-11-22T12:00:00")


def moments(recurrence, count=4, now=NOON):
    found, moment = [], recurrence.first(now)
    while moment is not None and len(found) < count:
        found.append(f"{datetime.fromtimestamp(moment, timezone.utc):%m-%d %H:%M}")
        moment = recurrence.after(moment)
    return found


@pytest.mark.parametrize(
    ("expression", "every"),
    [("rate(1minutes)", "BYMINUTE"), ("rate(5 minutes)", "BYMINUTE"), ("rate(1hours)", "HOURLY"),
     ("rate(1hour)", "HOURLY"), ("rate(1days)", "DAILY"), ("rate(2weeks)", "WEEKLY"), ("rate(1months)", "MONTHLY"),
     ("at(2026-11-22T12:00:00)", "ONCE"), ("cron(0 12 * * ? *)", None)],
)
def test_an_expression_and_its_frequency(expression, every):
    assert (valid(expression), frequency(expression)) == (True, every)


@pytest.mark.parametrize(
    "expression",
    ["rate(0minutes)", "rate(5)", "rate(minutes)", "rate(5seconds)", "rate(-5minutes)", "5minutes", "cron(* * *)",
     "cron(61 * * * ? *)", "at(2026-13-22T12:00:00)", "at(noon)", "at(2026-11-22T12:00:00Z)", "once", ""],
)
def test_what_is_none(expression):
    assert (valid(expression), frequency(expression)) == (False, None)


@given(st.text(alphabet="0123456789 */,-?LWT:()ratecnminuteshouday", max_size=24))
def test_any_text_is_one_or_is_not(text):
    for expression in (text, f"rate({text})", f"cron({text})", f"at({text})"):
        if valid(expression):
            Recurrence(expression, NOON).first(NOON)


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (Recurrence("rate(5minutes)", NOON), ["11-22 12:00", "11-22 12:05", "11-22 12:10", "11-22 12:15"]),
        (Recurrence("rate(6hours)", NOON), ["11-22 12:00", "11-22 18:00", "11-23 00:00", "11-23 06:00"]),
        (Recurrence("rate(1weeks)", NOON), ["11-22 12:00", "11-29 12:00", "12-06 12:00", "12-13 12:00"]),
        (Recurrence("cron(0 0 * * ? *)", NOON), ["11-23 00:00", "11-24 00:00", "11-25 00:00", "11-26 00:00"]),
        (Recurrence("cron(0 12 * * ? *)", NOON), ["11-22 12:00", "11-23 12:00", "11-24 12:00", "11-25 12:00"]),
        (Recurrence("at(2026-11-22T13:00:00)", NOON), ["11-22 13:00"]),
        (Recurrence("at(2026-11-22T12:00:00)", NOON), ["11-22 12:00"]),
        (Recurrence("at(2026-11-22T11:59:00)", NOON), []),
    ],
)
def test_the_runs_of_an_active_flow(recurrence, expected):
    assert moments(recurrence) == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [("2026-11-22T12:03:00", ["11-22 12:03", "11-22 12:08"]), ("2026-11-22T11:58:00", ["11-22 12:03", "11-22 12:08"]),
     ("2026-11-22T11:50:00", ["11-22 12:00", "11-22 12:05"]), ("2025-01-01T00:00:30", ["11-22 12:00", "11-22 12:05"])],
)
def test_a_rate_keeps_to_its_start(start, expected):
    assert moments(Recurrence("rate(5minutes)", NOON, start=at(start)), 2) == expected


def test_cron_heeds_the_start_too():
    start = at("2026-11-24T00:00:00")
    assert moments(Recurrence("cron(0 0 * * ? *)", NOON, start=start), 2) == ["11-24 00:00", "11-25 00:00"]
    assert moments(Recurrence("cron(0 0 * * ? *)", NOON, start=start + 0.5), 1) == ["11-25 00:00"]


def test_nothing_comes_after_the_end_and_the_end_is_the_last():
    assert moments(Recurrence("rate(5minutes)", NOON, end=NOON + 599)) == ["11-22 12:00", "11-22 12:05"]
    assert moments(Recurrence("rate(5minutes)", NOON, end=NOON + 600), 9)[-1] == "11-22 12:10"
    assert moments(Recurrence("rate(5minutes)", NOON, end=NOON - 1)) == []


def test_an_offset_makes_each_run_later():
    assert moments(Recurrence("rate(1hours)", NOON, offset=600), 2) == ["11-22 12:10", "11-22 13:10"]
    assert moments(Recurrence("cron(0 0 * * ? *)", NOON, offset=36000), 2) == ["11-23 10:00", "11-24 10:00"]
    assert moments(Recurrence("rate(1hours)", NOON, end=NOON + 3600, offset=600), 9) == ["11-22 12:10", "11-22 13:10"]


def test_a_month_that_is_too_short_has_its_last_day():
    january = at("2027-01-31T12:00:00")
    found = moments(Recurrence("rate(1months)", january), 5, now=january)
    assert found == ["01-31 12:00", "02-28 12:00", "03-31 12:00", "04-30 12:00", "05-31 12:00"]
    assert moments(Recurrence("rate(12months)", january), 2, now=january + 1) == ["01-31 12:00", "01-31 12:00"]


@given(
    st.sampled_from(["rate(1minutes)", "rate(7minutes)", "rate(5hours)", "rate(3weeks)", "rate(2months)"]),
    st.floats(1e9, 3e9), st.floats(-1e7, 1e7), st.floats(0, 36000),
)
def test_each_moment_is_later_than_the_one_before_and_none_is_before_the_start(expression, since, lead, offset):
    recurrence = Recurrence(expression, since, start=since + lead, offset=offset)
    first = recurrence.first(since)
    second = recurrence.after(first)
    assert since <= first < second < recurrence.after(second)
    assert first >= since + lead


MOMENT = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
JANUARY, ELEVEN = MOMENT.replace(month=1), MOMENT.replace(hour=11)


@pytest.mark.parametrize(
    ("last", "first", "begin"),
    [(None, None, MOMENT.replace(month=10, day=23)), (None, JANUARY, JANUARY), (ELEVEN, JANUARY, ELEVEN)],
)
def test_what_an_incremental_run_pulls(last, first, begin):
    found = window("When", MOMENT, last, first)
    assert (found.field, found.begin, found.end) == ("When", begin, MOMENT)
