"""PublishVersion, ListVersionsByFunction, and aliases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.lambda_api import configuration
from emulator.aws.services.lambda_api.provisioned import UNPUBLISHED, check_free, reconcile
from emulator.aws.services.lambda_api.shop import Params, Shop, entry_of, invalid, page
from emulator.functions.registry import LATEST, Entry, Registry
from emulator.functions.service import stable_uuid
from emulator.model import AwsCall


def publish(registry: Registry, entry: Entry, description: str | None) -> Params:
    """A version of what $LATEST is now; the newest one again when nothing changed since."""
    with registry.lock:
        latest = entry.latest
        newest = entry.published.get(str(entry.next_version - 1))
        if newest is not None and newest.function.revision == latest.function.revision:
            return configuration.shown(newest, qualified=True)
        number, entry.next_version = str(entry.next_version), entry.next_version + 1
        shown = {**latest.shown, **({"Description": description} if description is not None else {})}
        version = replace(latest, function=replace(latest.function, version=number), shown=shown)
        entry.published[number] = version
    return configuration.shown(version, qualified=True)


class VersionOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def publish_version(self, params: Params, call: AwsCall) -> Params:
        entry = entry_of(self.shop.registry, params)
        wanted = params.get("CodeSha256")
        if wanted and wanted != entry.latest.code_sha256:
            raise ServiceError(
                "InvalidParameterValueException",
                f"CodeSHA256 ({wanted}) is different from current "
                f"CodeSHA256 in $LATEST ({entry.latest.code_sha256}). Please try again with the "
                "CodeSHA256 in $LATEST.",
                Type="User",
            )
        return publish(self.shop.registry, entry, params.get("Description"))

    def list_versions_by_function(self, params: Params, call: AwsCall) -> Params:
        entry = entry_of(self.shop.registry, params)
        latest = {**configuration.shown(entry.latest), "FunctionArn": f"{entry.latest.function.arn}:$LATEST"}
        rows = [latest, *(configuration.shown(v, True) for v in entry.published.values())]
        return page("Versions", rows, params)

    def create_alias(self, params: Params, call: AwsCall) -> Params:
        entry, name = entry_of(self.shop.registry, params), params["Name"]
        with self.shop.registry.lock:
            if name in entry.aliases:
                arn = f"{entry.latest.function.arn}:{name}"
                raise ServiceError("ResourceConflictException", f"Alias already exists: {arn}", Type="User")
            self._known_version(entry, params["FunctionVersion"])
            alias = entry.aliases[name] = {
                "AliasArn": f"{entry.latest.function.arn}:{name}",
                "Name": name,
                "FunctionVersion": params["FunctionVersion"],
                "Description": params.get("Description", ""),
            }
        return self._alias(alias)

    def get_alias(self, params: Params, call: AwsCall) -> Params:
        return self._alias(self._find(params))

    def list_aliases(self, params: Params, call: AwsCall) -> Params:
        wanted = params.get("FunctionVersion")
        aliases = entry_of(self.shop.registry, params).aliases.values()
        return page("Aliases", [self._alias(a) for a in aliases if wanted in (None, a["FunctionVersion"])], params)

    def update_alias(self, params: Params, call: AwsCall) -> Params:
        entry, alias = entry_of(self.shop.registry, params), self._find(params)
        with self.shop.registry.lock:
            if "FunctionVersion" in params:
                self._known_version(entry, params["FunctionVersion"])
                self._provisionable(entry, params["Name"], params["FunctionVersion"])
            alias.update({k: params[k] for k in ("FunctionVersion", "Description") if params.get(k) is not None})
            reconcile(self.shop, entry)
        return self._alias(alias)

    def delete_alias(self, params: Params, call: AwsCall) -> Params:
        entry, name = entry_of(self.shop.registry, params), params["Name"]
        with self.shop.registry.lock:
            entry.provisioned.pop(name, None)
            entry.aliases.pop(name, None)
            reconcile(self.shop, entry)
        return {}

    def _find(self, params: Params) -> dict[str, Any]:
        entry, name = entry_of(self.shop.registry, params), params["Name"]
        if name not in entry.aliases:
            arn = f"{entry.latest.function.arn}:{name}"
            raise ServiceError("ResourceNotFoundException", f"Cannot find alias arn: {arn}", Type="User")
        return entry.aliases[name]

    def _provisionable(self, entry: Entry, name: str, number: str) -> None:
        """An alias with provisioned concurrency takes it along to where that can be."""
        if name in entry.provisioned:
            if number == LATEST:
                raise invalid(UNPUBLISHED)
            check_free(entry, name, number)

    def _known_version(self, entry: Entry, number: str) -> None:
        if number not in ("$LATEST", *entry.published):
            arn = f"{entry.latest.function.arn}:{number}"
            raise ServiceError("ResourceNotFoundException", f"Function not found: {arn}", Type="User")

    def _alias(self, alias: dict[str, Any]) -> Params:
        return {**alias, "RevisionId": stable_uuid(str(sorted(alias.items())))}
