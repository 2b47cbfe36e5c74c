"""Experiments of AWS FIS through boto3: they arm rules, and end by the rig's clock."""

from __future__ import annotations

import runpy
from pathlib import Path

import boto3
import pytest
from fis_rig import DELAY, ERROR, RESPONSE, ROLE, WAIT, action, refusal

pytest_plugins = ["fis_rig"]  # fixtures: folder, lab
NOBODY = "arn:aws:lambda:us-east-1:123456789012:function:nobody"


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
