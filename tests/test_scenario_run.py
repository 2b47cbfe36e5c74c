import json
import socket
import threading

import pytest
from scenario_file import run

from emulator import expectations
from emulator.errors import EngineError, FaultError, FileProblem, RigError, UsageError
from emulator.files import Step

pytest_plugins = ["scenario_file"]  # fixture: write


# --- what happens ---


def test_a_scenario_passes_and_says_how_to_replay_it(write):
    path = write("steps: [{name: plain, invoke: {function: crm, payload: {a: [1]}}, expect: {payload.got.a: [1]}}]")
    said = []
    result = run(path, say=said.append, seed=3)
    assert (result["scenario"], result["passed"], result["problems"]) == ("test", True, [])
    assert (result["engine"], result["seed"]) == ("inline", 3)
    assert result["replay"] == f"lambdarig run {path} --engine inline --seed 3"
    assert said == ["ok     test: plain"]
    assert result["steps"][0]["result"]["payload"]["token"].startswith("arn:aws:secretsmanager:us-east-1:1234567")
    json.dumps(result)


def test_the_same_seed_gives_the_same_fingerprint_and_other_calls_another(write):
    path = write("steps: [{invoke: {function: crm}}, {aws: {service: sts, operation: get_caller_identity}}]")
    prints = [run(path)["fingerprint"] for _ in range(2)]
    assert prints[0] == prints[1]
    assert run(write("steps: [{invoke: {function: crm}}]"))["fingerprint"] != prints[0]


def test_results_of_earlier_steps_can_be_used(write):
    result = run(write("""
steps:
  - {name: read, aws: {service: secretsmanager, operation: get_secret_value, with: {SecretId: token}}}
  - {invoke: {function: crm, payload: {said: "${steps.read.SecretString}", arn: "${secrets.token.arn}"}},
     expect: {payload.got.said: '{"a": 1}'}}
  - {invoke: {function: "${functions.crm.arn}", payload: "${steps.step 2.payload.got}"},
     expect: {payload.got.said: '{"a": 1}', payload.got.arn: {contains: ":secret:token-"}}}
"""))  # fmt: skip
    assert result["problems"] == []


def test_what_a_payload_holds_is_filled_once(write):
    path = write("""
steps:
  - {name: make, aws: {service: secretsmanager, operation: create_secret, with: {Name: odd, SecretString: "$${x}"}}}
  - {name: read, aws: {service: secretsmanager, operation: get_secret_value, with: {SecretId: odd}}}
  - {invoke: {function: crm, payload: {a: "${steps.read.Name}"}}, expect: {payload.got.a: "${steps.read.Name}"}}
""".replace("$${x}", "dollar"))
    assert run(path)["problems"] == []


def test_times_and_streams_in_answers_become_text(write):
    result = run(write("""
steps:
  - {aws: {service: s3, operation: create_bucket, with: {Bucket: bucket}}}
  - {aws: {service: s3, operation: put_object, with: {Bucket: bucket, Key: k, Body: '{"x": 1}'}}}
  - {name: get, aws: {service: s3, operation: get_object, with: {Bucket: bucket, Key: k}}, expect: {Body: '{"x": 1}'}}
"""))  # fmt: skip
    assert result["problems"] == []
    assert isinstance(result["steps"][2]["result"]["LastModified"], str)
    json.dumps(result)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{advance: 1, expect: {a: {matches: '${steps.one.payload.got.re}'}}}", "step 2.expect.a.matches: is no reg"),
        ("{advance: 1, expect: {a: {matches: '${steps.one.payload}'}}}", "step 2.expect.a.matches: is no regular"),
        ("{advance: 1, expect: {a: '${steps.one.payload.got.least}'}}", "step 2.expect.a.at_least: must be a number"),
        ("{http: {api: shop, path: /, sign: '${steps.one.payload.got.keys}'}}", "credentials are texts: AccessKeyId"),
        ("{http: {url: '${steps.one.payload.got.n}'}}", "http GET : Invalid URL '5'"),
        ("{http: {url: '${steps.one.payload.got.keys}'}}", "http GET : No connection adapters were"),
    ],
)  # fmt: skip
def test_what_a_reference_led_to_is_checked_too(write, step, said):
    payload = "{re: '(', least: {at_least: many}, keys: {AccessKeyId: 5, SecretAccessKey: 7}, n: 5}"
    file = write(f"steps: [{{name: one, invoke: {{function: crm, payload: {payload}}}}}, {step}]")
    with pytest.raises(UsageError) as raised:
        run(file)
    assert said in str(raised.value)


def test_an_api_is_called_by_its_url(write):
    result = run(write("""
steps:
  - {invoke: {function: crm, payload: {a: 1}}, name: one}
  - http: {url: "https://${apis.shop.id}.execute-api.us-east-1.amazonaws.com:443/dev/orders/7"}
    expect: {status: 200, body: /orders/7}
  - http: {api: shop, method: PUT, path: /orders/7, body: "${steps.one.payload.got}"}
    expect: {body: '{"a": 1}'}
"""))
    assert result["problems"] == []


def test_an_api_is_called_over_http(write):
    result = run(write("""
steps:
  - {http: {api: shop, path: /orders/7, headers: {X-Asked: "yes"}},
     expect: {status: 200, body: /orders/7, headers."x-seen": "yes"}}
  - {http: {api: shop, method: POST, path: /orders/7, json: {a: "${secrets.token.arn}"}},
     expect: {status: 201, json.a: {contains: secret}}}
  - {http: {api: shop, method: PUT, path: /orders/7, body: "pl\u00e4in"}, expect: {body: "pl\u00e4in"}}
  - {http: {api: shop, path: /nowhere}, expect: {status: 403}}
"""))  # fmt: skip
    assert result["problems"] == []


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("{invoke: {function: crm, payload: {fail: oops}}}", 'failed: {"errorMessage": "oops", "errorType": "Value'),
        ("{invoke: {function: gone}}", 'failed: {"code": "ResourceNotFoundException"'),
        ("{aws: {service: s3, operation: list_objects_v2, with: {Bucket: gone}}}", 'failed: {"code": "NoSuchBucket"'),
        ("{http: {api: shop, path: /nowhere}}", 'failed: {"status": 403'),
        ("{invoke: {function: crm}, expect: {payload.got: {a: 1}}}", 'payload.got: expected {"a": 1}, found {}'),
        ("{invoke: {function: crm, payload: {fail: x}}, expect: {payload.errorType: ValueError}}", "failed: "),
        ("{invoke: {function: crm}, expect: {function_error: Unhandled}}", "function_error: expected Unhandled, fou"),
        ("{invoke: {function: crm}, expect: {'length(payload.x)': 1}}", "length(payload.x): cannot be looked up: "),
        ("{invoke: {function: crm, payload: {a: [1]}}, expect: {'payload.got.a[::0]': 1}}",
         "payload.got.a[::0]: cannot be looked up: slice step cannot be zero"),
    ],
)  # fmt: skip
def test_a_step_that_does_not_give_what_it_must_fails_the_scenario(write, step, problem):
    result = run(write(f"steps: [{step}]"))
    assert (result["passed"], len(result["problems"])) == (False, 1)
    assert result["problems"][0].startswith(f"step 1: {problem}")


@pytest.mark.parametrize(
    "step",
    [
        "{invoke: {function: crm, payload: {fail: x}}, expect: {function_error: Unhandled, payload.errorMessage: x}}",
        "{invoke: {function: gone}, expect: {error.code: ResourceNotFoundException, error.status: 404}}",
        "{http: {api: shop, path: /nowhere}, expect: {status: {at_least: 400}}}",
        "{invoke: {function: crm}, repeat: 5}",
    ],
)
def test_a_failure_that_is_expected_is_none(write, step):
    assert run(write(f"steps: [{step}]"))["problems"] == []


def test_rules_strike_and_are_counted(write):
    result = run(write("""
faults: [{name: gone, fault: secret_visibility_delay, with: {reads: 2}}]
steps:
  - {invoke: {function: crm, payload: {secret: token}}, repeat: 2, expect: {function_error: Unhandled}}
  - {invoke: {function: crm, payload: {secret: token}}, expect: {payload.value: '{"a": 1}'}}
"""))  # fmt: skip
    assert (result["problems"], result["struck"]) == ([], {"gone": 2})


def test_a_rule_that_never_struck_fails_the_scenario_by_name_unless_it_is_optional(write):
    result = run(write("""
faults: [{name: idle, fault: aws_denied}, {name: allowed, fault: aws_denied, optional: true}]
steps: [{arm: {name: brief, fault: aws_denied}}, {disarm: brief}]
"""))  # fmt: skip
    nothing = "it strikes where origin is function"
    told = zip(result["problems"], ("brief", "idle"), strict=True)
    assert all(said.startswith(f"the rule '{name}' never struck: {nothing}") for said, name in told)
    assert result["struck"] == {"brief": 0, "idle": 0, "allowed": 0}


def test_rules_are_armed_and_disarmed_in_the_middle(write):
    result = run(write("""
steps:
  - {arm: {name: denied, fault: aws_denied}}
  - invoke: {function: crm, payload: {secret: token}}
    expect: {payload.errorMessage: {contains: not authorized}, function_error: Unhandled}
  - {disarm: denied}
  - {invoke: {function: crm, payload: {secret: token}}, expect: {payload.value: {contains: a}}}
  - {arm: {name: denied, fault: aws_denied, when: {times: 1}}}
  - {invoke: {function: crm, payload: {secret: token}}, expect: {function_error: Unhandled}}
"""))  # fmt: skip
    assert (result["problems"], result["struck"]) == ([], {"denied": 2})


def test_rig_time_moves_only_by_steps(write):
    result = run(write("""
faults: [{name: slow, fault: secret_visibility_delay, with: {seconds: 60}}]
steps:
  - {invoke: {function: crm, payload: {secret: token}}, expect: {function_error: Unhandled}}
  - {advance: 59.5}
  - {invoke: {function: crm, payload: {secret: token}}, expect: {function_error: Unhandled}}
  - {advance: 0.5}
  - {invoke: {function: crm, payload: {secret: token}}, expect: {payload.value: {contains: a}}}
"""))  # fmt: skip
    assert result["problems"] == []


@pytest.mark.parametrize(
    ("part", "key", "said"),
    [
        ("functions: {crm: {folder: code, handler: h, environment: {AWS_REGION: x}}}", "functions.crm", "reserved"),
        ("functions: {crm: {folder: code, handler: h, reserved_concurrency: 1000}}", "functions.crm", "Unreserved"),
    ],
)
def test_what_aws_refuses_is_told_with_its_place(write, part, key, said):
    path = write("steps: [{advance: 1}]", f"scenario: x\nengine: inline\n{part}")
    with pytest.raises(FileProblem, match=said) as caught:
        run(path)
    assert str(caught.value).startswith(f"{path}: {key}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("{Bucket: bucket, Kye: k}", r'Parameter validation failed: Missing required parameter in input: "Key"'),
        ("{Bucket: 5}", "expected string or bytes-like object"),
    ],
)
def test_wrong_parameters_of_a_step_are_told_with_its_place(write, params, said):
    path = write(f"steps: [{{aws: {{service: s3, operation: get_object, with: {params}}}}}]")
    with pytest.raises(FileProblem, match=rf"aws s3\.get_object: {said}") as caught:
        run(path)
    assert "\n" not in str(caught.value)


def test_a_fault_that_is_wrong_names_the_step(write, monkeypatch):
    from faults.cold_start import ColdStartLatency

    monkeypatch.setattr(ColdStartLatency, "heal", lambda self, ctx: 1 / 0)
    path = write("faults: [{fault: cold_start, optional: true}]\nsteps: [{name: off, disarm: cold_start}]")
    with pytest.raises(FaultError, match=rf"{path}: off: fault 'cold_start' raised while healing: ZeroDivisionError"):
        run(path)


def test_what_the_rig_gets_wrong_is_no_answer_of_aws(write, monkeypatch):
    from emulator.functions.engines.inline import InlineEngine

    def broken(engine, spec):
        raise EngineError("the engine has gone")

    monkeypatch.setattr(InlineEngine, "start", broken)
    path = write("steps: [{name: call, invoke: {function: crm}, expect: {error.status: 500}}]")
    failed = rf"{path}: call: lambda:InvokeFunction failed in lambdarig: .*has gone"
    with pytest.raises(RigError, match=failed) as caught:
        run(path)
    assert caught.value.exit_code == 3


def test_nothing_is_left_when_a_run_breaks_off(write, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(FileProblem):
        run(write("steps: [{aws: {service: s3, operation: get_object}}]"))
    assert list(tmp_path.glob("lambdarig-*")) == []


# --- what holds ---


@pytest.mark.parametrize(
    ("found", "wanted", "holds"),
    [
        (1, 1, True),
        (None, None, True),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({}, {}, True),
        ("abc", {"contains": "b"}, True),
        ("abc", {"contains": "x"}, False),
        (["abc", 1], {"contains": "abc"}, True),
        ([True], {"contains": True}, True),
        (None, {"contains": "null"}, True),
        ("abc", {"matches": "^a.c$"}, True),
        ("abc", {"matches": "b$"}, False),
        (5, {"at_least": 5}, True),
        (5, {"at_least": 5.1}, False),
        (5, {"at_most": 5}, True),
        ("5", {"at_least": 1}, False),
        (None, {"at_most": 1}, False),
        (5, {"at_least": 1, "at_most": 4}, False),
        (5, {"not": 6}, True),
        (5, {"not": 5}, False),
        ("abc", {"not": {"contains": "x"}}, True),
        ("abc", {"contains": "a", "not": {"contains": "b"}}, False),
    ],
)
def test_expectations(found, wanted, holds):
    assert expectations.holds(found, wanted) is holds


@pytest.mark.parametrize("answer", [{"status": "ACTIVE"}, {"error": "the service's own", "x": 1}, {"status": 500}])
def test_an_answers_own_words_are_no_failure(answer):
    step = Step(aws={"service": "x", "operation": "y"})
    assert expectations.judged(step, answer) == []


def test_a_function_reaches_any_host_through_a_relay(write, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=lambda: server.accept()[0].sendall(b"PONG"))
        answering.start()
        (tmp_path / "code" / "ping.py").write_text(
            "import os, socket\n"
            "def handler(event, context):\n"
            "    assert os.environ['WHOLE'] == f'{os.environ[\"HOST\"]}:{os.environ[\"PORT\"]}'\n"
            "    with socket.create_connection((os.environ['HOST'], int(os.environ['PORT'])), 10) as cache:\n"
            "        return cache.recv(4).decode()\n"
        )
        head = "scenario: test\nengine: inline"
        path = write(f"""
relays: {{cache: "127.0.0.1:{server.getsockname()[1]}"}}
functions:
  ping:
    folder: code
    handler: ping.handler
    environment: {{HOST: "${{relays.cache.host}}", PORT: "${{relays.cache.port}}", WHOLE: "${{relays.cache.address}}"}}
faults: [{{fault: socket_latency, with: {{ms: 1}}, match: {{host: cache}}}}]
steps:
  - invoke: {{function: ping}}
    expect: {{payload: PONG}}
""", head)
        result = run(path)
        answering.join(10)
    assert result["problems"] == []
    assert result["struck"] == {"socket_latency": 1}
