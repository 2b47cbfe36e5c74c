"""Environments for real: init, reuse, many at once, and which are kept. On each real engine."""

from __future__ import annotations

import base64
import io
import json
import re
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from lambda_fixtures import invoke, zipped
from life_rig import AT_ONCE_S, alone, made, words

from emulator.functions import execution

pytest_plugins = ["life_rig"]  # fixtures: api, engine_rig, life
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


# --- init and reuse ---------------------------------------------------------------------------------------


def test_cold_then_warm(api, life):
    first, error, log = invoke(api, life)
    assert error == ""
    assert words(log) == ["INIT_START", "START", "END", "REPORT"]
    assert re.search(r"\tInit Duration: \d+\.\d\d ms\t\n$", log)
    assert log.count("module runs\n") == 1
    second, _, log = invoke(api, life)
    assert words(log) == ["START", "END", "REPORT"]
    assert "Init Duration" not in log
    assert "module runs" not in log
    assert (second["pid"], second["n"]) == (first["pid"], 2)


def test_what_the_context_says(api, life):
    custom = {"custom": {"who": "me"}, "env": {}, "client": {}}
    encoded = base64.b64encode(json.dumps(custom).encode()).decode()
    told, _, _ = invoke(api, life, {"do": "context"}, ClientContext=encoded)
    assert 50_000 < told["left"] <= 60_000
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", told["id"])
    assert (told["arn"], told["memory"], told["custom"]) == (f"{ARN}{life}", "1769", {"who": "me"})
    assert told["trace"].startswith("Root=1-")


def test_environment_variables(engine_rig, api, life):
    found, _, _ = invoke(api, life, {"do": "environ"})
    expected = {
        "_HANDLER": "app.handler",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "AWS_LAMBDA_FUNCTION_NAME": life,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{life}",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": ":".join(
            ("/var/lang/lib", "/lib64", "/usr/lib64", "/var/runtime", "/var/runtime/lib", "/var/task", "/var/task/lib",
             "/opt/lib")
        ),
        "PYTHONPATH": "/var/runtime",
        "PWD": "/var/task",
        "SHLVL": "0",
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert found["AWS_ENDPOINT_URL"].startswith("http://")
    (stream,) = engine_rig.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{life}")["logStreams"]
    assert found["AWS_LAMBDA_LOG_STREAM_NAME"] == stream["logStreamName"]


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "text"),
    [
        ("print('once')\nraise KeyError('no config')", "app.handler", "KeyError", "'no config'"),
        ("print('once')\ndef handler(:\n", "app.handler", "Runtime.UserCodeSyntaxError",
         "Syntax error in module 'app'"),
        ("print('once')\nimport nothing_of_the_kind", "app.handler", "Runtime.ImportModuleError",
         "Unable to import module 'app': No module named 'nothing_of_the_kind'"),
        ("print('once')", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("print('once')", "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
    ],
    ids=["raises", "syntax", "import", "handler", "name"],
)  # fmt: skip
def test_an_init_that_fails_is_repeated_in_the_invoke(api, request, source, handler, error_type, text):
    for name in made(api, request, source, Handler=handler):
        for _ in range(2):
            payload, error, log = invoke(api, name)
            assert error == "Unhandled"
            assert payload["errorType"] == error_type
            assert payload["errorMessage"].startswith(text)
            assert payload["requestId"] == ""
            assert words(log) == ["INIT_START", "INIT_REPORT", "INIT_REPORT", "START", "END", "REPORT"]
            reports = re.findall(
                r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: (\w+)\tStatus: error\tError Type: (.*)", log
            )
            assert [phase for phase, _ in reports] == ["init", "invoke"]
            assert log.count(f"[ERROR] {error_type}") == 2
            kind = reports[0][1]
            assert kind == (error_type if error_type.startswith("Runtime.") else "Runtime.Unknown")
            assert log.endswith(f"\tStatus: error\tError Type: {kind}\n")
            if "import" in source or "raise" in source:
                assert log.count("once\n") == 2


def test_an_exit_in_init(api, request):
    for name in made(api, request, "import sys\nprint('once')\nsys.exit(7)\n"):
        payload, error, log = invoke(api, name)
        message = "Runtime exited with error: exit status 7"
        assert error == "Unhandled"
        assert payload["errorType"] == "Runtime.ExitError"
        assert re.fullmatch(rf"RequestId: [0-9a-f-]{{36}} Error: {message}", payload["errorMessage"])
        assert log.count("Status: error\tError Type: Runtime.ExitError\n") == 3
        assert log.count("once\n") == 2
        assert f"{payload['errorMessage']}\nRuntime.ExitError\nEND " in log


def test_an_init_past_10_s_of_time_nobody_waits_for(engine_rig, api, life):
    begin = engine_rig.clock.monotonic()
    with engine_rig.fault("cold_start", match={"function": life}, when={"times": 1}, delay_ms=11_000):
        _, error, log = invoke(api, life)
    assert engine_rig.clock.monotonic() - begin < 9
    assert error == ""
    assert words(log) == ["INIT_START", "INIT_REPORT", "START", "END", "REPORT"]
    assert "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n" in log
    assert log.count("module runs\n") == 2
    assert "\tInit Duration" not in log.splitlines()[-1]


def test_an_init_that_hangs_for_real(engine_rig, api, request, monkeypatch):
    """With Lambda's ten seconds made one."""
    monkeypatch.setattr(execution, "INIT_LIMIT_S", 1.0)
    source = "import time\nprint('importing', flush=True)\ntime.sleep(60)\n"
    for name in made(api, request, source, Timeout=1):
        begin = engine_rig.clock.monotonic()
        payload, error, log = invoke(api, name)
        assert engine_rig.clock.monotonic() - begin < 2 + 2 * AT_ONCE_S
        assert (error, payload["errorType"]) == ("Unhandled", "Sandbox.Timedout")
        assert payload["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
        assert re.findall(r"INIT_REPORT .*Phase: (\w+)\tStatus: timeout\n", log) == ["init", "invoke"]
        assert log.count("importing\n") == 2
        assert re.search(r"REPORT .*\tDuration: 1000\.00 ms\t.*\tStatus: timeout\n$", log)


# --- many at once -----------------------------------------------------------------------------------------


def test_parallel_invocations_run_in_environments_of_their_own(engine_rig, life):
    with ThreadPoolExecutor(4) as threads:
        event = json.dumps({"do": "sleep", "s": 1}).encode()
        outcomes = list(threads.map(lambda _: engine_rig.functions.invoke(life, event, "lambda"), range(4)))
    assert {outcome.status for outcome in outcomes} == {"ok"}
    assert len({outcome.environment for outcome in outcomes}) == 4


def test_200_at_once_with_4_reserved(engine_rig, api, life):
    api.put_function_concurrency(FunctionName=life, ReservedConcurrentExecutions=4)

    def one(_):
        try:
            payload, error, _ = invoke(api, life, {"do": "sleep", "s": 0.02})
            return "ok" if error == "" else payload
        except ClientError as refusal:
            answer = refusal.response
            return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer.get("Reason")

    most, stop = [0], threading.Event()

    def watch():
        while not stop.wait(0.001):
            mine = [state for one, state in engine_rig.pool.environments() if one.function.name == life]
            most[0] = max(most[0], mine.count("busy"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(200) as threads:
        answers = list(threads.map(one, range(200)))
    stop.set()
    watcher.join()
    refused = (429, "TooManyRequestsException", "ReservedFunctionConcurrentInvocationLimitExceeded")
    assert set(answers) <= {"ok", refused}
    assert answers.count("ok") >= 4
    assert 1 <= most[0] <= 4
    starts = [event.subject for event in engine_rig.timeline.events() if event.point == "start"]
    started = {subject for subject in starts if subject.startswith(f"{life}/")}
    assert len(started) <= 4
    assert invoke(api, life)[1] == ""


# --- which environments are kept --------------------------------------------------------------------------


def test_idle_environments_end_when_the_clock_says_so(engine_rig, api, life):
    invoke(api, life)
    environment = alone(engine_rig, life)
    engine_rig.clock.advance(601)
    environment.ended()
    assert not environment.alive()
    assert invoke(api, life)[0]["n"] == 1


def test_new_code_and_new_configuration_take_new_environments(engine_rig, api, life):
    invoke(api, life)
    api.update_function_code(FunctionName=life, ZipFile=zipped({"app.py": "def handler(e, c):\n    return 'new'\n"}))
    assert invoke(api, life)[0] == "new"
    source = "import os\ndef handler(e, c):\n    return [os.environ.get('OWN'), c.memory_limit_in_mb]\n"
    api.update_function_code(FunctionName=life, ZipFile=zipped({"app.py": source}))
    invoke(api, life)
    api.update_function_configuration(FunctionName=life, Environment={"Variables": {"OWN": "1"}}, MemorySize=256)
    assert invoke(api, life)[0] == ["1", "256"]


def test_a_changed_folder_takes_new_environments(engine_rig, api, request, tmp_path, monkeypatch):
    tmp_path.chmod(0o755)
    (tmp_path / "app.py").write_text("def handler(e, c):\n    return 'before'\n")
    seen, changed = threading.Event(), engine_rig.hot_reload._changed
    monkeypatch.setattr(engine_rig.hot_reload, "_changed", lambda folder: (changed(folder), seen.set()))
    for name in made(api, request, "", Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)}):
        assert invoke(api, name)[0] == "before"
        (tmp_path / "app.py").write_text("def handler(e, c):\n    return 'after'\n")
        assert seen.wait(10)
        assert invoke(api, name)[0] == "after"


def test_layers_are_importable_and_later_ones_win(api, request):
    layers = [
        api.publish_layer_version(LayerName="lib", Content={"ZipFile": zipped({"python/own.py": f"X = {n}\n"})})
        for n in (1, 2)
    ]
    source = "import own\ndef handler(e, c):\n    return [own.X, own.__file__]\n"
    for name in made(api, request, source, Layers=[layer["LayerVersionArn"] for layer in layers]):
        assert invoke(api, name)[0] == [2, "/opt/python/own.py"]


def test_a_zips_programs_can_be_run(api, request):
    source = (
        "import subprocess\ndef handler(e, c):\n    return subprocess.check_output(['/var/task/bin/tool']).decode()\n"
    )
    packed = io.BytesIO(zipped({"app.py": source}))
    with zipfile.ZipFile(packed, "a") as archive:
        info = zipfile.ZipInfo("bin/tool")
        info.external_attr = 0o100755 << 16
        archive.writestr(info, "#!/bin/sh\necho ran\n")
    for name in made(api, request, "", Code={"ZipFile": packed.getvalue()}):
        assert invoke(api, name)[0] == "ran\n"
