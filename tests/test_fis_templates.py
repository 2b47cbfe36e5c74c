"""Experiment templates of AWS FIS through boto3: what may be in them, and what there is to do."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from fis_rig import DELAY, ERROR, RESPONSE, ROLE, WAIT, action, refusal
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.services.fis.actions import duration

pytest_plugins = ["fis_rig"]  # fixtures: folder, lab


# --- templates ---


def test_a_template_is_kept_as_it_was_given(lab):
    made = lab.template(tags={"team": "a"})
    assert made["arn"] == f"arn:aws:fis:us-east-1:123456789012:experiment-template/{made['id']}"
    assert (made["id"][:3], len(made["id"]), made["tags"]) == ("EXT", 17, {"team": "a"})
    assert made["targets"] == {"fns": lab.target("orders")}
    assert made["actions"] == {"broken": action()}
    assert made["experimentOptions"] == {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"}
    assert lab.fis.get_experiment_template(id=made["id"])["experimentTemplate"] == made
    (row,) = lab.fis.list_experiment_templates()["experimentTemplates"]
    assert (row["id"], row["description"]) == (made["id"], "chaos")


def test_an_update_changes_what_it_gives_and_no_experiment_that_runs(lab):
    made = lab.template()["id"]
    running = lab.fis.start_experiment(experimentTemplateId=made)["experiment"]["id"]
    lab.rig.clock.advance(5)
    changed = lab.fis.update_experiment_template(
        id=made, actions={"slow": action(DELAY)}, experimentOptions={"emptyTargetResolutionMode": "skip"}
    )["experimentTemplate"]
    assert (list(changed["actions"]), changed["description"]) == (["slow"], "chaos")
    assert changed["experimentOptions"]["accountTargeting"] == "single-account"
    assert (changed["lastUpdateTime"] - changed["creationTime"]).total_seconds() == 5
    assert list(lab.states(running)) == ["broken"]
    wrong = refusal(lab.fis.update_experiment_template, id=made, actions={})
    assert wrong[:2] == ("ValidationException", 400)


def test_a_deleted_template_is_gone_and_its_experiment_goes_on(lab):
    made = lab.template()["id"]
    running = lab.fis.start_experiment(experimentTemplateId=made)["experiment"]["id"]
    assert lab.fis.delete_experiment_template(id=made)["experimentTemplate"]["id"] == made
    gone = ("ResourceNotFoundException", 404, f"Experiment template {made} not found.")
    for call in (lab.fis.get_experiment_template, lab.fis.delete_experiment_template):
        assert refusal(call, id=made) == gone
    assert refusal(lab.fis.start_experiment, experimentTemplateId=made) == gone
    assert lab.state(running) == "running"


INVALID = ("ValidationException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(("changes", "code", "says"), [
    ({"roleArn": "arn:aws:iam::1:user/somebody"}, INVALID, "role ARN"),
    ({"stopConditions": []}, INVALID, "stop condition"),
    ({"stopConditions": [{"source": "luck"}]}, INVALID, "source luck"),
    ({"stopConditions": [{"source": "aws:cloudwatch:alarm"}]}, INVALID, "ARN of an alarm"),
    ({"stopConditions": [{"source": "none", "value": "arn:aws:cloudwatch:x:1:a"}]}, INVALID, "none has no value"),
    ({"actions": {}}, INVALID, "must have an action"),
    ({"actions": {"a": action("aws:lambda:put-function-concurrent-executions")}}, MISSING,
     "Action with ID aws:lambda:put-function-concurrent-executions not found."),
    ({"actions": {"a": action(target=None)}}, INVALID, 'Missing target "Functions" in action "a".'),
    ({"actions": {"a": action() | {"targets": {"Instances": "fns"}}}}, INVALID,
     'Unexpected target "Instances" found in action "a".'),
    ({"actions": {"a": action(target="others")}}, INVALID, 'Target "others" of action "a" is not defined'),
    ({"actions": {"a": action() | {"parameters": {}}}}, INVALID, 'Missing parameter "duration" in action "a".'),
    ({"actions": {"a": action(percentage="10")}}, INVALID, 'Unexpected parameter "percentage"'),
    *(({"actions": {"a": action(lasts=text)}}, INVALID, "PT1M to PT12H") for text in ("1m", "PT", "PT59S", "PT12H1S")),
    *(({"actions": {"a": action(invocationPercentage=text)}}, INVALID, "from 1 to 100") for text in ("0", "101", "x")),
    ({"actions": {"a": action(preventExecution="yes")}}, INVALID, "must be true or false, not yes"),
    ({"actions": {"a": action(DELAY, startupDelayMilliseconds="900001")}}, INVALID, "from 0 to 900000"),
    ({"actions": {"a": action(RESPONSE, statusCode="1000")}}, INVALID, "from 0 to 999"),
    ({"actions": {"a": action(RESPONSE, contentTypeHeader="text/plän")}}, INVALID, "value of an HTTP header"),
    ({"actions": {"a": action(after=["b"])}}, INVALID, 'starts after "b", which is not defined'),
    ({"actions": {"a": action(after=["b"]), "b": action(after=["a"])}}, INVALID, "after each other: a, b"),
    ({"actions": {f"a{n}": action() for n in range(21)}}, ("ServiceQuotaExceededException", 402), "20 actions"),
    ({"experimentOptions": {"accountTargeting": "multi-account"}}, ("UnsupportedOperationException", 400),
     "lambdarig does not serve multi-account"),
])
def test_a_wrong_template_is_refused(lab, changes, code, says):
    *found, message = refusal(lab.fis.create_experiment_template, **lab.wanted(**changes))
    assert (tuple(found), says in message) == (code, True), message


@pytest.mark.parametrize(("target", "code", "says"), [
    ({"resourceType": "aws:ec2:instance"}, MISSING, "Target resource type aws:ec2:instance not found."),
    ({"resourceTags": {"a": "b"}}, INVALID,
     "You cannot specify both resource ARNs and resource tags for target fns."),
    ({"resourceArns": []}, INVALID, "You must specify resource ARNs or resource tags"),
    ({"resourceArns": ["arn:aws:s3:::a-bucket-of-mine"]}, INVALID, "is not that of a aws:lambda:function"),
    ({"filters": [{"path": "State.Name", "values": ["running"]}]}, INVALID, "does not support filters"),
    ({"parameters": {"cluster": "c"}}, INVALID, "does not support parameters"),
    *(({"selectionMode": mode}, INVALID, f"selection mode {mode}") for mode in ("SOME", "COUNT(0)", "PERCENT(101)")),
])
def test_a_wrong_target_is_refused(lab, target, code, says):
    wanted = lab.wanted(targets={"fns": lab.target("orders") | target})
    *found, message = refusal(lab.fis.create_experiment_template, **wanted)
    assert (tuple(found), says in message) == (code, True), message


def test_what_the_model_forbids_is_refused_in_its_words(lab):
    lax = boto3.client(
        "fis", "us-east-1", endpoint_url=lab.rig.url, config=Config(parameter_validation=False),
        aws_access_key_id="a", aws_secret_access_key="b",
    )
    found = refusal(lax.create_experiment_template, **lab.wanted(roleArn=None))
    assert found[:2] == INVALID
    assert "roleArn" in found[2]
    assert "Member must not be null" in found[2]


@given(st.integers(60, 12 * 3600))
def test_any_time_of_a_minute_to_twelve_hours_is_a_duration(seconds):
    minutes, rest = divmod(seconds, 60)
    assert duration(f"PT{seconds}S") == duration(f"PT{minutes}M{rest}S") == seconds
    assert duration(f"PT{minutes // 60}H{minutes % 60}M{rest}S") == seconds


# --- the same again ---


def test_a_client_token_makes_one_thing_however_often_it_comes(lab):
    params = lab.wanted(clientToken="t-1")
    made = {lab.fis.create_experiment_template(**params)["experimentTemplate"]["id"] for _ in range(2)}
    assert len(made) == 1
    begun = {"experimentTemplateId": made.pop(), "clientToken": "t-1"}
    assert len({lab.fis.start_experiment(**begun)["experiment"]["id"] for _ in range(2)}) == 1
    assert len(lab.in_force()) == 1
    again = refusal(lab.fis.create_experiment_template, **params | {"description": "another"})
    assert again[:2] == ("ConflictException", 409)
    assert refusal(lab.fis.start_experiment, **begun, tags={"a": "b"})[0] == "ConflictException"


def test_a_deleted_templates_token_makes_another_one(lab):
    params = lab.wanted(clientToken="t-1")
    first = lab.fis.create_experiment_template(**params)["experimentTemplate"]["id"]
    lab.fis.delete_experiment_template(id=first)
    assert lab.fis.create_experiment_template(**params)["experimentTemplate"]["id"] != first


# --- the rest ---


def test_what_there_is_to_do(lab):
    listed = lab.fis.list_actions()["actions"]
    assert [one["id"] for one in listed] == sorted([WAIT, DELAY, ERROR, RESPONSE])
    shown = lab.fis.get_action(id=DELAY)["action"]
    assert shown["arn"] == f"arn:aws:fis:us-east-1:123456789012:action/{DELAY}"
    assert shown["targets"] == {"Functions": {"resourceType": "aws:lambda:function"}}
    required = {name: one["required"] for name, one in shown["parameters"].items()}
    assert required == {"duration": True, "invocationPercentage": False, "startupDelayMilliseconds": False}
    assert refusal(lab.fis.get_action, id="aws:ec2:stop-instances")[0] == "ResourceNotFoundException"
    (kind,) = lab.fis.list_target_resource_types()["targetResourceTypes"]
    found = lab.fis.get_target_resource_type(resourceType=kind["resourceType"])["targetResourceType"]
    assert found == {**kind, "parameters": {}}
    assert refusal(lab.fis.get_target_resource_type, resourceType="aws:ec2:instance")[:2] == MISSING


def test_lists_are_paged(lab):
    first = lab.fis.list_actions(maxResults=3)
    rest = lab.fis.list_actions(maxResults=3, nextToken=first["nextToken"])
    assert (len(first["actions"]), len(rest["actions"]), "nextToken" in rest) == (3, 1, False)
    assert refusal(lab.fis.list_actions, nextToken="?")[:2] == INVALID


def test_templates_and_experiments_have_tags(lab):
    made = lab.template(tags={"a": "1"})
    lab.fis.tag_resource(resourceArn=made["arn"], tags={"b": "2"})
    lab.fis.untag_resource(resourceArn=made["arn"], tagKeys=["a"])
    assert lab.fis.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"b": "2"}
    assert lab.fis.get_experiment_template(id=made["id"])["experimentTemplate"]["tags"] == {"b": "2"}
    lab.fis.untag_resource(resourceArn=made["arn"])
    assert lab.fis.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {}
    nobody = made["arn"].replace(made["id"], "EXTnone")
    assert refusal(lab.fis.list_tags_for_resource, resourceArn=nobody)[:2] == MISSING
    many = {str(n): "" for n in range(50)}
    lab.fis.tag_resource(resourceArn=made["arn"], tags=many)
    assert refusal(lab.fis.tag_resource, resourceArn=made["arn"], tags={"one": "more"})[:2] == INVALID


def test_what_is_not_served_is_refused_by_name(lab):
    made = lab.template()["id"]
    code, _, message = refusal(
        lab.fis.create_target_account_configuration, experimentTemplateId=made, accountId="1" * 12, roleArn=ROLE
    )
    assert code == "UnsupportedOperationException"
    assert message == "lambdarig does not serve fis.CreateTargetAccountConfiguration yet"
