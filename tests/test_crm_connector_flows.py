"""What the hardened CRM connector can do, on real flows: filter, pull what is new, write by each operation."""

import json
from datetime import datetime, timezone

import pytest
from crm_flows import Crm

from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

PEOPLE = [{"Email": f"new{number}@x.example", "Name": f"New {number}"} for number in (1, 2)]
KNOWN = {"Email": "alan1@emea.example.com", "Name": "Alan Turing"}
PROJECTION = {"taskType": "Filter", "connectorOperator": {"CustomConnector": "PROJECTION"}}
DONE = ("Successful", 2, 0, "")
DAILY = {"triggerType": "Scheduled", "triggerProperties": {
    "Scheduled": {"scheduleExpression": "rate(1days)", "dataPullMode": "Incremental",
                  "firstExecutionFrom": datetime(2024, 1, 1, tzinfo=timezone.utc)}}}  # fmt: skip


@pytest.fixture(scope="module")
def shared():
    with Rig(Settings(engine="process", manual_clock=True)) as rig:
        yield PytestRig(rig)


@pytest.fixture
def crm(shared):
    shared.reset()
    return Crm(shared, "hardened").profile()


def filtered(field, operator, **properties):
    return {"taskType": "Filter", "sourceFields": [field], "connectorOperator": {"CustomConnector": operator},
            "taskProperties": properties}  # fmt: skip


def names(crm):
    return sorted(row["Name"] for row in crm.lines())


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (filtered("Name", "EQUAL_TO", DATA_TYPE="string", VALUES="Ada 10,Alan 1"), ["Ada 10", "Alan 1"]),
        (filtered("Email", "CONTAINS", DATA_TYPE="string", VALUE="grace"), ["Grace 15", "Grace 25", "Grace 5"]),
        (filtered("CreatedAt", "BETWEEN", DATA_TYPE="datetime", LOWER_BOUND="2024-01-25T00:00:00Z",
                  UPPER_BOUND="2024-01-25T23:00:00Z"), ["Frances 24"]),
    ],
)  # fmt: skip
def test_the_crm_gives_what_the_filter_lets_through(crm, task, expected):
    fields = ["Id", "Name", *task["sourceFields"]]
    maps = [{"taskType": "Map", "sourceFields": [name], "destinationField": name,
             "connectorOperator": {"CustomConnector": "NO_OP"}} for name in ("Id", "Name")]  # fmt: skip
    crm.reading(tasks=[{**PROJECTION, "sourceFields": fields}, task, *maps])
    assert (crm.run()[1], names(crm)) == (len(expected), expected)
    assert all(row.keys() == {"Id", "Name"} for row in crm.lines())


def test_numbers_are_compared_as_numbers(crm):
    task = filtered("Employees", "GREATER_THAN", DATA_TYPE="integer", VALUE="50")
    crm.reading("Account", [{"taskType": "Map_all", "sourceFields": []}, task])
    assert (crm.run()[0], names(crm)) == ("Successful", ["Account 6", "Account 7"])


def test_the_definition_says_key_types_and_what_can_be_written(crm):
    said = crm.appflow.describe_connector_entity(
        connectorProfileName="crm", connectorType="CustomConnector", connectorEntityName="Contact"
    )["connectorEntityFields"]
    fields = {field["identifier"]: field for field in said}
    assert [name for name, field in fields.items() if field["isPrimaryKey"]] == ["Id"]
    incremental = "isTimestampFieldForIncrementalQueries"
    assert [name for name, field in fields.items() if field["sourceProperties"][incremental]] == ["CreatedAt"]
    creatable = [name for name, field in fields.items() if field["destinationProperties"]["isCreatable"]]
    assert creatable == ["Name", "Email", "CreatedAt"]
    assert fields["Email"]["destinationProperties"]["supportedWriteOperations"] == ["UPDATE", "UPSERT", "DELETE"]


def test_an_upsert_by_a_unique_field_updates_one_and_inserts_the_other(crm):
    crm.writing([KNOWN, PEOPLE[0]], "UPSERT", ["Email"])
    assert crm.run() == DONE
    there = crm.there()
    assert (there[0], there[25:]) == ("Alan Turing", ["New 1"])


def test_an_update_of_nobody_is_refused_by_itself(crm):
    crm.writing([KNOWN, PEOPLE[0]], "UPDATE", ["Email"])
    why = "The CRM answered 404 Not Found: no Contact has the Email new1@x.example"
    assert crm.run() == ("Successful", 2, 1, why)
    assert (crm.there()[0], len(crm.there())) == ("Alan Turing", 25)


def test_a_delete_is_by_its_key(crm):
    crm.writing([{"Id": "emea-c001", "Name": "x"}, {"Id": "emea-c003", "Name": "y"}], "DELETE", ["Id"])
    assert crm.run() == DONE
    assert crm.there(field="Id")[:2] == ["emea-c002", "emea-c004"]


def test_an_insert_of_what_is_unique_and_there_is_refused_and_told_with_the_record(crm):
    crm.writing([KNOWN, PEOPLE[0]])
    why = "The CRM answered 409 Conflict: Email alan1@emea.example.com is there already (emea-c001)"
    assert crm.run() == ("Successful", 2, 1, why)
    assert crm.lines("failed") == [{"record": KNOWN, "errorMessage": why}]


def test_an_incremental_run_pulls_what_came_since(crm):
    crm.reading(by="CreatedAt", trigger=DAILY)
    crm.appflow.start_flow(flowName="flow")
    crm.rig.clock.advance(2 * 86400)
    crm.rig.settle()
    before = len(crm.lines())
    now = datetime.fromtimestamp(crm.rig.clock.epoch() + 60, timezone.utc)
    crm.ask("POST", "entities/Contact/records", {"Name": "Zoe", "CreatedAt": f"{now:%Y-%m-%dT%H:%M:%SZ}"})
    crm.rig.clock.advance(86400)
    crm.rig.settle()
    assert (before, names(crm).count("Zoe"), len(names(crm))) == (25, 1, 26)


def queried(crm, expression):
    """What the connector answers to a QueryData of contacts."""
    context = {"apiVersion": "v1", "connectorRuntimeSettings": {"instanceUrl": "https://emea.crm.example.com"},
               "credentials": {"secretArn": crm.secret(), "authenticationType": "ApiKey"}}  # fmt: skip
    asked = {"type": "QueryDataRequest", "entityIdentifier": "Contact", "selectedFieldNames": ["CreatedAt"],
             "filterExpression": expression, "connectorContext": context}  # fmt: skip
    return crm.rig.invoke("crm", asked).payload


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("(CreatedAt > 2024-01-02T09:00:00.000Z and CreatedAt <= 2024-01-04T09:00:00.000Z)", [3, 4]),
        ('Name in ("Alan 1", "Ada 10") or (not CreatedAt < 2024-01-26T00:00:00Z)', [2, 11, 26]),
    ],
)
def test_conditions_are_joined_as_the_grammar_has_it(crm, expression, days):
    found = [json.loads(record)["CreatedAt"] for record in queried(crm, expression)["records"]]
    assert found == [f"2024-01-{day:02}T09:00:00Z" for day in days]


@pytest.mark.parametrize("expression", ["Name == ", "Name", "Name = null", "Nobody = 1"])
def test_what_is_no_filter_is_an_invalid_argument(crm, expression):
    said = queried(crm, expression)
    assert (said["isSuccess"], said["errorDetails"]["errorCode"]) == (False, "InvalidArgument")


def test_a_token_is_taken_and_renewed_when_it_ends(shared):
    shared.reset()
    crm = Crm(shared, "hardened").profile(oauth2=True).reading()
    assert crm.run()[:2] == ("Successful", 25)
    shared.clock.advance(3600)
    assert crm.run()[:2] == ("Successful", 25)
    assert crm.ask("GET", "me", key="crm-token-1")[0] == 401
    assert crm.ask("GET", "me", key="crm-token-2")[0] == 200


def test_the_crm_does_what_it_is_asked_twice_with_one_key_once(crm):
    asked = [crm.ask("POST", "entities/Account/records", {"Name": "Once"}, once="a") for _ in range(2)]
    assert asked[0] == asked[1] == (201, {"id": "emea-a008"})
    assert crm.there("Account")[7:] == ["Once"]
