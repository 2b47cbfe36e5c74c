"""What REST API Gateway says when it does not serve a request: one table, for the client and for both logs.

Bodies that a gateway response template makes have no space after the colon, those of a failed integration have one, and
the sentences of IAM stand in `Message`. Sources: recorded on AWS (integration errors, Missing Authentication Token),
pasted by users (Forbidden, the timeout, IAM's sentences, the execution log's lines; the network error, of integrations
other than Lambda; both 413 with their error types, Sep 2021: the one over 10 MB is plain text from before the gateway
proper). Response types are AWS's list of gateway responses; which of them a 5xx has is inferred from their default
statuses.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace

from emulator.model import HttpReply


@dataclass(frozen=True)
class Refusal(HttpReply):
    """A reply of API Gateway's own. message and response_type: `$context.error.*` of the access log. said: what the
    execution log tells of it, in order, before `Method completed`."""

    message: str = ""
    response_type: str = ""
    said: tuple[str, ...] = ()

    def saying(self, *lines: str) -> Refusal:
        """The same, with its reason in the execution log."""
        return replace(self, said=lines)


def _refusal(status: int, error_type: str, response_type: str, message: str, body: str = "") -> Refusal:
    made = (body or '{"message":%s}') % json.dumps(message, ensure_ascii=False)
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", error_type))
    return Refusal(status, headers, made.encode(), message, response_type)


def _failed(status: int, response_type: str, message: str = "Internal server error") -> Refusal:
    return _refusal(status, "InternalServerErrorException", response_type, message, '{"message": %s}')


_CONFIGURATION = "Execution failed due to configuration error: "

FORBIDDEN = _refusal(403, "ForbiddenException", "ACCESS_DENIED", "Forbidden")
MISSING_TOKEN = _refusal(
    403, "MissingAuthenticationTokenException", "MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token"
)
API_KEY_REQUIRED = _refusal(403, "ForbiddenException", "INVALID_API_KEY", "Forbidden")
BAD_GATEWAY = _failed(502, "DEFAULT_5XX")
SERVER_ERROR = _failed(500, "API_CONFIGURATION_ERROR")
MALFORMED = BAD_GATEWAY.saying(_CONFIGURATION + "Malformed Lambda proxy response")
NOT_PERMITTED = SERVER_ERROR.saying(_CONFIGURATION + "Invalid permissions on Lambda function")
BAD_ENDPOINT = SERVER_ERROR.saying(_CONFIGURATION + "Invalid endpoint address")
TIMED_OUT = _failed(504, "INTEGRATION_TIMEOUT", "Endpoint request timed out").saying(
    "Execution failed due to a timeout error"
)
UNREACHED = _failed(504, "INTEGRATION_FAILURE", "Network error communicating with endpoint").saying(
    "Execution failed due to a network error communicating with endpoint"
)
EVENT_TOO_LONG = _refusal(413, "BadRequestException", "REQUEST_TOO_LARGE", "Request Too Long", '{"message": %s}')
BODY_TOO_LONG = HttpReply(
    413, (("Content-Type", "text; charset=utf-8"),), b"HTTP content length exceeded 10485760 bytes."
)

# The types a signature is refused with -> gateway response type; every other one is ACCESS_DENIED.
_SIGNATURE_TYPES = {
    "MissingAuthenticationTokenException": "MISSING_AUTHENTICATION_TOKEN",
    "IncompleteSignatureException": "INVALID_SIGNATURE",
    "InvalidSignatureException": "INVALID_SIGNATURE",
    "ExpiredTokenException": "EXPIRED_TOKEN",
}


def bad_signature(error_type: str, message: str) -> Refusal:
    """A signature that cannot be read, does not match, or is nobody's: 403 with SigV4's own words."""
    return _refusal(403, error_type, _SIGNATURE_TYPES.get(error_type, "ACCESS_DENIED"), message)


def access_denied(sentence: str) -> Refusal:
    """IAM's sentence, in `Message` (pasted by users, 2024 and Oct 2026)."""
    return _refusal(403, "AccessDeniedException", "ACCESS_DENIED", sentence, '{"Message":%s}')


def no_route(authorization: str) -> Refusal:
    """No such path or method. AWS reads an Authorization header as a signature before it looks for the route."""
    return MISSING_TOKEN if authorization.startswith("AWS4-HMAC-SHA256") else unsigned(authorization)


def unsigned(authorization: str) -> Refusal:
    """No SigV4 signature where there had to be one: no Authorization header, or one that is something else."""
    if not authorization:
        return MISSING_TOKEN
    digest = base64.b64encode(hashlib.sha256(authorization.encode()).digest()).decode()
    return bad_signature(
        "IncompleteSignatureException",
        "Invalid key=value pair (missing equal-sign) in Authorization header "
        f"(hashed with SHA-256 and encoded with Base64): '{digest}'.",
    )


def throttled(lambda_request_id: str) -> Refusal:
    """Lambda answered 429 (a 502 until about 2018)."""
    return SERVER_ERROR.saying(
        f"Lambda invocation failed with status: 429. Lambda request id: {lambda_request_id}",
        _CONFIGURATION + "Rate Exceeded.",
    )


def function_error(payload: bytes, lambda_request_id: str) -> Refusal:
    """The function raised, timed out, ran out of memory or ended itself. payload: what Lambda gave as its error."""
    return BAD_GATEWAY.saying(
        f"Lambda execution failed with status 200 due to customer function error: {_error_message(payload)}. "
        f"Lambda request id: {lambda_request_id}"
    )


def not_served(what: str) -> Refusal:
    """AWS would serve it, this rig does not: a 500 that says so in a header of its own."""
    headers = (*SERVER_ERROR.headers, ("x-lambdarig-error", f"not served yet: {what}"))
    return replace(SERVER_ERROR, headers=headers, said=(f"lambdarig: not served yet: {what}",))


def _error_message(payload: bytes) -> str:
    try:
        error = json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
    message = error.get("errorMessage") if isinstance(error, dict) else None
    return "" if message is None else str(message)
