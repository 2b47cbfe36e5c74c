"""Java 17 with AWS's own runtime client."""

from __future__ import annotations

import pytest
from engine_choice import ENGINES
from runtime_rig import SOURCES, invoker

from emulator.functions import packaging
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

ON_ENGINES = [pytest.param("docker", marks=pytest.mark.docker), *(e for e in ENGINES if e != "docker")]
APP = "example.App::handleRequest"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("java") / "task"
    out.parent.chmod(0o755)
    return packaging.build(SOURCES / "java", "java17", out)


@pytest.fixture(scope="module", params=ON_ENGINES)
def invoke(request, folder):
    with Rig(Settings(engine=request.param, manual_clock=True)) as made:
        yield invoker(PytestRig(made), "java17", folder)


def test_a_maven_project_is_packed_as_lambda_wants_it(folder):
    assert (folder / "example" / "App.class").exists()
    assert [jar.name for jar in (folder / "lib").iterdir()] == ["aws-lambda-java-core-1.4.0.jar"]


def test_a_handler_answers_and_logs(invoke):
    seen = invoke(APP, {"n": 1}, memory=512)
    assert (seen.payload, seen.error) == ({"n": 1}, "")
    assert "an order came\n" in seen.log
    assert "INIT_START Runtime Version: java:17.v1\t" in invoke(APP, {}, memory=512, fresh="first").log


def test_java_is_started_as_on_lambda(invoke):
    seen = invoke(APP, {"do": "about"}, memory=512).payload
    assert seen["version"] == "17"
    assert {"-XX:MaxHeapSize=445645k", "-XX:+UseSerialGC", "-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1",
            "--add-opens=java.base/java.io=ALL-UNNAMED", "-XX:+ErrorFileToStderr"} <= set(seen["flags"])
    assert all(path.startswith("/var/runtime/lib/") for path in seen["classpath"].split(":"))
    assert 0 < seen["left"] <= 20_000


def test_the_environment_is_awss(invoke):
    seen = invoke(APP, {"do": "environ"}, memory=512).payload
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_java17"
    assert seen["PATH"] == "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
    assert (seen["LAMBDA_TASK_ROOT"], seen["LAMBDA_RUNTIME_DIR"]) == ("/var/task", "/var/runtime")
    assert not [name for name in seen if name.startswith(("LAMBDARIG", "PYTHON", "NODE_PATH"))]


def test_an_exception_comes_with_its_stack_and_its_cause_stands_in_the_log(invoke):
    """The payload's `cause`, which older recordings have, went with older clients: since 2.x it is in the log alone."""
    seen = invoke(APP, {"do": "raise"}, memory=512)
    assert seen.error == "Unhandled"
    assert list(seen.payload) == ["errorMessage", "errorType", "stackTrace"]
    assert (seen.payload["errorMessage"], seen.payload["errorType"]) == ("wrong", "java.lang.IllegalStateException")
    assert seen.payload["stackTrace"][0].startswith("example.App.handleRequest(App.java:")
    assert "wrong: java.lang.IllegalStateException\njava.lang.IllegalStateException: wrong\n\tat example." in seen.log
    assert "\nCaused by: java.lang.RuntimeException: beneath\n" in seen.log


def test_a_full_heap_is_told_with_its_stack_and_the_next_invocation_is_cold(invoke):
    seen = invoke(APP, {"do": "fill"}, memory=256, fresh="full")
    assert seen.error == "Unhandled"
    told = seen.payload["errorType"], seen.payload["errorMessage"]
    assert told == ("java.lang.OutOfMemoryError", "Java heap space")
    assert seen.payload["stackTrace"][0].startswith("example.App.handleRequest(App.java:")
    assert "Java heap space: java.lang.OutOfMemoryError\njava.lang.OutOfMemoryError: Java heap space\n\tat " in seen.log
    after = invoke(APP, {"do": "about"}, memory=256, fresh="full")
    assert after.payload["invocations"] == 1
    assert "INIT_START" in after.log


def test_a_process_that_ends_is_told_with_its_status(invoke):
    seen = invoke(APP, {"do": "exit"}, memory=512, fresh="exit")
    assert seen.payload["errorType"] == "Runtime.ExitError"
    assert seen.payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 7")


def test_a_class_that_is_not_there_fails_init(invoke):
    seen = invoke("example.Nothing::handleRequest", {}, memory=512)
    assert (seen.error, seen.payload["errorType"]) == ("Unhandled", "java.lang.ClassNotFoundException")
    assert "Class not found: example.Nothing" in seen.payload["errorMessage"]
