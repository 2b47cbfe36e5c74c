"""upstream_name_missing: DNS does not know the SaaS host, or does not say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from emulator.fault import Context, Fault, param
from emulator.model import NameQuery, Resolved


@dataclass(frozen=True)
class UpstreamNameMissing(Fault):
    """The SaaS host's name is looked up in vain. `missing`: it does not exist (NXDOMAIN: EAI_NONAME, ENOTFOUND in
    Node.js, UnknownHostException in Java). `failed`: the server fails (SERVFAIL: EAI_AGAIN). `unanswered`: nobody
    answers, in real time: glibc asks twice and waits 5 s each time, so that a lookup takes 10 s. What an invocation
    asks about one host counts as one, however often its resolver asks. A connection that is open, or kept alive, needs
    no lookup; Java remembers for 10 s that a name is missing, and for 30 s that it is not."""

    name: ClassVar[str] = "upstream_name_missing"

    how: Literal["missing", "failed", "unanswered"] = param("missing", "", "what comes back, if anything")

    def on_resolve(self, query: NameQuery, proceed: Callable[[], Resolved], ctx: Context) -> Resolved:
        """Without proceeding."""
        return Resolved(self.how)
