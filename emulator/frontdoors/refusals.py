"""What REST API Gateway says when it does not serve a request: one table, status and body byte for byte.

Bodies that a gateway response template makes have no space after the colon, those of a failed integration have one.
Sources: recorded on AWS (integration errors, Missing Authentication Token), pasted by users (Forbidden, the timeout,
both 413 with their error types, Sep 2021: the one over 10 MB is plain text from before the gateway proper).
"""

from __future__ import annotations

import base64
import hashlib

from emulator.model import HttpReply


def _refusal(status: int, error_type: str, body: str) -> HttpReply:
    return HttpReply(status, (("Content-Type", "application/json"), ("x-amzn-ErrorType", error_type)), body.encode())


FORBIDDEN = _refusal(403, "ForbiddenException", '{"message":"Forbidden"}')
MISSING_TOKEN = _refusal(403, "MissingAuthenticationTokenException", '{"message":"Missing Authentication Token"}')
API_KEY_REQUIRED = FORBIDDEN
BAD_GATEWAY = _refusal(502, "InternalServerErrorException", '{"message": "Internal server error"}')
SERVER_ERROR = _refusal(500, "InternalServerErrorException", '{"message": "Internal server error"}')
TIMED_OUT = _refusal(504, "InternalServerErrorException", '{"message": "Endpoint request timed out"}')
EVENT_TOO_LONG = _refusal(413, "BadRequestException", '{"message": "Request Too Long"}')
BODY_TOO_LONG = HttpReply(
    413, (("Content-Type", "text; charset=utf-8"),), b"HTTP content length exceeded 10485760 bytes."
)

# Outcome.status of an invocation that gave no answer -> what the client gets (a throttle was 502 until about 2018)
BY_OUTCOME = {
    "error": BAD_GATEWAY, "timeout": BAD_GATEWAY, "crash": BAD_GATEWAY, "oom": BAD_GATEWAY,
    "init_error": BAD_GATEWAY, "too_large": BAD_GATEWAY, "throttled": SERVER_ERROR,
}


def no_route(authorization: str) -> HttpReply:
    """No such path or method. AWS reads an Authorization header as a signature before it looks for the route."""
    if not authorization or authorization.startswith("AWS4-HMAC-SHA256"):
        return MISSING_TOKEN
    digest = base64.b64encode(hashlib.sha256(authorization.encode()).digest()).decode()
    return _refusal(
        403, "IncompleteSignatureException",
        '{"message":"Invalid key=value pair (missing equal-sign) in Authorization header '
        f"(hashed with SHA-256 and encoded with Base64): '{digest}'.\"}}",
    )


def not_served(what: str) -> HttpReply:
    """AWS would serve it, this rig does not: a 500 that says so in a header of its own."""
    return HttpReply(500, (*SERVER_ERROR.headers, ("x-lambdarig-error", f"not served yet: {what}")), SERVER_ERROR.body)
