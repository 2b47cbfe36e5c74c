from pathlib import Path

import pytest
from scenario_file import refused

from emulator.files import ScenarioFile, load
from emulator.scenario import check

pytest_plugins = ["scenario_file"]  # fixture: write


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("engine: dokcer", "engine: unknown engine 'dokcer' (choose from: auto, docker, inline, process)"),
        ("texts: klingon", "texts: unknown generation of texts 'klingon' (choose from: "),
        ("clock: broken", "clock: Input should be 'manual' or 'real', not 'broken'"),
        ("seed: x", "seed: Input should be a valid integer, not 'x'"),
        ("faults: [cold]", "faults.0.fault: unknown fault 'cold' (choose from: aws_blackhole"),
        ("faults: [cold_start, cold_start]", "faults.1: a rule named 'cold_start' is armed already"),
        ("faults: [{fault: cold_start, when: {times: -1}}]", "faults.0.when.times: must be 1 or more, not -1"),
    ],
)
def test_the_head_is_checked(write, head, said):
    assert refused(write("steps: [{advance: 1}]", f"scenario: x\n{head}")).startswith(said)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{}", ": needs exactly one of its kinds, has none (choose from: advance, arm, aws, disarm, http, invoke, s"),
        ("{advance: 1, disarm: x}", ": needs exactly one of its kinds, has advance, disarm"),
        ("{invok: {}}", ".invok: unknown key (choose from: advance, arm, aws, disarm, expect, "),
        ("{advance: -1}", ".advance: Input should be greater than or equal to 0, not -1"),
        ("{advance: soon}", ".advance: Input should be a valid number, not 'soon'"),
        ("{advance: 1, repeat: 0}", ".repeat: Input should be greater than or equal to 1, not 0"),
        ("{invoke: crm}", ".invoke: Input should be a valid dictionary or instance of InvokeStep, not 'crm'"),
        ("{invoke: {}}", ".invoke.function: is missing"),
        ("{invoke: {function: 5}}", ".invoke.function: Input should be a valid string, not 5"),
        ("{invoke: {function: crm, event: {}}}", ".invoke.event: unknown key (choose from: function, "),
        ("{aws: {service: s3}}", ".aws.operation: is missing"),
        ("{aws: {service: s3, operation: x, params: {}}}", ".aws.params: unknown key (choose from: credentials, "),
        ("{aws: {service: s3x, operation: x}}", ".aws.service: unknown service 's3x' (choose from: fsx, s3)"),
        ("{aws: {service: sts, operation: AssumeRole}}", ".aws.operation: sts has no operation 'AssumeRole' (choose"),
        ("{aws: {service: sts, operation: assum_role}}", ".aws.operation: sts has no operation 'assum_role' (choose"),
        ("{aws: {service: sts, operation: assume_role, with: []}}", ".aws.with: Input should be a valid dictionary"),
        ("{aws: {service: s3, operation: list_buckets, region: mars-1}}", ".aws.region: unknown region 'mars-1' ("),
        ("{http: {path: /}}", ".http: needs exactly one of api, url"),
        ("{http: {api: shop, path: /, url: 'http://x/'}}", ".http: needs exactly one of api, url"),
        ("{http: {url: 'http://x/', path: /}}", ".http.path: belongs to api; a url has its own"),
        ("{http: {url: x}}", ".http.url: String should match pattern"),
        ("{http: {api: shop}}", ".http.path: is missing"),
        ("{advance: 1, show: 'a['}", ".show: 'a[' is no JMESPath: "),
        (f"{{advance: 1, show: {'(' * 3000}a}}", ".show: '(((("),
        ("{settle: 0}", ".settle: Input should be greater than 0, not 0"),
        ("{http: {api: shop, path: orders}}", ".http.path: String should match pattern '^(/|$)', not 'orders'"),
        ("{http: {api: shop, path: /, method: get it}}", ".http.method: String should match pattern '^[A-Z]+$'"),
        ("{http: {api: shop, path: /, headers: {A: 1}}}", ".http.headers.A: Input should be a valid string, not 1"),
        ("{http: {api: shop, path: /, data: 1}}", ".http.data: unknown key (choose from: api, body, headers, json, "),
        ("{http: {api: shp, path: /}}", ".http.api: unknown API 'shp' (choose from: shop)"),
        ("{arm: cold}", ".arm.fault: unknown fault 'cold' (choose from: "),
        ("{arm: [cold_start]}", ".arm: must be a mapping, not ['cold_start']"),
        ("{arm: cold_start, repeat: 2}", ".repeat: nobody can arm a rule twice"),
        ("{disarm: cold_start}", ".disarm: no rule named 'cold_start' is armed then"),
        ("{invoke: {function: '${secrets.t.arn}'}}", ".invoke: ${secrets.t.arn} leads nowhere: unknown 't' in"),
        ("{invoke: {function: x, payload: ['${step.x}']}}", ".invoke: ${step.x} leads nowhere: unknown 'step' (choose"),
        ("{http: {api: shop, path: '/${steps.x.y}'}}", ".http: ${steps.x.y} leads nowhere: unknown 'x' in steps"),
        ("{advance: 1, expect: {'a[': 1}}", ".expect: 'a[' is no JMESPath: "),
        ("{advance: 1, expect: {'': 1}}", ".expect: '' is no JMESPath: "),
        ("{advance: 1, expect: {'sizeof(a)': 1}}", ".expect: 'sizeof(a)' is no JMESPath: Unknown function: sizeof()"),
        ("{advance: 1, expect: {a: {contains: x, like: y}}}", ".expect.a.like: unknown check (choose from: at_least, "),
        ("{advance: 1, expect: {a: {matches: '('}}}", ".expect.a.matches: is no regular expression: "),
        ("{advance: 1, expect: {a: {matches: 5}}}", ".expect.a.matches: is no regular expression: "),
        ("{advance: 1, expect: {a: {at_least: many}}}", ".expect.a.at_least: must be a number, not 'many'"),
        ("{advance: 1, expect: {a: {at_most: true}}}", ".expect.a.at_most: must be a number, not True"),
        ("{advance: 1, expect: {a: {not: {contains: x, nor: y}}}}", ".expect.a.not.nor: unknown check"),
        ("{advance: 1, expect: [a]}", ".expect: Input should be a valid dictionary, not ['a']"),
    ],
)  # fmt: skip
def test_each_step_is_checked(write, step, said):
    assert refused(write(f"steps: [{{advance: 1}}, {step}]")).startswith(f"steps.1{said}")


def test_a_step_is_missing_or_named_twice(write):
    assert refused(write("steps: []")).startswith("steps: List should have at least 1 item after validation, not 0")
    assert refused(write("")) == "steps: is missing"
    two = "steps: [{name: a, advance: 1}, {name: a, advance: 1}]"
    assert refused(write(two)) == "steps.1.name: there is a step named 'a' already"


def test_a_rule_can_be_armed_again_only_after_it_was_disarmed(write):
    path = write("steps: [{arm: cold_start}, {disarm: cold_start}, {arm: cold_start}, {arm: cold_start}]")
    assert refused(path).startswith("steps.3.arm: a rule named 'cold_start' is armed already")


def test_the_scenarios_of_this_project_are_right():
    files = sorted((Path(__file__).parent.parent / "sample_connectors" / "scenarios").glob("*.yaml"))
    assert files
    for file in files:
        check(load(file, ScenarioFile), file)
