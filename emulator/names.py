"""DNS for the functions: SaaS names with a stub, and those of REST APIs, lead to the rig, unless a rule says otherwise
(point `resolve`); all others do not exist, and are named.

An unknown name gets NXDOMAIN rather than the rig's address: the client fails at once and its own message says the
name, instead of a TLS error that looks like the rig's fault.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from emulator.errors import RigError
from emulator.injector import Armed, Injector
from emulator.model import NameQuery, Resolved

LOG = logging.getLogger(__name__)
TTL_S = 0  # a client that keeps an answer would not see a rule come or go
KEPT = 10_000  # lookups whose outcome is known; older ones are over
RESOLVED, MISSING, FAILED, UNANSWERED = "resolved", "missing", "failed", "unanswered"


class Names:
    """Answers on the UDP socket `sock` from `start` to `close`.

    known: whether a name (lower-case, no final dot) leads to `address` (IPv4), asked at every query.
    on_unknown(name, peer_ip) is called once for each query of any other name. Known names have A records only: every
    other type is an empty NOERROR. resolve(name, peer_ip): what is to become of a query of a known name.
    """

    def __init__(
        self,
        sock: socket.socket,
        known: Callable[[str], bool],
        address: str,
        on_unknown: Callable[[str, str], None],
        resolve: Callable[[str, str], str] = lambda name, peer_ip: RESOLVED,
    ) -> None:
        self._resolve = resolve
        self._sock, self._known, self._address, self._on_unknown = sock, known, address, on_unknown
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="names", daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._sock.setblocking(False)
        self._thread.start()

    def close(self) -> None:
        """Stop answering and close the socket. Safe to call twice."""
        self._wake.close()
        if self._thread.is_alive():
            self._thread.join(5)
        self._woken.close()
        self._sock.close()

    def answer(self, packet: bytes, peer_ip: str) -> bytes | None:
        """The reply to one packet; None for what is no query, and for one that is to go unanswered."""
        query = _query(packet)
        if query is None:
            return None
        from dnslib import QTYPE, RCODE, RR, A

        name = str(query.q.qname).rstrip(".").lower()
        reply, known = query.reply(), self._known(name)
        outcome = self._resolve(name, peer_ip) if known else MISSING
        if outcome == UNANSWERED:
            return None
        if not known:
            self._on_unknown(name, peer_ip)
        if outcome != RESOLVED:
            reply.header.rcode = RCODE.NXDOMAIN if outcome == MISSING else RCODE.SERVFAIL
        elif query.q.qtype == QTYPE.A:
            reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A(self._address), ttl=TTL_S))
        packed: bytes = reply.pack()
        return packed

    def _serve(self) -> None:
        import dnslib  # noqa: F401 - 50 ms that no query should wait for

        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while self._woken not in [key.fileobj for key, _ in selector.select()]:
                try:
                    packet, peer = self._sock.recvfrom(4096)
                    if reply := self.answer(packet, peer[0]):
                        self._sock.sendto(reply, peer)
                except OSError as error:  # a client that is gone already makes sendto fail
                    LOG.debug("names: %s", error)
                except Exception:
                    LOG.exception("names: a query could not be answered")


class Lookups:
    """What the rules in force make of lookups: of a name once for each subject, because a client asks for it several
    times (for both address families, and again). Called from one thread.

    who: peer -> (function, what the lookup belongs to: an invocation, an environment's init, or nothing known).
    """

    def __init__(self, injector: Injector, who: Callable[[str], tuple[str, str]]) -> None:
        self._injector, self._who = injector, who
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._under: tuple[Armed, ...] = ()

    def __call__(self, name: str, peer_ip: str) -> str:
        """The outcome, as `Resolved.verdict` has it. It holds until a rule comes into force, or goes."""
        under = self._in_force()
        if under != self._under:
            self._under = under
            self._kept.clear()
        if not under:
            return RESOLVED
        function, owner = self._who(peer_ip)
        query = NameQuery(f"{owner or 'names'}/{name}", name, function)
        if query.id not in self._kept:
            self._kept[query.id] = self._decide(query)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[query.id]

    def _in_force(self) -> tuple[Armed, ...]:
        if not self._injector.hooked("resolve"):
            return ()
        now = self._injector.clock.now()
        return tuple(
            armed for armed in self._injector.armed()
            if armed.rule.fault.strikes_at("resolve") and armed.rule.when.on(now - armed.since)
        )

    def _decide(self, query: NameQuery) -> str:
        try:
            return self._injector.pass_through("resolve", query, lambda _: Resolved(), quiet=True).reply.verdict
        except RigError as error:
            LOG.error("%s: %s", query.id, error)
            return FAILED


def _query(packet: bytes) -> Any:
    """A standard query with one question, else None."""
    from dnslib import DNSError, DNSRecord

    try:
        record = DNSRecord.parse(packet)
    except (DNSError, ValueError) as error:
        LOG.debug("names: not DNS: %s", error)
        return None
    if record.header.qr or record.header.opcode or len(record.questions) != 1:
        return None
    return record
