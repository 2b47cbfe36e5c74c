"""Tags of connectors, connector profiles and flows, by ARN."""

from __future__ import annotations

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow.store import Params, Store
from emulator.model import AwsCall

MOST = 50


class TagOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def tag_resource(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            tags = {**self._tags(params), **params["tags"]}
            if len(tags) > MOST:
                raise ServiceError("ValidationException", f"A resource can have at most {MOST} tags.")
            self.store.tags[params["resourceArn"]] = tags
        return {}

    def untag_resource(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            kept = {key: value for key, value in self._tags(params).items() if key not in params["tagKeys"]}
            self.store.tags[params["resourceArn"]] = kept
        return {}

    def list_tags_for_resource(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            return {"tags": dict(self._tags(params))}

    def _tags(self, params: Params) -> dict[str, str]:
        arn = params["resourceArn"]
        if not self.store.exists(arn):
            raise ServiceError("ResourceNotFoundException", f"Resource with ARN {arn} does not exist.")
        return self.store.tags.get(arn, {})
