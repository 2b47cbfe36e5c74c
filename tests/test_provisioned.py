"""Provisioned concurrency through plain boto3: its API in AWS's words, and environments that no cold start meets."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from lambda_fixtures import invoke
from provisioned_calls import environments, get, made, put, told

from emulator.aws.internal import client
from emulator.fault import Rule
from emulator.rig import Rig
from emulator.scope import When
from emulator.settings import Settings
from faults.cold_start import ColdStartLatency

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
BROKEN = "raise ValueError('no')\n"


def refusal(call, *given, **params):
    with pytest.raises(ClientError) as caught:
        call(*given, **params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def log_of(rig, name):
    logs = client(rig.endpoint, "logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return "".join(event["message"] for event in events)


@pytest.fixture
def rig():
    with Rig(Settings(engine="inline", manual_clock=True, account_limit=10)) as started:
        yield started


@pytest.fixture
def api(rig):
    return client(rig.endpoint, "lambda")


# --- the API ----------------------------------------------------------------------------------------------


def test_put_is_in_progress_and_get_is_ready(rig, api):
    made(api, "f")
    answer = put(api, "f", count=2)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert told(answer) == ([2, 0, 0], "IN_PROGRESS", None)
    assert answer["LastModified"].endswith("+0000")
    assert len(answer["LastModified"]) == len("2019-12-31T20:28:49+0000")
    assert told(get(api, "f")) == ([2, 2, 2], "READY", None)
    assert get(api, "f")["LastModified"] == answer["LastModified"]
    (row,) = api.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"]
    assert row["FunctionArn"] == f"{ARN}f:1"
    assert told(row) == ([2, 2, 2], "READY", None)
    assert api.get_function_concurrency(FunctionName="f").get("ReservedConcurrentExecutions") is None


def test_delete_ends_them_and_may_be_repeated(rig, api):
    made(api, "f")
    put(api, "f")
    get(api, "f")
    for _ in range(2):
        answer = api.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert environments(rig) == []
    assert api.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"] == []
    assert refusal(get, api, "f") == (
        "ProvisionedConcurrencyConfigNotFoundException", 404,
        "No Provisioned Concurrency Config found for this function",
    )  # fmt: skip


def test_the_latest_version_cannot_have_it(api):
    made(api, "f")
    wrong = "InvalidParameterValueException", 400
    unpublished = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    neither = "The function resource provided must be an alias or a published version."
    assert refusal(put, api, "f", "$LATEST") == (*wrong, unpublished)
    assert refusal(get, api, "f", "$LATEST") == (*wrong, neither)
    delete = api.delete_provisioned_concurrency_config
    assert refusal(delete, FunctionName="f", Qualifier="$LATEST") == (*wrong, neither)
    api.create_alias(FunctionName="f", Name="newest", FunctionVersion="$LATEST")
    assert refusal(put, api, "f", "newest") == (*wrong, unpublished)


@pytest.mark.parametrize("verb", ["put", "get", "delete"])
def test_what_is_not_there(api, verb):
    made(api, "f")
    more = {"ProvisionedConcurrentExecutions": 1} if verb == "put" else {}
    call = getattr(api, f"{verb}_provisioned_concurrency_config")
    missing = "ResourceNotFoundException", 404
    for name, qualifier, text in [
        ("f", "10", f"Function not found: {ARN}f:10"),
        ("f", "noalias", f"Cannot find alias arn: {ARN}f:noalias"),
        ("none", "noalias", f"Cannot find alias arn: {ARN}none:noalias"),
        ("none", "1", f"Function not found: {ARN}none:1"),
    ]:
        assert refusal(call, FunctionName=name, Qualifier=qualifier, **more) == (*missing, text)
    listing = refusal(api.list_provisioned_concurrency_configs, FunctionName="none")
    assert listing == (*missing, f"Function not found: {ARN}none")


def test_a_version_has_one_configuration(api):
    made(api, "f")
    api.create_alias(FunctionName="f", Name="other", FunctionVersion="1")
    put(api, "f", "1")
    conflict = "ResourceConflictException", 409
    taken = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
    assert refusal(put, api, "f", "live") == (*conflict, taken)
    api.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    put(api, "f", "live")
    assert refusal(put, api, "f", "1") == (*conflict, "Version is pointed by a Provisioned Concurrency alias")
    assert refusal(put, api, "f", "other") == (*conflict, taken)


def test_it_is_part_of_what_the_function_reserved(api):
    made(api, "f")
    api.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=2)
    assert refusal(put, api, "f", count=3) == (
        "InvalidParameterValueException", 400,
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
    )  # fmt: skip
    put(api, "f", count=2)
    less = refusal(api.put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=1)
    assert less[0] == "InvalidParameterValueException"
    assert "function's total provisioned concurrency [2]" in less[2]


def test_it_is_part_of_what_nobody_reserved(api):
    made(api, "f")
    made(api, "g")
    too_much = "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{}]."
    assert refusal(put, api, "f", count=11)[2] == too_much.format(10)
    put(api, "g", count=3)
    assert refusal(put, api, "f", count=8)[2] == too_much.format(7)
    reserving = refusal(api.put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=8)
    assert "UnreservedConcurrentExecution" in reserving[2]


# --- the environments -------------------------------------------------------------------------------------


def test_an_invocation_finds_it_initialised(rig, api):
    made(api, "f")
    put(api, "f")
    assert invoke(api, "f", Qualifier="live")[0] == "provisioned-concurrency"
    _, _, log = invoke(api, "f", Qualifier="1")
    assert "Init Duration" not in log
    assert environments(rig) == [("f/env-1", "idle", "provisioned-concurrency")]
    payload, _, log = invoke(api, "f")
    assert payload == "on-demand"
    assert "Init Duration" in log


def test_its_log_tells_init_before_any_invocation(rig, api):
    made(api, "f")
    put(api, "f")
    get(api, "f")
    start, printed, report = log_of(rig, "f").splitlines()
    assert start.startswith("INIT_START Runtime Version: python:3.11")
    assert printed == "module runs"
    assert report.startswith("INIT_REPORT Init Duration: ")
    assert report.endswith(" ms\tPhase: init")
    _, _, log = invoke(api, "f", Qualifier="1")
    assert log.startswith("START ")
    assert "Init Duration" not in log


def test_before_there_was_init_report_the_first_report_told_it(api):
    made(api, "f", Tags={"lambdarig:texts": "2020"})
    put(api, "f")
    first, second = (invoke(api, "f", Qualifier="1")[2] for _ in range(2))
    assert "\tInit Duration: " in first
    assert "Init Duration" not in second


def test_json_logs_tell_the_type(rig, api):
    made(api, "f", LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "DEBUG"})
    put(api, "f")
    get(api, "f")
    lines = [json.loads(line) for line in log_of(rig, "f").splitlines() if line.startswith('{"time"')]
    assert [line["type"] for line in lines] == [f"platform.{k}" for k in ("initStart", "initRuntimeDone", "initReport")]
    assert {line["record"]["initializationType"] for line in lines} == {"provisioned-concurrency"}


def test_it_does_not_go_for_being_idle(rig, api):
    made(api, "f")
    put(api, "f")
    invoke(api, "f", Qualifier="1")
    rig.clock.advance(1e6)
    assert "Init Duration" not in invoke(api, "f", Qualifier="1")[2]
    assert environments(rig) == [("f/env-1", "idle", "provisioned-concurrency")]


def test_an_init_that_fails_is_told_and_not_tried_again(rig, api):
    made(api, "f", BROKEN)
    put(api, "f", count=2)
    assert told(get(api, "f")) == ([2, 0, 0], "FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert environments(rig) == []
    started = [event.subject for event in rig.timeline.events() if event.point == "start"]
    assert started == ["f/env-1", "f/env-2"]
    report = log_of(rig, "f").splitlines()[-1]
    assert "\tPhase: init\tStatus: error\tError Type: " in report
    assert invoke(api, "f", Qualifier="1")[1] == "Unhandled"


def test_the_same_put_again_tries_again(rig, api):
    made(api, "f")
    with rig.fault(Rule(ColdStartLatency(delay_ms=200_000), when=When(times=1))):
        put(api, "f", count=2)
        assert told(get(api, "f")) == ([2, 1, 1], "FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    put(api, "f", count=2)
    assert told(get(api, "f")) == ([2, 2, 2], "READY", None)
    assert [row[0] for row in environments(rig)] == ["f/env-2", "f/env-3"]


def test_a_slow_start_costs_the_invocation_nothing(rig, api):
    """Past the 10 s that an init on demand may take, and within the 130 s of this one."""
    made(api, "f")
    rig.injector.arm([Rule(ColdStartLatency(delay_ms=60_000))])
    put(api, "f")
    assert get(api, "f")["Status"] == "READY"
    assert "INIT_REPORT Init Duration: 60" in log_of(rig, "f")
    outcome = rig.functions.invoke("f", b"{}", "lambda", qualifier="1")
    assert (outcome.status, outcome.virtual_s, outcome.init_ms) == ("ok", 0.0, None)
    strikes = [event.subject for event in rig.timeline.strikes("cold_start")]
    assert strikes == ["f/env-1"]


@pytest.mark.parametrize(("timeout_s", "status"), [(10, "FAILED"), (300, "READY")])
def test_its_init_has_130_s_or_the_functions_timeout(rig, api, timeout_s, status):
    made(api, "f", Timeout=timeout_s)
    rig.injector.arm([Rule(ColdStartLatency(delay_ms=130_000))])
    put(api, "f")
    assert get(api, "f")["Status"] == status
    if status == "FAILED":
        assert "INIT_REPORT Init Duration: 130000.00 ms\tPhase: init\tStatus: timeout" in log_of(rig, "f")


def test_an_alias_takes_it_along(rig, api):
    made(api, "f")
    put(api, "f", "live")
    assert invoke(api, "f", Qualifier="1")[0] == "provisioned-concurrency"
    api.update_function_configuration(FunctionName="f", MemorySize=512)
    api.publish_version(FunctionName="f")
    api.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert told(get(api, "f", "live")) == ([1, 1, 1], "READY", None)
    assert invoke(api, "f", Qualifier="2")[0] == "provisioned-concurrency"
    assert invoke(api, "f", Qualifier="1")[0] == "on-demand"
    assert [row[0] for row in environments(rig)] == ["f/env-2", "f/env-3"]
    assert refusal(api.update_alias, FunctionName="f", Name="live", FunctionVersion="$LATEST")[0] == (
        "InvalidParameterValueException"
    )


@pytest.mark.parametrize("what", ["alias", "version", "function"])
def test_it_goes_with_what_had_it(rig, api, what):
    made(api, "f")
    put(api, "f", "live" if what == "alias" else "1")
    get(api, "f", "live" if what == "alias" else "1")
    if what == "alias":
        api.delete_alias(FunctionName="f", Name="live")
    elif what == "version":
        api.delete_function(FunctionName="f", Qualifier="1")
    else:
        api.delete_function(FunctionName="f")
    assert environments(rig) == []
    if what != "function":
        assert api.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"] == []


def test_fewer_end_the_newest(rig, api):
    made(api, "f")
    put(api, "f", count=3)
    get(api, "f")
    put(api, "f", count=1)
    assert [row[0] for row in environments(rig)] == ["f/env-1"]
    put(api, "f", count=2)
    get(api, "f")
    assert [row[0] for row in environments(rig)] == ["f/env-1", "f/env-4"]


def test_a_reset_wants_none(rig, api):
    made(api, "f")
    put(api, "f", count=3)
    rig.reset()
    assert environments(rig) == []
    assert rig.timeline.events() == []
