"""Provisioned concurrency: Put, Get, Delete, List; and what a change of versions and aliases does to it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.lambda_api.shop import Params, Shop, entry_of, find, invalid, name_of, page
from emulator.functions.provisioned import Standing
from emulator.functions.registry import LATEST, Entry, Version
from emulator.model import AwsCall

JOIN_S = 50.0  # boto3 gives up on an answer after 60
UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
NEITHER = "The function resource provided must be an alias or a published version."
ALIAS_TAKEN = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
VERSION_TAKEN = "Version is pointed by a Provisioned Concurrency alias"


class ProvisionedOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, shop: Shop, account_limit: int) -> None:
        self.shop, self._limit = shop, account_limit

    def put_provisioned_concurrency_config(self, params: Params, call: AwsCall) -> Params:
        entry, version, qualifier = self._found(params, UNPUBLISHED)
        count = params["ProvisionedConcurrentExecutions"]
        with self.shop.registry.lock:
            self._check_room(entry, qualifier, count)
            if version.function.version == LATEST:
                raise invalid(UNPUBLISHED)
            check_free(entry, qualifier, version.function.version)
            modified = f"{self.shop.clock.utc():%Y-%m-%dT%H:%M:%S}+0000"
            entry.provisioned[qualifier] = {"count": count, "modified": modified}
            before = self.shop.standing(version.function)
            reconcile(self.shop, entry, version.function.version)
        ready = min(before.ready, count)
        return self._shown(entry, qualifier, Standing(count, ready)) | {"Status": "IN_PROGRESS"}

    def get_provisioned_concurrency_config(self, params: Params, call: AwsCall) -> Params:
        entry, version, qualifier = self._found(params, NEITHER)
        if qualifier not in entry.provisioned:
            raise ServiceError(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
                Type="User",
            )
        return self._shown(entry, qualifier, self._standing(version))

    def list_provisioned_concurrency_configs(self, params: Params, call: AwsCall) -> Params:
        entry = entry_of(self.shop.registry, params)
        rows = []
        for qualifier in list(entry.provisioned):
            version = entry.published[_number(entry, qualifier)]
            arn = f"{entry.latest.function.arn}:{qualifier}"
            rows.append({"FunctionArn": arn, **self._shown(entry, qualifier, self._standing(version))})
        return page("ProvisionedConcurrencyConfigs", rows, params)

    def delete_provisioned_concurrency_config(self, params: Params, call: AwsCall) -> Params:
        entry, _, qualifier = self._found(params, NEITHER)
        with self.shop.registry.lock:
            entry.provisioned.pop(qualifier, None)
            reconcile(self.shop, entry)
        return {}

    def _found(self, params: Params, refusal: str) -> tuple[Entry, Version, str]:
        """An alias or a published version; `refusal` is for $LATEST."""
        registry = self.shop.registry
        if params["Qualifier"] == LATEST:
            raise invalid(refusal)
        if not params["Qualifier"].isdecimal():
            name, _ = name_of(registry, params)
            entry = registry.entries.get(name)
            if entry is None or params["Qualifier"] not in entry.aliases:
                arn = f"{registry.arn(name)}:{params['Qualifier']}"
                raise ServiceError("ResourceNotFoundException", f"Cannot find alias arn: {arn}", Type="User")
        return find(registry, params)

    def _check_room(self, entry: Entry, qualifier: str, count: int) -> None:
        """Provisioned environments are part of what the function reserved, or of what nobody did."""
        total = count + sum(row["count"] for name, row in entry.provisioned.items() if name != qualifier)
        if entry.reserved is not None:
            if total > entry.reserved:
                raise invalid(
                    "Requested Provisioned Concurrency should not be greater than the "
                    "reservedConcurrentExecution for function"
                )
            return
        others = sum(one.set_aside for one in self.shop.registry.entries.values() if one is not entry)
        free = max(0, self._limit - others)
        if total > free:
            raise invalid(
                "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
                f"[{free}]."
            )

    def _standing(self, version: Version) -> Standing:
        """A clock that stands still while environments initialise means that they have, by the next call."""
        if self.shop.clock.manual:
            self.shop.join(version.function, JOIN_S)
        return self.shop.standing(version.function)

    def _shown(self, entry: Entry, qualifier: str, standing: Standing) -> dict[str, Any]:
        config = entry.provisioned[qualifier]
        reason = {"StatusReason": standing.reason} if standing.reason else {}
        return {
            "RequestedProvisionedConcurrentExecutions": config["count"],
            "AvailableProvisionedConcurrentExecutions": standing.ready,
            "AllocatedProvisionedConcurrentExecutions": standing.ready,
            "Status": standing.status,
            **reason,
            "LastModified": config["modified"],
        }


def check_free(entry: Entry, qualifier: str, number: str) -> None:
    """A version has one configuration: its own, or that of one alias. Raises ServiceError."""
    others = [name for name in entry.provisioned if name != qualifier and _number(entry, name) == number]
    if others:
        text = VERSION_TAKEN if qualifier.isdecimal() else ALIAS_TAKEN
        raise ServiceError("ResourceConflictException", text, Type="User")


def reconcile(shop: Shop, entry: Entry, anew: str = "") -> None:
    """Let every published version have what its configuration, or that of an alias to it, says now. anew: a version for
    which what failed is tried again."""
    wanted: Counter[str] = Counter()
    for qualifier, config in entry.provisioned.items():
        wanted[_number(entry, qualifier)] += config["count"]
    for number, version in entry.published.items():
        if number == anew or wanted[number] != shop.standing(version.function).wanted:
            shop.provision(version.function, wanted[number])


def forget(shop: Shop, entry: Entry, number: str = "") -> None:
    """A version (all, without a number) is about to be deleted."""
    gone = [name for name in entry.provisioned if number in ("", _number(entry, name))]
    for name in gone:
        del entry.provisioned[name]
    reconcile(shop, entry)


def _number(entry: Entry, qualifier: str) -> str:
    """The version that a qualifier leads to."""
    alias = entry.aliases.get(qualifier)
    return str(alias["FunctionVersion"]) if alias else qualifier
