"""DNS for the functions."""

import socket

import pytest
from dnslib import QTYPE, RCODE, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from emulator.names import Names


class Unknown(list):
    def __call__(self, name, peer):
        self.append((name, peer))


@pytest.fixture
def unknown():
    return Unknown()


@pytest.fixture
def names(unknown):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    names = Names(sock, "login.salesforce.com".__eq__, "10.1.2.3", unknown)
    names.start()
    yield names, sock.getsockname()
    names.close()


def ask(address, name, kind="A"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.sendto(DNSRecord.question(name, kind).pack(), address)
        return DNSRecord.parse(client.recv(4096))


def test_a_known_name_is_the_rigs_address(names, unknown):
    reply = ask(names[1], "login.salesforce.com")
    assert [str(answer.rdata) for answer in reply.rr] == ["10.1.2.3"]
    assert unknown == []


def test_case_and_the_final_dot_do_not_matter(names):
    assert str(ask(names[1], "LOGIN.Salesforce.com.").rr[0].rdata) == "10.1.2.3"


@pytest.mark.parametrize("kind", ["AAAA", "MX", "TXT", "HTTPS"])
def test_other_types_of_a_known_name_are_an_empty_noerror(names, kind):
    reply = ask(names[1], "login.salesforce.com", kind)
    assert (reply.header.rcode, reply.rr) == (RCODE.NOERROR, [])


def test_an_unknown_name_does_not_exist_and_is_named_once_per_query(names, unknown):
    reply = ask(names[1], "api.stripe.com")
    assert (reply.header.rcode, reply.rr) == (RCODE.NXDOMAIN, [])
    assert unknown == [("api.stripe.com", "127.0.0.1")]
    ask(names[1], "api.stripe.com", "AAAA")
    assert len(unknown) == 2


def test_garbage_gets_no_answer_and_the_next_query_does(names):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for packet in (b"", b"x", b"\0" * 12, b"\xff" * 600):
            client.sendto(packet, names[1])
    assert ask(names[1], "login.salesforce.com").rr


def test_close_twice_is_safe(names):
    names[0].close()


@given(st.binary(max_size=200))
def test_no_packet_breaks_the_answer(packet):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        names = Names(sock, "a.b".__eq__, "10.1.2.3", Unknown())
        reply = names.answer(packet, "127.0.0.1")
        names.close()
    assert reply is None or DNSRecord.parse(reply).header.qr == 1


@given(st.binary(max_size=60), st.sampled_from(["A", "AAAA", "ANY"]))
def test_no_tail_behind_a_real_question_breaks_the_answer(tail, kind):
    packet = DNSRecord.question("a.b", kind).pack()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        names = Names(sock, "a.b".__eq__, "10.1.2.3", Unknown())
        reply = names.answer(packet + tail, "127.0.0.1")
        names.close()
    assert reply is None or DNSRecord.parse(reply).q.qtype == getattr(QTYPE, kind)
