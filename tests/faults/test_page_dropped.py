import pytest
from contact_flows import Contacts

from emulator.fault import parameters
from emulator.model import Queried, Query
from faults.page_dropped import PageDropped


@pytest.fixture
def contacts(inline_rig):
    return Contacts(inline_rig).reading()


def test_it_has_no_parameters():
    assert parameters(PageDropped) == {}


def test_a_pages_records_never_arrive_and_the_run_ends_well(real_rig):
    contacts = Contacts(real_rig).reading()
    with real_rig.fault("page_dropped", when={"after": 1, "times": 1}) as armed:
        assert contacts.run() == ("Successful", 4, 0, "")
    assert contacts.ids() == ["c1", "c2", "c5", "c6"]
    assert (contacts.struck(), armed.strikes) == ([("contacts/run-1/page-2", "query", "answered")], 1)


def test_the_connector_was_asked_for_it(contacts):
    contacts.run()
    plain = contacts.asked()
    with contacts.rig.fault("page_dropped"):
        assert contacts.run()[:2] == ("Successful", 0)
    assert contacts.asked() - plain == 3


def test_only_the_flow_it_matches(contacts):
    contacts.reading("others")
    with contacts.rig.fault("page_dropped", match={"flow": "others"}):
        assert [contacts.run(name)[1] for name in ("contacts", "others")] == [6, 0]


def test_disarmed_it_leaves_nothing(contacts):
    with contacts.rig.fault("page_dropped", when={"times": 1}):
        assert contacts.run()[1] == 4
    assert contacts.run()[1] == 6


def test_a_page_without_records_has_none_to_lose():
    query, empty = Query("contacts/run-1/page-1", "contacts", "crm", "Contact", 1), Queried((), "2")
    assert PageDropped().on_query(query, lambda: empty, None) == empty
