"""oauth_token_expired: the SaaS host does not take an access token any longer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import Held, UpstreamCall, UpstreamReply

BODY = '{"error": "invalid_token", "error_description": "The access token expired"}'
CHALLENGE = 'Bearer error="invalid_token", error_description="The access token expired"'  # RFC 6750, 3.1
GIVEN = 100  # answers without a token in the request that are looked through for new ones


@dataclass
class Token:
    """old: in use when the rule came. since: rig seconds when it was first seen."""

    old: bool
    since: float
    uses: int = 0


@dataclass
class Tokens:
    """Every token seen. given: bodies in which the host may have given out others; tells: it has, in one of them.
    refused: (function, host)."""

    known: dict[str, Token] = field(default_factory=dict)
    given: deque[bytes] = field(default_factory=lambda: deque(maxlen=GIVEN))
    tells: bool = False
    refused: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True)
class OauthTokenExpired(Fault):
    """The SaaS host refuses requests whose access token (`Authorization: Bearer`) is over: 401 in the words of RFC
    6750; they do not reach its stub. A client that gets itself another token recovers, one that does not fails for
    ever. Over are the tokens that were in use when the rule came; with `lifetime_s` or `uses`, every token, old or new,
    that has been seen for so long or so often. New is what the host has given out since, or, where the rule does not
    match the place that gives it, what a function brings to a host that refused it another. Without a token requests
    pass. Salesforce: `body: '[{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]'`."""

    name: ClassVar[str] = "oauth_token_expired"

    lifetime_s: float = param(0.0, "s of rig time", "from a token's first request to its end; 0: no such end")
    uses: int = param(0, "requests", "that a token is good for; 0: any number")
    status: int = param(401, "HTTP status", "of the answer")
    body: str = param(BODY, "", "of the answer, JSON")

    def __post_init__(self) -> None:
        if not 200 <= self.status <= 599:
            raise ValueError(f"status: must be 200 to 599, not {self.status}")

    def new_state(self) -> Tokens:
        return Tokens()

    def on_upstream(self, call: UpstreamCall, proceed: Callable[[], Any], ctx: Context) -> Any:
        """Refuse without proceeding, or let pass; and look for new tokens in what passes."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            reply = proceed()
            answer = reply.reply if isinstance(reply, Held) else reply
            with ctx.lock:
                ctx.state.given.append(getattr(answer, "body", b""))
            return reply
        with ctx.lock:
            over = self._over(ctx.state, token.strip(), call, ctx.clock.now())
        return self._refusal() if over else proceed()

    def _over(self, tokens: Tokens, token: str, call: UpstreamCall, now: float) -> bool:
        client = (call.function, call.host)
        if token not in tokens.known:
            tokens.known[token] = Token(not self._is_new(tokens, token, client), now)
        one = tokens.known[token]
        one.uses += 1
        limited = self.lifetime_s > 0 or self.uses > 0
        over = (one.old and not limited) or 0 < self.lifetime_s <= now - one.since or 0 < self.uses < one.uses
        if over:
            tokens.refused.add(client)
        return over

    def _is_new(self, tokens: Tokens, token: str, client: tuple[str, str]) -> bool:
        given = any(token.encode() in body for body in tokens.given)
        tokens.tells = tokens.tells or given
        return given or (client in tokens.refused and not tokens.tells)

    def _refusal(self) -> UpstreamReply:
        challenge = (("www-authenticate", CHALLENGE),) if self.status == 401 else ()
        return UpstreamReply(self.status, (("content-type", "application/json"), *challenge), self.body.encode())
