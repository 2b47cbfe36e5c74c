"""Bytes <-> call: what a request to AWS asks for, recognised as AWS does it and as cheaply as possible.

Service and region come from the SigV4 credential scope (header or presigned query), for the few unsigned operations
from X-Amz-Target, the path or the Host. The operation comes from X-Amz-Target (json), the Smithy RPC path (cbor),
`Action` (query, ec2), or method and URI against botocore's model (rest-json, rest-xml).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, quote

from emulator.aws import models
from emulator.aws.routes import routes
from emulator.model import AwsError

MAX_BODY = 256 * 1024 * 1024  # bytes; AWS's own largest bodies here are 70 MB (Lambda) except S3 objects
DEFAULT_REGION = "us-east-1"

_SCOPE = re.compile(r"Credential=([^/,\s]+)/[^/,\s]+/(?:([^/,\s]+)/)?([^/,\s]+)/aws4_request")
_SIGV2 = re.compile(r"AWS ([^:\s]+):")
_AWS_HOST = re.compile(r"(?:.+\.)?([a-z0-9-]+)\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:amazonaws\.com|api\.aws)(?::\d+)?")
_BUCKET_HOST = re.compile(r"([a-z0-9][a-z0-9.-]+?)\.(?:s3[.-].*|s3|localhost)(?::\d+)?")
_CBOR_PATH = re.compile(r"/service/([^/]+)/operation/([^/]+)/?")
_ATTEMPT = re.compile(r"(?:^|;)\s*attempt=(\d{1,9})\s*(?:;|$)")
_SAFE = "/:@!$&'()*+,;=~-._"

# Operations that need no signature, by what tells their service.
_UNSIGNED_TARGETS = {
    "AWSCognitoIdentityProviderService": "cognito-idp",
    "AWSCognitoIdentityService": "cognito-identity",
}
_UNSIGNED_ACTIONS = {"AssumeRoleWithSAML": "sts", "AssumeRoleWithWebIdentity": "sts"}


@dataclass(eq=False)
class WireRequest:
    """One HTTP request to an AWS service; not changed after `read` made it.

    path: percent-encoded as sent, without query (a bucket in the host name is put in front of it). service: SigV4
    signing name, lower case. protocol: json | smithy-rpc-v2-cbor | query | ec2 | rest-json | rest-xml. operation: empty
    when not recognised. labels: from the URI. payload: the member that is the whole body; raw: it is not JSON.
    problem: what AWS answers when the request cannot be a call at all.
    """

    environ: Mapping[str, Any]
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    service: str = ""
    region: str = DEFAULT_REGION
    access_key: str = ""
    protocol: str = "rest-json"
    operation: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    payload: str = ""
    raw: bool = False
    bucket_host: bool = False
    problem: AwsError | None = None

    def header(self, name: str) -> str:
        """A request header's value, empty when absent."""
        return str(self.environ.get("HTTP_" + name.upper().replace("-", "_"), ""))

    @property
    def sent_path(self) -> str:
        """As the client signed it."""
        return _path(self.environ)

    @property
    def content_type(self) -> str:
        return str(self.environ.get("CONTENT_TYPE", ""))

    @property
    def attempt(self) -> int:
        """Which attempt at its call an AWS SDK says this is (`amz-sdk-request: attempt=2; max=5`), else 1."""
        found = _ATTEMPT.search(self.header("amz-sdk-request"))
        return max(1, int(found[1])) if found else 1

    def query_list(self, name: str) -> list[str]:
        """Every value of a query parameter that may repeat."""
        pairs = parse_qsl(self.environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return [value for key, value in pairs if key == name]

    @cached_property
    def request_id(self) -> str:
        return str(uuid.uuid4())

    @cached_property
    def json(self) -> Any:
        """The body as JSON, None when empty; ValueError when it is not JSON. Half a surrogate pair, which JSON can hold
        and UTF-8 cannot, becomes a question mark, as in Java."""
        try:
            found = json.loads(self.body) if self.body else None
            if b"\\ud" in self.body.lower():
                found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
            return found
        except RecursionError:
            raise ValueError("nested too deeply") from None

    @cached_property
    def params(self) -> Mapping[str, object]:
        """Parameters under their names on the wire: a json body's members; `Action` forms as flat `A.member.1` text;
        of a REST call labels, query and JSON body (a raw payload stays out). CBOR bodies and XML are not read."""
        if self.protocol == "json":
            return self.json or {}
        if self.protocol in ("query", "ec2"):
            return {**self.query, **_form(self.body)}
        return {**self.query, **self.labels, **self._body_params()}

    def _body_params(self) -> Mapping[str, object]:
        if self.protocol != "rest-json" or self.raw or not self.body:
            return {}
        if self.payload:
            return {self.payload: self.json}
        return self.json if isinstance(self.json, dict) else {}

    def replay(self) -> dict[str, Any]:
        """A fresh WSGI environ of the same request, its body unread."""
        environ = {**self.environ, "wsgi.input": BytesIO(self.body), "CONTENT_LENGTH": str(len(self.body))}
        environ["RAW_URI"] = self.path + ("?" + environ["QUERY_STRING"] if environ.get("QUERY_STRING") else "")
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return environ


def read(environ: Mapping[str, Any]) -> WireRequest:
    """Recognise a request. Never raises for what a client sent: see `WireRequest.problem`."""
    method = environ["REQUEST_METHOD"]
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    body = _body(environ)
    request = WireRequest(environ, method, _path(environ), query, body or b"")
    scope = _scope(environ, query) or _unsigned(request)
    if scope:
        request.access_key, region, service = scope
        request.region, request.service = region or DEFAULT_REGION, service.lower()
    if request.service == "s3":
        _put_bucket_in_path(request)
    _recognise(request)
    request.problem = _problem(request, signed=scope is not None, whole=body is not None)
    return request


def _path(environ: Mapping[str, Any]) -> str:
    """The path as it was sent; servers that keep only the decoded one cost the difference between `/` and `%2F`."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    if raw.startswith(("http://", "https://")):
        raw = "/" + raw.split("/", 3)[3] if raw.count("/") > 2 else "/"
    if not raw:
        raw = quote(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""), safe=_SAFE, encoding="latin-1")
    path = str(raw).partition("?")[0]
    return path if path.startswith("/") else "/" + path


def _body(environ: Mapping[str, Any]) -> bytes | None:
    """The whole body; None when it is over MAX_BODY. Without a length only a terminated input is read."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit():
        return environ["wsgi.input"].read(int(length)) if int(length) <= MAX_BODY else None
    if not environ.get("wsgi.input_terminated"):
        return b""
    body: bytes = environ["wsgi.input"].read(MAX_BODY + 1)
    return body if len(body) <= MAX_BODY else None


def _scope(environ: Mapping[str, Any], query: Mapping[str, str]) -> tuple[str, str, str] | None:
    """(access key, region, service) of a signed request."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if not authorization and "X-Amz-Credential" in query:
        authorization = "Credential=" + query["X-Amz-Credential"]
    if found := _SCOPE.search(authorization):
        # SigV4a signs for a set of regions and leaves the region out of the scope.
        region = found[2] or environ.get("HTTP_X_AMZ_REGION_SET", "").split(",")[0].replace("*", "")
        return found[1], region, found[3]
    if found := _SIGV2.match(authorization):
        return found[1], "", "s3"
    return None


def _unsigned(request: WireRequest) -> tuple[str, str, str] | None:
    """(no key, region, service) of the operations that AWS serves without a signature."""
    if service := _UNSIGNED_TARGETS.get(request.header("X-Amz-Target").partition(".")[0]):
        return "", "", service
    if request.path.endswith(("/.well-known/jwks.json", "/.well-known/openid-configuration")):
        return "", request.path.split("/")[1].partition("_")[0], "cognito-idp"
    if service := _UNSIGNED_ACTIONS.get(_action(request)):
        return "", "", service
    host = request.header("Host")
    if (found := _AWS_HOST.fullmatch(host)) and found[1] in ("s3", "sso", "oidc", "portal"):
        return "", found[2], {"oidc": "sso-oauth", "portal": "awsssoportal"}.get(found[1], found[1])
    return ("", "", "s3") if host.partition(":")[0].endswith("s3.amazonaws.com") else None


def _put_bucket_in_path(request: WireRequest) -> None:
    found = _BUCKET_HOST.fullmatch(request.header("Host"))
    if found and found[1] not in ("s3", "s3-control"):
        request.path, request.bucket_host = f"/{found[1]}{request.path}", True


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _action(request: WireRequest) -> str:
    """`Action` of the query protocol: in the form, or in the query of `/` (as presigned STS calls have it)."""
    if request.content_type.startswith("application/x-www-form-urlencoded") and b"Action=" in request.body:
        return _form(request.body).get("Action", "")
    return request.query.get("Action", "") if request.path == "/" else ""


def _recognise(request: WireRequest) -> None:
    """Fill in protocol, operation and what REST adds."""
    if request.service == "s3":
        _recognise_rest(request)
    elif target := request.header("X-Amz-Target"):
        request.protocol, request.operation = "json", target.rpartition(".")[2]
    elif "cbor" in request.header("Smithy-Protocol") and (found := _CBOR_PATH.fullmatch(request.path)):
        request.protocol, request.operation = "smithy-rpc-v2-cbor", found[2]
    elif action := _action(request):
        request.protocol, request.operation = "ec2" if request.service == "ec2" else "query", action
    elif request.service:
        _recognise_rest(request)


def _recognise_rest(request: WireRequest) -> None:
    candidates = models.names(request.service)
    if request.service == "s3" and not request.path.startswith("/v20180820/"):
        candidates = ("s3",)
    for name in candidates:
        known = routes(name)
        found = known.find(request.method, request.path, request.query, request.header)
        if found and known.protocol.startswith("rest"):
            route, request.labels = found
            request.protocol, request.operation = known.protocol, route.operation
            request.payload, request.raw = route.payload, route.raw
            return
    request.protocol = _own_protocol(request.service)


@lru_cache(maxsize=256)
def _own_protocol(service: str) -> str:
    """How a service writes errors for a request in no protocol it speaks."""
    candidates = models.names(service)
    own = models.description(candidates[-1])["metadata"] if candidates else {"protocol": "rest-json"}
    spoken = own.get("protocols", [own["protocol"]])
    return "json" if "json" in spoken else str(spoken[0])


def _problem(request: WireRequest, signed: bool, whole: bool) -> AwsError | None:
    if not whole:
        return AwsError("RequestEntityTooLargeException", f"Request must be smaller than {MAX_BODY} bytes", 413)
    if not signed:
        return AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    if not request.operation:
        return AwsError("UnknownOperationException", "The requested operation is not recognized by the service.")
    if request.raw or not request.body or request.protocol not in ("json", "rest-json"):
        return None
    try:
        wanted = dict if request.protocol == "json" or not request.payload else object
        if not isinstance({} if request.json is None else request.json, wanted):
            raise ValueError("a JSON object was expected")
    except ValueError as error:
        return AwsError("SerializationException", f"Could not parse request body into json: {error}")
    return None
