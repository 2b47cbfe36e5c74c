"""API Gateway's data plane: a request to an API's address becomes an event, its outcome a response.

Addresses: host `{api}.execute-api.{region}.ANYTHING` with path `/{stage}/...`, or any host with path
`/_aws/execute-api/{api}/{stage}/...`. An unknown API has no name in AWS's DNS (`resolves`); a request that comes here
all the same is answered as a wrong Host is there: 403 Forbidden.
"""

from __future__ import annotations

import base64
import itertools
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from emulator.clock import Clock
from emulator.frontdoors import refusals
from emulator.frontdoors.rest_api import any_apis, find_api
from emulator.frontdoors.rest_event import Ids, raw_path, read_request
from emulator.frontdoors.rest_lambda import LambdaProxy, Permits
from emulator.frontdoors.rest_logs import Append, RestLogs
from emulator.frontdoors.rest_service import Access, Address, RestService, Visit
from emulator.injector import Injector
from emulator.model import HttpReply, Invoker

BODY_LIMIT = 10_485_760
_PREFIX = "/_aws/execute-api/"
_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.")
_NAME = re.compile(_HOST.pattern + r"amazonaws\.com")
_NAMESPACE = uuid.UUID("6c616d62-6461-5269-8000-617069677721")
StartResponse = Callable[..., object]


class ApiGateway:
    """WSGI application. backend_models: moto's backend of a service in a region. regions: where to look for an API
    whose address names no region. access: who may call a method; without one nothing but NONE is served. permits:
    whether Lambda lets API Gateway in; without one, always. append: where logs go; without one there are none. entered:
    a block in which moto's state is this rig's.
    """

    def __init__(
        self, backend_models: Callable[[str, str], Any], invoker: Invoker, injector: Injector, clock: Clock,
        account: str = "123456789012", *, timeout_of: Callable[[str], float] | None = None,
        regions: Sequence[str] = ("us-east-1",), access: Access | None = None, permits: Permits | None = None,
        append: Append | None = None, entered: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._entered = entered
        self._models, self._injector, self._clock, self._account = backend_models, injector, clock, account
        proxy = LambdaProxy(invoker, clock, account, timeout_of, permits)
        logs = RestLogs(append, clock, account) if append else None
        self._rest = RestService(backend_models, proxy, injector, regions, access, logs)
        self._numbers = itertools.count(1)

    @staticmethod
    def handles(environ: Mapping[str, Any]) -> bool:
        """Whether a request is for a REST API's address."""
        host = environ.get("HTTP_HOST", "")
        return ".execute-api." in host.lower() or str(environ.get("PATH_INFO", "")).startswith(_PREFIX)

    def resolves(self, host: str) -> bool:
        """Whether AWS's DNS has this name: that of an API's endpoint, in the API's own region. Does not load moto."""
        found = _NAME.fullmatch(host.rstrip(".").lower())
        return bool(found and self.serves() and find_api(self._models, found[2], found[1]))

    def serves(self) -> bool:
        """Whether there is any API, wherever. Does not load moto."""
        with self._entered():
            return any_apis(self._account)

    def reset(self) -> None:
        """Number the requests from 1 again, as at the start of a run."""
        self._numbers = itertools.count(1)

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        started, body = self._clock.monotonic(), _read_body(environ)
        if body is None:
            return _send(refusals.BODY_TOO_LONG, (), environ, start_response)
        call_id, at = f"apigateway/req-{next(self._numbers)}", self._clock.utc()
        ids = make_ids(self._injector.seed, call_id, at)
        with self._entered():
            reply = self._rest.serve(read_request(environ, body), _address(environ), Visit(call_id, ids, at, started))
        own = (("x-amzn-RequestId", ids.request), ("x-amz-apigw-id", ids.extended))
        return _send(reply, own, environ, start_response)


def make_ids(seed: int, call_id: str, at: datetime) -> Ids:
    """Ids in AWS's shapes, the same for the same seed and call (but for the trace's time, which is the machine's)."""
    digest = uuid.uuid5(_NAMESPACE, f"{seed}/{call_id}").bytes
    request = uuid.UUID(bytes=digest[::-1], version=4)
    return Ids(
        str(request), base64.b64encode(digest[:11]).decode(), f"1-{int(at.timestamp()):08x}-{digest[:12].hex()}",
    )


def _address(environ: Mapping[str, Any]) -> Address:
    path, host = raw_path(environ), str(environ.get("HTTP_HOST", ""))
    if found := _HOST.match(host.lower()):
        return Address(found[1], found[2], path, host.lower().split(":")[0])
    api, _, rest = path.removeprefix(_PREFIX).partition("/")
    return Address(api, "", f"/{rest}", "")


def _read_body(environ: Mapping[str, Any]) -> bytes | None:
    """The whole body, or None where it is longer than API Gateway takes."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit():
        return environ["wsgi.input"].read(int(length)) if int(length) <= BODY_LIMIT else None
    if not environ.get("wsgi.input_terminated"):
        return b""
    body: bytes = environ["wsgi.input"].read(BODY_LIMIT + 1)
    return body if len(body) <= BODY_LIMIT else None


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _send(
    reply: HttpReply, own: tuple[tuple[str, str], ...], environ: Mapping[str, Any], start_response: StartResponse,
) -> list[bytes]:
    bodiless = reply.status in (204, 304)
    length = () if bodiless else (("Content-Length", str(len(reply.body))),)
    start_response(_status_line(reply.status), [*reply.headers, *own, *length])
    return [] if bodiless or environ["REQUEST_METHOD"] == "HEAD" else [reply.body]
