"""What the platform writes into an invocation's log, in the function's LogFormat. An empty line is not written.

Text is `loglines`, in the function's generation. JSON records and their levels are those of AWS's documentation
(monitoring-cloudwatchlogs, system log levels): a success is told from DEBUG or INFO on, a failure from WARN on.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Protocol

from emulator.clock import Clock
from emulator.functions import loglines
from emulator.functions.loglines import Failure, Generation
from emulator.model import ON_DEMAND, Function

LEVELS = ("DEBUG", "INFO", "WARN")


@dataclass(frozen=True)
class Report:
    """What REPORT says. Times in ms, memory in MB, all measured. init_ms: None when warm. early_init_ms: of the first
    one on an environment initialised ahead. status: what the platform
    did to it, empty when the handler came to an end. raised: the handler did so by an error, which only JSON tells.
    produced: bytes answered."""

    duration_ms: float
    used_mb: int
    init_ms: float | None
    status: str = ""
    error_type: str = ""
    raised: bool = False
    produced: int = 0
    early_init_ms: float | None = None

    @property
    def json_status(self) -> str:
        return self.status or ("error" if self.raised else "")


class PlatformLog(Protocol):
    """One invocation's. status: empty for a success."""

    def init_start(self) -> str: ...
    def init_end(self, ms: float, phase: str, status: str, error_type: str) -> str: ...
    def start(self) -> str: ...
    def failed(self, failure: Failure, ended: bool) -> str:
        """The failure's own line, before END and (ended) after REPORT: it stands in one of the two places."""

    def end(self, report: Report) -> str: ...
    def report(self, report: Report) -> str: ...


@dataclass(frozen=True)
class TextLog:
    function: Function
    request_id: str
    generation: Generation
    initialization: str = ON_DEMAND

    def init_start(self) -> str:
        """A function from an image has no runtime version to tell."""
        function = self.function
        shown = self.generation.init_lines and function.runtime and not function.image
        return loglines.init_start(function.runtime or "", function.region) if shown else ""

    def init_end(self, ms: float, phase: str, status: str, error_type: str) -> str:
        shown = self.generation.init_lines and (status or self.initialization != ON_DEMAND)
        return loglines.init_report(ms, phase, status, error_type) if shown else ""

    def start(self) -> str:
        return loglines.start(self.request_id, self.function.version)

    def failed(self, failure: Failure, ended: bool) -> str:
        return failure.line if ended is not self.generation.before_end else ""

    def end(self, report: Report) -> str:
        return loglines.end(self.request_id)

    def report(self, report: Report) -> str:
        """Before there was INIT_REPORT, the first REPORT told an init that had run ahead; it was not billed there."""
        init_ms = report.early_init_ms if report.init_ms is None and not self.generation.init_lines else report.init_ms
        return loglines.report(
            self.generation, self.request_id, report.duration_ms, self.function.memory_mb, report.used_mb,
            init_ms, report.status, report.error_type,
        )  # fmt: skip


@dataclass(frozen=True)
class JsonLog:
    function: Function
    request_id: str
    clock: Clock
    initialization: str = ON_DEMAND

    def init_start(self) -> str:
        function = self.function
        record = {
            "initializationType": self.initialization,
            "phase": "init",
            "functionName": function.name,
            "functionVersion": function.version,
        }
        if function.image or not function.runtime:
            return self._line("initStart", record, "DEBUG")
        version, arn = loglines.runtime_version(function.runtime, function.region)
        return self._line("initStart", {**record, "runtimeVersion": version, "runtimeVersionArn": arn}, "INFO")

    def init_end(self, ms: float, phase: str, status: str, error_type: str) -> str:
        record = {"initializationType": self.initialization, "phase": phase, **_status(status, error_type)}
        level = "WARN" if status else "DEBUG"
        metrics = {"metrics": {"durationMs": round(ms, 3)}}
        return self._line("initRuntimeDone", record, level) + self._line("initReport", record | metrics, level)

    def start(self) -> str:
        return self._line("start", {"requestId": self.request_id, "version": self.function.version}, "INFO")

    def failed(self, failure: Failure, ended: bool) -> str:
        return ""

    def end(self, report: Report) -> str:
        metrics = {"durationMs": round(report.duration_ms, 3), "producedBytes": report.produced}
        record = {"requestId": self.request_id, **_status(report.json_status, report.error_type), "metrics": metrics}
        return self._line("runtimeDone", record, "WARN" if report.json_status else "DEBUG")

    def report(self, report: Report) -> str:
        metrics: dict[str, Any] = {
            "durationMs": round(report.duration_ms, 3),
            "billedDurationMs": math.ceil(report.duration_ms + (report.init_ms or 0.0)),
            "memorySizeMB": self.function.memory_mb,
            "maxMemoryUsedMB": report.used_mb,
        }
        if report.init_ms is not None:
            metrics["initDurationMs"] = round(report.init_ms, 3)
        record = {"requestId": self.request_id, "metrics": metrics, **_status(report.json_status, report.error_type)}
        return self._line("report", record, "WARN" if report.json_status else "INFO")

    def _line(self, kind: str, record: dict[str, Any], level: str) -> str:
        if LEVELS.index(level) < LEVELS.index(self.function.system_log_level or "INFO"):
            return ""
        now = self.clock.utc()
        time = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
        document = {"time": time, "type": f"platform.{kind}", "record": record}
        return json.dumps(document, separators=(",", ":")) + "\n"


def _status(status: str, error_type: str) -> dict[str, str]:
    return {"status": status or "success", **({"errorType": error_type} if error_type else {})}


def platform_log(
    function: Function, request_id: str, clock: Clock, initialization: str = ON_DEMAND
) -> PlatformLog:
    """In the function's LogFormat."""
    if function.log_format == "JSON":
        return JsonLog(function, request_id, clock, initialization)
    return TextLog(function, request_id, loglines.GENERATIONS[function.texts], initialization)
