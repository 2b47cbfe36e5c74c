import ssl
from pathlib import Path

import pytest
import urllib3
from saas import Saas

from emulator.errors import FileProblem
from emulator.fault import parameters
from faults.upstream_certificate_expired import UpstreamCertificateExpired

SAAS = Path(__file__).parents[2] / "sample_connectors" / "faults" / "saas"
SAID = {
    "expired": "certificate has expired",
    "not_yet_valid": "certificate is not yet valid",
    "wrong_name": "certificate is not valid for 'api.example.com'",
    "untrusted": "unable to get local issuer certificate",
}


@pytest.fixture
def saas(tmp_path):
    with Saas(tmp_path / "saas") as made:
        yield made


def test_a_handlers_own_client_refuses_it(real_rig):
    real_rig.upstreams(SAAS / "stub.yaml")
    real_rig.function("tickets", SAAS, "handler.handler", memory=512, timeout=20)
    for problem, said in SAID.items():
        with real_rig.fault("upstream_certificate_expired", problem=problem, match={"host": "api.example.com"}):
            assert said in real_rig.invoke("tickets").payload["errorMessage"]
    assert real_rig.invoke("tickets").payload["status"] == 200
    struck = [(event.subject, event.outcome) for event in real_rig.timeline.strikes("upstream_certificate_expired")]
    assert struck == [(f"tickets/inv-{n}/api.example.com/tls-1", problem) for n, problem in enumerate(SAID, 1)]


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(UpstreamCertificateExpired).items()}
    assert defaults == {"problem": "expired", "days": 1}


def test_it_is_over_since_so_many_days(saas):
    saas.arm("upstream_certificate_expired", days=30)
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    with saas.tls(unchecked) as client:
        shown = ssl.DER_cert_to_PEM_cert(client.getpeercert(binary_form=True))
    days = (saas.clock.utc() - not_after(shown)).total_seconds() / 86400
    assert 30 <= days < 30.01


def not_after(pem):
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem.encode()).not_valid_after_utc


def test_handshakes_count_and_a_connection_that_is_open_is_not_struck(saas):
    pool = saas.secure()
    assert pool.request("GET", "/").status == 200
    armed = saas.arm("upstream_certificate_expired", when={"times": 2})
    assert pool.request("GET", "/").status == 200
    assert armed.strikes == 0
    for _ in range(2):
        with pytest.raises(urllib3.exceptions.SSLError, match="certificate has expired"):
            saas.secure().request("GET", "/")
    assert saas.secure().request("GET", "/").status == 200
    struck = [event.subject for event in saas.timeline.strikes()]
    assert struck == [f"crm/inv-1/api.example.com/tls-{n}" for n in (2, 3)]


def test_only_the_host_it_matches_and_what_was_not_struck_is_not_recorded(saas):
    saas.arm("upstream_certificate_expired", match={"host": "other.example.com"})
    assert saas.secure().request("GET", "/").status == 200
    assert [event.point for event in saas.timeline.events()] == ["upstream"]


def test_nobody_is_told_that_the_client_mistrusts_the_rig(saas, caplog):
    saas.arm("upstream_certificate_expired")
    with pytest.raises(urllib3.exceptions.SSLError):
        saas.secure().request("GET", "/")
    saas.upstreams.close()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("params", "says"),
    [({"problem": "old"}, "problem"), ({"days": 0}, "days"), ({"problem": "untrusted", "days": 3}, "no difference")],
)
def test_what_cannot_be_is_refused(saas, params, says):
    with pytest.raises(FileProblem, match=says):
        saas.arm("upstream_certificate_expired", **params)
