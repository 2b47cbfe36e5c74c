"""Scheduled flows: activated, run by the rig's clock, deactivated."""

import threading
from datetime import datetime, timezone

import pytest
from appflow_rig import error_of, failure
from flow_rig import begins, flow, paged, records, run, scheduled, to_connector

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: crm, crm_both


def create(rig, expression="rate(5minutes)", start=True, **more):
    rig.appflow.create_flow(**flow(triggerConfig=scheduled(expression, **more)))
    rig.began = rig.clock.now()
    if start:
        rig.appflow.start_flow(flowName="contacts")


def after(rig):
    """Runs' begins, in seconds since the flow was made."""
    return [round(moment - rig.began, 1) for moment in begins(rig)]


def status(rig):
    return rig.appflow.describe_flow(flowName="contacts")["flowStatus"]


def moment(rig, seconds):
    """A time for the API, so many rig seconds from now; whole, as AWS's clients send them."""
    return datetime.fromtimestamp(round(rig.clock.epoch() + seconds), timezone.utc)


def marks(rig, *outcomes):
    return [(e.subject, e.outcome) for e in rig.timeline.events() if e.outcome in outcomes]


# --- life -------------------------------------------------------------------------------------------------


def test_a_scheduled_flow_is_a_draft_that_start_flow_activates_and_stop_flow_suspends(crm):
    create(crm, start=False)
    assert status(crm) == "Draft"
    assert crm.appflow.stop_flow(flowName="contacts")["flowStatus"] == "Draft"
    crm.clock.advance(600)
    assert records(crm) == []
    started = crm.appflow.start_flow(flowName="contacts")
    assert (started["flowStatus"], "executionId" in started) == ("Active", False)
    assert crm.appflow.stop_flow(flowName="contacts")["flowStatus"] == status(crm) == "Suspended"
    crm.clock.advance(600)
    assert records(crm) == []


def test_the_first_run_is_at_once_and_then_one_every_period(crm):
    create(crm)
    assert records(crm) == [], "a clock that stands still runs nothing by itself"
    crm.clock.advance(3600)
    assert after(crm) == [300.0 * n for n in range(13)]
    assert {record["executionStatus"] for record in records(crm)} == {"Successful"}


@pytest.mark.parametrize("steps", [[1200], [600, 600], [0, 299.5, 0.5, 900], [1] * 10 + [1190]])
def test_how_the_time_passes_does_not_matter(crm, steps):
    create(crm)
    for step in steps:
        crm.clock.advance(step)
    assert after(crm) == [0, 300, 600, 900, 1200]


def test_starting_again_changes_nothing_and_stopping_again_neither(crm):
    create(crm)
    crm.clock.advance(200)
    assert crm.appflow.start_flow(flowName="contacts")["flowStatus"] == "Active"
    crm.clock.advance(200)
    assert after(crm) == [0, 300]
    for _ in range(2):
        assert crm.appflow.stop_flow(flowName="contacts")["flowStatus"] == "Suspended"
    crm.appflow.start_flow(flowName="contacts")
    crm.clock.advance(0)
    assert after(crm) == [0, 300, 400], "a new activation counts from itself"


def test_stop_flow_of_an_on_demand_flow_is_not_supported(crm):
    crm.appflow.create_flow(**flow())
    assert error_of(crm.appflow.stop_flow, flowName="contacts")[:2] == ("UnsupportedOperationException", 400)
    assert error_of(crm.appflow.stop_flow, flowName="none")[:2] == ("ResourceNotFoundException", 404)


def test_an_active_flow_goes_only_by_force_and_its_schedule_with_it(crm):
    create(crm)
    assert error_of(crm.appflow.delete_flow, flowName="contacts")[:2] == ("ConflictException", 409)
    crm.appflow.delete_flow(flowName="contacts", forceDelete=True)
    create(crm, start=False)
    crm.clock.advance(600)
    assert records(crm) == []
    crm.appflow.delete_flow(flowName="contacts")


def test_an_update_of_an_active_flow_keeps_it_so_and_its_new_schedule_counts_from_the_activation(crm):
    create(crm)
    crm.clock.advance(310)
    crm.appflow.update_flow(**flow(triggerConfig=scheduled("rate(10minutes)")))
    assert status(crm) == "Active"
    crm.clock.advance(1000)
    assert after(crm) == [0, 300, 600, 1200]


def test_an_update_of_something_else_leaves_the_schedule(crm):
    create(crm)
    crm.clock.advance(310)
    crm.appflow.update_flow(**flow(triggerConfig=scheduled(), description="d"))
    crm.clock.advance(300)
    assert after(crm) == [0, 300, 600]


def test_a_flow_that_becomes_on_demand_has_no_schedule(crm):
    create(crm)
    crm.clock.advance(10)
    crm.appflow.update_flow(**flow())
    crm.clock.advance(600)
    assert after(crm) == [0]
    assert run(crm)["executionStatus"] == "Successful"


def test_the_same_client_token_activates_once(crm):
    create(crm, start=False)
    first = crm.appflow.start_flow(flowName="contacts", clientToken="t")
    crm.appflow.stop_flow(flowName="contacts")
    again = crm.appflow.start_flow(flowName="contacts", clientToken="t")
    assert again["flowStatus"] == first["flowStatus"] == "Active"
    assert status(crm) == "Suspended"


def test_flows_to_a_connector_have_schedules_too(crm_both):
    crm_both.s3.put_object(Bucket="lake", Key="in/1.csv", Body=b"Id,Name\n1,Ann\n")
    crm_both.connector.answers["WriteData"] = {"isSuccess": True, "writeRecordResults": [{"isSuccess": True}]}
    crm_both.appflow.create_flow(**to_connector() | {"triggerConfig": scheduled("rate(1hours)")})
    crm_both.appflow.start_flow(flowName="contacts")
    crm_both.clock.advance(3600)
    assert [record["executionResult"]["recordsProcessed"] for record in records(crm_both)] == [1, 1]


def test_clear_forgets_schedules(crm):
    create(crm)
    crm.service.implementation.clear()
    assert crm.service.implementation.triggers._timetable.due() is None


# --- when -------------------------------------------------------------------------------------------------


def test_start_and_end_of_the_schedule(crm):
    begin = moment(crm, 1000)
    create(crm, scheduleStartTime=begin, scheduleEndTime=moment(crm, 1700))
    crm.clock.advance(3600)
    first = crm.clock.moment(begin.timestamp())
    assert begins(crm) == [round(first + n * 300, 1) for n in range(3)]
    assert status(crm) == "Active"


def test_a_start_that_is_over_leaves_the_periods_where_they_are(crm):
    begin = moment(crm, -1000)
    create(crm, scheduleStartTime=begin)
    crm.clock.advance(600)
    first = crm.clock.moment(begin.timestamp())
    assert begins(crm) == [round(first + n * 300, 1) for n in (4, 5)]


def test_an_offset_and_a_time_zone(crm):
    """The time zone is a label, as on AWS."""
    create(crm, scheduleOffset=60, timezone="America/New_York")
    crm.clock.advance(600)
    assert after(crm) == [60, 360]


def test_cron_is_by_the_rigs_time_of_day_in_utc(crm):
    create(crm, "cron(0 * * * ? *)", timezone="America/New_York")
    crm.clock.advance(7200)
    found = [record["startedAt"] for record in records(crm)]
    assert len(found) == 2
    assert {(one.minute, one.second) for one in found} == {(0, 0)}


def test_once(crm):
    create(crm, f"at({moment(crm, 100):%Y-%m-%dT%H:%M:%S})")
    crm.clock.advance(86400)
    assert len(records(crm)) == 1


def test_two_flows_run_in_the_order_of_their_moments(crm):
    create(crm)
    crm.appflow.create_flow(**flow("accounts", triggerConfig=scheduled("rate(2minutes)")))
    crm.appflow.start_flow(flowName="accounts")
    crm.clock.advance(300)
    ends = [e.subject for e in crm.timeline.events() if e.point == "flow" and e.outcome == "Successful"]
    assert ends == ["accounts/run-1", "contacts/run-1", "accounts/run-2", "accounts/run-3", "contacts/run-2"]


# --- runs that do not go well -----------------------------------------------------------------------------


def test_a_failed_run_is_not_run_again_before_the_next_one_is_due(crm):
    create(crm)
    crm.connector.answers["QueryData"] = failure("ServerError", "down")
    crm.clock.advance(299)
    assert [record["executionStatus"] for record in records(crm)] == ["Error"]
    crm.connector.answers["QueryData"] = paged
    crm.clock.advance(1)
    assert [record["executionStatus"] for record in records(crm)] == ["Successful", "Error"]
    last = crm.appflow.describe_flow(flowName="contacts")["lastRunExecutionDetails"]
    assert last["mostRecentExecutionStatus"] == "Successful"
    assert last["mostRecentExecutionTime"] == records(crm)[0]["startedAt"]


def test_so_many_failed_runs_in_a_row_deactivate_a_flow(crm):
    create(crm, flowErrorDeactivationThreshold=3)
    crm.connector.answers["QueryData"] = failure("ServerError", "down")
    crm.clock.advance(3600)
    assert after(crm) == [0, 300, 600]
    said = crm.appflow.describe_flow(flowName="contacts")
    assert said["flowStatus"] == "Suspended"
    assert said["flowStatusMessage"] == (
        "The flow was deactivated after 3 failed runs in a row. Error while communicating to connector: down")
    assert said["lastRunExecutionDetails"]["mostRecentExecutionMessage"].endswith("down")
    assert marks(crm, "deactivated") == [("contacts/run-3", "deactivated")]
    [listed] = crm.appflow.list_flows()["flows"]
    assert listed["flowStatus"] == "Suspended"


def test_a_deactivated_flow_can_be_activated_and_counts_anew(crm):
    create(crm, flowErrorDeactivationThreshold=2)
    crm.connector.answers["QueryData"] = failure("ServerError", "down")
    crm.clock.advance(300)
    assert status(crm) == "Suspended"
    crm.appflow.start_flow(flowName="contacts")
    crm.clock.advance(0)
    said = crm.appflow.describe_flow(flowName="contacts")
    assert (said["flowStatus"], "flowStatusMessage" in said) == ("Active", False)
    crm.clock.advance(300)
    assert (len(records(crm)), status(crm)) == (4, "Suspended")


def test_a_run_that_goes_well_ends_the_row(crm):
    create(crm, flowErrorDeactivationThreshold=2)
    answers = iter([failure("ServerError", "down"), {"isSuccess": True, "records": []}] * 6)
    crm.connector.answers["QueryData"] = lambda request: next(answers)
    crm.clock.advance(3000)
    assert (len(records(crm)), status(crm)) == (11, "Active")


def test_without_a_threshold_a_flow_stays_active(crm):
    create(crm)
    crm.connector.answers["QueryData"] = failure("ServerError", "down")
    crm.clock.advance(5400)
    assert (len(records(crm)), status(crm)) == (19, "Active")


def test_a_run_that_lasts_makes_what_is_due_meanwhile_fall_out(crm):
    """retryAfterSeconds is rig time: the first run lasts 400 s of it."""
    late = [failure("RateLimitExceeded", "slow")]
    late[0]["errorDetails"]["retryAfterSeconds"] = 400
    crm.connector.answers["QueryData"] = lambda request: late.pop() if late else paged(request)
    create(crm)
    crm.clock.advance(900)
    assert after(crm) == [0, 600, 900]
    assert marks(crm, "skipped") == [("contacts/due-2", "skipped")]


def test_a_run_still_under_way_is_not_joined_by_another(crm):
    """Begun by another thread, as with a clock that runs by itself."""
    going, on = threading.Event(), threading.Event()

    def slow(request):
        going.set()
        assert on.wait(30)
        return paged(request)

    crm.connector.answers["QueryData"] = slow
    create(crm)
    triggers = crm.service.implementation.triggers
    triggers._reached("contacts", crm.clock.epoch(), 1, False)
    assert going.wait(30)
    triggers._reached("contacts", crm.clock.epoch(), 2, False)
    assert marks(crm, "skipped") == [("contacts/due-2", "skipped")]
    crm.appflow.stop_flow(flowName="contacts")
    on.set()
    crm.service.implementation.wait()
    assert [record["executionStatus"] for record in records(crm)] == ["Successful"], "a stop leaves the run"
