"""Node.js with AWS's own runtime client: what callbacks, promises, open sockets and lost errors come to."""

from __future__ import annotations

import json

import pytest
from engine_choice import ENGINES
from runtime_rig import SOURCES, invoker

from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

ON_ENGINES = [pytest.param("docker", marks=pytest.mark.docker), *(e for e in ENGINES if e != "docker")]
FOLDER = SOURCES / "nodejs"


@pytest.fixture(scope="module", params=ON_ENGINES)
def rig(request):
    with Rig(Settings(engine=request.param, manual_clock=True)) as made:
        yield PytestRig(made)


@pytest.fixture(scope="module")
def invoke(rig):
    return invoker(rig, "nodejs22.x", FOLDER)


def test_a_callback_handler_answers(invoke):
    assert invoke("app.callback", {"do": "echo", "n": 1}).payload == {"do": "echo", "n": 1}


def test_an_async_handler_answers_and_logs_as_on_lambda(invoke):
    seen = invoke("app.promised", {"do": "echo"})
    assert seen.payload == {"do": "echo"}
    said = next(line for line in seen.log.splitlines() if "an order came" in line)
    time, request_id, level, text = said.split("\t")
    assert time.endswith("Z")
    assert f"START RequestId: {request_id} " in seen.log
    assert (level, text) == ("INFO", "an order came echo")


def test_the_log_begins_with_the_runtimes_version(invoke):
    log = invoke("app.callback", {"do": "echo"}, fresh="first").log
    assert "INIT_START Runtime Version: nodejs:22.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:" in log


def test_the_environment_is_awss(invoke):
    seen = invoke("app.callback", {"do": "environ"}, memory=256).payload
    assert seen["NODE_PATH"] == ("/opt/nodejs/node22/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:"
                                 "/var/runtime:/var/task")
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs22.x"
    assert seen["PATH"] == "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
    assert seen["LD_LIBRARY_PATH"].startswith("/var/lang/lib:/lib64:/usr/lib64:/var/runtime:")
    assert (seen["LAMBDA_TASK_ROOT"], seen["LAMBDA_RUNTIME_DIR"], seen["TZ"]) == ("/var/task", "/var/runtime", ":UTC")
    assert "PYTHONPATH" not in seen
    assert not [name for name in seen if name.startswith("LAMBDARIG")]


def test_v8_may_grow_to_nine_tenths_of_the_functions_memory(invoke):
    seen = invoke("app.callback", {"do": "about"}, memory=256).payload
    assert seen["flags"] == ["--expose-gc", "--max-http-header-size", "81920", "--max-semi-space-size=12",
                             "--max-old-space-size=231"]
    assert (seen["version"].partition(".")[0], seen["cwd"], seen["uid"]) == ("v22", "/var/task", 993)


@pytest.mark.parametrize(("handler", "event"), [("app.callback", {"do": "sdk"}), ("module.handler", {})])
def test_awss_sdk_is_in_the_runtime_for_both_kinds_of_module(invoke, handler, event):
    answer = invoke(handler, event).payload
    assert (answer if isinstance(answer, str) else answer["sdk"]) == "function"


# --- the event loop ---------------------------------------------------------------------------------------------------


def test_a_callback_waits_for_an_open_socket_until_the_functions_time_is_up(invoke):
    seen = invoke("app.callback", {"do": "hold"}, timeout=2)
    assert seen.payload["errorType"] == "Sandbox.Timedout"
    assert seen.payload["errorMessage"].endswith("Error: Task timed out after 2.00 seconds")


def test_the_guides_lower_case_spelling_does_nothing(invoke):
    seen = invoke("app.callback", {"do": "hold", "misspelt": False}, timeout=2)
    assert seen.payload["errorType"] == "Sandbox.Timedout"


def test_the_property_as_it_is_really_spelt_sends_the_answer_and_the_socket_stays(invoke):
    seen = [invoke("app.callback", {"do": "hold", "wait": False}, fresh="spelt").payload for _ in range(2)]
    assert seen == [{"invocations": 1, "sockets": 1}, {"invocations": 2, "sockets": 2}]


def test_an_async_handler_never_waits_for_sockets(invoke):
    assert invoke("app.promised", {"do": "hold"}, fresh="open").payload == {"invocations": 1, "sockets": 1}


def test_a_handler_that_never_calls_back_answers_null(invoke):
    seen = invoke("app.callback", {"do": "silence"})
    assert (seen.payload, seen.error) == (None, "")


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("handler", ["app.callback", "app.promised"])
def test_an_exception_comes_with_its_trace(invoke, handler):
    seen = invoke(handler, {"do": "raise"})
    assert seen.error == "Unhandled"
    assert list(seen.payload) == ["errorType", "errorMessage", "trace"]
    assert (seen.payload["errorType"], seen.payload["errorMessage"]) == ("TypeError", "wrong")
    assert seen.payload["trace"][0] == "TypeError: wrong"
    assert seen.payload["trace"][1].startswith("    at Object.raise (/var/task/app.js:")
    assert "\tERROR\tInvoke Error \t{" in seen.log
    told = json.loads(seen.log.partition("Invoke Error \t")[2].splitlines()[0])
    assert (told["errorType"], told["stack"][0]) == ("TypeError", "TypeError: wrong")


def test_what_is_called_back_with_an_error_is_one(invoke):
    seen = invoke("app.callback", {"do": "refuse"})
    assert (seen.error, seen.payload["errorType"], seen.payload["errorMessage"]) == ("Unhandled", "Error", "refused")


def test_an_exception_that_nobody_catches_is_told_and_ends_the_process(invoke):
    first = invoke("app.callback", {"do": "later"}, fresh="129")
    assert (first.error, first.payload["errorType"]) == ("Unhandled", "RangeError")
    assert first.payload["errorMessage"] == "later"
    assert "\tERROR\tUncaught Exception \t{" in first.log
    assert "INIT_START" in invoke("app.callback", {"do": "about"}, fresh="129").log


def test_a_rejection_that_nobody_handles_is_told_and_ends_the_process(invoke):
    first = invoke("app.callback", {"do": "reject"}, fresh="128")
    assert first.payload["errorType"] == "Runtime.UnhandledPromiseRejection"
    assert first.payload["errorMessage"] == "Error: nobody listens"
    assert "\tERROR\tUnhandled Promise Rejection \t{" in first.log
    assert "INIT_START" in invoke("app.callback", {"do": "about"}, fresh="128").log


@pytest.mark.parametrize("what", ["heap", "buffers"])
def test_out_of_memory_is_the_kernels_kill(invoke, what):
    seen = invoke("app.promised", {"do": what}, fresh=what, memory=256)
    assert seen.payload["errorType"] == "Runtime.OutOfMemory"
    assert seen.payload["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert "Memory Size: 256 MB\tMax Memory Used: 256 MB" in seen.log
    assert "Status: error\tError Type: Runtime.OutOfMemory" in seen.log


# --- other versions ---------------------------------------------------------------------------------------------------


def test_node_20_runs_node_20(rig):
    seen = invoker(rig, "nodejs20.x", FOLDER)("app.callback", {"do": "about"})
    assert seen.payload["version"].startswith("v20.")
    assert "INIT_START Runtime Version: nodejs:20.v1\t" in seen.log


def test_node_24_runs_promises_and_refuses_callbacks(rig):
    invoke = invoker(rig, "nodejs24.x", FOLDER)
    assert invoke("app.promised", {"do": "about"}).payload["version"].startswith("v24.")
    refused = invoke("app.callback", {"do": "echo"})
    assert refused.error == "Unhandled"
    assert refused.payload["errorType"] == "Runtime.CallbackHandlerDeprecated"
