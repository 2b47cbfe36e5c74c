"""What S3 refuses in a run, in words for its record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from emulator.flows.plan import FlowFailed


@contextmanager
def telling(doing: str, bucket: str, key: str = "") -> Iterator[None]:
    """doing: `reading from S3`. Whatever botocore raises within is a FlowFailed that names the object."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        raise FlowFailed(_words(doing, f"{said.get('Message') or said['Code']}", bucket, key)) from error
    except BotoCoreError as error:
        raise FlowFailed(_words(doing, str(error), bucket, key)) from error


def _words(doing: str, what: str, bucket: str, key: str) -> str:
    return f"Error while {doing}: {what} (s3://{bucket}/{key})"
