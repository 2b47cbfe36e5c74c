import json

import pytest
from contact_flows import Contacts

from emulator.errors import FileProblem, Verdict
from emulator.fault import parameters
from emulator.model import Queried, Query
from faults.schema_changed import SchemaChanged

PAGE = Query("contacts/run-1/page-1", "contacts", "crm", "Contact", 1)


@pytest.fixture
def contacts(inline_rig):
    return Contacts(inline_rig).reading()


def given(record, **params):
    """A record as the flow is given it; a mapping, or text."""
    text = record if isinstance(record, str) else json.dumps(record)
    reply = SchemaChanged(**params).on_query(PAGE, lambda: Queried((text,), "2"), None)
    assert reply.token == "2"
    return reply.records[0] if isinstance(record, str) else json.loads(reply.records[0])


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(SchemaChanged).items()}
    assert defaults == {"field": "", "change": "remove", "to": ""}


def test_from_a_page_on_a_field_is_gone(real_rig):
    contacts = Contacts(real_rig).reading()
    with real_rig.fault("schema_changed", field="Name", when={"after": 1}) as armed:
        assert contacts.run() == ("Successful", 6, 0, "")
    rows = {row["Id"]: row.get("Name") for row in contacts.lines()}
    assert rows == {"c1": "Ada", "c2": "Alan", "c3": None, "c4": None, "c5": None, "c6": None}
    strikes = [(f"contacts/run-1/page-{number}", "query", "answered") for number in (2, 3)]
    assert (contacts.struck(), armed.strikes) == (strikes, 2)


def test_a_flow_does_not_know_a_fields_new_name(contacts):
    with contacts.rig.fault("schema_changed", field="Name", change="rename", to="FullName"):
        contacts.run()
    assert [row.keys() for row in contacts.lines()] == [{"Id", "Age"}] * 6


def test_a_field_of_another_type_arrives_as_it_is(contacts):
    with contacts.rig.fault("schema_changed", field="Age", change="retype", to="string"):
        contacts.run()
    assert sorted(row["Age"] for row in contacts.lines()) == [str(age) for age in range(31, 37)]


def test_a_task_that_minds_ends_the_run(contacts):
    minds = {"taskType": "Validate", "sourceFields": ["Name"], "taskProperties": {"VALIDATION_ACTION": "DropDataset"},
             "connectorOperator": {"CustomConnector": "VALIDATE_NON_NULL"}}  # fmt: skip
    contacts.reading("strict", [minds])
    with contacts.rig.fault("schema_changed", field="Name", when={"after": 1}):
        status, _, _, message = contacts.run("strict")
    assert (status, message) == ("Error", "VALIDATE_NON_NULL failed: the value of Name is null or missing: None")


@pytest.mark.parametrize(
    ("value", "to", "said"),
    [
        (5, "string", "5"), (None, "string", "null"), ("a", "string", "a"), ({"a": 1}, "string", '{"a": 1}'),
        ("a", "array", ["a"]), (["a"], "array", ["a"]), ("a", "object", {"value": "a"}), ({}, "object", {}),
        ("a", "null", None), (None, "null", None),
    ],
)  # fmt: skip
def test_what_becomes_of_a_value_of_another_type(value, to, said):
    assert given({"a": value, "b": 1}, field="a", change="retype", to=to) == {"a": said, "b": 1}


def test_a_new_name_is_in_the_old_ones_place_and_of_two_there_is_one():
    assert list(given({"a": 1, "b": 2}, field="a", change="rename", to="z")) == ["z", "b"]
    assert given({"z": 0, "a": 1}, field="a", change="rename", to="z") == {"z": 1}


def test_without_a_name_it_is_the_first_field_of_each_record():
    assert given({"b": 1, "a": 2}) == {"a": 2}


@pytest.mark.parametrize("record", ["{}", "[]", "5", "null"])
def test_a_record_without_any_field_is_let_pass(record):
    assert given(record) == record


@pytest.mark.parametrize("record", ["[1]", '"Name"', "no JSON", '{"Other":1.10}', ""])
def test_a_record_without_the_field_is_let_pass_as_it_is(record):
    assert given(record, field="Name") == record


def test_a_field_that_no_record_has_cannot_change(contacts):
    with pytest.raises(Verdict, match="never struck"), contacts.rig.fault("schema_changed", field="Salary"):
        contacts.run()


def test_disarmed_it_leaves_nothing(contacts):
    with contacts.rig.fault("schema_changed", field="Name"):
        contacts.run()
    contacts.run()
    assert sum("Name" in row for row in contacts.lines()) == 6


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"to": "FullName"}, "to: nothing comes of it by remove"),
        ({"change": "rename"}, "to: must say what comes of it by rename"),
        ({"change": "retype", "to": "int"}, "to: must be one of string, array, object, null, not 'int'"),
        ({"change": "reorder"}, r"with\.change"),
    ],
)
def test_a_change_that_says_too_little_or_too_much_is_refused(contacts, params, said):
    with pytest.raises(FileProblem, match=said), contacts.rig.fault("schema_changed", field="Name", **params):
        pass
