"""The integration's time limit, 29 s unless the integration says less."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from emulator.model import Outcome

pytest_plugins = ["rest_gateway"]  # fixtures: mended, gateway, orders


def test_virtual_seconds_count_towards_the_limit(orders):
    orders.invoker.answer = Outcome("ok", b"{}", virtual_s=29.5)
    reply = orders.send("/dev/orders/7")
    assert (reply.status_code, reply.data) == (504, b'{"message": "Endpoint request timed out"}')
    assert reply.headers["x-amzn-ErrorType"] == "InternalServerErrorException"


def test_just_under_the_limit_is_served(orders):
    orders.invoker.answer = Outcome("ok", b"{}", virtual_s=28.5)
    assert orders.send("/dev/orders/7").status_code == 200


def slow(gateway, timeout_of):
    """A gateway with a 50 ms limit before a function that ends when told to."""
    gateway.route("GET", "/", timeoutInMillis=50)
    gateway.deploy()
    go, ended = threading.Event(), threading.Event()

    def answer():
        go.wait(30)
        ended.set()
        return Outcome("ok", b"{}")

    gateway.invoker.answer = answer
    return gateway.served(timeout_of=timeout_of), go, ended


@pytest.mark.parametrize("timeout_of", [lambda arn: 60.0, None])
def test_the_client_hears_of_the_timeout_while_the_function_runs_on(gateway, timeout_of):
    app, go, ended = slow(gateway, timeout_of)
    assert gateway.send("/dev", app=app).status_code == 504
    assert not ended.is_set()
    go.set()
    assert ended.wait(30)


def test_what_a_late_invocation_raises_is_logged(gateway):
    gateway.route("GET", "/", timeoutInMillis=50)
    gateway.deploy()
    go, logged, said = threading.Event(), threading.Event(), []

    class Listener(logging.Handler):
        def emit(self, record):
            said.append(self.format(record))
            logged.set()

    def answer():
        go.wait(30)
        raise RuntimeError("the engine went away")

    logger, listener = logging.getLogger("emulator.frontdoors.rest_lambda"), Listener()
    logger.addHandler(listener)
    gateway.invoker.answer = answer
    assert gateway.send("/dev", app=gateway.served()).status_code == 504
    go.set()
    assert logged.wait(30)
    logger.removeHandler(listener)
    assert "the engine went away" in said[0]


def test_a_function_that_cannot_outlive_the_limit_is_invoked_in_the_serving_thread(orders):
    orders.invoker.answer = lambda: Outcome("ok", json.dumps({"body": threading.current_thread().name}).encode())
    assert orders.send("/dev/orders/7").text == threading.current_thread().name
    watched = orders.served(timeout_of=lambda arn: 29.0)
    assert orders.send("/dev/orders/7", app=watched).text == "apigateway-integration"
