"""Environment variables and log stream names, as recorded on Lambda."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from lambda_fixtures import function

from emulator.functions.variables import RESERVED, log_stream, variables

KEYS = {"AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
DAY = datetime(2026, 11, 21, tzinfo=timezone.utc)


def made(**changes):
    return variables(function(**changes), "stream", KEYS, "http://rig:4566")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_HANDLER", "app.handler"),
        ("AWS_ACCESS_KEY_ID", "ASIA1"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "t"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", "http://rig:4566"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_python3.11"),
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
        ("AWS_XRAY_DAEMON_ADDRESS", "169.254.100.1:2000"),
        ("_AWS_XRAY_DAEMON_ADDRESS", "169.254.100.1"),
        ("_AWS_XRAY_DAEMON_PORT", "2000"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("SHLVL", "0"),
        ("TZ", ":UTC"),
        ("LANG", "en_US.UTF-8"),
    ],
)
def test_a_variable(name, value):
    assert made()[name] == value


@pytest.mark.parametrize("name", ["TZ", "LANG", "AWS_XRAY_CONTEXT_MISSING", "PATH", "PYTHONPATH", "OWN"])
def test_a_configuration_may_set_what_is_not_reserved(name):
    assert made(environment={name: "mine"})[name] == "mine"


@pytest.mark.parametrize("name", sorted(RESERVED & set(made())))
def test_reserved_names_are_awss(name):
    assert made(environment={name: "mine"})[name] != "mine"


def test_an_image_function_has_no_execution_env_and_its_own_language():
    found = made(runtime=None, handler=None, image="repo:tag")
    assert {"AWS_EXECUTION_ENV", "LANG"}.isdisjoint(found)
    assert found["_HANDLER"] == ""


def test_json_logging_is_told_to_the_runtime_client():
    found = made(log_format="JSON", log_level="WARN")
    assert (found["AWS_LAMBDA_LOG_FORMAT"], found["AWS_LAMBDA_LOG_LEVEL"]) == ("JSON", "WARN")
    assert "AWS_LAMBDA_LOG_FORMAT" not in made()


def test_the_stream_of_the_functions_own_group():
    stream = log_stream(function(), "f/env-1", 0, DAY)
    assert stream.startswith("2026/11/21/[$LATEST]")
    assert len(stream) == len("2026/11/21/[$LATEST]") + 32


def test_the_stream_in_another_group_names_the_function():
    assert log_stream(function(log_group="/shared", version="3"), "f/env-1", 0, DAY).startswith("2026/11/21/f[3]")


def test_streams_are_an_environments_own_and_follow_from_the_seed():
    one, other = (log_stream(function(), name, 0, DAY) for name in ("f/env-1", "f/env-2"))
    assert one != other
    assert one == log_stream(function(), "f/env-1", 0, DAY) != log_stream(function(), "f/env-1", 1, DAY)
