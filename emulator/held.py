"""Answers that a fault keeps back: waited for here, when the call has long been recorded."""

from __future__ import annotations

import threading
from typing import Any

from emulator.http_connection import HungUp
from emulator.model import Held


def given(reply: Any) -> Any:
    """The answer, when its time has come. Raises HungUp where there is to be none."""
    while isinstance(reply, Held):
        reply.until.wait(min(reply.seconds, threading.TIMEOUT_MAX))
        reply = reply.reply
    if reply is None:
        raise HungUp
    return reply
