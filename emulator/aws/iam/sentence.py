"""AWS's sentence for a refusal. Source: IAM, troubleshoot access denied error messages; recorded for identity policies.

Secrets Manager, Lambda and API Gateway put it in `Message`. The policy type was added in 2021; services that do not
support it, and older texts, end after the resource, or after `with an explicit deny`.
"""

from __future__ import annotations

from emulator.aws.iam.policy import PolicyType

# (without an allow, with a deny); articles as AWS has them.
_WORDS = {
    PolicyType.IDENTITY: ("identity-based policy", "an identity-based policy"),
    PolicyType.RESOURCE: ("resource-based policy", "a resource-based policy"),
    PolicyType.TRUST: ("role trust policy", "the role trust policy"),
    PolicyType.BOUNDARY: ("permissions boundary", "a permissions boundary"),
    PolicyType.SESSION: ("session policy", "a session policy"),
    PolicyType.SCP: ("service control policy", "a service control policy"),
    PolicyType.ENDPOINT: ("VPC endpoint policy", "a VPC endpoint policy"),
}


def sentence(by: PolicyType, explicit: bool, action: str, resource: str, caller: str, typed: bool = True) -> str:
    """`User: CALLER is not authorized to perform: ACTION on resource: RESOURCE because no ... policy allows ...`.

    resource "": for actions that have none. typed=False: as before 2021, without the policy's type.
    """
    on = f" on resource: {resource}" if resource else ""
    why = reason(by, explicit, action) if typed else "with an explicit deny" if explicit else ""
    return f"User: {caller} is not authorized to perform: {action}{on} {why}".rstrip()


def reason(by: PolicyType, explicit: bool, action: str) -> str:
    """The sentence's end; API Gateway puts it after its own words for a Lambda authorizer's denial."""
    allowing, denying = _WORDS[by]
    return f"with an explicit deny in {denying}" if explicit else f"because no {allowing} allows the {action} action"


def masked(arn: str) -> str:
    """As API Gateway prints a resource: of its account only the last four digits (recorded)."""
    parts = arn.split(":", 5)
    if len(parts) == 6 and len(parts[4]) == 12:
        parts[4] = "*" * 8 + parts[4][-4:]
    return ":".join(parts)
