"""What the store remembers as JSON, and back. Timestamps in what callers gave (a flow's parameters) stay timestamps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from emulator.aws.services.appflow.store import Execution, Flow, Profile, Registration
from emulator.frontdoors.connector_contract import Configuration

KINDS: Mapping[str, Any] = {
    "registrations": Registration, "profiles": Profile, "flows": Flow, "executions": Execution,
    "tags": dict[str, str], "runs": int,
}
_TIME, _AS_IT_IS = "$time", "$"


def to_text(family: str, value: Any) -> str:
    """family: a name in KINDS."""
    return json.dumps(_plain(_adapter(family).dump_python(value)))


def from_text(family: str, text: str) -> Any:
    """ValueError where the text is none of its kind."""
    made = _adapter(family).validate_python(json.loads(text, object_hook=_meant))
    if isinstance(made, Registration):
        return replace(made, configuration=Configuration.model_validate(made.configuration))
    return made


@cache
def _adapter(family: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[family])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {_TIME: value.isoformat()}
    if isinstance(value, Mapping):
        made = {key: _plain(each) for key, each in value.items()}
        return {_AS_IT_IS: list(made.items())} if made.keys() & {_TIME, _AS_IT_IS} else made
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _meant(found: dict[str, Any]) -> Any:
    if found.keys() == {_TIME}:
        return datetime.fromisoformat(found[_TIME])
    return dict(found[_AS_IT_IS]) if found.keys() == {_AS_IT_IS} else found
