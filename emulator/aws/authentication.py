"""Is a call signed by who holds the key, and may the key still be used? Before anybody asks what its holder may do.

A key that nobody gave out passes unread: it is the rig's admin, whatever the client signed with. Only a fault that sets
AWS's clock has the time of its signature looked at, and that of any key's where nothing else is refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from emulator.aws import sigv4
from emulator.aws.credentials import Held, Keyring
from emulator.aws.errors_wire import COMMON
from emulator.aws.sigv4 import S3, Refusal, Signed
from emulator.aws.wire import WireRequest
from emulator.clock import Clock
from emulator.model import AwsCall, AwsError

RAW_HEADERS = "lambdarig.headers"  # (name, value) pairs as the server read them
INVALID = Refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
EXPIRED = Refusal("ExpiredTokenException", "The security token included in the request is expired")
S3_EXPIRED = "The provided token has expired."


class Authentication:
    """on False: nothing is refused (`iam: off`)."""

    def __init__(self, keyring: Keyring, clock: Clock, on: bool = True) -> None:
        self.keyring, self.clock, self.on = keyring, clock, on

    def holder(self, access_key: str) -> str:
        """The ARN of who holds the key; empty for a key that nobody gave out."""
        held = self.keyring.find(access_key) if access_key else None
        return held.session.arn if held else ""

    def refusal(self, call: AwsCall, request: WireRequest) -> AwsError | None:
        """For the AWS endpoint, which takes region and service from the signature's own scope."""
        known = self.on and request.access_key and self.keyring.find(request.access_key) is not None
        if not known and not call.ahead_s:
            return None
        environ = request.environ
        headers = environ.get(RAW_HEADERS) or _headers(environ.items())
        signed = sigv4.read(request.method, request.sent_path, environ.get("QUERY_STRING", ""), headers, request.body)
        if signed is None:
            return None
        now = self.clock.wall() + call.ahead_s
        found = self.authenticate(signed, now=now) if known else sigv4.time_refusal(signed, now)
        return _written(found, request) if isinstance(found, Refusal) else None

    def authenticate(
        self, signed: Signed, region: str = "", service: str = "", now: float | None = None
    ) -> Held | Refusal | None:
        """Who signed; or why AWS does not believe it; None for a key that nobody gave out, whose secret nobody knows.

        region, service: what the scope must name; empty: whatever it names. now: seconds since the epoch, where it is
        not the machine's time.
        """
        if signed.problem:
            return signed.problem
        held = self.keyring.find(signed.access_key)
        if held is None:
            return None
        if not held.active or signed.token != held.session_token:
            return INVALID
        if self.keyring.expired(held):
            return EXPIRED
        moment = self.clock.wall() if now is None else now
        return sigv4.verify(signed, held.secret_key, moment, region, service) or held


def _written(refusal: Refusal, request: WireRequest) -> AwsError:
    """In the query protocol by its common name: STS models an ExpiredTokenException, of other tokens."""
    if request.service in S3 and refusal is EXPIRED:
        return AwsError(refusal.code, S3_EXPIRED)
    if request.protocol != "query" or "query" not in COMMON.get(refusal.code, {}):
        return AwsError(refusal.code, refusal.message)
    code, status = COMMON[refusal.code]["query"]
    return AwsError(code, refusal.message, status)


def _headers(environ: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    """From a WSGI environ that has no other."""
    own = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}
    named = ((own.get(key) or key.removeprefix("HTTP_"), key, value) for key, value in environ)
    return [(name.replace("_", "-").lower(), str(value)) for name, key, value in named if key in own or name != key]
