"""Environments for real: init, reuse, freezing, every way to end, and every byte printed. On each real engine."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import tarfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from lambda_fixtures import ROLE, create, invoke, zipped

from emulator.functions import execution
from emulator.rig import Rig
from emulator.settings import Settings

ENGINES = os.environ.get("LAMBDARIG_ENGINE_TESTS", "docker,process").split(",")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
AT_ONCE_S = 5  # for a death to be noticed on a busy machine; functions here may take a minute
LIFE = """
import os, signal, subprocess, sys, threading, time

print("module runs")
N, TICKS = 0, 0


def tick():
    global TICKS
    while True:
        TICKS += 1
        time.sleep(0.001)


def say():
    number = 0
    while True:
        print(f"line {number}", flush=True)
        number += 1
        time.sleep(0.0005)


def handler(event, context):
    global N
    N += 1
    do = event.get("do")
    if do == "raise":
        raise ValueError("wrong")
    if do == "exit":
        os._exit(event["code"])
    if do == "sys.exit":
        sys.exit(event["code"])
    if do == "kill":
        os.kill(os.getpid(), event["signal"])
        time.sleep(60)
    if do == "allocate":
        return len(b"x" * (event["mb"] << 20))
    if do == "sleep":
        time.sleep(event["s"])
    if do == "thread":
        threading.Thread(target={"tick": tick, "say": say}[event["what"]], daemon=True).start()
    if do == "orphan":
        subprocess.Popen(["sleep", "60"])
        os._exit(3)
    if do == "lines":
        for number in range(20000):
            print("line", number)
    if do == "long line":
        print("y" * 5_000_000)
    if do == "bytes":
        os.write(1, b"no newline \\xff\\xfe")
    if do == "child":
        subprocess.run([sys.executable, "-c", "import os; print('out', flush=True); os.write(2, b'err')"], check=True)
    if do == "environ":
        return dict(os.environ)
    if do == "context":
        return {"left": context.get_remaining_time_in_millis(), "id": context.aws_request_id,
                "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
                "custom": context.client_context and context.client_context.custom,
                "trace": os.environ.get("_X_AMZN_TRACE_ID")}
    return {"pid": os.getpid(), "n": N, "ticks": TICKS}
"""


@pytest.fixture(
    scope="module", params=[pytest.param("docker", marks=pytest.mark.docker), *(e for e in ENGINES if e != "docker")]
)
def rig(request):
    with Rig(Settings(engine=request.param, manual_clock=True)) as made:
        yield made


@pytest.fixture(scope="module")
def api(rig):
    import boto3
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=200, read_timeout=120)
    return boto3.client(
        "lambda", region_name="us-east-1", endpoint_url=rig.url, config=config,
        aws_access_key_id="AKIALAMBDARIGCLIENT0", aws_secret_access_key="x",
    )  # fmt: skip


@pytest.fixture
def life(api, request):
    """A function of this test's own; its name."""
    yield from made(api, request, LIFE)


def made(api, request, source, **params):
    name = re.sub(r"\W", "-", request.node.name)[-60:]
    create(api, name, source, **{"MemorySize": 1769, "Timeout": 60, **params})
    yield name
    api.delete_function(FunctionName=name)


def whole_log(rig, name, **event):
    return rig.functions.invoke(name, json.dumps(event).encode(), "lambda").log.decode(errors="replace")


def words(log):
    """The first word of each of the platform's lines."""
    return re.findall(r"^(INIT_START|INIT_REPORT|START|END|REPORT) ", log, re.MULTILINE)


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


def test_environment_variables(rig, api, life):
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
    (stream,) = rig.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{life}")["logStreams"]
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


def test_an_init_past_10_s_of_time_nobody_waits_for(rig, api, life):
    begin = rig.clock.monotonic()
    with rig.fault("cold_start", match={"function": life}, when={"times": 1}, delay_ms=11_000):
        _, error, log = invoke(api, life)
    assert rig.clock.monotonic() - begin < 9
    assert error == ""
    assert words(log) == ["INIT_START", "INIT_REPORT", "START", "END", "REPORT"]
    assert "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n" in log
    assert log.count("module runs\n") == 2
    assert "\tInit Duration" not in log.splitlines()[-1]


def test_an_init_that_hangs_for_real(rig, api, request, monkeypatch):
    """With Lambda's ten seconds made one."""
    monkeypatch.setattr(execution, "INIT_LIMIT_S", 1.0)
    source = "import time\nprint('importing', flush=True)\ntime.sleep(60)\n"
    for name in made(api, request, source, Timeout=1):
        begin = rig.clock.monotonic()
        payload, error, log = invoke(api, name)
        assert rig.clock.monotonic() - begin < 2 + 2 * AT_ONCE_S
        assert (error, payload["errorType"]) == ("Unhandled", "Sandbox.Timedout")
        assert payload["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
        assert re.findall(r"INIT_REPORT .*Phase: (\w+)\tStatus: timeout\n", log) == ["init", "invoke"]
        assert log.count("importing\n") == 2
        assert re.search(r"REPORT .*\tDuration: 1000\.00 ms\t.*\tStatus: timeout\n$", log)


# --- how an invocation can end ----------------------------------------------------------------------------


def test_an_exception_keeps_the_environment(api, life):
    first, _, _ = invoke(api, life)
    payload, error, log = invoke(api, life, {"do": "raise"})
    assert error == "Unhandled"
    assert (payload["errorMessage"], payload["errorType"]) == ("wrong", "ValueError")
    assert re.fullmatch(r'  File "/var/task/app.py", line \d+, in handler\n    raise ValueError\("wrong"\)\n',
                        payload["stackTrace"][0])  # fmt: skip
    assert "[ERROR] ValueError: wrong\nTraceback (most recent call last):\n" in log
    assert invoke(api, life)[0]["pid"] == first["pid"]


ENDS = [
    ({"do": "exit", "code": 0}, "Runtime exited without providing a reason"),
    ({"do": "exit", "code": 3}, "Runtime exited with error: exit status 3"),
    ({"do": "sys.exit", "code": 4}, "Runtime exited with error: exit status 4"),
    ({"do": "kill", "signal": 9}, "Runtime exited with error: signal: killed"),
    ({"do": "kill", "signal": 11}, "Runtime exited with error: signal: segmentation fault (core dumped)"),
    ({"do": "orphan"}, "Runtime exited with error: exit status 3"),
]


@pytest.mark.parametrize(("event", "cause"), ENDS, ids=["-".join(map(str, e.values())) for e, _ in ENDS])
def test_a_death_is_seen_at_once_and_the_next_one_works(rig, api, life, event, cause):
    invoke(api, life)
    begin = rig.clock.monotonic()
    payload, error, log = invoke(api, life, event)
    assert rig.clock.monotonic() - begin < AT_ONCE_S
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert payload["errorMessage"].partition(" Error: ")[2] == cause
    assert log.endswith("\tStatus: error\tError Type: Runtime.ExitError\n")
    assert int(re.search(r"Max Memory Used: (\d+) MB", log)[1]) > 0
    after, error, log = invoke(api, life)
    assert (error, after["n"]) == ("", 1)
    assert words(log)[0] == "INIT_START"


def test_the_kernel_kills_what_takes_more_than_its_memory(rig, api, request):
    for name in made(api, request, LIFE, MemorySize=192, Timeout=30):
        begin = rig.clock.monotonic()
        payload, error, log = invoke(api, name, {"do": "allocate", "mb": 400})
        assert rig.clock.monotonic() - begin < 25
        assert (error, payload["errorType"]) == ("Unhandled", "Runtime.OutOfMemory")
        assert payload["errorMessage"].endswith(" Error: Runtime exited with error: signal: killed")
        assert "\tMemory Size: 192 MB\tMax Memory Used: 192 MB\t" in log
        assert log.endswith("\tStatus: error\tError Type: Runtime.OutOfMemory\n")
        after, error, log = invoke(api, name, {"do": "allocate", "mb": 64})
        assert (after, error, words(log)[0]) == (64 << 20, "", "INIT_START")
        assert 64 <= int(re.search(r"Max Memory Used: (\d+) MB", log)[1]) < 192
        small = int(re.search(r"Max Memory Used: (\d+) MB", invoke(api, name)[2])[1])
        assert small < 64, "the peak is the invocation's own"


def test_a_timeout_kills_at_the_limit_and_the_next_one_is_fresh(rig, api, request):
    for name in made(api, request, LIFE, Timeout=1):
        invoke(api, name)
        begin = rig.clock.monotonic()
        payload, error, log = invoke(api, name, {"do": "sleep", "s": 30})
        assert 1 <= rig.clock.monotonic() - begin < 1 + AT_ONCE_S
        assert (error, payload["errorType"]) == ("Unhandled", "Sandbox.Timedout")
        assert re.search(r"\tDuration: 1000\.00 ms\tBilled Duration: 1000 ms\t.*\tStatus: timeout\n$", log)
        assert "Task timed out" not in log
        after, error, _ = invoke(api, name)
        assert (error, after["n"]) == ("", 1)


def test_a_response_that_is_too_large(api, request):
    source = "def handler(event, context):\n    return 'x' * event.get('n', 0)\n"
    for name in made(api, request, source):
        for _ in range(2):
            payload, error, _ = invoke(api, name, {"n": 7_000_000})
            assert (error, payload["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
        assert invoke(api, name, {"n": 6_000_000})[1] == ""


# --- freezing ---------------------------------------------------------------------------------------------


def test_work_left_running_is_frozen_and_resumes_in_the_next_invocation(rig, api, life):
    first = invoke(api, life, {"do": "thread", "what": "tick"})[0]["ticks"]
    rig.clock.stall(0.5)  # the handler's own clock: nothing may tick meanwhile
    second = invoke(api, life)[0]["ticks"]
    assert second - first < 150
    invoke(api, life, {"do": "sleep", "s": 0.2})
    assert invoke(api, life)[0]["ticks"] - second > 20


# --- output -----------------------------------------------------------------------------------------------


def between(log):
    """What stands between START and END."""
    return log[log.index("\n", log.index("START RequestId")) + 1 : log.index("END RequestId")]


def test_20000_lines_are_in_the_log_before_end(rig, life):
    assert between(whole_log(rig, life, do="lines")).splitlines() == [f"line {n}" for n in range(20000)]


def test_a_line_of_5_mb(rig, life):
    assert between(whole_log(rig, life, do="long line")) == "y" * 5_000_000 + "\n"


def test_bytes_that_are_no_text_and_no_line(rig, life):
    assert between(whole_log(rig, life, do="bytes")) == "no newline \ufffd\ufffd\n"


def test_a_childs_output(rig, life):
    assert between(whole_log(rig, life, do="child")).split() == ["out", "err"]


def test_what_is_printed_around_the_answer_is_lost_to_none(rig, life):
    """A thread prints on after the response: some of it still here, the rest in the next invocation, all of it once."""
    logs = [whole_log(rig, life, do="thread", what="say")]
    logs += [whole_log(rig, life, do="sleep", s=0.05) for _ in range(4)]
    lines = [line for log in logs for line in between(log).splitlines() if line.startswith("line ")]
    assert len(lines) > 20
    assert lines == [f"line {n}" for n in range(len(lines))]


def test_the_log_reaches_cloudwatch_in_order(rig, api, life):
    invoke(api, life, {"do": "child"})
    events = rig.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{life}")["events"]
    heads = [event["message"].split(" ")[0].strip() for event in events]
    assert heads == ["INIT_START", "module", "START", "out", "err", "END", "REPORT"]


def test_json_logs_come_from_the_runtime_client_and_the_platform(rig, api, request):
    source = (
        "import logging\nlogging.getLogger().setLevel('INFO')\n"
        "def handler(event, context):\n    logging.info('hello %s', 'you')\n    logging.debug('no')\n    return 1\n"
    )
    for name in made(api, request, source, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO"}):
        _, _, log = invoke(api, name)
        rows = [json.loads(line) for line in log.splitlines()]
        assert [row.get("type", row.get("message")) for row in rows] == [
            "platform.initStart", "platform.start", "hello you", "platform.report",
        ]  # fmt: skip
        assert (rows[2]["level"], rows[2]["requestId"]) == ("INFO", rows[1]["record"]["requestId"])
        assert rows[3]["record"]["metrics"]["initDurationMs"] > 0


# --- many at once -----------------------------------------------------------------------------------------


def test_parallel_invocations_run_in_environments_of_their_own(rig, life):
    with ThreadPoolExecutor(4) as threads:
        event = json.dumps({"do": "sleep", "s": 1}).encode()
        outcomes = list(threads.map(lambda _: rig.functions.invoke(life, event, "lambda"), range(4)))
    assert {outcome.status for outcome in outcomes} == {"ok"}
    assert len({outcome.environment for outcome in outcomes}) == 4


def test_200_at_once_with_4_reserved(rig, api, life):
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
            mine = [state for one, state in rig.pool.environments() if one.function.name == life]
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
    started = {e.subject for e in rig.timeline.events() if e.point == "start" and e.subject.startswith(f"{life}/")}
    assert len(started) <= 4
    assert invoke(api, life)[1] == ""


# --- which environments are kept --------------------------------------------------------------------------


def alone(rig, name):
    """The one environment of a function."""
    (found,) = [one for one, _ in rig.pool.environments() if one.function.name == name]
    return found


def test_idle_environments_end_when_the_clock_says_so(rig, api, life):
    invoke(api, life)
    environment = alone(rig, life)
    rig.clock.advance(601)
    environment.ended()
    assert not environment.alive()
    assert invoke(api, life)[0]["n"] == 1


def test_new_code_and_new_configuration_take_new_environments(rig, api, life):
    invoke(api, life)
    api.update_function_code(FunctionName=life, ZipFile=zipped({"app.py": "def handler(e, c):\n    return 'new'\n"}))
    assert invoke(api, life)[0] == "new"
    source = "import os\ndef handler(e, c):\n    return [os.environ.get('OWN'), c.memory_limit_in_mb]\n"
    api.update_function_code(FunctionName=life, ZipFile=zipped({"app.py": source}))
    invoke(api, life)
    api.update_function_configuration(FunctionName=life, Environment={"Variables": {"OWN": "1"}}, MemorySize=256)
    assert invoke(api, life)[0] == ["1", "256"]


def test_a_changed_folder_takes_new_environments(rig, api, request, tmp_path, monkeypatch):
    tmp_path.chmod(0o755)
    (tmp_path / "app.py").write_text("def handler(e, c):\n    return 'before'\n")
    seen, changed = threading.Event(), rig.hot_reload._changed
    monkeypatch.setattr(rig.hot_reload, "_changed", lambda folder: (changed(folder), seen.set()))
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


# --- docker alone -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def docker_rig():
    with Rig(Settings(engine="docker", manual_clock=True)) as made:
        yield made


@pytest.fixture(scope="module")
def daemon():
    import docker

    client = docker.from_env()
    yield client
    client.close()


@pytest.mark.docker
def test_one_killed_from_outside_while_idle_is_not_used_again(docker_rig, daemon):
    api = docker_rig.client("lambda")
    create(api, "victim", LIFE)
    invoke(api, "victim")
    environment = alone(docker_rig, "victim")
    daemon.containers.get(environment.native_id).kill()
    environment.ended()
    after, error, _ = invoke(api, "victim")
    assert (error, after["n"]) == ("", 1)


@pytest.mark.docker
def test_one_removed_from_outside_while_it_works_is_seen_at_once(docker_rig, daemon):
    api = docker_rig.client("lambda")
    create(api, "removed", LIFE, Timeout=60)
    invoke(api, "removed")
    container = daemon.containers.get(alone(docker_rig, "removed").native_id)
    begin = docker_rig.clock.monotonic()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(invoke, api, "removed", {"do": "sleep", "s": 50})
        container.remove(force=True)
        payload, error, _ = running.result()
    assert docker_rig.clock.monotonic() - begin < 20
    assert error == "Unhandled" or payload["n"] == 1, "the event may have come after the kill"
    assert invoke(api, "removed")[1] == ""


@pytest.mark.docker
def test_a_missing_image_is_the_rigs_failure_and_costs_no_slot(docker_rig):
    api = docker_rig.client("lambda")
    api.create_function(FunctionName="gone", Role=ROLE, PackageType="Image",
                        Code={"ImageUri": "lambdarig/no-such-image:1"})  # fmt: skip
    for _ in range(3):
        with pytest.raises(ClientError) as caught:
            invoke(api, "gone")
        answer = caught.value.response["ResponseMetadata"]
        assert answer["HTTPStatusCode"] == 500
        assert answer["HTTPHeaders"]["x-lambdarig-error"]
        assert "there is no image lambdarig/no-such-image:1" in str(caught.value)
    assert docker_rig.pool._busy.total() == 0


@pytest.fixture
def image(docker_rig, daemon):
    """An image with a handler in it, as people build them for Lambda."""
    base = docker_rig.engine._image_of("python3.11")
    source = b"import os\ndef handler(e, c):\n    return [os.environ['_HANDLER'], 'AWS_EXECUTION_ENV' in os.environ]\n"
    dockerfile = f'FROM {base}\nCOPY app.py /var/task/\nCMD ["app.handler"]\n'.encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in (("Dockerfile", dockerfile), ("app.py", source)):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            archive.addfile(info, io.BytesIO(content))
    packed.seek(0)
    tag = f"lambdarig-test-{docker_rig.id}:1"
    daemon.images.build(fileobj=packed, custom_context=True, tag=tag, rm=True)
    yield tag
    docker_rig.pool.retire()
    daemon.images.remove(tag, force=True)


@pytest.mark.docker
def test_a_function_from_an_image(docker_rig, image):
    api = docker_rig.client("lambda")
    answer = api.create_function(FunctionName="imaged", Role=ROLE, PackageType="Image", Timeout=30, MemorySize=512,
                                 Code={"ImageUri": image})  # fmt: skip
    assert answer["PackageType"] == "Image"
    payload, error, log = invoke(api, "imaged")
    assert (payload, error) == (["app.handler", False], "")
    assert words(log) == ["START", "END", "REPORT"]
    api.update_function_configuration(FunctionName="imaged", ImageConfig={"Command": ["app.missing"]})
    payload, error, _ = invoke(api, "imaged")
    assert (payload["errorType"], error) == ("Runtime.HandlerNotFound", "Unhandled")
    docker_rig.pool.retire()
