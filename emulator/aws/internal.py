"""boto3 clients that call the rig's own AWS endpoint in process, without a socket: the rig acting as AWS itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.sessions import CREATING, session
from emulator.http_connection import HungUp


class _Raw(BytesIO):
    """What botocore expects of urllib3's response."""

    def stream(self, amount: int = 1024, decode_content: bool | None = None) -> Iterator[bytes]:
        yield self.read()


def client(
    endpoint: AwsEndpoint, service: str, caller: str = "", region: str = "us-east-1",
    keys: Mapping[str, str | None] | None = None, place: str = "",
) -> Any:
    """A boto3 client whose calls reach `endpoint` as `caller`: an access key, an ARN or service principal
    (`appflow.amazonaws.com`; place: see `Attribution.name`), or nothing for a plain client. keys: whole credentials
    instead, in boto3's words. Never retries; reads no AWS configuration of the machine. Costs some 10 ms: keep it."""
    from botocore.config import Config

    named = ":" in caller or "." in caller
    access_key = endpoint.attribution.name(caller, place) if named else caller or "AKIALAMBDARIGCLIENT0"
    keys = keys or _keys(endpoint, access_key)
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    with CREATING:
        made = session().client(
            service, region_name=region, endpoint_url="http://localhost:4566", config=config, **keys,
        )
    made.meta.events.register("before-send", lambda request, **_: send(endpoint, request))
    return made


def _keys(endpoint: AwsEndpoint, access_key: str) -> Mapping[str, str | None]:
    """The rig's own keys have the secret that belongs to them; any other may have any."""
    known = endpoint.attribution.credentials(access_key)
    secret, token = (known.secret_key, known.session_token) if known else ("lambdarig", "")
    return {"aws_access_key_id": access_key, "aws_secret_access_key": secret, "aws_session_token": token or None}


def send(endpoint: AwsEndpoint, request: Any) -> Any:
    """Serve a botocore AWSPreparedRequest; gives a botocore AWSResponse. Raises ConnectionClosedError, as a socket."""
    from botocore.awsrequest import AWSResponse
    from botocore.exceptions import ConnectionClosedError

    answered: list[Any] = []
    try:
        chunks = endpoint(environ(request), lambda status, headers: answered.extend((status, headers)))
    except HungUp:
        raise ConnectionClosedError(endpoint_url=request.url) from None
    body = _Raw(b"".join(chunks))
    return AWSResponse(request.url, int(answered[0].split(" ")[0]), _headers(answered[1]), body)


def environ(request: Any) -> dict[str, Any]:
    """A botocore AWSPreparedRequest as a WSGI environ."""
    url = urlsplit(request.url)
    body = request.body.read() if hasattr(request.body, "read") else request.body or b""
    body = body.encode() if isinstance(body, str) else bytes(body)
    made = {
        "REQUEST_METHOD": request.method, "SCRIPT_NAME": "", "PATH_INFO": _unquoted(url.path),
        "QUERY_STRING": url.query, "REQUEST_URI": (url.path or "/") + (f"?{url.query}" if url.query else ""),
        "HTTP_HOST": url.netloc, "SERVER_NAME": url.hostname, "SERVER_PORT": str(url.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": url.scheme,
        "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        if key != "HTTP_CONTENT_LENGTH":
            made[key] = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return made


def _unquoted(path: str) -> str:
    return unquote_to_bytes(path or "/").decode("latin-1")


def _headers(pairs: list[tuple[str, str]]) -> Mapping[str, str]:
    from botocore.awsrequest import HeadersDict

    made = HeadersDict()
    for name, value in pairs:
        made[name] = value
    return made  # type: ignore[no-any-return]
