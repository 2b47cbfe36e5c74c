"""What the Lambda control plane knows: functions, versions, aliases, layers, and their settings. State only."""

from __future__ import annotations

import itertools
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from emulator.model import Function

_NAME = (  # AWS's pattern for FunctionName, which it prints
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
_ARN = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?(?P<name>[a-zA-Z0-9-_.]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)
LATEST = "$LATEST"


@dataclass(frozen=True)
class Version:
    """One version: what the pool runs, and what only the API shows.

    shown: members of FunctionConfiguration as given.
    """

    function: Function
    modified: str
    code_sha256: str
    code_size: int
    shown: dict[str, Any] = field(default_factory=dict)
    code_location: dict[str, str] = field(default_factory=dict)
    package_type: str = "Zip"


@dataclass
class Entry:
    """A function by name. policy: qualifier ('' = unqualified) -> statements. event: qualifier (unqualified is $LATEST)
    -> EventInvokeConfig. provisioned: qualifier -> {count, modified} of its provisioned concurrency."""

    latest: Version
    published: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    policy: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    event: dict[str, dict[str, Any]] = field(default_factory=dict)
    provisioned: dict[str, dict[str, Any]] = field(default_factory=dict)
    reserved: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    next_version: int = 1

    @property
    def set_aside(self) -> int:
        """Concurrency that is this function's alone: what it has reserved, or else provisioned."""
        provisioned = sum(row["count"] for row in list(self.provisioned.values()))
        return provisioned if self.reserved is None else self.reserved


class Unresolved(LookupError):
    """What was asked for leads to no function; code and status are AWS's."""

    code, status = "ResourceNotFoundException", 404


class NoSuchFunction(Unresolved):
    """No function, version or alias of that ARN."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Function not found: {arn}")


class BadName(Unresolved):
    """Neither a name nor an ARN."""

    code, status = "ValidationException", 400

    def __init__(self, given: str) -> None:
        super().__init__(
            f"1 validation error detected: Value '{given}' at 'functionName' failed to satisfy constraint: Member must "
            f"satisfy regular expression pattern: {_NAME}"
        )


class QualifiersDiffer(Unresolved):
    code, status = "InvalidParameterValueException", 400

    def __init__(self) -> None:
        super().__init__("The derived qualifier from the function name does not match the specified qualifier.")


class OtherAccount(Unresolved):
    """The rig has one account; functions of others have not let it in."""

    code, status = "AccessDeniedException", 403

    def __init__(self, arn: str) -> None:
        super().__init__(
            f"User is not authorized to perform: lambda:InvokeFunction on resource: {arn} because no resource-based "
            "policy allows the lambda:InvokeFunction action"
        )


class Registry:
    """Thread-safe by its one lock, which callers hold for read-modify-write (`with registry.lock`).

    invocations: how many each name has had, whichever function it belonged to. creation: a number for a new function
    that no other one of this process had, so that no environment of a deleted namesake is taken for its own.
    """

    def __init__(self, account: str, region: str) -> None:
        self.account, self.region = account, region
        self.lock = threading.RLock()
        self.entries: dict[str, Entry] = {}
        self.invocations: Counter[str] = Counter()
        self._creations = itertools.count(1)
        self.layers: dict[str, list[dict[str, Any]]] = {}
        self.layer_numbers: Counter[str] = Counter()

    def set_aside(self) -> int:
        """Reserved and provisioned concurrency of all functions together."""
        return sum(entry.set_aside for entry in list(self.entries.values()))

    def creation(self) -> int:
        return next(self._creations)

    def arn(self, name: str) -> str:
        """Unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"

    def split(self, given: str, qualifier: str = "") -> tuple[str, str]:
        """Name, partial or full ARN -> (name, qualifier). Raises Unresolved."""
        match = _ARN.fullmatch(given)
        if match is None:
            raise BadName(given)
        if match["region"] not in (None, self.region):
            where = f"Functions from '{match['region']}' are not reachable in this region ('{self.region}')"
            raise Unresolved(where)
        if match["account"] not in (None, self.account):
            raise OtherAccount(given)
        inside = match["qualifier"] or ""
        if inside and qualifier and inside != qualifier:
            raise QualifiersDiffer
        return match["name"], qualifier or inside

    def entry(self, name: str) -> Entry:
        """Raises NoSuchFunction."""
        try:
            return self.entries[name]
        except KeyError:
            raise NoSuchFunction(self.arn(name)) from None

    def version(self, given: str, qualifier: str = "") -> tuple[Entry, Version, str]:
        """(entry, version, qualifier as the caller gave it), aliases followed. Raises Unresolved."""
        name, wanted = self.split(given, qualifier)
        missing = NoSuchFunction(f"{self.arn(name)}:{wanted or LATEST}")
        if name not in self.entries:
            raise missing
        entry = self.entries[name]
        alias = entry.aliases.get(wanted)
        number = str(alias["FunctionVersion"]) if alias else wanted
        if number in ("", LATEST):
            return entry, entry.latest, wanted
        if number not in entry.published:
            raise missing
        return entry, entry.published[number], wanted

    def holds(self, function: Function) -> bool:
        """Whether this is still what its version is: not changed, not deleted, not another of the same name."""
        entry = self.entries.get(function.name)
        if entry is None:
            return False
        now = entry.latest if function.version == LATEST else entry.published.get(function.version)
        return now is not None and now.function.revision == function.revision

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            for kept in (self.entries, self.layers, self.layer_numbers, self.invocations):
                kept.clear()
