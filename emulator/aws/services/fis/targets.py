"""Which functions a target means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Any

from emulator.functions.registry import Registry

SELECTION = re.compile(r"ALL|(COUNT|PERCENT)\(([1-9]\d{0,3})\)")
FUNCTION_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:([a-zA-Z0-9-_]+)(?::([$a-zA-Z0-9-_]+))?")


def resolve(registry: Registry, target: Mapping[str, Any], seed: str) -> tuple[str, ...]:
    """ARNs of the functions that are there and that it selects; of some only, dice draw them, keyed by `seed` and ARN.

    A percentage is rounded down (FIS user guide, targets).
    """
    found = _named(registry, target["resourceArns"]) if "resourceArns" in target else _tagged(registry, target)
    how = SELECTION.fullmatch(target["selectionMode"])
    if how is None or how[1] is None:
        return found
    count = int(how[2]) if how[1] == "COUNT" else len(found) * int(how[2]) // 100
    drawn = sorted(found, key=lambda arn: Random(f"{seed}/{arn}").random())[:count]
    return tuple(arn for arn in found if arn in drawn)


def _named(registry: Registry, arns: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(arn for arn in arns if _there(registry, arn)))


def _there(registry: Registry, arn: str) -> bool:
    try:
        registry.version(arn)
    except LookupError:
        return False
    return True


def _tagged(registry: Registry, target: Mapping[str, Any]) -> tuple[str, ...]:
    with registry.lock:
        wanted = target["resourceTags"].items()
        return tuple(registry.arn(name) for name, entry in registry.entries.items() if wanted <= entry.tags.items())
