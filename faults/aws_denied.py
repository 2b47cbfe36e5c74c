"""aws_denied: IAM refuses a call, with AWS's whole sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from emulator.fault import Context, Fault, param
from emulator.model import AwsCall, AwsError
from emulator.scope import Match

# What AWS calls each policy type: (in an implicit deny, in an explicit one). Source: IAM user guide.
POLICIES = {
    "identity": ("identity-based policy", "an identity-based policy"),
    "resource": ("resource-based policy", "a resource-based policy"),
    "boundary": ("permissions boundary", "a permissions boundary"),
    "scp": ("service control policy", "a service control policy"),
    "session": ("session policy", "a session policy"),
}


@dataclass(frozen=True)
class AwsDenied(Fault):
    """The call answers AccessDeniedException (AccessDenied 403 in XML protocols) and does nothing. The resource is its
    ARN where it exists, else the id as the caller typed it; authorisation comes before existence, as on AWS."""

    name: ClassVar[str] = "aws_denied"
    default_match: ClassVar[Match] = Match(origin="function")

    kind: Literal["implicit", "explicit"] = param("implicit", "", "no policy allows it, or one denies it")
    policy: Literal["identity", "resource", "boundary", "scp", "session"] = param("identity", "", "policy type to name")

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> AwsError:
        """Refuse without proceeding."""
        implicit, explicit = POLICIES[self.policy]
        reason = (f"because no {implicit} allows the {call.action} action" if self.kind == "implicit"
                  else f"with an explicit deny in {explicit}")
        sentence = (f"User: {call.caller.arn} is not authorized to perform: {call.action} "
                    f"on resource: {call.resource} {reason}")
        return AwsError("AccessDeniedException", sentence)
