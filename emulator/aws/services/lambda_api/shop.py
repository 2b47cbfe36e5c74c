"""What the Lambda API's operations share: the rig's side of them, finding a function, paging."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.clock import Clock
from emulator.functions.loglines import GENERATIONS
from emulator.functions.provisioned import Standing
from emulator.functions.registry import Entry, Registry, Unresolved, Version
from emulator.model import Function

TEXTS_TAG = "lambdarig:texts"
HOT_RELOAD_BUCKETS = ("hot-reload", "lambdarig-folder")  # S3Bucket that means: S3Key is a folder on this machine
UNTYPED = ("ValidationException", "AccessDeniedException")  # AWS's common errors have no member `Type`
Params = dict[str, Any]


@dataclass
class Shop:
    """What the operations need of the rig. fetch: S3 bucket, key, version -> bytes. watch: report changes of a folder.

    retired: the function's warm environments are of no use any more. texts: generation of log texts for new functions.
    provision, standing, join: have environments of a version initialised ahead; how that stands; wait until none is
    under way (machine seconds).
    """

    registry: Registry
    clock: Clock
    state_dir: Path
    fetch: Callable[[str, str, str | None], bytes]
    watch: Callable[[Path], None]
    retired: Callable[[str], None]
    provision: Callable[[Function, int], None]
    standing: Callable[[Function], Standing]
    join: Callable[[Function, float], None]
    texts: str = "current"


def unresolved(error: Unresolved) -> ServiceError:
    typed = {} if error.code in UNTYPED else {"Type": "User"}
    return ServiceError(error.code, str(error), error.status, **typed)


def texts_of(params: Params, shop: Shop) -> str:
    """Generation of log texts for a new function: its tag `lambdarig:texts`, or the rig's setting."""
    wanted = str((params.get("Tags") or {}).get(TEXTS_TAG, shop.texts))
    if wanted not in GENERATIONS:
        choices = ", ".join(GENERATIONS)
        raise invalid(f"The tag {TEXTS_TAG} names no generation of log texts: {wanted!r}; choose {choices}")
    return wanted


def invalid(message: str) -> ServiceError:
    """InvalidParameterValueException, Lambda's refusal for most wrong values."""
    return ServiceError("InvalidParameterValueException", message, Type="User")


def find(registry: Registry, params: Params) -> tuple[Entry, Version, str]:
    """(entry, version, qualifier) that FunctionName and Qualifier name. Raises ServiceError as AWS does."""
    try:
        return registry.version(params["FunctionName"], params.get("Qualifier") or "")
    except Unresolved as error:
        raise unresolved(error) from None


def entry_of(registry: Registry, params: Params) -> Entry:
    """The function that FunctionName names, whatever the qualifier."""
    name, _ = name_of(registry, params)
    try:
        return registry.entry(name)
    except Unresolved as error:
        raise unresolved(error) from None


def name_of(registry: Registry, params: Params) -> tuple[str, str]:
    """(name, qualifier) in FunctionName."""
    try:
        return registry.split(params["FunctionName"])
    except Unresolved as error:
        raise unresolved(error) from None


def page(key: str, rows: list[Any], params: Params) -> Params:
    """One page of `rows` under `key`, by Marker and MaxItems (50 at most, as AWS)."""
    begin = _position(params.get("Marker"))
    end = begin + min(params.get("MaxItems") or 50, 50)
    more = {"NextMarker": base64.b64encode(str(end).encode()).decode()} if end < len(rows) else {}
    return {key: rows[begin:end], **more}


def _position(marker: str | None) -> int:
    if not marker:
        return 0
    try:
        return int(base64.b64decode(marker, validate=True))
    except ValueError:
        raise invalid("Invalid Marker") from None
