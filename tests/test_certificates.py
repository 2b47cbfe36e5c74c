"""The rig's authority, as a client verifies it."""

import socket
import ssl
import subprocess
import sys
import threading

import pytest

from emulator.certificates import Authority


def handshake(authority, host, trusted):
    """A verified TLS connection to `host`; gives the certificate the client saw."""
    ours, theirs = socket.socketpair()
    failed = []

    def serve():
        try:
            authority.context_for(host).wrap_socket(theirs, server_side=True).close()
        except OSError as error:
            failed.append(error)

    server = threading.Thread(target=serve)
    server.start()
    try:
        context = ssl.create_default_context(cafile=str(trusted))
        with context.wrap_socket(ours, server_hostname=host) as tls:
            return tls.getpeercert()
    finally:
        ours.close()
        server.join()
        theirs.close()


def test_a_client_with_the_bundle_trusts_a_host(tmp_path):
    authority = Authority(tmp_path)
    seen = handshake(authority, "login.salesforce.com", authority.bundle())
    assert ("DNS", "login.salesforce.com") in seen["subjectAltName"]


def test_a_client_without_it_does_not(tmp_path):
    other = Authority(tmp_path / "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(Authority(tmp_path / "ours"), "login.salesforce.com", other.bundle())


def test_the_bundle_holds_this_machines_authorities_too(tmp_path):
    authority = Authority(tmp_path)
    text = authority.bundle().read_bytes()
    assert text.count(b"BEGIN CERTIFICATE") > 50
    assert text.endswith(authority.certificate)
    assert authority.bundle().stat().st_mode & 0o004


def test_a_host_gets_the_same_context_every_time(tmp_path):
    authority = Authority(tmp_path)
    assert authority.context_for("a.example") is authority.context_for("a.example")
    assert authority.context_for("a.example") is not authority.context_for("b.example")


def test_trustme_is_imported_only_when_needed(tmp_path):
    code = (
        "import pathlib, sys, emulator.certificates\n"
        "emulator.certificates.Authority(pathlib.Path('.'))\n"
        "print('trustme' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path, text=True).strip() == "False"
