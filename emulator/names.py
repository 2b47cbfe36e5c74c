"""DNS for the functions: SaaS names with a stub, and those of REST APIs, lead to the rig; all others do not exist, and
are named.

An unknown name gets NXDOMAIN rather than the rig's address: the client fails at once and its own message says the
name, instead of a TLS error that looks like the rig's fault.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any

LOG = logging.getLogger(__name__)
TTL_S = 5


class Names:
    """Answers on the UDP socket `sock` from `start` to `close`.

    known: whether a name (lower-case, no final dot) leads to `address` (IPv4), asked at every query.
    on_unknown(name, peer_ip) is called once for each query of any other name. Known names have A records only: every
    other type is an empty NOERROR.
    """

    def __init__(
        self,
        sock: socket.socket,
        known: Callable[[str], bool],
        address: str,
        on_unknown: Callable[[str, str], None],
    ) -> None:
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
        """The reply to one packet; None for what is no query."""
        query = _query(packet)
        if query is None:
            return None
        from dnslib import QTYPE, RCODE, RR, A

        name = str(query.q.qname).rstrip(".").lower()
        reply = query.reply()
        if not self._known(name):
            reply.header.rcode = RCODE.NXDOMAIN
            self._on_unknown(name, peer_ip)
        elif query.q.qtype == QTYPE.A:
            reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A(self._address), ttl=TTL_S))
        packed: bytes = reply.pack()
        return packed

    def _serve(self) -> None:
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
