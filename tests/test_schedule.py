"""EventBridge rules with a schedule, by the rig's clock; and keep-warm, which is one of them."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from lambda_fixtures import create, invoke

from emulator.aws.internal import client
from emulator.aws.schedule_expression import BadExpression, following
from emulator.clock import Clock
from emulator.rig import Rig
from emulator.settings import Settings

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
RULE = "arn:aws:events:us-east-1:123456789012:rule/"
SOURCE = """
import json
def handler(event, context):
    print("got " + json.dumps(event))
    if event == "raise":
        raise ValueError
    return event
"""
START = 1_800_000_000.0


class World:
    """A rig with a function `f` that EventBridge may invoke."""

    def __init__(self, rig):
        self.rig = rig
        self.events, self.api = client(rig.endpoint, "events"), client(rig.endpoint, "lambda")
        create(self.api, "f", SOURCE)
        self.permit()

    def permit(self, name="f", **more):
        self.api.add_permission(
            FunctionName=name, StatementId="events", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
            **more,
        )  # fmt: skip

    def rule(self, name="ping", expression="rate(5 minutes)", targets=({},), **more):
        """Rule and targets; a target is `f` unless it says otherwise."""
        self.events.put_rule(Name=name, ScheduleExpression=expression, **more)
        rows = [{"Id": f"t{number}", "Arn": f"{ARN}f", **target} for number, target in enumerate(targets)]
        self.events.put_targets(Rule=name, Targets=rows)

    def invoked(self):
        """(rig seconds, id) of each invocation."""
        return [(e.at, e.subject) for e in self.rig.timeline.events() if e.point == "invoke"]

    def outcomes(self):
        return [(e.subject, e.outcome) for e in self.rig.timeline.events() if e.point == "event"]

    def got(self):
        logs = client(self.rig.endpoint, "logs")
        events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
        return [json.loads(e["message"][4:]) for e in events if e["message"].startswith("got ")]

    def environments(self):
        return sorted(environment.id for environment, _ in self.rig.pool.environments())


@pytest.fixture
def it():
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        yield World(rig)


# --- expressions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(1 hour)", 3600), ("rate(12 hours)", 43200),
     ("rate(1 day)", 86400), ("rate(7 days)", 604800)],
)  # fmt: skip
def test_a_rate(expression, seconds):
    assert following(expression)(START) == START + seconds


@pytest.mark.parametrize(
    ("fields", "next_one"),
    [("0/5 * * * ? *", "08:05"), ("15 10 * * ? *", "10:15"), ("0 18 ? * MON-FRI *", "18:00")],
)  # fmt: skip
def test_cron_is_in_utc(fields, next_one):
    at = following(f"cron({fields})")(START)
    assert f"{datetime.fromtimestamp(at, timezone.utc):%H:%M}" == next_one
    assert datetime.fromtimestamp(START, timezone.utc).hour == 8


def test_a_year_that_is_over_has_no_next():
    assert following("cron(0 0 1 1 ? 2020)")(START) is None


@pytest.mark.parametrize(
    "expression",
    ["rate(5 minute)", "rate(1 minutes)", "rate(0 minutes)", "rate(-1 minutes)", "rate(5 weeks)", "rate(5 minutes) ",
     "rate()", "cron()", "cron(* * * * * *)", "cron(60 * * * ? *)", "cron(0/0 * * * ? *)", "cron(0 12 * * ?)",
     "at(2026-01-01T00:00:00)", "every day"],
)  # fmt: skip
def test_a_bad_expression(expression):
    with pytest.raises(BadExpression, match="Parameter ScheduleExpression is not valid"):
        following(expression)


WRITTEN = st.text(alphabet="0123456789 */,-?LW#()ratecnminutes", max_size=24)


@given(WRITTEN, st.sampled_from(["", "cron({})", "rate({})"]))
def test_any_text_is_an_expression_or_is_refused(text, form):
    try:
        after = following(form.format(text) if form else text)
    except BadExpression:
        return
    found = after(START)
    assert found is None or found > START


def test_put_rule_refuses_what_aws_refuses(it):
    with pytest.raises(ClientError) as caught:
        it.events.put_rule(Name="bad", ScheduleExpression="cron(* * * * * *)")
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("ValidationException", "Parameter ScheduleExpression is not valid.")
    assert it.events.list_rules()["Rules"] == []


# --- when a rule fires ------------------------------------------------------------------------------------


def test_each_due_time_once_and_in_order(it):
    it.rule()
    it.rule("slower", "rate(10 minutes)")
    it.rig.clock.advance(299)
    assert it.invoked() == []
    it.rig.clock.advance(1)
    assert it.invoked() == [(300, "f/inv-1")]
    it.rig.clock.advance(900)
    assert [at for at, _ in it.invoked()] == [300, 600, 600, 900, 1200, 1200]
    assert it.rig.clock.now() == 1200
    assert it.environments() == ["f/env-1"]


@pytest.mark.parametrize("steps", [[3600], [1800, 1800], [1] * 10 + [3590], [299.5, 0.5, 3300]])
def test_how_the_time_passes_does_not_matter(it, steps):
    it.rule()
    for step in steps:
        it.rig.clock.advance(step)
    assert [at for at, _ in it.invoked()] == [300.0 * n for n in range(1, 13)]


def test_the_event_is_a_scheduled_event(it):
    it.rule()
    it.rig.clock.advance(300)
    (event,) = it.got()
    assert uuid.UUID(event.pop("id")).version == 4
    time = datetime.strptime(event.pop("time"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert abs(time.timestamp() - it.rig.clock.epoch()) <= 1
    assert event == {
        "version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "account": "123456789012",
        "region": "us-east-1", "resources": [f"{RULE}ping"], "detail": {},
    }  # fmt: skip


def test_a_target_may_have_an_input_of_its_own(it):
    it.rule(targets=[{"Input": '{"warm": true}'}, {"InputPath": "$.source"}, {"InputPath": "$.no.such"}])
    it.rig.clock.advance(300)
    assert it.got() == [{"warm": True}, "aws.events", None]


def test_it_is_an_asynchronous_invocation(it):
    """Faults and tests see where it came from; an error is tried again after a minute."""
    it.rule(targets=[{"Input": '"raise"'}])
    it.rig.clock.advance(300)
    assert it.outcomes() == [("f/inv-1", "retry_waits")]


@pytest.mark.parametrize("how", ["disable", "delete", "remove"])
def test_a_rule_that_is_off_does_not_fire(it, how):
    it.rule()
    if how == "disable":
        it.events.disable_rule(Name="ping")
    else:
        it.events.remove_targets(Rule="ping", Ids=["t0"])
        if how == "delete":
            it.events.delete_rule(Name="ping")
    it.rig.clock.advance(3600)
    assert it.invoked() == []


def test_one_made_disabled_begins_when_it_is_enabled(it):
    it.rule(State="DISABLED")
    it.rig.clock.advance(299)
    it.events.enable_rule(Name="ping")
    it.rig.clock.advance(299)
    assert it.invoked() == []
    it.rig.clock.advance(1)
    assert it.invoked() == [(598 + 1, "f/inv-1")]


def test_the_same_rule_put_again_goes_on_and_another_expression_begins_anew(it):
    it.rule()
    it.rig.clock.advance(200)
    it.rule()
    it.rig.clock.advance(100)
    it.rule(expression="rate(10 minutes)")
    it.rig.clock.advance(600)
    assert [at for at, _ in it.invoked()] == [300, 900]


def test_cron_fires_by_the_rigs_time_of_day(it):
    it.rule(expression="cron(0/15 * * * ? *)")
    it.rig.clock.advance(3600)
    assert len(it.invoked()) == 4


def test_a_rule_with_a_pattern_has_no_schedule(it):
    it.events.put_rule(Name="pattern", EventPattern='{"source": ["x"]}')
    it.rig.clock.advance(3600)
    assert it.rig.timeline.fingerprint()
    assert it.invoked() == []


def test_a_reset_forgets_rules(it):
    it.rule()
    it.rig.reset()
    it.rig.clock.advance(3600)
    assert it.invoked() == []


def test_another_region_has_rules_of_its_own(it):
    client(it.rig.endpoint, "events", region="eu-west-1").put_rule(Name="r", ScheduleExpression="rate(1 minute)")
    it.rig.clock.advance(60)
    assert it.rig.schedule.due() is None


# --- targets ----------------------------------------------------------------------------------------------


def test_a_qualifier_in_the_target_leads_to_its_version(it):
    it.api.publish_version(FunctionName="f")
    it.api.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    it.permit("f:live", SourceArn=f"{RULE}ping")
    it.rule(targets=[{"Arn": f"{ARN}f:live"}])
    it.rig.clock.advance(300)
    assert [environment.function.version for environment, _ in it.rig.pool.environments()] == ["1"]


def test_without_permission_nothing_is_invoked_and_nobody_is_told(it):
    create(it.api, "g", SOURCE)
    it.permit("g", SourceArn=f"{RULE}another")
    it.rule(targets=[{"Arn": f"{ARN}g"}])
    it.rig.clock.advance(300)
    assert it.invoked() == []
    assert it.outcomes() == [("events/ping/run-1/t0", "failed_invocation")]


def test_a_function_that_is_not_there(it):
    it.rule(targets=[{"Arn": f"{ARN}none"}, {}])
    it.rig.clock.advance(300)
    assert it.outcomes()[0] == ("events/ping/run-1/t0", "failed_invocation")
    assert len(it.invoked()) == 1


def test_what_the_rig_does_not_serve_is_told(it, caplog):
    transformer = {"InputPathsMap": {"t": "$.time"}, "InputTemplate": '"<t>"'}
    it.rule(targets=[{"Arn": "arn:aws:kinesis:us-east-1:123456789012:stream/s"}, {"InputTransformer": transformer}])
    it.rig.clock.advance(300)
    assert it.outcomes() == [("events/ping/run-1/t0", "unserved"), ("events/ping/run-1/t1", "unserved")]
    assert "serves no such target or input" in caplog.text


# --- keep-warm --------------------------------------------------------------------------------------------


def test_an_hour_of_silence_is_cold_and_with_keep_warm_it_is_not(it):
    invoke(it.api, "f")
    it.rig.clock.advance(3600)
    assert "Init Duration" in invoke(it.api, "f")[2]
    it.rule(targets=[{"Input": '{"keep": "warm"}'}])
    it.rig.clock.advance(3600)
    assert "Init Duration" not in invoke(it.api, "f")[2]
    assert it.environments() == ["f/env-2"]


def test_the_same_every_time():
    def once():
        with Rig(Settings(engine="inline", manual_clock=True)) as rig:
            world = World(rig)
            world.rule(targets=[{}, {"Input": "1"}])
            world.rule("hourly", "rate(1 hour)")
            rig.clock.advance(7200)
            return rig.timeline.fingerprint()

    assert len({once() for _ in range(5)}) == 1


# --- rig time runs ----------------------------------------------------------------------------------------


def test_on_a_running_clock_they_fire_too():
    with Rig(Settings(engine="inline")) as rig:
        world = World(rig)
        world.rule()
        rig.clock.advance(900)
        rig.settle()
        assert len(world.invoked()) == 3


class Diary:
    """An agenda of fixed moments."""

    def __init__(self, clock, *moments):
        self.clock, self.moments, self.done = clock, list(moments), []

    def due(self):
        return self.moments[0] if self.moments else None

    def act(self, moment):
        self.done.append((moment, self.clock.now()))
        self.moments.pop(0)


def test_what_stands_on_agendas_is_done_at_its_moment():
    clock = Clock(manual=True)
    first, second = Diary(clock, 1, 5, 5, 100), Diary(clock, 3)
    clock.keep(first)
    clock.keep(second)
    clock.advance(10)
    assert first.done == [(1, 1), (5, 5), (5, 5)]
    assert second.done == [(3, 3)]
    assert clock.now() == 10


@given(st.lists(st.floats(0.001, 1e6), max_size=5), st.floats(0.001, 1e6))
def test_an_agenda_does_not_change_where_the_clock_arrives(moments, seconds):
    clock = Clock(manual=True)
    clock.advance(0.1)
    diary = Diary(clock, *sorted(moments))
    clock.keep(diary)
    clock.advance(seconds)
    assert clock.now() == 0.1 + seconds
    assert [moment for moment, _ in diary.done] == [m for m in sorted(moments) if m <= 0.1 + seconds]


def test_a_running_clock_is_moved_by_no_more_than_was_said():
    clock = Clock()
    diary = Diary(clock, 10, 20)
    clock.keep(diary)
    machine, begin = clock.monotonic(), clock.now()
    clock.advance(30)
    passed = clock.now() - begin
    assert 30 <= passed <= 30 + clock.monotonic() - machine
    assert len(diary.done) == 2
