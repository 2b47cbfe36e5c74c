"""The history of secrets: copies of moto's objects, by region and name.

The one place here that knows how moto's secrets are made.
"""

from __future__ import annotations

import copy
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.consistency.history import History, Version
from emulator.aws.wire import WireRequest

ONE = ("GetSecretValue", "DescribeSecret", "ListSecretVersionIds", "GetResourcePolicy")
SEVERAL = ("BatchGetSecretValue", "ListSecrets")


class Secrets:
    """Records secrets as they are now, and finds those that a request is about."""

    def __init__(self, backend: Backend, history: History) -> None:
        self._backend, self._history = backend, history

    def record(self, region: str, name: str, what: str = "") -> tuple[Version, ...]:
        """Its versions, with a new one if it is not what it was. what: the operation that may have changed it."""
        with self._history.lock:
            live = self._live(region).get(name)
            if _state(live) != _state(self._history.newest(thing(region, name))):
                self._history.append(thing(region, name), what, copy.deepcopy(live))
            return self._history.versions(thing(region, name))

    def record_everywhere(self, region: str, name: str, what: str) -> None:
        """In this region, and where the secret has or had replicas."""
        live = self._live(region).get(name)
        known = [one.split("/", 2) for one in self._history.things("secret/")]
        regions = {other for _, other, called in known if called == name}
        for each in sorted({region, *regions, *(replica.region for replica in getattr(live, "replicas", ()))}):
            self.record(each, name, what)

    def named(self, region: str, typed: object) -> str:
        """Name of the secret that has, or had while it was there, this name, ARN or partial ARN; empty for none."""
        live = self._live(region)
        found = live.get(typed) if isinstance(typed, str) else None
        if found is None and isinstance(typed, str):
            former = type(live)()
            former.update({snapshot.name: snapshot for snapshot in self._former(region)})
            found = former.get(typed)
        return str(found.name) if found else ""

    def asked(self, request: WireRequest) -> list[str]:
        """Names of the secrets that the answer to a read can show."""
        if request.operation in ONE:
            typed: Any = [request.params.get("SecretId")]
        else:
            typed = request.params.get("SecretIdList")
        if isinstance(typed, list) and typed:
            return [name for name in dict.fromkeys(self.named(request.region, one) for one in typed) if name]
        prefix = thing(request.region, "")
        live = [secret.name for secret in list(self._live(request.region).values())]
        return list(dict.fromkeys([*live, *(one.removeprefix(prefix) for one in self._history.things(prefix))]))

    def _live(self, region: str) -> Any:
        return self._backend.models("secretsmanager", region).secrets

    def _former(self, region: str) -> list[Any]:
        """Of every secret of the region the last copy that shows it there."""
        histories = [self._history.versions(one) for one in self._history.things(thing(region, ""))]
        there = [[version.snapshot for version in versions if version.snapshot] for versions in histories]
        return [snapshots[-1] for snapshots in there if snapshots]


def thing(region: str, name: str) -> str:
    return f"secret/{region}/{name}"


def _state(secret: Any) -> Any:
    """What of it can be compared: moto's secrets are equal only to themselves."""
    if secret is None:
        return None
    if hasattr(secret, "source"):  # a replica
        return secret.arn, secret.config, _state(secret.source)
    return {**vars(secret), "replicas": [replica.config for replica in secret.replicas]}
