"""Who may call a REST API's method: the signature of `AWS_IAM`, then IAM with the API's resource policy.

In AWS's order: who signed (a request that nobody signed is refused where the method wants it, and else anonymous), then
one decision over the caller's policies and the API's, which for one account is satisfied by either (API Gateway, how
resource policies affect the authorization workflow). A signature is verified whatever `iam` is set to; `iam: off`
decides nothing after that.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timezone

from emulator.aws import sigv4
from emulator.aws.authentication import INVALID, Authentication
from emulator.aws.authorization import Authorization
from emulator.aws.credentials import Held
from emulator.aws.iam.principals import NoSuchEntity, Session, gather
from emulator.aws.iam.request import ANONYMOUS
from emulator.aws.iam.sentence import masked
from emulator.clock import Clock
from emulator.frontdoors import refusals
from emulator.frontdoors.refusals import Refusal
from emulator.frontdoors.rest_event import NOBODY, Identity, Request, Routed
from emulator.frontdoors.rest_lambda import PRINCIPAL, source_arn, split_arn
from emulator.frontdoors.rest_policy import resource_policy
from emulator.frontdoors.rest_trail import Check, Trail
from emulator.model import Caller

ACTION = "execute-api:Invoke"
_NOBODY = Session(ANONYMOUS)


class RestAuthorization:
    """Callable as ApiGateway's `access`; `permits` is its `permits`."""

    def __init__(self, authentication: Authentication, authorization: Authorization, clock: Clock) -> None:
        self._authentication, self._authorization, self._clock = authentication, authorization, clock

    def __call__(self, routed: Routed, trail: Trail) -> Identity | Refusal:
        """Who called, or why they may not. The trail hears of both checks."""
        held: Held | None = None
        if routed.route.authorization == "AWS_IAM":
            began = self._clock.monotonic()
            found = self._authenticated(routed.request, routed.stage.api.region)
            trail.authenticate = self._checked(found, began)
            if isinstance(found, Refusal):
                return found
            held = found
        began = self._clock.monotonic()
        refusal = self._decided(routed, held)
        trail.authorize = self._checked(refusal, began)
        return refusal or (self._identity(held) if held else NOBODY)

    def permits(self, routed: Routed, function: str) -> bool:
        """Does Lambda let API Gateway invoke the function: by the integration's role, or else by the function's policy.

        function: ARN, with its qualifier.
        """
        given = routed.route.integration.credentials if routed.route.integration else ""
        if given:
            caller = routed.identity.user_arn if given == "arn:aws:iam::*:user/*" else _session_of(given)
            return self._authorization.decide(Session(caller or ANONYMOUS), "lambda:InvokeFunction", function).allowed
        account = self._authorization.account
        return self._authorization.may_invoke(*split_arn(function), PRINCIPAL, source_arn(routed, account), account)

    def _checked(self, found: object, began: float) -> Check:
        error = found.message if isinstance(found, Refusal) else ""
        return Check(403 if error else 200, round((self._clock.monotonic() - began) * 1000), error)

    def _authenticated(self, request: Request, region: str) -> Held | Refusal:
        signed = sigv4.read(request.method, request.raw_path, request.query, request.headers, request.body)
        if signed is None:
            return refusals.unsigned(request.by_name.get("authorization", ""))
        found = self._authentication.authenticate(signed, region, "execute-api") or INVALID
        return refusals.bad_signature(found.code, found.message) if isinstance(found, sigv4.Refusal) else found

    def _decided(self, routed: Routed, held: Held | None) -> Refusal | None:
        api, account = routed.stage.api, self._authorization.account
        session = held.session if held else _NOBODY
        what = f"{routed.stage.name}/{routed.request.method}{routed.path}"
        arn = f"arn:aws:execute-api:{api.region}:{account}:{api.id}/{what}"
        policies = (resource_policy(api.policy, api.region, account, api.id),) if api.policy else ()
        context = {**_context(routed.request, self._clock), **(held.context if held else {})}
        reader = Caller(session.arn, held.access_key if held else "")
        decision = self._authorization.decide(session, ACTION, arn, context, policies, reader)
        return None if decision.allowed else refusals.access_denied(decision.sentence(ACTION, masked(arn), session.arn))

    def _identity(self, held: Held) -> Identity:
        arn = held.session.arn
        return Identity(held.access_key, arn.split(":")[4], self._unique_id(held.session), arn, held.cognito)

    def _unique_id(self, session: Session) -> str:
        """`AIDA...` of a user, `AROA...:SESSION` of a role's session, the account of its root."""
        try:
            found = gather(self._authorization.backend.models("iam", "aws"), session.arn)
        except NoSuchEntity:  # a role that nobody made in IAM
            role, name = session.arn.split("/")[1], session.arn.rsplit("/", 1)[-1]
            return f"AROA{base64.b32encode(hashlib.sha256(role.encode()).digest())[:17].decode()}:{name}"
        return found.context.get("aws:userid") or session.arn.split(":")[4]


def _session_of(role_arn: str) -> str:
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    return f"arn:aws:sts::{account}:assumed-role/{name}/BackplaneAssumeRoleSession"


def _context(request: Request, clock: Clock) -> dict[str, str]:
    """aws:SecureTransport is true however the rig was reached: AWS has nothing else."""
    now = clock.epoch()
    keys = {
        "aws:CurrentTime": datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now)),
        "aws:SecureTransport": "true",
        "aws:SourceIp": request.source_ip,
        "aws:UserAgent": request.by_name.get("user-agent", ""),
        "aws:Referer": request.by_name.get("referer", ""),
    }
    return {key: value for key, value in keys.items() if value}
