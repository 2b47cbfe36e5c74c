"""What FIS remembers: templates, experiments, tags, client tokens; ids and pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from random import Random
from string import ascii_letters, digits
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.fis.experiment import Experiment
from emulator.clock import Clock

PAGE = 100
_IDS = {"experiment": ("EXP", 16), "experiment-template": ("EXT", 14)}
Params = dict[str, Any]


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


@dataclass
class Template:
    """given: the members of the API's ExperimentTemplate that its maker chose. Moments in rig seconds."""

    id: str
    arn: str
    given: Params
    created: float
    updated: float


@dataclass
class Store:
    """Guarded by its one lock. seed: of the ids."""

    account: str
    region: str
    clock: Clock
    seed: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    templates: dict[str, Template] = field(default_factory=dict)
    experiments: dict[str, Experiment] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    _tokens: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    _made: int = 0

    def new(self, kind: str) -> tuple[str, str]:
        """(id, ARN) of a new one. kind: experiment or experiment-template."""
        self._made += 1
        dice = Random(f"{self.seed}/fis/{kind}/{self._made}")
        prefix, length = _IDS[kind]
        made = prefix + "".join(dice.choices(ascii_letters + digits, k=length))
        return made, self.arn(kind, made)

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:fis:{self.region}:{self.account}:{kind}/{name}"

    def time(self, moment: float | None = None) -> datetime:
        """The rig's time of day at a moment of rig time; now where there is none."""
        now = self.clock.now()
        at = self.clock.epoch() - now + (now if moment is None else moment)
        return datetime.fromtimestamp(at, timezone.utc)

    def template(self, given: str) -> Template:
        if given not in self.templates:
            raise ServiceError("ResourceNotFoundException", f"Experiment template {given} not found.")
        return self.templates[given]

    def experiment(self, given: str) -> Experiment:
        if given not in self.experiments:
            raise ServiceError("ResourceNotFoundException", f"Experiment {given} not found.")
        return self.experiments[given]

    def once(self, operation: str, params: Params, make: Callable[[], str]) -> str:
        """The id that `make` gives, or that it gave when the same client token came first."""
        key = (operation, params["clientToken"])
        digest = hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()
        if key in self._tokens:
            known, made = self._tokens[key]
            if known != digest:
                raise ServiceError("ConflictException", "The client token was used with other parameters before.")
            return made
        made = make()
        self._tokens[key] = digest, made
        return made

    def forget(self, template: Template) -> None:
        """A token that made it makes another one now."""
        del self.templates[template.id]
        self.tags.pop(template.arn, None)
        self._tokens = {key: kept for key, kept in self._tokens.items() if kept[1] != template.id}

    def tagged(self, arn: str) -> dict[str, str]:
        """The tags of a template or an experiment."""
        if arn not in {kept.arn for kept in self.templates.values()} | {kept.arn for kept in self.experiments.values()}:
            raise ServiceError("ResourceNotFoundException", f"Resource {arn} not found.")
        return self.tags.setdefault(arn, {})

    def clear(self) -> None:
        """Forget everything, and count from one again."""
        with self.lock:
            for kept in (self.templates, self.experiments, self.tags, self._tokens):
                kept.clear()
            self._made = 0


def page(key: str, rows: list[Params], params: Params) -> Params:
    """One page of `rows` under `key`, by maxResults and nextToken."""
    begin = _position(params.get("nextToken"))
    end = begin + (params.get("maxResults") or PAGE)
    more = {"nextToken": base64.b64encode(str(end).encode()).decode()} if end < len(rows) else {}
    return {key: rows[begin:end], **more}


def _position(token: str | None) -> int:
    try:
        return int(base64.b64decode(token, validate=True)) if token else 0
    except (ValueError, binascii.Error):
        raise invalid("The next token is not valid.") from None
