"""AWS FIS through boto3: experiments arm rules, and end by the rig's clock."""

from __future__ import annotations

import runpy
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.services.fis.actions import duration
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

HANDLER = "def handler(event, context):\n    return context.get_remaining_time_in_millis()\n"
ROLE = "arn:aws:iam::123456789012:role/fis"
DELAY, ERROR = "aws:lambda:invocation-add-delay", "aws:lambda:invocation-error"
RESPONSE, WAIT = "aws:lambda:invocation-http-integration-response", "aws:fis:wait"
NOBODY = "arn:aws:lambda:us-east-1:123456789012:function:nobody"


class Lab:
    """A rig with functions, and boto3's `fis`."""

    def __init__(self, rig, folder):
        self.rig, self.fis, self.api = rig, rig.client("fis"), rig.client("lambda")
        self.begin(folder)

    def begin(self, folder):
        self.arns = {
            name: self.rig.function(name, folder, "handler.handler", timeout=5) for name in ("orders", "crm")
        }

    def target(self, *names, mode="ALL", **more):
        found = {"resourceArns": [self.arns.get(name, name) for name in names]} if names else {}
        return {"resourceType": "aws:lambda:function", "selectionMode": mode, **found, **more}

    def wanted(self, actions=None, **changes):
        """CreateExperimentTemplate's parameters; a change of None takes one away."""
        params = {
            "description": "chaos", "roleArn": ROLE, "stopConditions": [{"source": "none"}],
            "targets": {"fns": self.target("orders")}, "actions": {"broken": action()},
            **changes, **({"actions": actions} if actions is not None else {}),
        }
        return {key: value for key, value in params.items() if value is not None}

    def template(self, actions=None, **changes):
        """An ExperimentTemplate."""
        return self.fis.create_experiment_template(**self.wanted(actions, **changes))["experimentTemplate"]

    def start(self, actions=None, options=None, **changes):
        """Id of a running experiment."""
        more = {"experimentOptions": {"actionsMode": options}} if options else {}
        made = self.template(actions, **changes)
        return self.fis.start_experiment(experimentTemplateId=made["id"], **more)["experiment"]["id"]

    def state(self, experiment):
        return self.fis.get_experiment(id=experiment)["experiment"]["state"]["status"]

    def states(self, experiment):
        actions = self.fis.get_experiment(id=experiment)["experiment"]["actions"]
        return {name: one["state"]["status"] for name, one in actions.items()}

    def resolved(self, experiment):
        rows = self.fis.list_experiment_resolved_targets(experimentId=experiment)["resolvedTargets"]
        return [row["targetInformation"]["arn"] for row in rows]

    def fails(self, name="orders"):
        return self.rig.invoke(name).error == "Unhandled"

    def in_force(self):
        return [armed.rule.label for armed in self.rig.injector.armed() if not armed.over]


def action(kind=ERROR, target="fns", after=(), lasts="PT1M", **parameters):
    """An action of a template."""
    made = {"actionId": kind, "parameters": {"duration": lasts, **parameters}}
    made |= {"targets": {"Functions": target}} if target else {}
    return made | ({"startAfter": list(after)} if after else {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("code")
    (made / "handler.py").write_text(HANDLER)
    return made


@pytest.fixture(scope="module")
def _lab(folder):
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        yield Lab(PytestRig(rig), folder)


@pytest.fixture
def lab(_lab, folder):
    """Two functions, and nothing else."""
    _lab.rig.reset()
    _lab.begin(folder)
    return _lab


def refusal(call, **params):
    """(code, HTTP status, message)"""
    with pytest.raises(ClientError) as refused:
        call(**params)
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


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


# --- what experiments do ---


@pytest.mark.parametrize(("kind", "parameters", "holds"), [
    (DELAY, {}, lambda result: 3000 < result.payload <= 4000),
    (DELAY, {"startupDelayMilliseconds": "2500"}, lambda result: 1500 < result.payload <= 2500),
    (DELAY, {"startupDelayMilliseconds": "5000"}, lambda result: "timed out" in result.payload["errorMessage"]),
    (ERROR, {}, lambda result: result.error == "Unhandled" and result.payload["errorType"]),
    (ERROR, {"preventExecution": "true"}, lambda result: result.error == "Unhandled"),
    (RESPONSE, {}, lambda result: result.ok and result.payload["statusCode"] == 500),
    (RESPONSE, {"statusCode": "404", "contentTypeHeader": "text/plain"},
     lambda result: (result.payload["statusCode"], result.payload["headers"]) == (404, {"Content-Type": "text/plain"})),
])
def test_an_action_strikes_its_function_from_the_answer_on_until_its_time_is_over(lab, kind, parameters, holds):
    experiment = lab.start({"one": action(kind, **parameters)})
    assert holds(lab.rig.invoke("orders"))
    assert lab.rig.invoke("crm").payload > 4000, "it is aimed at another function"
    lab.rig.clock.advance(59)
    assert holds(lab.rig.invoke("orders"))
    lab.rig.clock.advance(1)
    assert lab.rig.invoke("orders").payload > 4000
    assert (lab.state(experiment), lab.in_force()) == ("completed", [])


def test_it_is_seen_as_a_rule_and_its_strikes_by_its_name(lab):
    experiment = lab.start({"broken": action()})
    label = f"fis:{experiment}:broken:orders"
    assert lab.in_force() == [label]
    lab.fails()
    (struck,) = lab.rig.timeline.strikes(label)
    assert (struck.subject, struck.point, struck.outcome) == ("orders/inv-1", "deliver", "error")


def test_an_experiment_that_struck_nothing_is_no_failure(lab):
    lab.start()
    assert lab.rig.injector.never_struck() == []


def test_a_percentage_is_drawn_from_the_seed(lab, folder):
    lab.start({"broken": action(invocationPercentage="40")})
    first = [lab.fails() for _ in range(20)]
    assert 2 < sum(first) < 14
    lab.rig.reset()
    lab.begin(folder)
    lab.start({"broken": action(invocationPercentage="40")})
    assert [lab.fails() for _ in range(20)] == first


def test_its_states_are_awss(lab):
    made = lab.template()["id"]
    begun = lab.fis.start_experiment(experimentTemplateId=made, tags={"run": "1"})["experiment"]
    assert (begun["id"][:3], len(begun["id"]), begun["tags"]) == ("EXP", 19, {"run": "1"})
    assert begun["state"] == {"status": "initiating", "reason": "Experiment is initiating."}
    assert begun["actions"]["broken"]["state"]["status"] == "pending"
    running = lab.fis.get_experiment(id=begun["id"])["experiment"]
    assert (running["state"]["status"], "endTime" in running) == ("running", False)
    lab.rig.clock.advance(300)
    over = lab.fis.get_experiment(id=begun["id"])["experiment"]
    assert over["state"] == {"status": "completed", "reason": "Experiment completed."}
    assert (over["endTime"] - over["startTime"]).total_seconds() == 60
    one = over["actions"]["broken"]
    assert one["state"]["status"] == "completed"
    assert (one["startTime"], one["endTime"]) == (over["startTime"], over["endTime"])
    assert over["roleArn"] == ROLE


def test_actions_follow_each_other(lab):
    experiment = lab.start({
        "slow": action(DELAY), "rest": action(WAIT, None, after=["slow"], lasts="PT2M"),
        "broken": action(after=["rest", "slow"]),
    })
    seen = []
    for _ in range(5):
        result = lab.rig.invoke("orders")
        seen.append("broken" if result.error else "slow" if result.payload < 4500 else "")
        lab.rig.clock.advance(60)
    assert seen == ["slow", "", "", "broken", ""]
    assert (lab.state(experiment), set(lab.states(experiment).values())) == ("completed", {"completed"})


def test_one_jump_over_all_of_it_leaves_nothing(lab):
    lab.start({"slow": action(DELAY), "broken": action(after=["slow"])})
    lab.rig.clock.advance(3600)
    assert (lab.fails(), lab.in_force()) == (False, [])


def test_stopping_undoes_it_at_once(lab):
    experiment = lab.start({"slow": action(DELAY), "broken": action(after=["slow"])})
    lab.rig.clock.advance(20)
    stopping = lab.fis.stop_experiment(id=experiment)["experiment"]["state"]
    assert stopping == {"status": "stopping", "reason": "Stopping Experiment."}
    assert (lab.in_force(), lab.rig.invoke("orders").payload > 4000) == ([], True)
    assert (lab.state(experiment), lab.states(experiment)) == ("stopped", {"slow": "stopped", "broken": "cancelled"})
    lab.rig.clock.advance(60)
    assert not lab.fails()
    code, _, message = refusal(lab.fis.stop_experiment, id=experiment)
    assert (code, message) == ("ValidationException", f"Experiment {experiment} cannot be stopped: it is stopped.")


def test_of_two_that_exclude_each_other_the_first_is_applied_and_then_the_second(lab):
    """FIS user guide, understanding concurrency: an error for two minutes, a response from the first of them on."""
    lab.start({"broken": action(lasts="PT2M")})
    lab.rig.clock.advance(60)
    lab.start({"closed": action(RESPONSE, lasts="PT2M")})
    seen = []
    for _ in range(3):
        result = lab.rig.invoke("orders")
        seen.append("error" if result.error else "response" if isinstance(result.payload, dict) else "")
        lab.rig.clock.advance(60)
    assert seen == ["error", "response", ""]


def test_the_second_takes_over_when_the_first_is_stopped_and_unlike_actions_both_apply(lab):
    first = lab.start({"broken": action(), "slow": action(DELAY)})
    lab.start({"slower": action(DELAY, startupDelayMilliseconds="3000")})
    struck = lab.rig.invoke("orders")
    assert (struck.error, "Duration: 10" in struck.log) == ("Unhandled", True)
    lab.fis.stop_experiment(id=first)
    assert 1000 < lab.rig.invoke("orders").payload <= 2000


# --- whom ---


def test_several_functions_each_have_a_rule(lab):
    lab.start(targets={"fns": lab.target("orders", "crm")})
    assert [label.rsplit(":", 1)[1] for label in lab.in_force()] == ["orders", "crm"]
    assert (lab.fails(), lab.fails("crm")) == (True, True)


@pytest.mark.parametrize(("mode", "count"), [("ALL", 2), ("COUNT(1)", 1), ("COUNT(9)", 2), ("PERCENT(50)", 1)])
def test_a_part_is_drawn(lab, mode, count):
    experiment = lab.start(targets={"fns": lab.target("orders", "crm", mode=mode)})
    struck = [name for name in lab.arns if lab.fails(name)]
    assert (len(struck), lab.resolved(experiment)) == (count, [lab.arns[name] for name in struck])


def test_every_experiment_draws_anew(lab):
    made = lab.template(targets={"fns": lab.target("orders", "crm", mode="COUNT(1)")})["id"]
    drawn = set()
    for _ in range(12):
        experiment = lab.fis.start_experiment(experimentTemplateId=made)["experiment"]["id"]
        drawn.update(lab.resolved(experiment))
        lab.fis.stop_experiment(id=experiment)
    assert drawn == set(lab.arns.values())


def test_functions_are_found_by_their_tags(lab):
    lab.api.tag_resource(Resource=lab.arns["crm"], Tags={"chaos": "yes", "team": "a"})
    lab.start(targets={"fns": lab.target(resourceTags={"chaos": "yes"})})
    assert (lab.fails("orders"), lab.fails("crm")) == (False, True)


def test_an_alias_is_struck_alone(lab):
    api = lab.api
    version = api.publish_version(FunctionName="orders")["Version"]
    alias = api.create_alias(FunctionName="orders", Name="live", FunctionVersion=version)["AliasArn"]
    lab.start(targets={"fns": lab.target(alias)})
    errors = [api.invoke(FunctionName=name).get("FunctionError") for name in ("orders", "orders:live")]
    assert errors == [None, "Unhandled"]


def test_a_target_without_functions_fails_the_experiment(lab):
    experiment = lab.start(targets={"fns": lab.target("orders"), "none": lab.target(NOBODY)})
    shown = lab.fis.get_experiment(id=experiment)["experiment"]
    assert shown["state"]["status"] == "failed"
    assert shown["state"]["reason"] == "Target resolution returned empty set"
    assert shown["state"]["error"]["code"] == "InvalidTarget"
    assert (lab.states(experiment), lab.in_force()) == ({"broken": "cancelled"}, [])


def test_unless_it_may_be_skipped(lab):
    experiment = lab.start(
        {"broken": action(), "none": action(target="none", lasts="PT1H")},
        targets={"fns": lab.target("orders"), "none": lab.target(NOBODY)},
        experimentOptions={"emptyTargetResolutionMode": "skip"},
    )
    assert (lab.fails(), lab.states(experiment)) == (True, {"broken": "running", "none": "skipped"})
    lab.rig.clock.advance(60)
    assert lab.state(experiment) == "completed"


def test_a_rehearsal_resolves_targets_and_skips_actions(lab):
    experiment = lab.start(options="skip-all")
    assert (lab.fails(), lab.resolved(experiment)) == (False, [lab.arns["orders"]])
    assert (lab.state(experiment), lab.states(experiment)) == ("completed", {"broken": "skipped"})


# --- the rest ---


def test_five_experiments_can_run_at_a_time(lab):
    made = lab.template()["id"]
    running = [lab.fis.start_experiment(experimentTemplateId=made)["experiment"]["id"] for _ in range(5)]
    assert refusal(lab.fis.start_experiment, experimentTemplateId=made)[:2] == ("ServiceQuotaExceededException", 402)
    lab.fis.stop_experiment(id=running[2])
    sixth = lab.fis.start_experiment(experimentTemplateId=made)["experiment"]["id"]
    rows = lab.fis.list_experiments(experimentTemplateId=made)["experiments"]
    assert [row["id"] for row in rows] == [*running, sixth]
    assert lab.fis.list_experiments(experimentTemplateId="EXTnone")["experiments"] == []


def test_a_reset_ends_and_forgets_everything_and_the_same_ids_come_again(lab, folder):
    def begin():
        made = lab.template(clientToken="t")["id"]
        return made, lab.fis.start_experiment(experimentTemplateId=made)["experiment"]["id"]

    before = begin()
    lab.rig.reset()
    assert (lab.rig.injector.armed(), lab.fis.list_experiments()["experiments"]) == ((), [])
    assert lab.fis.list_experiment_templates()["experimentTemplates"] == []
    lab.begin(folder)
    assert begin() == before


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


def test_an_action_may_have_any_name(lab):
    lab.start({"a,b/c:ü": action()})
    assert lab.fails()
    assert len(lab.rig.timeline.strikes(lab.in_force()[0])) == 1


def test_the_example_gives_what_the_page_says(lab, write_handler, monkeypatch, capsys):
    source = "def handler(event, context):\n    return {'order': event['order']}\n"
    lab.rig.function("shop", write_handler(source), "handler.handler")
    variables = {"AWS_ENDPOINT_URL": lab.rig.url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in (variables | {"AWS_DEFAULT_REGION": "us-east-1"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    tests = Path(__file__).parent
    example, page = tests / "examples" / "fis_experiment.py", tests.parent / "docs" / "aws.md"
    runpy.run_path(str(example))
    assert f"```python\n{example.read_text()}```\n\n```\n{capsys.readouterr().out}```\n" in page.read_text()
    assert f"$ lambdarig fault list\n{lab.in_force()[0]}: invocation_error, struck 2\n" in page.read_text()
