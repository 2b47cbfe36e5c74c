import pytest
from contact_flows import Contacts

from emulator.errors import FileProblem
from emulator.fault import parameters
from faults.partial_write import PartialWrite

MESSAGE = "The record could not be written"


@pytest.fixture
def contacts(inline_rig):
    return Contacts(inline_rig).writing()


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(PartialWrite).items()}
    assert defaults == {"records": 1, "message": MESSAGE}


def test_a_record_fails_and_the_others_are_written(real_rig):
    contacts = Contacts(real_rig).writing()
    with real_rig.fault("partial_write", records=2) as armed:
        assert contacts.run() == ("Successful", 3, 2, MESSAGE)
    assert contacts.written() == ["Person 1"]
    assert (contacts.struck(), armed.strikes) == ([("contacts/run-1/batch-1", "write", "partial")], 1)


def test_what_failed_is_in_the_error_bucket_with_its_reason(contacts):
    with contacts.rig.fault("partial_write", message="locked"):
        assert contacts.run()[2:] == (1, "locked")
    assert contacts.lines("failed") == [{"record": {"Id": "p3", "Name": "Person 3"}, "errorMessage": "locked"}]


def test_a_flow_that_is_to_end_with_the_first_failure_ends_behind_the_batch(contacts):
    contacts.writing("strict", people=1001, first_ends=True)
    with contacts.rig.fault("partial_write", records=998):
        assert contacts.run("strict")[0::3] == ("Error", f"Error while communicating to connector: {MESSAGE}")
    assert contacts.written() == ["Person 1", "Person 2"]


def test_with_all_of_them_nothing_is_sent(contacts):
    contacts.run()
    plain = contacts.asked()
    with contacts.rig.fault("partial_write", records=5):
        assert contacts.run()[:3] == ("Successful", 3, 3)
    assert (contacts.asked(), contacts.written()) == (plain, ["Person 1", "Person 2", "Person 3"])


def test_only_the_entity_it_matches(contacts):
    with contacts.rig.fault("partial_write", match={"entity": "Account"}, optional=True) as armed:
        assert contacts.run()[:3] == ("Successful", 3, 0)
    assert armed.strikes == 0


def test_disarmed_it_leaves_nothing(contacts):
    with contacts.rig.fault("partial_write"):
        contacts.run()
    assert contacts.run() == ("Successful", 3, 0, "")
    assert len(contacts.written()) == 2 + 3


def test_none_is_no_part(contacts):
    with pytest.raises(FileProblem, match="must be 1 or more"), contacts.rig.fault("partial_write", records=0):
        pass
