"""What the Lambda control plane knows: functions, versions, aliases, layers, and their settings. State only."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any

from emulator.model import Function

_ARN = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[A-Za-z0-9-_.]+)(?::(?P<qualifier>\$LATEST|[A-Za-z0-9-_]+))?"
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
    """A function by name. policy: qualifier ('' = unqualified) -> statements. event: qualifier -> EventInvokeConfig."""

    latest: Version
    published: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    policy: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    event: dict[str, dict[str, Any]] = field(default_factory=dict)
    reserved: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    next_version: int = 1
    next_invocation: int = 1


class NoSuchFunction(LookupError):
    """No function, version or alias of that name; `arn` is what AWS prints."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Function not found: {arn}")
        self.arn = arn


class Registry:
    """Thread-safe by its one lock, which callers hold for read-modify-write (`with registry.lock`)."""

    def __init__(self, account: str, region: str) -> None:
        self.account, self.region = account, region
        self.lock = threading.RLock()
        self.entries: dict[str, Entry] = {}
        self.layers: dict[str, list[dict[str, Any]]] = {}

    def arn(self, name: str) -> str:
        """Unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"

    def split(self, given: str, qualifier: str = "") -> tuple[str, str]:
        """Name, partial or full ARN -> (name, qualifier). ValueError: the two qualifiers disagree."""
        match = _ARN.fullmatch(given)
        if match is None:
            raise NoSuchFunction(given)
        inside = match["qualifier"] or ""
        if inside and qualifier and inside != qualifier:
            raise ValueError("The derived qualifier from the function name does not match the specified qualifier.")
        return match["name"], qualifier or inside

    def entry(self, name: str) -> Entry:
        """Raises NoSuchFunction."""
        try:
            return self.entries[name]
        except KeyError:
            raise NoSuchFunction(self.arn(name)) from None

    def version(self, given: str, qualifier: str = "") -> tuple[Entry, Version, str]:
        """(entry, version, qualifier as the caller gave it), aliases followed. Raises NoSuchFunction, ValueError."""
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

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            self.entries.clear()
            self.layers.clear()
