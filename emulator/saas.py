"""SaaS hosts as stub files describe them: the points that requests to them pass, whoever asks, by socket or in process.

The door for functions is in `upstreams`. AWS's own services (AppFlow, which asks for access tokens) ask in process: the
same points and stubs, as a client that trusts the rig's authority and checks what it is shown.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from emulator.certificates import VALID
from emulator.errors import FileProblem, RigError
from emulator.injector import Injector
from emulator.model import (
    Certificate,
    Handshake,
    Held,
    NameQuery,
    Resolved,
    UpstreamCall,
    UpstreamReply,
    UpstreamReset,
)
from emulator.numbering import Numbers

if TYPE_CHECKING:
    from emulator.stubs import Upstream

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asker:
    """Who asks. place: what ids begin with (an invocation), empty where nobody knows. caller: the principal of an AWS
    service that asks in process."""

    place: str = ""
    function: str = ""
    caller: str = ""

    @property
    def name(self) -> str:
        return self.function or self.caller


@dataclass(frozen=True)
class Request:
    """An HTTP request, whole. target: as sent, or a URL in process. headers: names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class NoAnswer(Exception):
    """Nothing came that could be read; the argument is a sentence that says why."""


class SaasHosts:
    """The hosts of the stub files. Requests, handshakes and lookups count per asker."""

    def __init__(self, injector: Injector) -> None:
        self._injector, self.clock = injector, injector.clock
        self._files: list[Path] = []
        self._hosts: dict[str, Upstream] = {}
        self._numbers, self._handshakes = Numbers(), Numbers("/tls-")

    def add(self, file: Path) -> None:
        """Answer for the hosts of a stub file too. Raises FileProblem, and then adds nothing."""
        added = _load(file)
        for upstream in added:
            if upstream.host in self._hosts:
                raise FileProblem(file, f"hosts.{upstream.host}", "another stub file answers for this host already")
        self._files.append(file)
        self._hosts.update({upstream.host: upstream for upstream in added})

    def names(self) -> tuple[str, ...]:
        """Names answered for, lower-case."""
        return tuple(self._hosts)

    def __contains__(self, host: str) -> bool:
        return host in self._hosts

    def reset(self) -> None:
        """Read the stub files again, so that what stubs remembered is gone, and number calls from #1."""
        self._hosts = {upstream.host: upstream for file in self._files for upstream in _load(file)}
        self._numbers, self._handshakes = Numbers(), Numbers("/tls-")

    def certificate(self, host: str, asker: Asker) -> Certificate:
        """What the host shows, past the point `handshake`. Raises RigError."""
        identity = self._handshakes.next(asker.place or "host", host)
        handshake = Handshake(identity, host, asker.function)
        return self._injector.pass_through("handshake", handshake, lambda _: VALID, quiet=True).reply

    def answer(self, host: str, request: Request, asker: Asker) -> Any:
        """Past the point `upstream`: a reply, one that is held back, or none but a reset. KeyError without a stub."""
        handler = self._hosts[host].handler
        identity = self._numbers.next(asker.place or "host", host)
        headers = dict(request.headers)
        call = UpstreamCall(
            identity, host, request.method, request.target, headers, request.body, asker.function, asker.caller
        )
        try:
            return self._injector.pass_through("upstream", call, lambda call: _ask(handler, call)).reply
        except RigError as error:
            LOG.error("%s: %s", identity, error)
            return UpstreamReply(500, (("content-type", "text/plain"),), str(error).encode())

    def refuse(self, host: str, asker: Asker, peer: str = "") -> None:
        """Nobody answers for the host: into the log and the timeline."""
        host = host or "(no name)"
        LOG.warning("upstreams: %s called %s, which no stub file answers for: refused", asker.name or peer, host)
        identity = self._numbers.next(asker.place or "host", host)
        self._injector.timeline.record(identity, "upstream", "", "refused", host)

    def fetch(self, request: Request, asker: Asker, limit_s: float) -> UpstreamReply:
        """In process, as a client that waits so long for an answer. target: a URL. What only the rig can see is not
        waited out: rig time goes on instead. Raises NoAnswer."""
        url = urlsplit(request.target)
        host = (url.hostname or "").lower()
        if host not in self:
            self.refuse(host, asker)
            how = "name a stub file for it as `upstreams` in the rig's file, or in a test give it to rig.upstreams()"
            raise NoAnswer(f"no stub answers for the host {host}: {how}")
        try:
            self._reach(host, url.scheme, asker)
        except RigError as error:
            raise NoAnswer(str(error)) from error
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {"host": host, **request.headers}
        reply = self.answer(host, Request(request.method, target, headers, request.body), asker)
        return self._arrived(host, reply, limit_s)

    def _reach(self, host: str, scheme: str, asker: Asker) -> None:
        query = NameQuery(f"{asker.place or 'names'}/{host}", host, asker.function)
        found = self._injector.pass_through("resolve", query, lambda _: Resolved(), quiet=True).reply
        if found.verdict != Resolved().verdict:
            raise NoAnswer(f"the name {host} could not be resolved ({found.verdict})")
        if scheme == "https" and (shown := self.certificate(host, asker)) != VALID:
            raise NoAnswer(f"the certificate of {host} is not accepted ({shown.verdict})")

    def _arrived(self, host: str, reply: Any, limit_s: float) -> UpstreamReply:
        clock, waited = self.clock, 0.0
        while isinstance(reply, Held):
            waited, reply = waited + (0.0 if reply.until.is_set() else reply.seconds), reply.reply
        clock.reach(clock.now() + min(waited, limit_s))
        if waited > limit_s:
            raise NoAnswer(f"{host} did not answer within {limit_s:g} s")
        if reply is None:
            raise NoAnswer(f"{host} ended the connection without an answer")
        if isinstance(reply, UpstreamReset):
            raise NoAnswer(f"{host} reset the connection")
        said: UpstreamReply = reply
        return said


def _load(file: Path) -> list[Upstream]:
    from emulator.stubs import load  # pydantic and YAML: 0.1 s that a rig without stubs does not pay

    return load(file)


def _ask(handler: Callable[[UpstreamCall], UpstreamReply], call: UpstreamCall) -> UpstreamReply:
    """The stub's answer; an exception of the stub's own is a 500 that says so, as a broken SaaS would give."""
    try:
        return handler(call)
    except Exception as error:
        LOG.exception("%s: the stub for %s raised", call.id, call.host)
        message = f"the stub for {call.host} raised {error!r}"
        return UpstreamReply(500, (("content-type", "text/plain"),), message.encode())
