"""AWS Signature Version 4, as AWS checks it: what a request claims (`read`), and whether it is true (`verify`).

The canonical request is botocore's, made of what was signed and nothing else. Not checked: the signatures of single
chunks of a streamed body, and AWS4-ECDSA-P256-SHA256 (SigV4a), which `read` takes for unsigned.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl

ALGORITHM = "AWS4-HMAC-SHA256"
S3 = ("s3", "s3-outposts", "s3-object-lambda")
_STAMP = "%Y%m%dT%H%M%SZ"
_SKEW_MIN, _S3_SKEW_MIN, _WEEK_S = 5, 15, 604800
_PARTS = ("Credential", "Signature", "SignedHeaders")
_QUERY = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
_NO_DATE = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_S3_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
_TOO_LONG = (
    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 "
    "seconds"
)
_TAIL = (
    "\n\nThe Canonical String for this request should have been\n'{}'"
    "\n\nThe String-to-Sign should have been\n'{}'\n"
)


@dataclass(frozen=True)
class Refusal:
    """code: as JSON protocols name it. Every one is HTTP 403 at API Gateway."""

    code: str
    message: str


@dataclass(frozen=True)
class Signed:
    """What a signed request claims. path, query: as sent, the query without `?`. headers: lower-case names, all values.

    scope: the five parts of Credential. names: SignedHeaders. date: the signature's moment, `20260101T120000Z`.
    expires: seconds for which a presigned URL is good, None for a signed header. problem: there is nothing that could
    be checked; look at it before anything else.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, tuple[str, ...]]
    body: bytes = field(repr=False)
    scope: tuple[str, ...] = ("", "", "", "", "")
    names: tuple[str, ...] = ()
    signature: str = ""
    date: str = ""
    token: str = ""
    expires: int | None = None
    problem: Refusal | None = None

    @property
    def access_key(self) -> str:
        return self.scope[0]

    @property
    def region(self) -> str:
        return self.scope[2]

    @property
    def service(self) -> str:
        return self.scope[3]

    @property
    def payload_hash(self) -> str:
        """Of the body that came, unless the client says that it did not sign it."""
        said = self.headers.get("x-amz-content-sha256", ("",))[0]
        if said.startswith(("UNSIGNED-PAYLOAD", "STREAMING-")):
            return said
        if self.expires is not None and self.service in S3:
            return "UNSIGNED-PAYLOAD"
        return hashlib.sha256(self.body).hexdigest()


def read(
    method: str, raw_path: str, raw_query: str, headers: Iterable[tuple[str, str]], body: bytes
) -> Signed | None:
    """What a request claims in its Authorization header or its query; None for one that is not signed by SigV4."""
    given: dict[str, tuple[str, ...]] = {}
    for name, value in headers:
        given[name.lower()] = (*given.get(name.lower(), ()), value)
    signed = Signed(method, raw_path, raw_query, given, body)
    authorization = given.get("authorization", ("",))[0]
    if authorization.startswith(ALGORITHM):
        return _from_header(signed, authorization)
    if "X-Amz-Signature=" in raw_query or "X-Amz-Algorithm=" in raw_query:
        return _from_query(signed, dict(parse_qsl(raw_query, keep_blank_values=True)))
    return None


def verify(signed: Signed, secret_key: str, now: float, region: str = "", service: str = "") -> Refusal | None:
    """Is it signed with this secret, and now? None when it is.

    now: seconds since the epoch, the machine's, as the client's clock is. region, service: what the scope must name;
    empty: whatever it names.
    """
    refusal = signed.problem or _scope_refusal(signed, region, service) or time_refusal(signed, now)
    return refusal or _signature_refusal(signed, secret_key)


def _from_header(signed: Signed, authorization: str) -> Signed:
    """`AWS4-HMAC-SHA256 Credential=K/D/R/S/aws4_request, SignedHeaders=a;b, Signature=hex`"""
    pieces = [piece.strip() for piece in authorization[len(ALGORITHM) :].split(",") if piece.strip()]
    if any("=" not in piece for piece in pieces):
        return replace(signed, problem=_incomplete(
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with "
            f"Base64): '{_digest(authorization)}'."
        ))
    parts = {name.strip(): value for name, _, value in (piece.partition("=") for piece in pieces)}
    date = _date(signed.headers)
    missing = [f"Authorization header requires '{part}' parameter." for part in _PARTS if not parts.get(part)]
    if missing or not date:
        told = " ".join([*missing, *([] if date else [_NO_DATE])])
        hashed = f"(Hashed with SHA-256 and encoded with Base64) Authorization={_digest(authorization)}"
        return replace(signed, problem=_incomplete(f"{told} {hashed}"))
    token = signed.headers.get("x-amz-security-token", ("",))[0]
    return _claim(signed, parts["Credential"], parts["SignedHeaders"], parts["Signature"], date, token)


def _from_query(signed: Signed, query: Mapping[str, str]) -> Signed:
    """`?...&X-Amz-Algorithm=...&X-Amz-Credential=...`: a presigned URL."""
    if missing := [f"AWS query-string parameters must include '{name}'. " for name in _QUERY if not query.get(name)]:
        return replace(signed, problem=_incomplete(f"{''.join(missing)}Re-examine the query-string parameters."))
    if query["X-Amz-Algorithm"] != ALGORITHM:
        return replace(signed, problem=_incomplete(f"Unsupported AWS 'algorithm': '{query['X-Amz-Algorithm']}'."))
    expires = query.get("X-Amz-Expires", "")
    signed = replace(signed, expires=int(expires) if expires.isdecimal() and len(expires) < 10 else _SKEW_MIN * 60)
    names, signature, date = (query[name] for name in ("X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date"))
    return _claim(signed, query["X-Amz-Credential"], names, signature, date, query.get("X-Amz-Security-Token", ""))


def _claim(signed: Signed, credential: str, names: str, signature: str, date: str, token: str) -> Signed:
    scope = tuple(credential.split("/"))
    if len(scope) != 5:
        return replace(signed, problem=_incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{credential}'"
        ))
    if _moment(date) is None:
        return replace(signed, problem=_incomplete(
            f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ))
    signed_names = tuple(name.lower() for name in names.split(";"))
    return replace(signed, scope=scope, names=signed_names, signature=signature, date=date, token=token)


def _scope_refusal(signed: Signed, region: str, service: str) -> Refusal | None:
    _, day, named_region, named_service, terminator = signed.scope
    wrong = [
        f"Credential should be scoped to a valid region, not '{named_region}'. " if region not in ("", named_region)
        else "",
        f"Credential should be scoped to correct service: '{service}'. " if service not in ("", named_service) else "",
        f"Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'. "
        if terminator != "aws4_request" else "",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        f"'{day}' != '{signed.date[:8]}', from '{signed.date}'." if day != signed.date[:8] else "",
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization." if "host" not in signed.names
        else "",
    ]
    return Refusal("InvalidSignatureException", "".join(wrong).strip()) if any(wrong) else None


def time_refusal(signed: Signed, now: float) -> Refusal | None:
    """Is it signed for now, in seconds since the epoch? None when it is."""
    moment, minutes = _moment(signed.date) or 0.0, _S3_SKEW_MIN if signed.service in S3 else _SKEW_MIN
    before = minutes * 60 if signed.expires is None else signed.expires
    if signed.service in S3 and before > _WEEK_S:
        return Refusal("AuthorizationQueryParametersError", _TOO_LONG)
    early, late = moment > now + minutes * 60, moment < now - before
    if not (early or late):
        return None
    if signed.service in S3:
        skewed = "The difference between the request time and the current time is too large."
        return Refusal("RequestTimeTooSkewed", skewed) if early or signed.expires is None \
            else Refusal("AccessDeniedException", "Request has expired")
    if early:
        limit, told = _stamp(now + minutes * 60), f"({_stamp(now)} + {minutes} min.)"
        return Refusal("InvalidSignatureException",
                       f"Signature not yet current: {signed.date} is still later than {limit} {told}")
    limit, told = _stamp(now - before), f"({_stamp(now)} - {before // 60} min.)"
    return Refusal("InvalidSignatureException",
                   f"Signature expired: {signed.date} is now earlier than {limit} {told}")


def _signature_refusal(signed: Signed, secret_key: str) -> Refusal | None:
    """botocore signs a query as it stands in the URL, other SDKs what it means (`+` is %20): either is true."""
    for meant in (False, True):
        signature, canonical, text = _signature(signed, secret_key, meant)
        if hmac.compare_digest(signature.encode(), signed.signature.encode()):
            return None
    if signed.service in S3:
        return Refusal("InvalidSignatureException", _S3_MISMATCH)
    return Refusal("InvalidSignatureException", _MISMATCH + _TAIL.format(canonical, text))


def _request(signed: Signed, meant: bool) -> Any:
    """The address as botocore takes it, without the signature in it; the host is among the headers."""
    from botocore.awsrequest import AWSRequest

    kept = [pair for pair in signed.query.split("&") if not pair.startswith("X-Amz-Signature=")]
    url, query = "http://host" + signed.path.replace("#", "%23"), "&".join(kept)
    if meant:
        return AWSRequest(signed.method, url, params=parse_qsl(query, keep_blank_values=True))
    return AWSRequest(signed.method, f"{url}?{query.replace('#', '%23')}")


def _signature(signed: Signed, secret_key: str, meant: bool) -> tuple[str, str, str]:
    """(signature, canonical request, string to sign) by botocore, of exactly the headers that were signed."""
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials

    kind = S3SigV4Auth if signed.service in S3 else SigV4Auth
    signer = kind(Credentials(signed.access_key, secret_key), signed.service, signed.region)
    headers = HTTPHeaders()
    for name in signed.names:
        for value in signed.headers.get(name, ()):
            headers[name] = value
    signer.headers_to_sign = lambda request: headers
    request = _request(signed, meant)
    request.headers["X-Amz-Content-SHA256"] = signed.payload_hash
    request.context["timestamp"] = signed.date
    canonical = signer.canonical_request(request)
    text = signer.string_to_sign(request, canonical)
    return signer.signature(text, request), canonical, text


def _incomplete(message: str) -> Refusal:
    return Refusal("IncompleteSignatureException", message)


def _digest(authorization: str) -> str:
    return base64.b64encode(hashlib.sha256(authorization.encode()).digest()).decode()


def _date(headers: Mapping[str, tuple[str, ...]]) -> str:
    """X-Amz-Date as it stands, or Date brought into its form; empty without either."""
    if "x-amz-date" in headers:
        return headers["x-amz-date"][0]
    try:
        return parsedate_to_datetime(headers.get("date", ("",))[0]).astimezone(timezone.utc).strftime(_STAMP)
    except (ValueError, OverflowError):  # of the last day of the last year, in UTC
        return headers.get("date", ("",))[0]


def _moment(date: str) -> float | None:
    """Seconds since the epoch."""
    try:
        return datetime.strptime(date, _STAMP).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime(_STAMP)
