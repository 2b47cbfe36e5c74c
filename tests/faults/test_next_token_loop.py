import random
import threading

import pytest
from contact_flows import Contacts

from emulator.clock import Clock
from emulator.errors import FileProblem, Verdict
from emulator.fault import Context, parameters
from emulator.model import Queried, Query
from faults.next_token_loop import NextTokenLoop

ENDLESS = "The connector gave the same nextToken 10 times: 2"
LINT = "nextToken: '2' was given 10 times, so its pages have no end"


@pytest.fixture
def contacts(inline_rig):
    return Contacts(inline_rig).reading()


def pages(contacts, number):
    """How often that page has arrived in the bucket."""
    return contacts.ids().count(f"c{2 * number}")


def test_its_parameters():
    assert {name: row["default"] for name, row in parameters(NextTokenLoop).items()} == {"to": "same"}


def test_a_page_that_leads_to_itself_ends_the_run_with_a_lint_that_names_the_token(real_rig, caplog):
    contacts = Contacts(real_rig).reading()
    with real_rig.fault("next_token_loop") as armed:
        assert contacts.run() == ("Error", 18, 0, ENDLESS)
    assert [pages(contacts, number) for number in (1, 2, 3)] == [1, 8, 0], "the run ends before it reads the tenth"
    assert (armed.strikes, contacts.struck()[0]) == (9, ("contacts/run-1/page-2", "query", "answered"))
    assert LINT in caplog.text


def test_the_last_page_leads_back_to_where_the_paging_began(contacts):
    with contacts.rig.fault("next_token_loop", to="first") as armed:
        assert contacts.run()[0::3] == ("Error", ENDLESS)
    assert [pages(contacts, number) for number in (1, 2, 3)] == [1, 9, 8]
    assert armed.strikes == 9


@pytest.mark.parametrize(("to", "ids"), [("same", ["c3", "c4"]), ("first", ["c3", "c4", "c5", "c6"])])
def test_once_it_comes_to_an_end(contacts, to, ids):
    with contacts.rig.fault("next_token_loop", to=to, when={"times": 1}):
        assert contacts.run()[0] == "Successful"
    assert contacts.ids() == sorted([*(f"c{number}" for number in range(1, 7)), *ids])


def test_runs_at_once_have_each_a_beginning_of_its_own():
    fault = NextTokenLoop(to="first")
    ctx = Context(Clock(manual=True), fault.new_state(), threading.Lock(), random.Random(1))

    def after(run, number, token, given):
        query = Query(f"contacts/run-{run}/page-{number}", "contacts", "crm", "Contact", number, token)
        return fault.on_query(query, lambda: Queried((), given), ctx).token

    assert [after(1, 1, None, "a"), after(2, 1, None, "x")] == ["a", "x"]
    assert [after(1, 2, "a", None), after(2, 2, "x", None)] == ["a", "x"]


@pytest.mark.parametrize("to", ["same", "first"])
def test_an_entity_of_one_page_gives_no_token(inline_rig, to):
    contacts = Contacts(inline_rig, page=6).reading()
    with pytest.raises(Verdict, match="never struck"), inline_rig.fault("next_token_loop", to=to):
        assert contacts.run()[:2] == ("Successful", 6)


def test_disarmed_it_leaves_nothing(contacts):
    with contacts.rig.fault("next_token_loop"):
        contacts.run()
    assert contacts.run() == ("Successful", 6, 0, "")


def test_where_else_it_leads_is_refused(contacts):
    with pytest.raises(FileProblem, match=r"with\.to"), contacts.rig.fault("next_token_loop", to="last"):
        pass
