"""The one place where a REST API's logs are written: the access line, then the execution lines, as on AWS.

What a stage logs is its own business (`Stage.logging`); one that logs nothing costs a look. A request that found no
stage is in no log. One that found no route, or that the API's authorization refused, is in the access log only (AWS
Knowledge Center, api-gateway-missing-cloudwatch-logs; the line's variables `authenticate.error`, `authorize.error`).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import lru_cache

from emulator.clock import Clock
from emulator.frontdoors import rest_access_log, rest_execution_log
from emulator.frontdoors.rest_api import Logging
from emulator.frontdoors.rest_trail import Trail
from emulator.model import HttpReply

Append = Callable[[str, str, list[tuple[int, str]], str], object]
_LEVELS = {"ERROR": rest_execution_log.ERROR, "INFO": rest_execution_log.INFO}
_log = logging.getLogger(__name__)


class RestLogs:
    """append(group, stream, events, region): queues events, each (milliseconds since the epoch, message)."""

    def __init__(self, append: Append, clock: Clock, account: str) -> None:
        self._append, self._clock, self._account = append, clock, account

    def write(self, trail: Trail, reply: HttpReply) -> None:
        """Tell of a request whose reply is ready."""
        kept = trail.arrived.stage.logging
        if kept is None:
            return
        ended = round(self._clock.wall() * 1000)
        if kept.destination and kept.format:
            self._access(kept, trail, reply, ended)
        if trail.routed is not None and trail.admitted:
            self._execution(kept, trail, reply, ended)

    def _access(self, kept: Logging, trail: Trail, reply: HttpReply, ended: int) -> None:
        spent = self._clock.monotonic() - trail.started + trail.delayed
        line = rest_access_log.line(kept.format, trail, reply, self._account, round(spent * 1000))
        _, _, service, region, _, kind, *name = kept.destination.split(":")
        if (service, kind) == ("logs", "log-group"):
            self._append(name[0], stream(name[0]), [(ended, line)], region)
        else:
            _log.error("%s: lambdarig writes access logs to log groups only: %s", kept.destination, line)

    def _execution(self, kept: Logging, trail: Trail, reply: HttpReply, ended: int) -> None:
        assert trail.routed is not None
        level, traced = kept.of(trail.routed.route)
        if level not in _LEVELS:
            return
        limit, api = _LEVELS[level] + (level == "INFO" and traced), trail.arrived.stage.api
        events = [
            (at, rest_execution_log.printed(text, trail.arrived.ids.request))
            for needed, at, text in rest_execution_log.lines(trail, trail.routed, reply, self._account, ended)
            if needed <= limit
        ]
        if events:
            group = execution_group(api.id, trail.arrived.stage.name)
            self._append(group, stream(group), events, api.region)


def execution_group(api: str, stage: str) -> str:
    """The log group of a stage's executions."""
    return f"API-Gateway-Execution-Logs_{api}/{stage}"


@lru_cache(maxsize=256)
def stream(group: str) -> str:
    """32 hexadecimal digits, as AWS has them; one stream for a group, where AWS has hundreds."""
    return hashlib.md5(group.encode(), usedforsecurity=False).hexdigest()
