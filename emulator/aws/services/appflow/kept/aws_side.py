"""S3 and Secrets Manager as AppFlow's state needs them: read from moto and put back, with no call on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.object_bytes import Kept

# Of a secret: what moto's object has and JSON can hold.
_SECRET = ("arn", "description", "kms_key_id", "tags", "policy", "last_changed_date", "created_date")


@dataclass(frozen=True)
class Bucket:
    """policy: its document, if it has one."""

    name: str
    region: str
    policy: bytes | None = None


@dataclass(frozen=True)
class Content:
    """An object. etag: without quotes, if it is known."""

    bytes: Kept
    etag: str | None


class AwsSide:
    """region: of the secrets."""

    def __init__(self, backend: Backend, account: str, region: str) -> None:
        self._backend, self._account, self._region = backend, account, region

    @property
    def _s3(self) -> Any:
        return self._backend.models("s3", self._region)

    def bucket(self, name: str) -> Bucket | None:
        """None where there is none."""
        found = self._s3.buckets.get(name)
        return found and Bucket(name, found.region_name, found.policy)

    def make_bucket(self, bucket: Bucket) -> None:
        with self._backend.entered():
            made = self._s3.create_bucket(bucket.name, bucket.region)
            made.policy = bucket.policy

    def content(self, bucket: str, key: str) -> Content | None:
        """None where it is gone."""
        found = self._s3.buckets.get(bucket)
        kept = found and found.keys.get(key)
        return Content(kept._value_buffer, kept._etag) if hasattr(kept, "_value_buffer") else None

    def put(self, bucket: str, key: str, value: Content, at: datetime) -> None:
        content: Any = value.bytes
        with self._backend.entered():
            made = self._s3.put_object(bucket, key, content, etag=value.etag, disable_notification=True)
            made.last_modified = at.replace(tzinfo=None)

    def secret(self, arn: str) -> dict[str, Any] | None:
        """With its versions; None where there is none."""
        found = self._backend.models("secretsmanager", self._region).secrets.get(arn)
        if found is None or found.is_deleted():
            return None
        return {"name": found.name, "versions": found.versions, **{name: getattr(found, name) for name in _SECRET}}

    def put_secret(self, kept: dict[str, Any]) -> None:
        from moto.secretsmanager.models import FakeSecret

        from emulator.aws.services.secretsmanager import follow

        with self._backend.entered():
            made: Any = FakeSecret(self._account, self._region, kept["name"], {}, "")
            for name in _SECRET:
                setattr(made, name, kept[name])
            made.versions = kept["versions"]
            follow(made)
            self._backend.models("secretsmanager", self._region).secrets[made.name] = made


def pieces(content: Kept, size: int) -> Iterator[bytes]:
    """The bytes of an object, so many at once."""
    for begin in range(0, len(content), size):
        yield content.part(begin, size)
