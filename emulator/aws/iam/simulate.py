"""SimulateCustomPolicy, SimulatePrincipalPolicy and GetContextKeysFor...Policy: requests and answers as boto3 has them.

AWS changed the answer: until 2025 (recorded) one result for each action and resource, EvalResourceName its ARN; now
(botocore 1.44's documentation) one for each action, with the most restrictive decision, the type's ARN template, and
the resources' own decisions in ResourceSpecificResults. `GENERATIONS` has both. SourcePolicyType is `IAM Policy` or
`Resource Policy` as recorded, which the model's enumeration does not have. As on AWS, a resource policy cannot be
simulated for a role, and is ignored for sts:Assume... actions (aws-cli 10314).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from emulator.aws.iam.decide import Decision, Policies, decide, statement_applies
from emulator.aws.iam.matching import grant, variables_of
from emulator.aws.iam.policy import Policy, PolicyError, PolicyType, Statement, parse
from emulator.aws.iam.positions import positions
from emulator.aws.iam.request import Principal, Request, account_of
from emulator.aws.iam.templates import resource_template
from emulator.model import AwsError

GENERATIONS = ("current", "2025")
DEFAULT_ITEMS = 100
_DENIALS = ("allowed", "implicitDeny", "explicitDeny")  # the later, the more restrictive
Params = Mapping[str, Any]
Answer = dict[str, Any]


class SimulationError(ValueError):
    """A request AWS refuses; `answer` is InvalidInput, HTTP 400."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.answer = AwsError("InvalidInput", message)


@dataclass(frozen=True)
class _Simulation:
    params: Params
    policies: Policies
    caller: Principal
    generation: str

    def request(self, action: str, resource: str) -> Request:
        entries = self.params.get("ContextEntries", ())
        context = {entry.get("ContextKeyName", ""): tuple(entry.get("ContextKeyValues", ())) for entry in entries}
        return Request(self.caller, action, resource, context, self.owner(resource))

    def owner(self, resource: str) -> str:
        """Accounts are told apart only where the request speaks of the resource's side; else nothing could be allowed
        there, as the simulator reads no resource policy itself."""
        if not (self.params.get("ResourceOwner") or self.params.get("ResourcePolicy")):
            return self.caller.account
        owner = account_of(resource) or self.params.get("ResourceOwner", "")
        return account_of(owner) or owner or self.caller.account

    def policies_for(self, action: str) -> Policies:
        return replace(self.policies, resource=()) if action.lower().startswith("sts:assume") else self.policies

    @property
    def resources(self) -> list[str]:
        return list(self.params.get("ResourceArns") or ["*"])

    def results(self) -> Iterator[Answer]:
        for action in self.params["ActionNames"]:
            cells = [self.cell(action, resource) for resource in self.resources]
            if self.generation == "current":
                missing = list(_unique(key for cell in cells for key in cell.missing()))
                yield _result(action, resource_template(action), cells) | {"MissingContextValues": missing}
            else:
                yield from (_result(action, cell.request.resource, [cell]) for cell in cells)

    def cell(self, action: str, resource: str) -> _Cell:
        request, policies = self.request(action, resource), self.policies_for(action)
        return _Cell(request, policies, decide(request, policies))


@dataclass(frozen=True)
class _Cell:
    """One action on one resource."""

    request: Request
    policies: Policies
    decision: Decision

    @property
    def outcome(self) -> str:
        return "allowed" if self.decision.allowed else "explicitDeny" if self.decision.explicit else "implicitDeny"

    def statements(self) -> list[Answer]:
        """Of identity and resource policies only, as AWS says; a denial shows its denying statements alone."""
        shown = (PolicyType.IDENTITY, PolicyType.RESOURCE)
        return [_statement(m.type, m.policy, m.statement) for m in self.decision.statements if m.type in shown]

    def missing(self) -> list[str]:
        """Keys asked for by statements of this action and resource, and not given."""
        policies = (*self.policies.identity, *self.policies.resource)
        asking = (
            (policy, statement) for policy in policies for statement in policy.statements
            if grant(statement.principals, self.request.principal)
            and statement_applies(self.request, policy, statement, conditions=False)
        )
        return [key for key in _unique(_asked(asking)) if key.lower() not in self.request.keys]

    def details(self) -> Answer:
        """What organization, boundary and, across accounts, each side decided."""
        found: Answer = {}
        if self.policies.scps:
            found["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": self.decision.by is not PolicyType.SCP}
        if boundary := self.policies.boundary:
            found["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": self._alone(boundary)}
        if self.request.resource != "*":
            found["EvalDecisionDetails"] = self._sides() if self.request.cross_account else {}
        return found

    def _alone(self, policy: Policy) -> bool:
        return decide(replace(self.request, resource_account=self.request.principal.account),
                      Policies(identity=(policy,))).allowed

    def _sides(self) -> Answer:
        """The words for the two sides are not documented; these are SourcePolicyType's."""
        sides = {"IAM Policy": PolicyType.IDENTITY, "Resource Policy": PolicyType.RESOURCE}
        return {name: self._side(type) for name, type in sides.items()}

    def _side(self, type: PolicyType) -> str:
        effects = {match.allows for match in self.decision.found if match.type is type}
        return "explicitDeny" if False in effects else "allowed" if effects else "implicitDeny"

    def specific(self) -> Answer:
        details = self.details()
        details.pop("OrganizationsDecisionDetail", None)  # not a member of the shape
        return {"EvalResourceName": self.request.resource, "EvalResourceDecision": self.outcome,
                "MatchedStatements": self.statements(), "MissingContextValues": self.missing(), **details}


def simulate_custom_policy(params: Params, generation: str = "current") -> Answer:
    """SimulateCustomPolicy. Raises SimulationError."""
    levels = params.get("OrderedOrganizationPolicyInputList", ())
    scps = tuple(_documents("ServiceControlPolicyInputList", level) for level in levels)
    policies = Policies(identity=_documents("PolicyInputList", params), scps=scps)
    return _simulate(params, policies, params.get("CallerArn", ""), generation)


def simulate_principal_policy(params: Params, attached: Policies, generation: str = "current") -> Answer:
    """SimulatePrincipalPolicy of what `principals.gather` found for PolicySourceArn. Raises SimulationError."""
    if params.get("PolicyExclusionList"):
        raise SimulationError("lambdarig does not simulate PolicyExclusionList")
    policies = replace(attached, identity=(*attached.identity, *_documents("PolicyInputList", params)))
    return _simulate(params, policies, params.get("CallerArn") or params["PolicySourceArn"], generation)


def context_keys(policies: Iterable[Policy]) -> list[str]:
    """GetContextKeysForCustomPolicy, ...ForPrincipalPolicy: the keys of conditions and variables, each once."""
    return list(_unique(_asked((policy, statement) for policy in policies for statement in policy.statements)))


def _simulate(params: Params, policies: Policies, caller: str, generation: str) -> Answer:
    if generation not in GENERATIONS:
        raise ValueError(f"no generation {generation!r} of the simulator: choose one of {', '.join(GENERATIONS)}")
    for action in params["ActionNames"]:
        if ":" not in action or "*" in action:
            raise SimulationError(f"Invalid action name: {action}")
    boundary = _documents("PermissionsBoundaryPolicyInputList", params)
    policies = replace(policies, resource=_resource_policy(params, caller), boundary=(*boundary, policies.boundary)[0])
    role = caller if ":role/" in caller else ""
    results = list(_Simulation(params, policies, _principal(caller, role), generation).results())
    return _page(results, params)


def _principal(caller: str, role: str) -> Principal:
    """SimulateCustomPolicy needs none: its policies are then nobody's in particular, and no key follows from him."""
    return Principal(caller or "arn:aws:iam::000000000000:nobody", role)


def _resource_policy(params: Params, caller: str) -> tuple[Policy, ...]:
    if not params.get("ResourcePolicy"):
        return ()
    if ":user/" not in caller:
        raise SimulationError("Invalid caller - Caller must be an IAM user in this context.")
    return (_document(params["ResourcePolicy"], "ResourcePolicy"),)


def _documents(name: str, params: Params) -> tuple[Policy, ...]:
    return tuple(_document(text, f"{name}.{number}") for number, text in enumerate(params.get(name) or (), 1))


def _document(text: str, id: str) -> Policy:
    try:
        return parse(text, id)
    except PolicyError as error:
        raise SimulationError(f"{id}: {error.message}") from error


def _result(action: str, name: str, cells: list[_Cell]) -> Answer:
    """One of EvaluationResults."""
    worst = max(cells, key=lambda cell: _DENIALS.index(cell.outcome))
    result: Answer = {
        "EvalActionName": action, "EvalResourceName": name, "EvalDecision": worst.outcome,
        "MatchedStatements": _once(s for cell in cells if cell.outcome == worst.outcome for s in cell.statements()),
        "MissingContextValues": [], **_worst_details(cells),
    }
    if [cell.request.resource for cell in cells] == ["*"]:
        return {**result, "MissingContextValues": cells[0].missing()}
    return {**result, "ResourceSpecificResults": [cell.specific() for cell in cells]}


def _worst_details(cells: list[_Cell]) -> Answer:
    """By name, the most restrictive of all resources."""
    merged: Answer = {}
    for cell in cells:
        for name, detail in cell.details().items():
            known = merged.setdefault(name, dict(detail))
            for key, value in detail.items():
                known[key] = max(known.get(key, value), value, key=_restriction)
    return merged


def _restriction(value: object) -> int:
    return int(not value) if isinstance(value, bool) else _DENIALS.index(str(value))


def _statement(type: PolicyType, policy: Policy, statement: Statement) -> Answer:
    start, end = positions(policy.text)[statement.index]
    kind = "Resource Policy" if type is PolicyType.RESOURCE else "IAM Policy"
    return {"SourcePolicyId": policy.id, "SourcePolicyType": kind, "StartPosition": start, "EndPosition": end}


def _asked(statements: Iterable[tuple[Policy, Statement]]) -> Iterator[str]:
    """Context keys of conditions, then of variables, in the order of the documents."""
    for policy, statement in statements:
        yield from (condition.key for condition in statement.conditions)
        if policy.variables:
            texts = [value for condition in statement.conditions for value in condition.values]
            yield from (key for text in [*(statement.resources.values if statement.resources else ()), *texts]
                        for key in variables_of(text))


def _unique(keys: Iterable[str]) -> Iterator[str]:
    """Each key once, whatever its case, as first written."""
    seen: set[str] = set()
    for key in keys:
        if key.lower() not in seen:
            seen.add(key.lower())
            yield key


def _once(statements: Iterable[Answer]) -> list[Answer]:
    found: list[Answer] = []
    for statement in statements:
        if statement not in found:
            found.append(statement)
    return found


def _page(results: list[Answer], params: Params) -> Answer:
    """Markers are opaque to callers: here, the number of results already given."""
    start, size = _offset(params.get("Marker", "")), int(params.get("MaxItems") or DEFAULT_ITEMS)
    answer: Answer = {"EvaluationResults": results[start : start + size], "IsTruncated": start + size < len(results)}
    if answer["IsTruncated"]:
        answer["Marker"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    return answer


def _offset(marker: str) -> int:
    try:
        given = base64.b64decode(marker, altchars=b"-_", validate=True) if marker else b"0"
    except (ValueError, binascii.Error):
        given = b""
    if not given.isdigit():
        raise SimulationError("Invalid Marker.")
    return int(given)
