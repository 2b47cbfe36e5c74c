"""What IAM demands of the documents it stores, beyond what a policy needs to be evaluated.

Order and texts: measured on AWS by moto's contributors (its tests/test_iam/test_iam_policies.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.aws.iam.policy import (
    CURRENT,
    LEGACY,
    NO_ACTIONS,
    Policy,
    PolicyError,
    PolicyType,
    load,
    parse,
    split_operator,
    syntax,
)

_PARTITIONS = ("*", "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc")
_IAM_PATHS = (
    "user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/",
    "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
)
_EPOCH_END = 2**63  # seconds are kept in a signed 64 bit number
_ISO_DATE = re.compile(
    r"-?\d+(?:-(?:0?[1-9]|1[0-2])(?:-(?:0?[1-9]|[12]\d|3[01]))?)?"
    r"(?:t(?:[01]?\d|2[0-3])?(?::[0-5]?\d(?::[0-5]?\d(?:\.\d{1,9})?(?:z|[+-]\d\d(?::\d\d)?)?)?)?z?)?", re.ASCII,
)


def validate(text: str, type: PolicyType = PolicyType.IDENTITY) -> Policy:
    """The policy, or PolicyError with AWS's text. IDENTITY and BOUNDARY are the strictest: they need the current
    version and resources, and may not have principals."""
    document = load(text)
    statements = syntax(document)
    stored = type in (PolicyType.IDENTITY, PolicyType.BOUNDARY)
    if stored and document.get("Version") != CURRENT:
        raise PolicyError("Policy document must be version 2012-10-17 or greater.")
    if problem := next(_problems(statements, stored), None):
        raise PolicyError(problem)
    return parse(text)


def _problems(statements: list[dict[str, Any]], stored: bool) -> Iterator[str]:
    """What is wrong, in the order in which AWS notices."""
    if any(raw["Effect"] not in ("Allow", "Deny") or not _dates_are_valid(raw) for raw in statements):
        yield LEGACY
    resources = [_resource_problem(raw) for raw in statements]
    if LEGACY in resources:
        yield LEGACY
    sids = [raw["Sid"] for raw in statements if raw.get("Sid")]
    if len(sids) != len(set(sids)):
        yield "Statement IDs (SID) in a single policy must be unique."
    if not all(_given(raw, "Action") for raw in statements):
        yield NO_ACTIONS
    yield from (problem for problem in resources if problem)
    yield from (problem for raw in statements for action in _given(raw, "Action") for problem in _action(action))
    if stored and not all(_given(raw, "Resource") for raw in statements):
        yield "Policy statement must contain resources."
    if stored and any("Principal" in raw or "NotPrincipal" in raw for raw in statements):
        yield "Policy document should not specify a principal."


def _given(raw: Mapping[str, Any], name: str) -> list[str]:
    """The values of an element, or of its negation."""
    value = raw.get(name, raw.get(f"Not{name}", []))
    return [value] if isinstance(value, str) else [item for item in value if item is not None]


def _dates_are_valid(raw: Mapping[str, Any]) -> bool:
    for written, tests in raw.get("Condition", {}).items():
        if split_operator(written)[1].startswith("Date"):
            values = [item for value in tests.values() for item in (value if isinstance(value, list) else [value])]
            if not all(_is_date(str(value).lower()) for value in values):
                return False
    return True


def _is_date(text: str) -> bool:
    if "t" in text or "-" in text:
        return _ISO_DATE.fullmatch(text) is not None
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) < _EPOCH_END


def _resource_problem(raw: Mapping[str, Any]) -> str:
    resources = sorted(resource for resource in _given(raw, "Resource") if resource != "*")
    if problem := next((found for found in map(_format_problem, resources) if found), ""):
        return problem
    return LEGACY if any(_is_cut_short(resource) for resource in resources) else ""


def _is_cut_short(resource: str) -> bool:
    """`arn:aws:s3::bucket`, `arn:aws::x`."""
    return resource.split(":")[2] == "" or (resource.count(":") < 5 and "::" in resource)


def _format_problem(resource: str) -> str:
    if ":" not in resource:
        return f'Resource {resource} must be in ARN format or "*".'
    parts = resource.split(":", 5)
    if parts[1] not in _PARTITIONS:
        rest = ":".join((parts[2:] + ["*"] * 4)[: max(4, len(parts) - 2)])
        return f'Partition "{parts[1]}" is not valid for resource "arn:{parts[1]}:{rest}".'
    if len(parts) < 3:
        return "Resource vendor must be fully qualified and cannot contain regexes."
    return _service_problem(resource, *(parts + [""] * 3)[2:6])


def _service_problem(resource: str, service: str, region: str, account: str, path: str) -> str:
    if service == "iam" and region:
        return f"IAM resource {resource} cannot contain region information."
    if service == "s3" and region and not path.startswith("accesspoint/"):
        return f"Resource {resource} can not contain region information."
    if service == "iam" and path != "*" and not path.startswith(_IAM_PATHS):
        return f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.'
    return ""


def _action(action: str) -> Iterator[str]:
    vendor, colon, name = action.partition(":")
    if not colon and vendor != "*":
        yield "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    if ":" in name:
        yield "Actions/Condition can contain only one colon."
    if vendor != "*" and re.search(r"[^a-zA-Z0-9\-.]", vendor):
        yield f"Vendor {vendor} is not valid"
