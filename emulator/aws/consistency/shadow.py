"""Answers of Secrets Manager from older copies of its secrets: moto's own, as of then.

The copies stand for a while in an account of moto's that nobody has. moto's live state is not touched.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.services.secretsmanager import serve
from emulator.aws.wire import WireRequest
from emulator.model import AwsReply

ACCOUNT = "000000000000"


class Shadow:
    """One answer at a time."""

    def __init__(self, backend: Backend) -> None:
        self._backend, self._lock = backend, threading.Lock()

    def answer(self, request: WireRequest, secrets: Mapping[str, Any]) -> AwsReply:
        """The answer to a read if these secrets, by name, were all there is."""
        environ = {**request.environ, "HTTP_X_MOTO_ACCOUNT_ID": ACCOUNT}
        with self._lock:
            store = self._backend.models("secretsmanager", request.region, ACCOUNT).secrets
            store.clear()
            store.update(secrets)
            try:
                return serve(self._backend, replace(request, environ=environ), ACCOUNT)
            finally:
                store.clear()
