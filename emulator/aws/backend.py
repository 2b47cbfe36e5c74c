"""moto, in process: the control planes it keeps well (Secrets Manager, IAM, STS, S3, SQS, API Gateway's CRUD ...).

Every Backend has a world of its own (`emulator.aws.worlds`): two of them in one process, and `mock_aws`, share nothing
but the dice of ids, which `reset` seeds. Nothing is patched in botocore, so the process's own boto3 clients still go
where they are pointed. What is changed in moto beside that: its CORS headers, which AWS does not send, its scan of the
module folder on every request (1 ms under a lock), and where S3's objects are (`emulator.aws.object_bytes`).
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import lru_cache
from typing import Any

from emulator.aws import object_bytes
from emulator.aws.blame import UNKNOWN, operation_of, refusal
from emulator.aws.errors_wire import error_code, write_error
from emulator.aws.wire import WireRequest
from emulator.aws.worlds import World, install
from emulator.importing import IMPORTING
from emulator.model import AwsError, AwsReply

ACCOUNT = "123456789012"
EARLY = ("secretsmanager", "sts", "s3", "logs")  # services whose first call is paid while nobody waits
log = logging.getLogger(__name__)


class Unserved(LookupError):
    """moto has no such service."""


class Backend:
    """Loaded by the first call that needs it, or by `preload` in the background (0.4 s measured)."""

    def __init__(self, seed: int = 0, account: str = ACCOUNT) -> None:
        self.account, self._seed = account, seed
        self._lock = threading.Lock()
        self._loaded: Any = None
        self._world = World()

    def entered(self) -> AbstractContextManager[None]:
        """In this thread moto's state is this Backend's: for what goes on from one of moto's objects to another."""
        return self._world.entered()

    @property
    def loaded(self) -> bool:
        """Has anything been asked of moto yet?"""
        return self._loaded is not None

    def preload(self, services: Iterable[str] = EARLY) -> threading.Thread:
        """Load moto and these services (moto's folder names) in a background thread."""
        thread = threading.Thread(target=self._preload, args=(tuple(services),), name="moto-preload", daemon=True)
        thread.start()
        return thread

    def answer(self, request: WireRequest) -> AwsReply:
        """moto's answer to a request, in the service's own protocol. `code` is set on errors.

        Where moto raises over a request that breaks the service's model, AWS's refusal; otherwise what moto raised.
        """
        if request.protocol == "smithy-rpc-v2-cbor":  # moto 5.2 reads none; botocore 1.44 sends JSON to these services
            return write_error(request, unserved(request, " in CBOR"))
        try:
            with self.entered():
                status, headers, body = _run(self._app(), _environ(request))
        except Unserved:
            return write_error(request, unserved(request))
        except NotImplementedError:
            return write_error(request, unserved(request) if operation_of(request) else UNKNOWN)
        except Exception:
            wrong = refusal(request)
            if wrong is None:
                raise
            return write_error(request, wrong)
        reply = AwsReply(status, _typed(headers, request), body)
        return replace(reply, code=error_code(reply)) if status >= 400 else reply

    def models(self, service: str, region: str, account: str = "") -> Any:
        """moto's own backend object: `models("secretsmanager", "us-east-1").secrets`. Names are boto3's. account: the
        rig's own if none is given."""
        self._app()
        import moto.backends as backends

        known: Any = backends  # its overloads take literal names only
        with self.entered():
            regions = known.get_backend(service)[account or self.account]
            return regions[region] if region in regions else regions["aws"]

    def has_loaded(self, service: str) -> bool:
        """Whether anybody has asked moto for this service yet; else it can hold nothing."""
        return f"moto.{service}.models" in sys.modules

    def adopt(self, access_key: str, account: str) -> None:
        """Serve this key's calls from another account's state, as moto does for sessions it made itself."""
        if account != self.account:
            self._app()
            import moto.backends as backends

            known: Any = backends
            with self.entered():
                iam = known.get_backend("iam")[account]["aws"]
                made = iam.create_temp_access_key()
                iam.access_keys[access_key] = iam.access_keys.pop(made.access_key_id)
                made.access_key_id = access_key

    def reset(self) -> None:
        """Forget everything in every account and region. Calls under way may fail: let them finish first."""
        with self._lock:
            loaded = self._loaded
        if loaded is not None:
            from moto.moto_api._internal import mock_random

            self._world.clear()
            mock_random.seed(self._seed)

    def close(self) -> None:
        """Forget everything, for good."""
        self._world.end()

    def _app(self) -> Any:
        if self._loaded is None:
            with self._lock, IMPORTING:
                self._loaded = self._loaded or _load(self._seed)
        return self._loaded

    def _preload(self, services: tuple[str, ...]) -> None:
        app = self._app()
        for service in services:
            scope = _authorization("AKIA", "us-east-1", service)
            app.get_application({"PATH_INFO": "/", "HTTP_HOST": "localhost", "HTTP_AUTHORIZATION": scope})


def unserved(request: WireRequest, how: str = "") -> AwsError:
    """The refusal for what neither the rig nor moto has."""
    what = f"{request.service or 'an unknown service'}.{request.operation}"
    return AwsError("UnsupportedOperationException", f"lambdarig does not serve {what}{how} yet")


def _load(seed: int) -> Any:
    """moto's WSGI application, with the module list read once."""
    import moto.moto_server.werkzeug_app as werkzeug_app
    from moto.backends import list_of_moto_modules
    from moto.moto_api._internal import mock_random

    install()
    object_bytes.install()
    modules, server = frozenset(list_of_moto_modules()), _loose(werkzeug_app)

    class App(werkzeug_app.DomainDispatcherApplication):
        @lru_cache(maxsize=1024)  # noqa: B019 - one application lives as long as the process
        def get_backend_for_host(self, host: str | None) -> Any:
            if host is None or host in modules:
                return host
            for name, pattern in self.backend_url_patterns:
                if pattern.match(f"http://{host}"):
                    return name
            raise Unserved(host)

    server.DISABLE_GLOBAL_CORS = True
    mock_random.seed(seed)
    return App(server.create_backend_app)


def _loose(module: Any) -> Any:
    """The same, for a change that its types do not foresee."""
    return module


def _authorization(access_key: str, region: str, service: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={access_key}/20000101/{region}/{service}/aws4_request, SignedHeaders=host"


def _environ(request: WireRequest) -> dict[str, Any]:
    """The request as moto can tell its service: with a scope where AWS needs no signature, S3's bucket in the path."""
    environ = request.replay()
    if not environ.get("HTTP_AUTHORIZATION") and request.service != "s3":
        environ["HTTP_AUTHORIZATION"] = _authorization(request.access_key, request.region, request.service)
    if request.service == "s3":
        environ["HTTP_HOST"] = "localhost"
        if request.bucket_host:
            environ["PATH_INFO"] = "/" + request.path.split("/")[1] + environ["PATH_INFO"]
    return environ


def _typed(headers: tuple[tuple[str, str], ...], request: WireRequest) -> tuple[tuple[str, str], ...]:
    """Flask's default content type, where moto gave none, is not what AWS sends."""
    kinds = {"json": request.content_type, "rest-json": "application/json", "rest-xml": "application/xml"}
    own = kinds.get(request.protocol, "text/xml")
    return tuple((k, own if k == "content-type" and v.startswith("text/html") else v) for k, v in headers)


def _run(app: Any, environ: dict[str, Any]) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """(status, headers with lower-case names, body) of a WSGI application."""
    answered: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        answered[:] = [int(status.split(" ", 1)[0]), tuple((name.lower(), value) for name, value in headers)]

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    return answered[0], answered[1], body
