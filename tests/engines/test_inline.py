"""The inline engine: awslambdaric's words for every way a handler can fail, and no trace in the rig afterwards."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from running import Running

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines.inline import InlineEngine
from emulator.functions.engines.protocol import EnvironmentSpec, Exit

Begin = Callable[..., Running]


@pytest.fixture
def begin(spec: EnvironmentSpec, tmp_path: Path) -> Iterator[Begin]:
    """begin(source or callable, handler=...) -> a Running that has not polled yet."""
    engines: list[InlineEngine] = []

    def one(source: str | Callable[[Any, Any], Any], handler: str = "own.handler") -> Running:
        handlers = {} if isinstance(source, str) else {"probe": source}
        if isinstance(source, str):
            (tmp_path / "own.py").write_text(source)
        engines.append(InlineEngine("t", Clock(), handlers))
        function = replace(spec.function, code=tmp_path, handler=handler)
        return Running(engines[-1].start(replace(spec, function=function)))

    yield one
    for engine in engines:
        engine.close()


def posted(running: Running) -> tuple[str, dict[str, Any]]:
    """(path, payload) of what the client posts next; it is answered."""
    _, path, body = running._request()
    running._answer(202, b"{}", {})
    return path.removeprefix("/2018-06-01/runtime/"), json.loads(body)


@pytest.mark.parametrize(("source", "handler", "error_type", "message"), [
    ("import nothing_here", "own.handler", "Runtime.ImportModuleError",
     "Unable to import module 'own': No module named 'nothing_here'"),
    ("def handler(", "own.handler", "Runtime.UserCodeSyntaxError",
     "Syntax error in module 'own': '(' was never closed (own.py, line 1)"),
    ("", "own.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'own'"),
    ("", "own", "Runtime.MalformedHandlerName", "Bad handler 'own': not enough values to unpack (expected 2, got 1)"),
    ("", "sys.exit", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
    ("raise KeyError('x')", "own.handler", "KeyError", "'x'"),
])
def test_a_handler_that_cannot_be_loaded_is_an_init_error_in_awslambdarics_words(
    begin: Begin, source: str, handler: str, error_type: str, message: str
) -> None:
    running = begin(source, handler)
    path, payload = posted(running)
    assert path == "init/error"
    assert (payload["errorType"], payload["errorMessage"], payload["requestId"]) == (error_type, message, "")
    assert running.sandbox.wait(30) == Exit(1)
    assert not running.sandbox.alive()
    assert f"[ERROR] {error_type}: {message}\rTraceback" in running.output()
    assert running.hangs_up()


def test_what_a_handler_raises_is_its_error_with_its_own_frames(begin: Begin) -> None:
    running = begin("def handler(event, context):\n    return 1 / event\n")
    running.next()
    running.send(divisor=0)
    path, payload = posted(running)
    assert path == "invocation/request-1/error"
    assert payload["errorType"] == "TypeError"
    assert payload["requestId"] == "request-1"
    frames = [frame.split(", ", 1)[1] for frame in payload["stackTrace"]]
    assert frames == ["line 2, in handler\n    return 1 / event\n"]
    running.next()


def test_a_result_that_is_no_json_is_a_marshal_error(begin: Begin) -> None:
    running = begin(lambda event, context: {1, 2})
    running.next()
    running.send()
    message = "Unable to marshal response: Object of type set is not JSON serializable"
    assert posted(running)[1]["errorMessage"] == message


@pytest.mark.parametrize(("leaving", "code"), [("sys.exit(3)", 3), ("sys.exit()", 0), ("sys.exit('no')", 1)])
def test_leaving_ends_the_runtime_with_that_status(begin: Begin, leaving: str, code: int) -> None:
    running = begin(f"import sys\ndef handler(event, context):\n    {leaving}\n")
    running.next()
    running.send()
    assert running.sandbox.wait(30) == Exit(code)
    assert begin(f"import sys\n{leaving}\n").sandbox.wait(30) == Exit(code)


def test_the_context_has_what_the_rig_sent(begin: Begin) -> None:
    def handler(event: Any, context: Any) -> Any:
        return [context.aws_request_id, context.invoked_function_arn, context.function_name,
                context.get_remaining_time_in_millis() > 0]

    running = begin(handler)
    running.next()
    arn = "arn:aws:lambda:us-east-1:123456789012:function:probe"
    assert running.invoke() == ["request-1", arn, "probe", True]


def test_two_at_once_see_their_own_variables_and_logs(spec: EnvironmentSpec) -> None:
    def handler(event: Any, context: Any) -> Any:
        print(os.environ["WHO"], file=sys.stderr)
        return [os.environ.get("WHO"), os.getenv("HOME"), "WHO" in os.environ, dict(os.environ.copy())["WHO"]]

    engine = InlineEngine("t", Clock(), {"probe": handler})
    pair = [Running(engine.start(replace(spec, variables={"WHO": who}))) for who in ("one", "two")]
    try:
        for running in pair:
            running.next()
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(lambda running: running.invoke(), pair)) == [
                [who, None, True, who] for who in ("one", "two")]
        assert [running.output() for running in pair] == ["one\n", "two\n"]
        assert "WHO" not in os.environ
    finally:
        engine.close()


def test_boto3s_default_session_is_the_sandboxs_own(spec: EnvironmentSpec) -> None:
    def handler(event: Any, context: Any) -> Any:
        if event:
            boto3.setup_default_session(**event)
        client = boto3.client("sts", region_name="eu-west-1")
        return client._request_signer._credentials.access_key

    def default() -> tuple[Any, ...]:
        return boto3._get_default_session, boto3.setup_default_session, boto3.DEFAULT_SESSION

    before, engine = default(), InlineEngine("t", Clock(), {"probe": handler})
    keys = [{"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1"} for key in "AB"]
    first, second = (Running(engine.start(replace(spec, variables=one))) for one in keys)
    try:
        first.next()
        second.next()
        assert [one.invoke() for one in (first, second, first)] == ["A", "B", "A"]
        assert second.invoke(aws_access_key_id="C", aws_secret_access_key="s") == "C"
        assert [one.invoke() for one in (first, second)] == ["A", "C"]
    finally:
        engine.close()
    assert default() == before


def test_an_import_leaves_no_module_path_or_file_behind(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import threading\nVALUE = 5\n")
    before = list(sys.path), set(sys.modules), os.environ, sys.stdout
    running = begin("import helper\ndef handler(event, context):\n    return helper.VALUE\n")
    running.next()
    assert running.invoke() == 5
    assert (list(sys.path), set(sys.modules), os.environ, sys.stdout) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["helper.py", "own.py"]


def test_every_start_imports_the_code_anew(begin: Begin) -> None:
    for answer in (1, 2):
        running = begin(f"def handler(event, context):\n    return {answer}\n")
        running.next()
        assert running.invoke() == answer


def test_freezing_is_recorded(begin: Begin) -> None:
    sandbox = begin(lambda event, context: None).sandbox
    sandbox.freeze()
    sandbox.thaw()
    assert sandbox.marks == ["freeze", "thaw"]


def test_a_killed_one_is_gone_at_once_and_its_thread_at_its_next_call(begin: Begin) -> None:
    running = begin(lambda event, context: None)
    running.next()
    sandbox = running.sandbox
    sandbox.kill()
    assert not sandbox.alive()
    assert sandbox.wait(0) == Exit(None, 9)
    sandbox._runtime.join(30)
    assert not sandbox._runtime.is_alive()


def test_killing_frees_a_handler_that_prints_more_than_anyone_reads(begin: Begin) -> None:
    running = begin(lambda event, context: print("x" * (1 << 22)))
    running.next()
    running.send()
    running.sandbox.kill()
    running.sandbox._runtime.join(30)
    assert not running.sandbox._runtime.is_alive()


def test_another_language_is_refused(spec: EnvironmentSpec) -> None:
    with pytest.raises(EngineError, match=r"Python only, not nodejs22\.x"):
        InlineEngine("t", Clock()).start(replace(spec, function=replace(spec.function, runtime="nodejs22.x")))
