"""The rig's own API under `/_rig/`, for the machine it runs on alone. Its OpenAPI document is `/_rig/openapi.json`."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from emulator import catalogue
from emulator.errors import RigError, UsageError
from emulator.injector import Armed

if TYPE_CHECKING:
    from emulator.rig import Rig


def control(rig: Rig, stop: Callable[[], None]) -> Flask:
    """The control plane of one rig. stop: asks the process to end."""
    app = Flask("lambdarig.control", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.before_request(_local_only)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(RigError, _problem)
    _add_state(app, rig, stop)
    _add_faults(app, rig)
    _add_record(app, rig)
    return app


def _local_only() -> None:
    """Loopback clients, by a loopback name: a page in a browser must not reach this through a name it controls."""
    host = request.host.rsplit(":", 1)[0].strip("[]")
    peer = ipaddress.ip_address(request.remote_addr or "0.0.0.0")
    named = host in ("localhost", "127.0.0.1", "::1")
    if not (peer.is_loopback and named) or request.headers.get("Origin"):
        abort(403, "the rig is controlled from its own machine only")


def _refused(error: HTTPException) -> tuple[Response, int]:
    return jsonify(error=error.name, message=error.description), error.code or 500


def _problem(error: RigError) -> tuple[Response, int]:
    status = 400 if isinstance(error, UsageError) else 500
    return jsonify(error=type(error).__name__, message=error.message, mend=error.mend), status


def _add_state(app: Flask, rig: Rig, stop: Callable[[], None]) -> None:
    @app.get("/_rig/health")
    def health() -> Any:
        return jsonify(status="ok", version=version("lambdarig"), rig=rig.id, pid=os.getpid())

    @app.get("/_rig/status")
    def status() -> Any:
        return jsonify(describe(rig))

    @app.post("/_rig/reset")
    def reset() -> Any:
        rig.reset()
        return jsonify(status="ok")

    @app.post("/_rig/stop")
    def stop_rig() -> Any:
        stop()
        return jsonify(status="stopping")

    @app.post("/_rig/clock")
    def clock() -> Any:
        seconds = _body().get("advance")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise UsageError(f"advance must be a number of seconds, 0 or more, not {seconds!r}")
        rig.clock.advance(seconds)
        return jsonify(now=round(rig.clock.now(), 6))


def _add_faults(app: Flask, rig: Rig) -> None:
    @app.get("/_rig/faults")
    def faults() -> Any:
        return jsonify(faults=[shown(armed) for armed in rig.injector.armed()])

    @app.post("/_rig/faults")
    def arm() -> Any:
        (armed,) = rig.injector.arm([catalogue.rule(_body(), "request")])
        return jsonify(shown(armed)), 201

    @app.delete("/_rig/faults", defaults={"name": ""})
    @app.delete("/_rig/faults/<name>")
    def disarm(name: str) -> Any:
        gone = [armed for armed in rig.injector.armed() if name in ("", armed.rule.label)]
        if name and not gone:
            abort(404, f"no rule named {name!r} is armed")
        rig.injector.disarm(gone)
        return jsonify(faults=[shown(armed) for armed in gone])


def _add_record(app: Flask, rig: Rig) -> None:
    @app.get("/_rig/timeline")
    def timeline() -> Any:
        since = request.args.get("since", 0, type=int)
        events = [event.as_dict() for event in rig.timeline.events(since)]
        return jsonify(fingerprint=rig.timeline.fingerprint(), seed=rig.settings.seed, events=events)

    @app.get("/_rig/openapi.json")
    def openapi() -> Any:
        from emulator.control_openapi import document

        return jsonify(document(version("lambdarig")))


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise UsageError("the body must be a JSON object")
    return body


def shown(armed: Armed) -> dict[str, Any]:
    """A rule in force, for people and JSON."""
    rule = armed.rule
    match = {key: value for key, value in asdict(rule.where).items() if value is not None}
    return {
        "name": rule.label,
        "fault": rule.fault.name,
        "with": asdict(rule.fault),  # type: ignore[call-overload]
        "match": match,
        "when": asdict(rule.when),
        "optional": rule.optional,
        "strikes": armed.strikes,
    }


def describe(rig: Rig) -> dict[str, Any]:
    """What runs: functions, environments, rules."""
    environments = [
        {"id": e.id, "function": e.function.name, "state": state, "native_id": e.native_id}
        for e, state in rig.pool.environments()
    ]
    functions = [
        {
            "name": name,
            "runtime": entry.latest.function.runtime,
            "memory_mb": entry.latest.function.memory_mb,
            "timeout_s": entry.latest.function.timeout_s,
            "reserved_concurrency": entry.reserved,
        }
        for name, entry in sorted(rig.registry.entries.items())
    ]
    return {
        "rig": rig.id,
        "url": rig.url,
        "engine": rig.engine.name,
        "seed": rig.settings.seed,
        "pid": os.getpid(),
        "rig_seconds": round(rig.clock.now(), 3),
        "functions": functions,
        "environments": environments,
        "faults": [shown(armed) for armed in rig.injector.armed()],
        "fingerprint": rig.timeline.fingerprint(),
    }
