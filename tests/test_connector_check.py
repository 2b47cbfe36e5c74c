"""The checks of a connector: one without fault passes all; what cannot be checked says why."""

import json
import threading
from pathlib import Path

import pytest
from connector_check_rig import ARN, ENTITIES, SETTINGS, Crm, checked, fails, failure, report
from hypothesis import given
from hypothesis import strategies as st

from emulator.clock import Clock
from emulator.connector_check.cause import cause
from emulator.connector_check.hearing import Hearing
from emulator.connector_check.running import CHECKS
from emulator.connector_check.values import misfit
from emulator.model import Outcome


def statuses(results, status):
    return sorted(id for id, result in results.items() if result.status == status)


def told(results, status="failed"):
    return {id: [f"{p.field}: {p.why}" for p in results[id].problems] for id in statuses(results, status)}


def test_ids_are_each_their_own():
    assert len({check.id for check in CHECKS}) == len(CHECKS)


def test_a_connector_without_fault_passes_every_check():
    results = checked(Crm())
    assert told(results) == {}
    assert statuses(results, "skipped") == [
        "settings-source-and-destination", "settings-source-and-destination-missing",
        "settings-source-and-destination-type",
    ]  # fmt: skip
    assert list(results) == [check.id for check in CHECKS]


def test_without_leave_nothing_is_written():
    crm = Crm()
    results = checked(crm, write=False)
    assert [r for r in crm.requests if r["type"] == "WriteDataRequest"] == []
    assert {results[id].remark for id in results if id.startswith("write-")} == {
        "it would write to the real system of record: say --write"
    }


def test_what_was_inserted_is_deleted_at_the_end():
    crm = Crm()
    results = checked(crm)
    deleted = [json.loads(text)["Id"] for r in crm.requests if r.get("operation") == "DELETE" for text in r["records"]]
    assert results["write-delete"].status == "ok"
    assert deleted == ["r8", "r9", "r10", "r11", "r12"]


@pytest.mark.parametrize(
    ("mode", "other"), [("SOURCE", ("write-insert", "write-delete")), ("DESTINATION", ("query", "retrieve"))]
)
def test_only_the_modes_that_a_connector_has_are_checked(mode, other):
    def one(request, right):
        return {**right, "connectorModes": [mode], "connectorRuntimeSetting": []}

    results = checked(Crm(DescribeConnectorConfiguration=one), settings=SETTINGS)
    assert all(results[id].status == "skipped" for id in other)
    assert "connectorModes does not name" in results[other[0]].remark


@pytest.mark.parametrize(
    ("known", "id", "why"),
    [
        ({"settings": {}}, "settings-profile", "--settings instanceUrl=... --settings retries=..."),
        ({"secret": ""}, "credentials", "no credentials: give them with --secret"),
        ({"permitted": None}, "permission", "the rig made the function"),
    ],
)
def test_what_is_not_given_is_said(known, id, why):
    result = checked(Crm(), **known)[id]
    assert (result.status, why in result.remark) == ("skipped", True)


def test_a_configuration_that_cannot_be_read_ends_all_that_needs_it():
    results = checked(Crm(DescribeConnectorConfiguration=lambda request, right: {"isSuccess": True}))
    assert statuses(results, "failed") == ["configuration"]
    assert [f"{p.field}: {p.why}" for p in results["configuration"].problems] == [
        f"{name}: Field required" for name in ("connectorOwner", "connectorName", "connectorVersion")
    ]
    assert results["query"].remark == "the connector's configuration could not be read"


def test_only_some_checks_learn_what_they_need_all_the_same():
    crm = Crm()
    results = checked(crm, only=["query-paging"])
    assert {id: result.status for id, result in results.items()} == {"query-paging": "ok"}
    asked = [request["type"].removesuffix("Request") for request in crm.requests]
    assert asked[:3] == ["DescribeConnectorConfiguration", "ValidateCredentials", "ListEntities"]


def test_why_the_only_check_could_not_be_made_is_told():
    results = checked(Crm(), only=["query-paging"], wanted_entities=["Contcat"])
    assert {id: result.status for id, result in results.items()} == {"entity": "failed", "query-paging": "skipped"}
    assert results["entity"].problems[0].why.startswith("Contcat is named by --entity, and refused here: ")
    left_out = checked(Crm(), only=["query-paging"], without=["entity"], wanted_entities=["Contcat"])
    assert set(left_out) == {"query-paging"}


def test_a_request_that_needs_no_settings_may_succeed_without_them():
    quiet = Crm(ListEntities=lambda request, right: {"isSuccess": True, "entities": ENTITIES[:1]})
    result = checked(quiet, only=["missing-settings"])["missing-settings"]
    assert (result.status, result.remark.partition(": ")[2]) == ("ok", "it asks for none of them")


@pytest.mark.parametrize(("answer", "advice"), [
    ({"isSuccess": True, "records": [{"Id": "1"}]}, "json.dumps"),
    (Outcome("crash", b"{}"), "the process ended"),
    (Outcome("oom", b"{}"), "more memory"),
    (Outcome("init_error", b"{}"), "requirements.txt"),
])  # fmt: skip
def test_what_to_do_fits_the_failure(answer, advice):
    results = checked(Crm(QueryData=lambda request, right: answer), write=False, only=["query"])
    assert advice in results["query"].problems[0].mend


def test_a_check_can_be_left_out():
    results = checked(Crm(), without=["query-paging"])
    assert "query-paging" not in results
    assert len(results) == len(CHECKS) - 1


def test_entities_that_a_person_names_are_used():
    crm = Crm()
    checked(crm, write=False, wanted_entities=["Lead"])
    asked = {r["entityIdentifier"] for r in crm.requests if r["type"] == "QueryDataRequest"}
    assert asked == {"Lead", "LambdarigNoSuchEntity"}


def test_records_that_a_person_gives_are_written():
    crm = Crm()
    checked(crm, records=[{"Name": "mine"}], bad_record={"Nothing": 1})
    [insert, *_] = [r for r in crm.requests if r["type"] == "WriteDataRequest"]
    assert [json.loads(text) for text in insert["records"]] == [{"Name": "mine"}] * 2


def test_a_bad_record_that_is_taken_says_nothing():
    results = checked(Crm(), bad_record={"Name": "good after all"})
    assert results["write-bad-record"].status == "skipped"
    assert "give one that your system refuses with --bad-record" in results["write-bad-record"].remark


def test_a_flow_that_never_ends_is_not_followed_for_ever():
    def endless(request, right):
        if right["isSuccess"] and not request["filterExpression"]:
            row = {name: str(len(crm.requests)) for name in request["selectedFieldNames"] if name == "Id"}
            records = [json.dumps(row)] * min(2, request["maxResults"])
            return {**right, "records": records, "nextToken": str(len(crm.requests))}
        return right

    crm = Crm(QueryData=endless)
    results = checked(crm, write=False, most_pages=5)
    assert results["query-paging"].remark == "not followed to the end: 5 pages of Contact"


def test_all_entities_at_once_are_borne():
    def all_of_them(request, right):
        return {**right, "entities": ENTITIES, "nextToken": None} if right["isSuccess"] else right

    result = checked(Crm(ListEntities=all_of_them))["entities-paging"]
    assert (result.status, result.remark) == ("ok", "maxResult is not kept: all 3 come at once")


def test_a_retrieval_that_is_refused_in_so_many_words_is_borne():
    result = checked(Crm(RetrieveData=lambda request, right: failure("InvalidArgument", "not by id")))["retrieve"]
    assert (result.status, result.remark) == ("ok", "the connector refuses it: InvalidArgument not by id")


def test_an_sdk_that_raises_for_an_unknown_request_is_borne_with_its_cause():
    result = checked(Crm())["unknown-request"]
    assert (result.status, result.remark) == (
        "ok", "it fails, as AWS's SDKs do: KeyError: 'apiKey' (crm.py, line 42, in get)"
    )


# --- what is heard ---


def test_the_cause_of_a_failure_is_the_first_exception_not_the_sdks():
    heard = Hearing(Crm(QueryData=lambda request, right: fails()), Clock(), ARN)(
        {"type": "QueryDataRequest", "entityIdentifier": "Account", "filterExpression": None}
    )
    assert heard.cause == "KeyError: 'apiKey' (crm.py, line 42, in get)"
    assert not heard.ok
    assert not heard.refused


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", ""),
        ("START\nREPORT\n", ""),
        ("2024-01-01 r-1 Task timed out after 3.00 seconds\n", "Task timed out after 3.00 seconds"),
        ("Unable to import module 'x': No module named 'y'\n", "Unable to import module"),
        ("Traceback (most recent call last):\nSystemExit\n", "SystemExit"),
    ],
)
def test_causes_of_other_ends(log, said):
    assert cause(log).startswith(said)
    assert bool(cause(log)) == bool(said)


@given(st.text())
def test_any_log_has_a_cause_or_none(log):
    assert isinstance(cause(log), str)


def test_a_cold_start_and_the_memory_are_read_from_the_report_line():
    log = b"REPORT RequestId: r\tDuration: 5.00 ms\tInit Duration: 912.50 ms\tMax Memory Used: 61 MB\t"
    asked = Hearing(Crm(ListEntities=lambda request, right: Outcome("ok", b"{}", log=log)), Clock(), ARN)
    heard = asked({"type": "ListEntitiesRequest", "connectorContext": {"connectorRuntimeSettings": {}}})
    assert (heard.init_s, heard.memory_mb) == (0.9125, 61)


@pytest.mark.parametrize(
    ("value", "kind", "fits"),
    [
        (None, "Integer", True), (1, "Integer", True), ("12", "Long", True), ("x", "Integer", False),
        (1.5, "Integer", False), (True, "Integer", False), ("1.5", "Double", True), (True, "Boolean", True),
        ("TRUE", "Boolean", True), ("yes", "Boolean", False), ("2024-01-01", "Date", True), ("soon", "DateTime", False),
        ("2024-01-01T00:00:00.000+0000", "DateTime", True), (1700000000000, "DateTime", True), ({}, "Struct", True),
        (1, "Struct", False), ("text", "Struct", True), ([], "List", True), ({}, "String", False), (1, "String", True),
    ],
)  # fmt: skip
def test_values_and_their_types(value, kind, fits):
    assert (misfit(value, kind) == "") == fits


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())))
def test_any_value_is_judged(value):
    for kind in ("String", "Integer", "Double", "Boolean", "DateTime", "Struct", "List", "ByteArray"):
        assert isinstance(misfit(value, kind), str)


def test_the_cause_as_lambdas_client_writes_it():
    log = (
        "[ERROR] ValueError: no list\nTraceback (most recent call last):\n"
        '\xa0\xa0File "/var/task/crm.py", line 7, in handler\n\xa0\xa0\xa0\xa0raise x\nEND RequestId: r\n'
    )
    assert cause(log) == "ValueError: no list (crm.py, line 7, in handler)"


# --- time ---


def test_an_answer_that_does_not_come_is_not_waited_for_any_longer():
    never = threading.Event()
    crm = Crm(RetrieveData=lambda request, right: never.wait() and right)
    try:
        results = checked(crm, write=False, data_limit_s=1.0)
    finally:
        never.set()
    assert told(results) == {
        "retrieve": ["(the whole answer): no answer after 1 s; the function runs on"],
        "retrieve-unknown-id": ["(the whole answer): no answer after 1 s; the function runs on"],
        "time-limits": ["(time): RetrieveData: no answer after 1 s; the function runs on"],
    }


class Still(Clock):
    """Only virtual time passes."""

    def monotonic(self):
        return 0.0


def test_a_cold_start_counts_for_every_request_that_may_meet_it():
    def after(seconds, init=""):
        return lambda request, right: Outcome("ok", json.dumps(right).encode(), log=report(init), virtual_s=seconds)

    cold = after(9.65, "\tInit Duration: 9600.00 ms")
    crm = Crm(DescribeConnectorConfiguration=cold, DescribeEntity=after(0.5))
    result = checked(crm, write=False, clock=Still())["time-limits"]
    [problem] = result.problems
    assert problem.why == (
        "DescribeEntity: 0.5 s, after a cold start of 9.6 s 10.1 s in all; AppFlow waits 10 s"
    )
    assert result.remark.startswith("cold start 9.60 s; slowest DescribeEntity, 0.50 s")


def test_a_function_with_a_short_timeout_of_its_own_is_told_of():
    assert "the function's own timeout is 3 s" in checked(Crm(), timeout_s=3)["time-limits"].remark


def test_a_function_that_is_throttled_is_not_the_connectors_fault_but_told():
    results = checked(Crm(ListEntities=lambda request, right: Outcome("throttled", b"")), write=False)
    assert "entities" in told(results)
    assert "Rate Exceeded." in told(results)["entities"][0]


def test_the_page_has_every_check():
    page = (Path(__file__).parent.parent / "docs" / "appflow.md").read_text()
    scoped = ("settings-source", "settings-destination")  # told of with those of the profile
    assert [c.id for c in CHECKS if not c.id.startswith(scoped) and f"| `{c.id}` | {c.about}" not in page] == []
