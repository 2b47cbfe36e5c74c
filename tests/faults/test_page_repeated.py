import pytest
from contact_flows import Contacts

from emulator.errors import FileProblem
from emulator.fault import parameters
from faults.page_repeated import PageRepeated

ALL = ["c1", "c2", "c3", "c4", "c5", "c6"]


@pytest.fixture
def contacts(inline_rig):
    return Contacts(inline_rig).reading()


def test_its_parameters():
    assert {name: row["default"] for name, row in parameters(PageRepeated).items()} == {"times": 2}


def test_a_page_is_asked_for_again_and_its_records_arrive_twice(real_rig):
    contacts = Contacts(real_rig).reading()
    with real_rig.fault("page_repeated", when={"after": 1, "times": 1}) as armed:
        assert contacts.run() == ("Successful", 8, 0, "")
    assert contacts.ids() == ["c1", "c2", "c3", "c3", "c4", "c4", "c5", "c6"]
    assert (contacts.struck(), armed.strikes) == ([("contacts/run-1/page-2", "query", "answered")], 1)


def test_the_connector_really_gives_it_again(contacts):
    contacts.run()
    plain = contacts.asked()
    with contacts.rig.fault("page_repeated", when={"times": 1}):
        contacts.run()
    assert contacts.asked() - plain == 4, "three pages, one of them twice"


def test_as_often_as_it_says(contacts):
    with contacts.rig.fault("page_repeated", times=4, when={"after": 2}) as armed:
        assert contacts.run()[:2] == ("Successful", 12)
    assert contacts.ids() == [*ALL[:4], *["c5"] * 4, *["c6"] * 4]
    assert armed.strikes == 1


def test_only_the_flow_and_the_entity_it_matches(contacts):
    contacts.reading("others")
    with contacts.rig.fault("page_repeated", match={"flow": "others", "entity": "Cont*"}):
        assert [contacts.run(name)[1] for name in ("contacts", "others")] == [6, 12]


def test_disarmed_it_leaves_nothing(contacts):
    with contacts.rig.fault("page_repeated"):
        assert contacts.run()[1] == 12
    assert contacts.run()[1] == 6


def test_once_is_no_repetition(contacts):
    with pytest.raises(FileProblem, match="must be 2 or more"), contacts.rig.fault("page_repeated", times=1):
        pass
