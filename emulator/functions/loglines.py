"""AWS's log lines and error payloads for one invocation, in each generation that people still meet.

Recorded and dated: the line `Task timed out` left the log in 2025, and `Runtime.OutOfMemory` came in 2024; before
2019 a kill read `Process exited before completing request`. `current` is what AWS prints now.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import signal
from dataclasses import dataclass
from datetime import datetime

from emulator.functions.engines.protocol import Exit


@dataclass(frozen=True)
class Generation:
    """init_lines: INIT_START and INIT_REPORT are printed. status: REPORT carries Status and Error Type.
    before_end: the failure's line stands before END (else after REPORT). oom_type: separate type for memory.
    billed_init: init time is billed. exit_text: how a dead runtime is told."""

    init_lines: bool = True
    status: bool = True
    before_end: bool = True
    timeout_line: bool = False
    oom_type: str = "Runtime.OutOfMemory"
    billed_init: bool = True
    exit_text: str = "RequestId: {id} Error: {cause}"


_RUNTIME = re.compile(r"([a-z]+)\.?(.+?)(?:\.x)?$")
GENERATIONS = {
    "current": Generation(),
    "2023": Generation(status=False, timeout_line=True, oom_type="Runtime.ExitError", billed_init=False),
    "2020": Generation(
        init_lines=False,
        status=False,
        before_end=False,
        timeout_line=True,
        oom_type="Runtime.ExitError",
        billed_init=False,
    ),
    "2018": Generation(
        init_lines=False,
        status=False,
        before_end=False,
        timeout_line=True,
        oom_type="",
        billed_init=False,
        exit_text="RequestId: {id} Process exited before completing request",
    ),
}


@dataclass(frozen=True)
class Failure:
    """A failure the platform tells: payload for the caller, line for the log (may be empty), REPORT's words."""

    payload: bytes
    line: str
    status: str
    error_type: str = ""


def runtime_version(runtime: str, region: str) -> tuple[str, str]:
    """(`python:3.13.v1`, ARN), as seen: nodejs:18.v9, provided:al2023.v98. The ARN's digest is a hash of the name."""
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return _RUNTIME.sub(r"\1:\2.v1", runtime), f"arn:aws:lambda:{region}::runtime:{digest}"


def init_start(runtime: str, region: str) -> str:
    version, arn = runtime_version(runtime, region)
    return f"INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}\n"


def init_report(duration_ms: float, phase: str, status: str, error_type: str = "") -> str:
    """INIT_REPORT, printed when init went wrong, with provisioned concurrency always. status: empty for a success."""
    tail = (f"\tStatus: {status}" if status else "") + (f"\tError Type: {error_type}" if error_type else "")
    return f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {phase}{tail}\n"


def start(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}\n"


def end(request_id: str) -> str:
    return f"END RequestId: {request_id}\n"


def report(
    generation: Generation,
    request_id: str,
    duration_ms: float,
    memory_mb: int,
    used_mb: int,
    init_ms: float | None,
    status: str,
    error_type: str,
) -> str:
    """REPORT; durations in ms, memory in MB, all measured."""
    billed = math.ceil(duration_ms + (init_ms or 0.0 if generation.billed_init else 0.0))
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {memory_mb} MB",
        f"Max Memory Used: {used_mb} MB",
    ]
    if init_ms is not None:
        parts.append(f"Init Duration: {init_ms:.2f} ms")
    if not status or not generation.status:
        return "\t".join([*parts, "\n"])
    parts.append(f"Status: {status}")
    return "\t".join(parts + ([f"Error Type: {error_type}"] if error_type else [])) + "\n"


def timed_out(generation: Generation, request_id: str, limit_s: float, elapsed_s: float, at: datetime) -> Failure:
    """The function's own limit passed. Now the configured limit is printed; it used to be the real elapsed time."""
    if not generation.timeout_line:
        message = f"RequestId: {request_id} Error: Task timed out after {limit_s:.2f} seconds"
        return Failure(_payload("Sandbox.Timedout", message), "", "timeout")
    text = f"{at.strftime('%Y-%m-%dT%H:%M:%S')}.{at.microsecond // 1000:03d}Z {request_id} Task timed out after"
    payload = json.dumps({"errorMessage": f"{text} {limit_s:.2f} seconds"}, separators=(",", ":"))
    return Failure(payload.encode(), f"{text} {elapsed_s:.2f} seconds\n\n", "timeout")


def exited(generation: Generation, request_id: str, how: Exit) -> Failure:
    """The runtime process ended in the middle of its work."""
    cause = exit_cause(how)
    error_type = generation.oom_type if how.oom else "Runtime.ExitError" if generation.oom_type else ""
    message = generation.exit_text.format(id=request_id, cause=cause)
    silent = generation.status and how.oom  # since 2024 only REPORT tells of memory
    line = "" if silent else f"{message}\n" + ("Runtime.ExitError\n" if error_type else "")
    return Failure(_payload(error_type, message), line, "error", error_type)


def exit_cause(how: Exit) -> str:
    """AWS's words for how a process ended."""
    if how.signal is not None:
        return f"Runtime exited with error: signal: {SIGNALS.get(how.signal, f'signal {how.signal}')}"
    if how.code:
        return f"Runtime exited with error: exit status {how.code}"
    return "Runtime exited without providing a reason"


def _payload(error_type: str, message: str) -> bytes:
    head = {"errorType": error_type} if error_type else {}
    return json.dumps({**head, "errorMessage": message}, separators=(",", ":")).encode()


# Go's words for signals, which AWS prints
SIGNALS = {
    int(signal.SIGKILL): "killed",
    int(signal.SIGSEGV): "segmentation fault (core dumped)",
    int(signal.SIGABRT): "aborted (core dumped)",
    int(signal.SIGTERM): "terminated",
    int(signal.SIGINT): "interrupt",
    int(signal.SIGBUS): "bus error (core dumped)",
    int(signal.SIGFPE): "floating point exception (core dumped)",
    int(signal.SIGILL): "illegal instruction (core dumped)",
    int(signal.SIGHUP): "hangup",
    int(signal.SIGQUIT): "quit (core dumped)",
    int(signal.SIGPIPE): "broken pipe",
}
