"""What every engine promises (protocol.py), over every engine for which it makes sense."""

from __future__ import annotations

import select
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from emulator.clock import Clock
from emulator.functions.engines.protocol import Engine, EnvironmentSpec, Exit

if TYPE_CHECKING:
    from running import Running

MB = 1 << 20
DOCKER = pytest.param("docker", marks=pytest.mark.docker)
every_engine = pytest.mark.parametrize("engine", [DOCKER, "process", "inline"], indirect=True)
real_processes = pytest.mark.parametrize("engine", [DOCKER, "process"], indirect=True)


@pytest.fixture
def ticks(engine: Engine) -> Iterator[socket.socket]:
    """A listener for the probe's `tick`."""
    with engine.listen(0) as listener:
        listener.settimeout(30)
        yield listener


def answer_once(listener: socket.socket, text: bytes) -> tuple[str, int]:
    connection, peer = listener.accept()
    with connection:
        connection.sendall(text)
    return peer[0], peer[1]


# --- running --------------------------------------------------------------------------------------------


@every_engine
def test_the_runtime_client_polls_and_answers(shared: Running) -> None:
    assert shared.invoke(do="echo", value={"a": ["ü", 1, None]}) == {"a": ["ü", 1, None]}
    assert shared.invoke(do="echo", value="again") == "again"


@every_engine
def test_variables_of_the_spec_are_the_handlers(shared: Running) -> None:
    assert shared.invoke(do="variable", name="AWS_LAMBDA_FUNCTION_NAME") == "probe"
    assert shared.invoke(do="variable", name="AWS_REGION") == "us-east-1"


@real_processes
def test_the_runtime_api_variable_names_this_environments_listener(engine: Engine, shared: Running) -> None:
    port = engine.port_of(shared.sandbox.runtime_api)
    assert shared.invoke(do="variable", name="AWS_LAMBDA_RUNTIME_API") == f"{engine.host()}:{port}"


@every_engine
def test_started_at_lies_between_the_call_and_the_first_poll(start: Callable[..., Running]) -> None:
    before = Clock().monotonic()
    running = start()
    # The daemon's stamp is wall time: turning it into monotonic time may lose a few microseconds.
    assert before - 0.001 <= running.sandbox.started_at <= Clock().monotonic()


@every_engine
def test_sandboxes_started_at_once_each_have_their_own(engine: Engine, spec: EnvironmentSpec) -> None:
    with ThreadPoolExecutor(3) as pool:
        sandboxes = list(pool.map(lambda n: engine.start(replace(spec, id=f"probe/env-1{n}")), range(3)))
    try:
        assert len({sandbox.native_id for sandbox in sandboxes}) == 3
        assert len({engine.port_of(sandbox.runtime_api) for sandbox in sandboxes}) == 3
        assert [sandbox.id for sandbox in sandboxes] == ["probe/env-10", "probe/env-11", "probe/env-12"]
    finally:
        for sandbox in sandboxes:
            sandbox.kill()


# --- the log --------------------------------------------------------------------------------------------


@every_engine
def test_what_was_printed_during_init_is_readable_at_the_first_poll(start: Callable[..., Running]) -> None:
    assert "printed at import" in start().output()


@every_engine
def test_what_was_printed_before_next_is_readable_when_next_has_arrived(shared: Running) -> None:
    shared.output()
    for number in range(20):
        shared.invoke(do="say", lines=[f"line {number}"])
        assert shared.output() == f"line {number}\n"


@every_engine
def test_stdout_and_stderr_are_one_pipe_in_order(shared: Running) -> None:
    shared.output()
    lines = [f"line {number}" for number in range(50)]
    shared.invoke(do="say", lines=lines)
    assert shared.output().splitlines() == lines


@every_engine
def test_a_living_runtimes_empty_log_is_not_ended(shared: Running) -> None:
    shared.output()
    poll = select.poll()
    poll.register(shared.sandbox.log, select.POLLIN)
    assert poll.poll(0) == []


# --- freezing -------------------------------------------------------------------------------------------


@real_processes
@pytest.mark.parametrize("child", [False, True], ids=["thread", "child"])
def test_freezing_stops_what_runs_in_the_background_and_thawing_resumes_it(
    engine: Engine, start: Callable[..., Running], ticks: socket.socket, child: bool
) -> None:
    running = start(memory_mb=512)
    running.invoke(do="tick", host=engine.host(), port=engine.port_of(ticks), child=child)
    counter, _ = ticks.accept()
    with counter:
        assert counter.recv(1) == b"."
        for _ in range(3):
            running.sandbox.freeze()
            _drain(counter)
            assert select.select([counter], [], [], 0.05)[0] == [], "it ran on while frozen"
            running.sandbox.thaw()
            assert select.select([counter], [], [], 30)[0] == [counter], "it did not run on once thawed"
        assert running.invoke(do="echo", value="awake") == "awake"


def _drain(connection: socket.socket) -> None:
    """Until the network has delivered what was sent before the freeze."""
    while select.select([connection], [], [], 0.02)[0]:
        connection.recv(65536)


@every_engine
def test_an_event_sent_to_a_frozen_sandbox_is_answered_once_thawed(shared: Running) -> None:
    shared.sandbox.freeze()
    shared.send(do="echo", value="late")
    shared.sandbox.thaw()
    assert shared.reply() == "late"


# --- measuring ------------------------------------------------------------------------------------------


@real_processes
def test_peak_memory_is_that_of_the_time_since_the_reset(start: Callable[..., Running]) -> None:
    running = start(memory_mb=512)
    running.invoke(do="hold", mb=100)
    running.invoke(do="let_go")
    assert 100 * MB <= running.sandbox.peak_memory() <= 200 * MB
    running.sandbox.reset_peak()
    running.invoke(do="echo", value=1)
    assert 0 < running.sandbox.peak_memory() < 100 * MB


@every_engine
def test_peak_memory_is_a_number_of_bytes(shared: Running) -> None:
    shared.sandbox.reset_peak()
    assert isinstance(shared.sandbox.peak_memory(), int)


# --- ending ---------------------------------------------------------------------------------------------


@every_engine
def test_waiting_for_a_living_runtime_gives_nothing(shared: Running) -> None:
    assert shared.sandbox.wait(0) is None
    assert shared.sandbox.alive()


@real_processes
@pytest.mark.parametrize(("event", "expected"), [
    ({"do": "leave", "status": 0}, Exit(0)),
    ({"do": "leave", "status": 7}, Exit(7)),
    ({"do": "leave", "status": 129}, Exit(129)),
    ({"do": "fall", "number": 9}, Exit(None, int(signal.SIGKILL))),
    ({"do": "fall", "number": 11}, Exit(None, int(signal.SIGSEGV))),
], ids=["status-0", "status-7", "status-of-nodes-client", "killed", "segfault"])
def test_a_death_is_heard_at_once_and_how_it_came(
    start: Callable[..., Running], event: dict[str, Any], expected: Exit
) -> None:
    running = start(memory_mb=512)
    running.send(**event)
    assert running.hangs_up()
    assert running.sandbox.wait(10) == expected
    assert not running.sandbox.alive()
    assert running.sandbox.wait(0) == expected


@real_processes
def test_going_past_the_cap_is_the_kernels_kill(start: Callable[..., Running]) -> None:
    running = start(memory_mb=128)
    running.send(do="hold", mb=200)
    assert running.hangs_up()
    assert running.sandbox.wait(10) == Exit(None, int(signal.SIGKILL), oom=True)
    assert running.sandbox.peak_memory() >= 0.95 * 128 * MB


@real_processes
def test_what_stays_under_the_cap_lives(start: Callable[..., Running]) -> None:
    running = start(memory_mb=128)
    running.invoke(do="hold", mb=80)
    assert running.sandbox.alive()


@real_processes
def test_one_that_has_died_can_still_be_frozen_thawed_and_measured(start: Callable[..., Running]) -> None:
    running = start(memory_mb=512)
    running.send(do="leave", status=1)
    assert running.hangs_up()
    assert running.sandbox.wait(10) == Exit(1)
    running.sandbox.freeze()
    running.sandbox.thaw()
    running.sandbox.reset_peak()
    running.sandbox.squeeze(running.sandbox.memory_in_use() + MB)
    running.sandbox.squeeze(None)
    running.sandbox.kill_runtime()
    assert running.sandbox.peak_memory() >= 0


@every_engine
def test_killing_twice_is_fine(start: Callable[..., Running]) -> None:
    running = start()
    running.sandbox.kill()
    running.sandbox.kill()
    assert not running.sandbox.alive()
    assert running.sandbox.runtime_api.fileno() == -1


@real_processes
def test_killing_a_frozen_sandbox_ends_its_children_too(
    engine: Engine, start: Callable[..., Running], ticks: socket.socket
) -> None:
    running = start(memory_mb=512)
    running.invoke(do="tick", host=engine.host(), port=engine.port_of(ticks), child=True)
    counter, _ = ticks.accept()
    with counter:
        counter.settimeout(30)
        assert counter.recv(1) == b"."
        running.sandbox.freeze()
        running.sandbox.kill()
        assert not running.sandbox.alive()
        assert running.sandbox.wait(1) == Exit(None, int(signal.SIGKILL))
        assert _ends(counter)


def _ends(connection: socket.socket) -> bool:
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize("name", [DOCKER, "process", "inline"])
def test_closing_ends_every_sandbox_and_may_be_repeated(
    make_engine: Callable[[str], Engine], spec: EnvironmentSpec, name: str
) -> None:
    engine = make_engine(name)
    engine.close()
    engine.open()
    sandboxes = [engine.start(replace(spec, id=f"probe/env-{n}")) for n in range(2)]
    engine.close()
    engine.close()
    assert not any(sandbox.alive() for sandbox in sandboxes)


# --- the world around -----------------------------------------------------------------------------------


@every_engine
def test_a_listener_of_the_rig_is_reachable_at_its_host_and_port(engine: Engine, shared: Running) -> None:
    with engine.listen(0) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(30)
        serving = pool.submit(answer_once, listener, b"the rig\n")
        assert shared.invoke(do="ask", host=engine.host(), port=engine.port_of(listener)) == "the rig\n"
        serving.result()


@real_processes
def test_a_connection_is_traced_to_its_environment(engine: Engine, shared: Running) -> None:
    with engine.listen(0) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(30)
        serving = pool.submit(answer_once, listener, b"hello\n")
        shared.invoke(do="ask", host=engine.host(), port=engine.port_of(listener))
        address, port = serving.result()
    assert shared.sandbox.id in (engine.origin(address), engine.origin(f"{address}:{port}"))
    assert engine.origin("192.0.2.9") == engine.origin("192.0.2.9:80") == ""


@real_processes
def test_descriptors_are_lambdas_number(shared: Running) -> None:
    assert shared.invoke(do="identity")["nofile"] == 1024


@real_processes
def test_nothing_beyond_the_rig_can_be_reached(shared: Running) -> None:
    # Docker 20.10 drops the packets, newer ones have no route: a connection hangs or is refused, and never stands.
    answer = shared.invoke(do="ask", host="192.0.2.1", port=443, timeout=0.5)
    assert answer.partition(":")[0] in ("TimeoutError", "OSError")


@real_processes
def test_hosts_of_the_spec_lead_to_the_rig(engine: Engine, shared: Running) -> None:
    assert shared.invoke(do="resolve", name="login.example.com") == engine.host()


@real_processes
def test_the_user_and_folder_are_lambdas(shared: Running) -> None:
    found = shared.invoke(do="identity")
    assert (found["uid"], found["gid"], found["folder"]) == (993, 990, "/var/task")


@real_processes
@pytest.mark.parametrize("path", ["/var/task/x", "/x", "/opt/x", "/home/x", "/dev/x", "/dev/shm/x", "/var/rig/x"])
def test_only_tmp_can_be_written(shared: Running, path: str) -> None:
    assert shared.invoke(do="write", path=path) in ("EROFS", "EACCES", "ENOENT")
    assert shared.invoke(do="write", path="/tmp/x") == "written"


@real_processes
def test_tmp_is_as_big_as_the_ephemeral_storage(start: Callable[..., Running]) -> None:
    running = start(memory_mb=512, ephemeral_mb=20)
    assert running.invoke(do="write", path="/tmp/x", mb=19) == "written"
    assert running.invoke(do="write", path="/tmp/x", mb=21) == "ENOSPC"


# --- squeezing and killing ------------------------------------------------------------------------------


@real_processes
def test_a_runtime_killed_from_outside_is_heard_and_still_measured(start: Callable[..., Running]) -> None:
    running = start(memory_mb=512)
    running.invoke(do="hold", mb=60)
    running.sandbox.kill_runtime()
    running.sandbox.kill_runtime()
    assert running.hangs_up()
    assert running.sandbox.wait(10) == Exit(None, int(signal.SIGKILL))
    assert running.sandbox.peak_memory() >= 60 * MB


@real_processes
def test_with_no_memory_left_the_kernel_kills_one_that_only_waits(start: Callable[..., Running]) -> None:
    running = start(memory_mb=256)
    running.sandbox.squeeze(0)
    assert not running.sandbox.alive()
    assert running.hangs_up()
    assert running.sandbox.wait(10) == Exit(None, int(signal.SIGKILL), oom=True)
    assert running.sandbox.peak_memory() >= 0.95 * 256 * MB


@real_processes
def test_a_squeezed_runtime_lives_until_it_takes_more(start: Callable[..., Running]) -> None:
    running = start(memory_mb=256)
    running.sandbox.squeeze(running.sandbox.memory_in_use() + 30 * MB)
    running.invoke(do="hold", mb=10)
    assert 200 * MB < running.sandbox.peak_memory() <= 256 * MB
    running.invoke(do="let_go")
    running.send(do="hold", mb=80)
    assert running.hangs_up()
    assert running.sandbox.wait(10) == Exit(None, int(signal.SIGKILL), oom=True)


@real_processes
def test_one_that_is_no_longer_squeezed_has_all_its_memory(start: Callable[..., Running]) -> None:
    running = start(memory_mb=256)
    running.sandbox.squeeze(running.sandbox.memory_in_use() + 20 * MB)
    running.sandbox.squeeze(None)
    assert running.sandbox.peak_memory() > 150 * MB  # what had been taken away counts, until the next measurement
    running.sandbox.reset_peak()
    assert running.sandbox.peak_memory() < 150 * MB
    running.invoke(do="hold", mb=80)
    assert running.sandbox.alive()
