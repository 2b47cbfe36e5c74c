"""Tags of templates and experiments, by ARN."""

from __future__ import annotations

from emulator.aws.services.fis.store import Params, Store, invalid
from emulator.model import AwsCall

MOST = 50


class TagOperations:
    """The methods are operations: params in, output out, both as botocore's model has them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def tag_resource(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            kept = self.store.tagged(params["resourceArn"])
            if len(kept | params["tags"]) > MOST:
                raise invalid(f"A resource can have {MOST} tags at most.")
            kept.update(params["tags"])
        return {}

    def untag_resource(self, params: Params, call: AwsCall) -> Params:
        """Without keys all of them go (the API's words: `tagKeys` is optional)."""
        with self.store.lock:
            kept = self.store.tagged(params["resourceArn"])
            for key in params.get("tagKeys", list(kept)):
                kept.pop(key, None)
        return {}

    def list_tags_for_resource(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            return {"tags": dict(self.store.tagged(params["resourceArn"]))}
