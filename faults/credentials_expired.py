"""credentials_expired: a function's session is over, in the words of each protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault
from emulator.model import AwsCall, AwsError
from emulator.scope import Match

SAID = "The security token included in the request is expired"
EXPIRED = AwsError("ExpiredTokenException", SAID)
OWN = {
    "s3": AwsError("ExpiredToken", "The provided token has expired."),
    "sts": AwsError("ExpiredToken", SAID, 403),  # STS models an ExpiredTokenException, of other tokens
}


@dataclass(frozen=True)
class CredentialsExpired(Fault):
    """The call is refused because its session token has expired: ExpiredTokenException, ExpiredToken in XML protocols.
    It does nothing. An SDK cannot help itself: a function has no other credentials than its environment's."""

    name: ClassVar[str] = "credentials_expired"
    default_match: ClassVar[Match] = Match(origin="function")

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> AwsError:
        """Refuse without proceeding."""
        return OWN.get(call.service, EXPIRED)
