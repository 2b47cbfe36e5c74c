"""Reserved concurrency, asynchronous invocation, tags, account settings."""

from __future__ import annotations

from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.lambda_api.shop import Params, Shop, entry_of, find, invalid, page
from emulator.functions.registry import LATEST, Entry
from emulator.model import AwsCall

EVENT_KEYS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


class SettingOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, shop: Shop, account_limit: int) -> None:
        self.shop, self._limit = shop, account_limit

    def put_function_concurrency(self, params: Params, call: AwsCall) -> Params:
        entry, wanted = entry_of(self.shop.registry, params), params["ReservedConcurrentExecutions"]
        with self.shop.registry.lock:
            provisioned = sum(row["count"] for row in entry.provisioned.values())
            if wanted < provisioned:
                raise invalid(
                    f"ReservedConcurrentExecutions {wanted} should not be lower than function's total provisioned "
                    f"concurrency [{provisioned}]."
                )
            others = sum(e.set_aside for e in self.shop.registry.entries.values() if e is not entry)
            if wanted > max(0, self._limit - others):
                raise invalid(
                    f"Specified ReservedConcurrentExecutions for function decreases account's "
                    f"UnreservedConcurrentExecution below its minimum value of [0]. The rig's account limit is "
                    f"{self._limit}."
                )
            entry.reserved = wanted
        return {"ReservedConcurrentExecutions": wanted}

    def get_function_concurrency(self, params: Params, call: AwsCall) -> Params:
        reserved = entry_of(self.shop.registry, params).reserved
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def delete_function_concurrency(self, params: Params, call: AwsCall) -> Params:
        entry_of(self.shop.registry, params).reserved = None
        return {}

    def put_function_event_invoke_config(self, params: Params, call: AwsCall) -> Params:
        entry, qualifier = self._configured(params)
        entry.event[qualifier] = {k: params[k] for k in EVENT_KEYS if params.get(k) is not None}
        return self._event(entry, qualifier)

    def update_function_event_invoke_config(self, params: Params, call: AwsCall) -> Params:
        entry, qualifier = self._configured(params)
        given = {k: params[k] for k in EVENT_KEYS if params.get(k) is not None}
        entry.event[qualifier] = {**entry.event.get(qualifier, {}), **given}
        return self._event(entry, qualifier)

    def get_function_event_invoke_config(self, params: Params, call: AwsCall) -> Params:
        entry, qualifier = self._configured(params)
        if qualifier not in entry.event:
            arn = f"{entry.latest.function.arn}:{qualifier}"
            raise ServiceError(
                "ResourceNotFoundException", f"The function {arn} doesn't have an EventInvokeConfig", Type="User"
            )
        return self._event(entry, qualifier)

    def list_function_event_invoke_configs(self, params: Params, call: AwsCall) -> Params:
        entry = entry_of(self.shop.registry, params)
        return page("FunctionEventInvokeConfigs", [self._event(entry, q) for q in sorted(entry.event)], params)

    def delete_function_event_invoke_config(self, params: Params, call: AwsCall) -> Params:
        entry, qualifier = self._configured(params)
        entry.event.pop(qualifier, None)
        return {}

    def list_tags(self, params: Params, call: AwsCall) -> Params:
        return {"Tags": dict(self._tagged(params).tags)}

    def tag_resource(self, params: Params, call: AwsCall) -> Params:
        self._tagged(params).tags.update(params["Tags"])
        return {}

    def untag_resource(self, params: Params, call: AwsCall) -> Params:
        tags = self._tagged(params).tags
        for key in params["TagKeys"]:
            tags.pop(key, None)
        return {}

    def get_account_settings(self, params: Params, call: AwsCall) -> Params:
        with self.shop.registry.lock:
            entries = list(self.shop.registry.entries.values())
        reserved = sum(entry.reserved or 0 for entry in entries)
        limits = {
            "TotalCodeSize": 80530636800,
            "CodeSizeUnzipped": 262144000,
            "CodeSizeZipped": 52428800,
            "ConcurrentExecutions": self._limit,
            "UnreservedConcurrentExecutions": self._limit - reserved,
        }
        size = sum(entry.latest.code_size for entry in entries)
        return {"AccountLimit": limits, "AccountUsage": {"TotalCodeSize": size, "FunctionCount": len(entries)}}

    def _configured(self, params: Params) -> tuple[Entry, str]:
        """EventInvokeConfig of a function without a qualifier is that of $LATEST."""
        entry, _, qualifier = find(self.shop.registry, params)
        return entry, qualifier or LATEST

    def _tagged(self, params: Params) -> Entry:
        return entry_of(self.shop.registry, {"FunctionName": params["Resource"]})

    def _event(self, entry: Entry, qualifier: str) -> dict[str, Any]:
        arn = f"{entry.latest.function.arn}:{qualifier}"
        destinations: dict[str, Any] = {"OnSuccess": {}, "OnFailure": {}}
        return {
            "LastModified": self.shop.clock.utc(),
            "FunctionArn": arn,
            "DestinationConfig": destinations,
            **entry.event[qualifier],
        }
