"""What a runtime prints, how that is told, and how its end is seen."""

from __future__ import annotations

import contextlib
import os
import threading

from lambda_fixtures import request
from runtime_fixtures import running

from emulator.functions.runtime_api import TELL_S

pytest_plugins = ["runtime_fixtures"]  # fixture: client


def test_what_was_printed_before_a_call_is_there_when_it_happens(client):
    running(client)
    os.write(client.out, b"one\ntwo")
    client.call("POST", "invocation/id-1/response", b"1")
    assert b"".join(data for _, data in client.api.take_output()) == b"one\ntwo"
    assert client.api.take_output() == []


def test_output_that_never_pauses_does_not_keep_the_driver(client):
    running(client)
    stop = threading.Event()

    def flood():
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                os.write(client.out, b"x" * 65536)

    os.set_blocking(client.out, False)
    thread = threading.Thread(target=flood)
    thread.start()
    try:
        begin = client.clock.monotonic()
        assert client.api.wait(begin + 0.1).kind == "deadline"
        assert client.api.take_output()
        assert client.clock.monotonic() - begin < 5
    finally:
        stop.set()
        thread.join()


def test_output_is_told_while_the_handler_works_on(client):
    running(client)
    told = []
    os.write(client.out, b"early\n")
    deadline = client.clock.monotonic() + 4 * TELL_S
    seen = client.api.wait(deadline, lambda: told.append((client.clock.monotonic(), client.api.take_output())))
    assert seen.kind == "deadline"
    assert [data for _, chunks in told for _, data in chunks] == [b"early\n"]
    assert told[0][0] < deadline - TELL_S


def test_a_quiet_handler_is_not_told_of(client):
    running(client)
    told = []
    client.api.wait(client.clock.monotonic() + 2 * TELL_S, lambda: told.append(1))
    assert told == []


def test_the_end_of_output_and_process_is_death(client):
    running(client)
    client.living = False
    client.sock.close()
    client.hang_up()
    assert client.until_happens().kind == "died"


def test_the_last_call_of_a_dead_runtime_counts(client):
    running(client)
    client.living = False
    client.hang_up()
    client.pump()
    client.send(request("POST", "invocation/id-1/response", b"last"))
    assert client.until_happens().body == b"last"


def test_a_connection_that_never_ends_does_not_hide_a_death(client):
    running(client)
    client.living = False
    client.hang_up()
    begin = client.clock.monotonic()
    assert client.until_happens().kind == "died"
    assert client.clock.monotonic() - begin < 2


def test_a_runtime_that_closed_its_output_is_not_dead(client):
    running(client)
    client.hang_up()
    for _ in range(5):
        assert client.pump() is None
    assert client.call("POST", "invocation/id-1/response", b"1")[0] == 202


def test_a_client_that_posts_and_goes_is_heard(client):
    running(client)
    client.send(request("POST", "invocation/id-1/response", b"1"))
    client.sock.close()
    assert client.until_happens().kind == "response"
