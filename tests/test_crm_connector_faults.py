"""What each weakness of the CRM connector costs under the fault that shows it, and that its hardened twin bears it: in
processes, on real flows."""

import pytest
from crm_flows import NO_VALID, Crm

from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

CAME = {"match": {"host": "emea.crm.example.com", "function": "crm"}}
WROTE = {"match": {"host": "emea.crm.example.com", "route": "POST /v1/entities/*/records"}}
PEOPLE = [{"Name": f"New {number}", "Email": f"new{number}@x.example"} for number in range(1, 4)]
FIRMS = [{"Name": f"Firm {number}"} for number in range(1, 4)]
NEW = [row["Name"] for row in PEOPLE]
DONE = ("Successful", 25, 0, "")
BOTH = pytest.mark.parametrize("which", ["weak", "hardened"])


@pytest.fixture(scope="module")
def shared():
    with Rig(Settings(engine="process", manual_clock=True)) as rig:
        yield PytestRig(rig)


@pytest.fixture
def crm(shared, which):
    shared.reset()
    yield Crm(shared, which)
    shared.injector.disarm()


# --- the secret ---


@BOTH
@pytest.mark.parametrize(
    ("fault", "more", "said"),
    [
        ("secret_visibility_delay", {"reads": 2}, "(ResourceNotFoundException)"),
        ("aws_denied", {"when": {"times": 2}}, "(AccessDeniedException)"),
    ],
)
def test_a_secret_that_cannot_be_read_yet(crm, fault, more, said):
    match = {"function": "crm", "service": "secretsmanager", "operation": "GetSecretValue"}
    with crm.rig.fault(fault, match=match, **more):
        refusal = crm.refusal()
    assert (said in refusal) if crm.which == "weak" else (refusal == "")


@BOTH
def test_a_token_that_ends_between_two_pages(crm):
    crm.profile(oauth2=True).reading()
    with crm.rig.fault("oauth_token_expired", match=CAME["match"], when={"after": 1}):
        said = crm.run()
    if crm.which == "weak":
        ended = "The CRM answered 401 Unauthorized: invalid_token"
        assert said[0::3] == ("Error", f"Error authenticating to connector: {ended}")
    else:
        assert (said, len(crm.lines())) == (DONE, 25)


@BOTH
def test_a_token_that_was_renewed_and_is_not_seen_yet(crm):
    crm.profile(oauth2=True).reading()
    crm.rig.clock.advance(3600)
    with crm.rig.fault("secret_stale", reads=1, match={"function": "crm"}, optional=crm.which == "weak"):
        said = crm.run()
    if crm.which == "weak":
        ended = "The CRM answered 401 Unauthorized: the API key or token is not valid"
        assert said[0::3] == ("Error", f"Error authenticating to connector: {ended}"), "it does not even read it again"
    else:
        assert said == DONE


# --- reading ---


@BOTH
def test_the_crm_is_in_trouble_for_one_request(crm):
    crm.profile().reading()
    with crm.rig.fault("upstream_error", status=500, when={"after": 1, "times": 1}, **CAME):
        said = crm.run()
    assert said == (DONE if crm.which == "hardened" else ("Successful", 10, 0, "")), "15 records lost, and nobody told"


@BOTH
def test_the_crm_breaks_a_connection_off(crm):
    crm.profile().reading()
    with crm.rig.fault("upstream_reset", when={"after": 1, "times": 1}, **CAME):
        said = crm.run()
    assert said == DONE if crm.which == "hardened" else said[3].startswith(NO_VALID)


@BOTH
def test_the_crm_has_had_enough_for_a_minute(crm):
    crm.profile().reading()
    before = crm.rig.clock.now()
    with crm.rig.fault("upstream_rate_limited", retry_after=60, when={"after": 1, "times": 1}, **CAME):
        said = crm.run()
    if crm.which == "weak":
        ended = "The CRM answered 429 Too Many Requests"
        assert said[0::3] == ("Error", f"Error while communicating to connector: {ended}")
    else:
        assert (said, crm.rig.clock.now() - before) == (DONE, 60)


@pytest.mark.parametrize("which", ["weak", "hardened"])
def test_one_late_answer(shared, which):
    shared.reset()
    crm = Crm(shared, which, CRM_TIMEOUT_S="0.3").profile().reading()
    with shared.fault("upstream_latency", ms=2000, when={"times": 1}, **CAME):
        crm.run()
    said = crm.run()
    assert said == DONE if which == "hardened" else said[3].startswith(NO_VALID), "the one connection is spoilt"


@pytest.mark.docker
@BOTH
def test_more_records_than_there_is_memory_for(which):
    """The guide's first item: 30 documents of 700 KB, and 30 MB for them."""
    with Rig(Settings(engine="docker", manual_clock=True)) as rig:
        crm = Crm(PytestRig(rig), which, memory=512).profile("archive").reading("Document")
        with crm.rig.fault("out_of_memory", left_mb=30):
            said = crm.run()
        logged = rig_log(crm.rig)
    if which == "weak":
        assert (said[3].startswith(NO_VALID), "Runtime.OutOfMemory" in logged) == (True, True), (said, logged)
    else:
        assert (said, "Error" in logged) == (("Successful", 30, 0, ""), False), logged


def rig_log(rig):
    events = rig.client("logs").filter_log_events(logGroupName="/aws/lambda/crm")["events"]
    return "\n".join(event["message"] for event in events)


@BOTH
def test_records_that_are_large(crm):
    crm.profile("archive").reading("Document")
    said = crm.run()
    if crm.which == "weak":
        assert said[3].startswith(NO_VALID)
    else:
        assert (said[:2], len({row["Id"] for row in crm.lines()})) == (("Successful", 30), 30)


@BOTH
def test_records_of_the_run_before(crm):
    crm.profile().reading()
    assert crm.run() == DONE
    crm.ask("POST", "entities/Contact/records", {"Name": "Zoe"})
    assert crm.run()[1] == (26 if crm.which == "hardened" else 25)


@BOTH
def test_a_page_that_is_asked_for_twice_is_the_same_page(crm):
    crm.profile().reading()
    with crm.rig.fault("page_repeated", when={"after": 1, "times": 1}):
        assert crm.run()[:2] == ("Successful", 35)
    assert len({row["Id"] for row in crm.lines()}) == 25, "no connector can help that its records come twice"


# --- writing ---


@BOTH
def test_a_record_that_the_crm_does_not_take(crm):
    crm.profile().writing([*PEOPLE, {"Name": "Bad", "Email": "nowhere"}])
    said, why = crm.run(), "The CRM answered 422 Unprocessable Entity: nowhere is no e-mail address"
    assert crm.there()[25:] == NEW
    assert said == (("Successful", 4, 1, why) if crm.which == "hardened" else ("Successful", 4, 0, ""))
    assert [line["errorMessage"] for line in crm.lines("failed")] == ([why] if crm.which == "hardened" else [])


@BOTH
def test_a_batch_that_is_delivered_twice(crm):
    crm.profile().writing(FIRMS, entity="Account")
    with crm.rig.fault("delivered_twice", match={"origin": "appflow"}):
        assert crm.run()[:3] == ("Successful", 3, 0)
    names = [row["Name"] for row in FIRMS]
    assert crm.there("Account")[7:] == (names if crm.which == "hardened" else [*names, *names])


@BOTH
def test_a_connection_that_ends_when_the_record_is_written(crm):
    crm.profile().writing(FIRMS, entity="Account")
    with crm.rig.fault("upstream_reset", when={"after": 1, "times": 1}, **WROTE):
        said = crm.run()
    if crm.which == "weak":
        assert (said[3].startswith(NO_VALID), crm.there("Account")[7:]) == (True, ["Firm 1", "Firm 2"])
    else:
        assert (said, crm.there("Account")[7:]) == (("Successful", 3, 0, ""), ["Firm 1", "Firm 2", "Firm 3"])


@BOTH
def test_a_limit_in_the_middle_of_a_batch(crm):
    crm.profile().writing(FIRMS, entity="Account")
    with crm.rig.fault("upstream_rate_limited", when={"after": 1, "times": 1}, **WROTE):
        said = crm.run()
    written = ["Firm 1", "Firm 2", "Firm 3"] if crm.which == "hardened" else ["Firm 1", "Firm 3"]
    assert (said, crm.there("Account")[7:]) == (("Successful", 3, 0, ""), written)


@pytest.mark.parametrize("which", ["hardened"])
@pytest.mark.parametrize(("fault", "status"), [("partial_write", "Successful"), ("response_lost", "Error")])
def test_what_was_written_in_part_is_whole_after_the_next_run_of_an_upsert(crm, fault, status):
    crm.profile().writing(PEOPLE, "UPSERT", ["Email"])
    with crm.rig.fault(fault, **({} if fault == "partial_write" else {"match": {"origin": "appflow"}})):
        assert crm.run()[0] == status
    assert crm.run() == ("Successful", 3, 0, "")
    assert crm.there()[25:] == NEW
