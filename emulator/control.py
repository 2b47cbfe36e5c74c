"""The rig's own API under `/_rig/`, for the machine it runs on alone. Its OpenAPI document is `/_rig/openapi.json`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from emulator import catalogue
from emulator.control_door import health as health_of
from emulator.control_door import is_local, version
from emulator.errors import RigError, UsageError
from emulator.injector import Armed

if TYPE_CHECKING:
    from emulator.rig import Rig

AGES_S = 1e12  # what a clock may be moved by; more would only lose its seconds


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
    if not is_local(request.environ):
        abort(403, "the rig is controlled from its own machine only")


def _refused(error: HTTPException) -> tuple[Response, int]:
    return jsonify(error=error.name, message=error.description), error.code or 500


def _problem(error: RigError) -> tuple[Response, int]:
    status = 400 if isinstance(error, UsageError) else 500
    return jsonify(error=type(error).__name__, message=error.message, mend=error.mend), status


def _add_state(app: Flask, rig: Rig, stop: Callable[[], None]) -> None:
    @app.get("/_rig/health")
    def health() -> Any:
        return jsonify(health_of(rig))

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
        body = _body()
        catalogue.only(body, ("advance",), "request")
        rig.clock.advance(_seconds(body.get("advance")))
        return jsonify(now=round(rig.clock.now(), 6))


def _add_faults(app: Flask, rig: Rig) -> None:
    @app.get("/_rig/faults")
    def faults() -> Any:
        return jsonify(faults=[shown(armed) for armed in rig.injector.armed()])

    @app.post("/_rig/faults")
    def arm() -> Any:
        body = _body()
        if "faults" not in body:
            (armed,) = rig.injector.arm([catalogue.rule(body, "request")])
            return jsonify(shown(armed)), 201
        catalogue.only(body, ("faults",), "request")
        added = rig.injector.arm(catalogue.rules(_list(body["faults"]), "request"))
        return jsonify(faults=[shown(armed) for armed in added]), 201

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
        since = _since(request.args.get("since", "0"))
        events = [event.as_dict() for event in rig.timeline.events(since)]
        return jsonify(fingerprint=rig.timeline.fingerprint(), seed=rig.settings.seed, events=events)

    @app.get("/_rig/openapi.json")
    def openapi() -> Any:
        from emulator.control_openapi import document

        return jsonify(document(version()))


def _list(given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise UsageError(f"request: faults: must be a list of rules, not {given!r}")
    return given


def _seconds(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= AGES_S:
        raise UsageError(f"request: advance: must be a number of seconds, 0 or more, not {given!r}")
    return float(given)


def _since(given: str) -> int:
    if not given.isdecimal():
        raise UsageError(f"request: since: must be a sequence number, not {given!r}")
    return int(given)


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise UsageError("request: the body must be a JSON object")
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
        "over": armed.over,
    }


def describe(rig: Rig) -> dict[str, Any]:
    """What runs: functions, environments, rules."""
    environments = [
        {
            "id": e.id,
            "function": e.function.name,
            "state": state,
            "initialization": e.initialization,
            "native_id": e.native_id,
        }
        for e, state in rig.pool.environments()
    ]
    with rig.registry.lock:
        entries = sorted(rig.registry.entries.items())
    functions = [
        {
            "name": name,
            "runtime": entry.latest.function.runtime,
            "memory_mb": entry.latest.function.memory_mb,
            "timeout_s": entry.latest.function.timeout_s,
            "reserved_concurrency": entry.reserved,
        }
        for name, entry in entries
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
