"""upstream_certificate_expired: a certificate that no client should accept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from emulator.fault import Context, Fault, param
from emulator.model import Certificate, Handshake

LIFE = 365  # days


@dataclass(frozen=True)
class UpstreamCertificateExpired(Fault):
    """The SaaS host shows a certificate that clients refuse, before they have sent anything: `certificate has expired`
    in Python and OpenSSL, CERT_HAS_EXPIRED in Node.js, CertificateExpiredException in Java. Or one that is not valid
    yet, is made out to another name, or comes from an authority that nobody knows. A connection that is open already
    is not struck; a client that checks nothing does not notice."""

    name: ClassVar[str] = "upstream_certificate_expired"

    problem: Literal["expired", "not_yet_valid", "wrong_name", "untrusted"] = param("expired", "", "what is wrong")
    days: int = param(1, "days", "since it expired, or until it is valid", least=1)

    def __post_init__(self) -> None:
        if self.days != UpstreamCertificateExpired.days and self.problem not in ("expired", "not_yet_valid"):
            raise ValueError(f"days: they make no difference to {self.problem}")

    def on_handshake(self, handshake: Handshake, proceed: Callable[[], Certificate], ctx: Context) -> Certificate:
        return replace(proceed(), verdict=self.problem, **self._changes()[self.problem])

    def _changes(self) -> dict[str, dict[str, Any]]:
        return {
            "expired": {"since": -self.days - LIFE, "days": -self.days},
            "not_yet_valid": {"since": self.days, "days": self.days + LIFE},
            "wrong_name": {"name": "somebody.else.invalid"},
            "untrusted": {"trusted": False},
        }
