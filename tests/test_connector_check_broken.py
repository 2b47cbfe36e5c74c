"""Each check has a connector, broken in one place, that it catches; and says which field is wrong and why."""

import json

import pytest
from connector_check_rig import Crm, checked, fails, failure, field, setting

from emulator.connector_check.running import CHECKS
from emulator.model import Outcome


def always(**members):
    """Successful answers with other members."""
    return lambda request, right: {**right, **members} if right.get("isSuccess") else right


def when(test, answer):
    """Another answer where the request is such; answer: one, or made of the right one."""
    def act(request, right):
        if not test(request):
            return right
        return answer(right) if callable(answer) else answer

    return act


def also(**members):
    return lambda right: {**right, **members}


def accepts(right):
    return {**right, "isSuccess": True, "errorDetails": None, "errorsByInputField": None}


def failed_call(right):
    return fails()


def unless_ok(answer):
    """Another answer where the right one is a refusal."""
    return lambda request, right: right if right.get("isSuccess") else answer(right) if callable(answer) else answer


def scope(name, keys=None):
    def test(request):
        return request["scope"] == name and (keys is None or sorted(request["connectorRuntimeSettings"]) == keys)

    return test


def fields(*more):
    def act(request, right):
        if not right["isSuccess"]:
            return right
        definition = right["entityDefinition"]
        return {**right, "entityDefinition": {**definition, "fields": [*definition["fields"], *more]}}

    return act


def records(change):
    """change: rows of a page -> texts."""
    def act(request, right):
        if not right["isSuccess"]:
            return right
        return {**right, "records": change([json.loads(text) for text in right["records"]])}

    return act


def results(change):
    def act(request, right):
        found = right.get("writeRecordResults")
        return {**right, "writeRecordResults": change(found)} if found else right

    return act


def of(operation, act):
    return lambda request, right: act(request, right) if request["operation"] == operation else right


def with_number(scope):
    """A configuration with a required number of this scope."""
    number = setting(f"{scope.lower()}_x", scope, "Integer")
    return always(connectorRuntimeSetting=[setting("instanceUrl", "CONNECTOR_PROFILE"), number])


def context(request):
    return request.get("connectorContext") or {}


ALL = "SOURCE_AND_DESTINATION"
ALL_SET = {"settings": {"instanceUrl": "https://a", "source_and_destination_x": "1"}}
CONFIGURED, SETTLED = "DescribeConnectorConfiguration", "ValidateConnectorRuntimeSettings"
VALIDATED, WHOLE, FAILED = "ValidateCredentials", "(the whole answer)", "the function failed"
INCREMENTAL = "isTimestampFieldForIncrementalQueries"
WRITTEN = {"isSuccess": True, "recordId": "r1", "errorMessage": None}

BROKEN = [  # check, kind -> how it is broken, field, what is said of it, what is given
    ("configuration", {CONFIGURED: always(connectorModes=["SORCE"])},
     "connectorModes[0]", "'SOURCE' or 'DESTINATION'"),
    ("configuration-rules", {CONFIGURED: always(connectorName="AWS crm")},
     "connectorName", "must not start with aws, amazon or appflow"),
    ("configuration-rules", {CONFIGURED: always(logoURL="http://a/logo.png")},
     "http://a/logo.png", "is not an https URL"),
    ("configuration-rules", {CONFIGURED: always(authenticationConfig=None)},
     "authenticationConfig", "no kind of credentials is supported"),
    ("configuration-settings",
     {CONFIGURED: always(connectorRuntimeSetting=[setting("a-b", "CONNECTOR_PROFILE")])},
     "connectorRuntimeSetting[0].key", "can be no key of profileProperties"),
    ("configuration-locale", {CONFIGURED: when(lambda r: r.get("locale") == "de-DE", failed_call)},
     WHOLE, "the function failed (error); its log says: KeyError: 'apiKey'"),
    ("credentials", {VALIDATED: lambda request, right: failure("AccessDenied", "not you")},
     "isSuccess", "the connector refuses: AccessDenied: not you"),
    ("credentials-wrong", {VALIDATED: unless_ok(accepts)}, "isSuccess", "wrong credentials: accepted"),
    ("credentials-wrong", {VALIDATED: unless_ok(failure("ServerError", "401"))},
     "errorDetails.errorCode", "answered with ServerError (401)"),
    ("credentials-wrong", {VALIDATED: unless_ok(failure("InvalidCredentials", "bad lambdarig-check-wrong"))},
     "errorDetails.errorMessage", "shows the secret's values"),
    ("credentials-empty", {VALIDATED: unless_ok(failed_call)}, WHOLE, "KeyError: 'apiKey'"),
    ("credentials-no-secret", {VALIDATED: unless_ok(failure("UnknownError", "?"))},
     "errorDetails.errorCode", "answered with UnknownError"),
    ("settings-profile", {SETTLED: when(scope("CONNECTOR_PROFILE"), {"isSuccess": False})},
     "errorDetails", "isSuccess is false and no error details are given"),
    ("settings-profile-missing", {SETTLED: when(scope("CONNECTOR_PROFILE"), accepts)},
     "isSuccess", "without the required 'instanceUrl': accepted"),
    ("settings-profile-missing", {SETTLED: unless_ok(failure("InvalidArgument", "no"))},
     "errorDetails.errorMessage", "does not name instanceUrl: no"),
    ("settings-profile-type", {SETTLED: unless_ok(accepts)},
     "isSuccess", "retries='twelve', which it cannot be: accepted"),
    ("settings-source", {SETTLED: when(scope("SOURCE"), failed_call)},
     WHOLE, FAILED),
    ("settings-source-missing", {SETTLED: when(scope("SOURCE", ["view"]), accepts)},
     "isSuccess", "'region': accepted"),
    ("settings-source-type", {SETTLED: when(scope("SOURCE"), accepts)},
     "isSuccess", "region='lambdarig-none-of-them'"),
    ("settings-destination", {SETTLED: when(scope("DESTINATION"), failed_call)},
     WHOLE, FAILED),
    ("settings-destination-missing", {SETTLED: when(scope("DESTINATION"), accepts)},
     "isSuccess", "'batch': accepted"),
    ("settings-destination-type", {SETTLED: when(scope("DESTINATION"), accepts)},
     "isSuccess", "batch='twelve'"),
    ("settings-source-and-destination",
     {CONFIGURED: with_number(ALL), SETTLED: when(scope(ALL), failed_call)},
     WHOLE, FAILED, ALL_SET),
    ("settings-source-and-destination-missing",
     {CONFIGURED: with_number(ALL), SETTLED: when(scope(ALL), accepts)},
     "isSuccess", "without the required 'source_and_destination_x': accepted", ALL_SET),
    ("settings-source-and-destination-type",
     {CONFIGURED: with_number(ALL), SETTLED: when(scope(ALL), accepts)},
     "isSuccess", "source_and_destination_x='twelve'", ALL_SET),
    ("entities", {"ListEntities": always(entities=[])}, "entities", "there are none"),
    ("entities", {"ListEntities": always(entities=[{"entityIdentifier": "A b", "hasNestedEntities": False}])},
     "entities[0].entityIdentifier", "no spaces"),
    ("entities", {"ListEntities": always(entities=[{"entityIdentifier": "A", "hasNestedEntities": False}] * 2)},
     "entities", "A is listed 2 times"),
    ("entities-paging", {"ListEntities": when(lambda r: r["maxResult"] == 1, also(nextToken="1"))},
     "nextToken", "'1' came a second time"),
    ("entities-paging", {"ListEntities": when(lambda r: r["maxResult"] == 1, also(nextToken=None))},
     "entities", "listed at once but on no page: Contact, Lead"),
    ("entities-nested", {"ListEntities": when(lambda r: r["entitiesPath"] == "Account", also(entities=[]))},
     "entities", "nothing is below Account, which hasNestedEntities"),
    ("entities-path-unknown", {"ListEntities": when(lambda r: "NoSuch" in (r.get("entitiesPath") or ""), failed_call)},
     WHOLE, FAILED),
    ("entity", {"DescribeEntity": fields(field("Name"))},
     "Contact: entityDefinition.fields", "Name stands there 2 times"),
    ("entity", {"DescribeEntity": fields({**field("T"), "readProperties": {INCREMENTAL: True}})},
     f"Contact: entityDefinition.fields[4].readProperties.{INCREMENTAL}", "T is a String"),
    ("entity", {"DescribeEntity": fields(field("X", "Text"))},
     "entityDefinition.fields[4].dataType", "Input should be"),
    ("entity-unknown", {"DescribeEntity": unless_ok(failed_call)}, WHOLE, FAILED),
    ("query", {"QueryData": records(lambda rows: rows)}, "records[0]", "Input should be a valid string"),
    ("query", {"QueryData": records(lambda rows: ["[1]"])}, "records[0]", "'[1]' is not the text of a JSON object"),
    ("query", {"QueryData": records(lambda rows: [json.dumps({**row, "Size": "big"}) for row in rows])},
     "records[0].Size", 'of Contact: "big" is no Integer'),
    ("query-one-field", {"QueryData": records(lambda rows: [json.dumps({**row, "Name": "N"}) for row in rows])},
     "records[0]", "has 'Name', which selectedFieldNames does not name"),
    ("query-filter", {"QueryData": when(lambda r: r["filterExpression"], also(records=['{"Id": "r2"}']))},
     "records", '(Id = "r1") let through Id=r2'),
    ("query-filter", {"QueryData": when(lambda r: r["filterExpression"], also(records=[]))},
     "records", '0 came for (Id = "r1"), of at least 1 that there are'),
    ("query-filter",
     {"QueryData": when(lambda r: "contains" in (r["filterExpression"] or ""), failure("ClientError", "?"))},
     "isSuccess", '(Name contains "N 1") is refused: ClientError ?'),
    ("query-incremental", {"QueryData": when(lambda r: "Since >" in (r["filterExpression"] or ""), also(
        records=['{"Since": "2024-01-07T00:00:00Z"}']))}, "records", "let through Since=2024-01-07T00:00:00Z"),
    ("query-incremental", {"QueryData": when(lambda r: "Since >" in (r["filterExpression"] or ""), failed_call)},
     WHOLE, FAILED),
    ("query-paging", {"QueryData": when(lambda r: r["maxResults"] == 2, also(nextToken="2"))},
     "nextToken", "'2' came a second time: the flow would never end"),
    ("query-paging", {"QueryData": when(lambda r: r["maxResults"] == 2, also(nextToken=None))},
     "records", "5 that came at once came on no page"),
    ("query-paging", {"QueryData": when(lambda r: r["nextToken"] == "4", also(records=['{"Id": "r1"}']))},
     "records", '1 came on several pages, {"Id": "r1"} among them'),
    ("query-paging", {"QueryData": when(lambda r: r["maxResults"] == 2, also(records=['{"Id": "r1"}'] * 3))},
     "records", "3 came where maxResults was 2"),
    ("query-unknown-entity", {"QueryData": unless_ok(failed_call)}, WHOLE, FAILED),
    ("query-unknown-field", {"QueryData": when(lambda r: "NoSuch" in r["selectedFieldNames"][-1], failed_call)},
     WHOLE, FAILED),
    ("query-unknown-token", {"QueryData": when(lambda r: "lambdarig" in (r["nextToken"] or ""), failed_call)},
     WHOLE, FAILED),
    ("query-bad-filter", {"QueryData": unless_ok(failed_call)}, WHOLE, FAILED),
    ("query-no-definition", {"QueryData": when(lambda r: not context(r)["entityDefinition"], failed_call)},
     WHOLE, FAILED),
    ("query-no-run", {"QueryData": when(lambda r: "flowName" not in context(r), failed_call)},
     WHOLE, FAILED),
    ("retrieve", {"RetrieveData": records(lambda rows: ['{"Id": "r9"}'])},
     "records", "Id r9 came, which is none of r1, r2"),
    ("retrieve", {"RetrieveData": records(lambda rows: [])}, "records", "Id r1, which QueryData gave, did not come"),
    ("retrieve-unknown-id", {"RetrieveData": when(lambda r: "no-such" in r["ids"][0], also(records=['{"Id": "r1"}']))},
     "records", "1 came for an id that no record has"),
    ("write-insert", {"WriteData": of("INSERT", results(lambda found: found[:1]))},
     "writeRecordResults", "1 for 2 records: AppFlow cannot tell which were written"),
    ("write-insert", {"WriteData": of("INSERT", results(lambda found: [{**f, "recordId": None} for f in found]))},
     "writeRecordResults[0].recordId", "is missing of a record that was inserted"),
    ("write-update", {"WriteData": of("UPDATE", lambda request, right: {**right, "writeRecordResults": []})},
     "writeRecordResults", "0 for 2 records"),
    ("write-upsert", {"WriteData": of("UPSERT", lambda request, right: failure("ServerError", "no"))},
     "isSuccess", "the connector refuses: ServerError: no"),
    ("write-delete", {"WriteData": of("DELETE", results(lambda found: [{**found[0], "isSuccess": False}, *found[1:]]))},
     "writeRecordResults[0].isSuccess", "DELETE of"),
    ("write-bad-record", {"WriteData": results(lambda found: sorted(found, key=lambda one: one["isSuccess"]))},
     "writeRecordResults", "[False, True, True] for a good, a bad and a good record"),
    ("write-bad-record", {"WriteData": results(lambda found: [{**f, "errorMessage": None} for f in found])},
     "writeRecordResults[1].errorMessage", "is missing"),
    ("write-bad-record", {"WriteData": lambda request, right: right if len(request["records"]) != 3 else {
        **failure("ServerError", "one failed"), "writeRecordResults": right["writeRecordResults"]}},
     "errorDetails.errorCode", "AppFlow takes the whole batch for failed"),
    ("write-all-or-none", {"WriteData": lambda request, right: right if not request["allOrNone"] else {
        **right, "writeRecordResults": [*right["writeRecordResults"], WRITTEN]}},
     "writeRecordResults", "a record after the failed one was written"),
    ("write-not-json", {"WriteData": lambda request, right: right if "{not" not in request["records"][0] else fails()},
     WHOLE, FAILED),
    ("write-unknown-entity", {"WriteData": unless_ok(accepts)},
     "isSuccess", "of an unknown entity is said to be written"),
    ("unknown-request", {"fails": {"isSuccess": True}},
     "isSuccess", "an unknown type of request is answered with success"),
    ("missing-context", {"fails": Outcome("timeout", b"{}", log=b"Task timed out after 3.00 seconds")},
     WHOLE, "the function failed (timeout); its log says: Task timed out after 3.00 seconds"),
    ("missing-credentials", {"fails": Outcome("crash", b"{}")}, WHOLE, "the function failed (crash)"),
    ("unknown-members", {"ListEntities": when(lambda r: "lambdarigNew" in r, failed_call)},
     WHOLE, FAILED),
    ("absent-members", {"ListEntities": when(lambda r: "nextToken" not in r, failed_call)},
     WHOLE, FAILED),
    ("missing-settings", {"ListEntities": when(lambda r: context(r).get("connectorRuntimeSettings") == {}, Outcome(
        "crash", b'{"errorType": "Runtime.ExitError"}'))}, WHOLE, "the function failed (crash)"),
    ("permission", {}, "(the function's policy)", "no statement lets appflow.amazonaws.com invoke it",
     {"permitted": False}),
    ("size-limit", {"RetrieveData": lambda request, right: Outcome("ok", b" " * (6 * 1024 * 1024 + 1))},
     "(size)", "RetrieveData answered more than the 6291456 bytes that AppFlow takes"),
    ("survival", {"RetrieveData": lambda request, right: Outcome("oom", b'{"errorType": "Runtime.OutOfMemory"}')},
     "(the function)", "RetrieveData ended in oom"),
    ("time-limits", {"RetrieveData": lambda request, right: Outcome("ok", json.dumps(right).encode(), virtual_s=31)},
     "(time)", "RetrieveData: 31.0 s"),
]  # fmt: skip


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case[0]}")
def test_a_broken_connector_is_caught(case):
    id, broken, place, why, *known = case
    result = checked(Crm(**broken), **(known[0] if known else {}))[id]
    assert result.status == "failed", (result.status, result.remark)
    found = [(problem.field, problem.why) for problem in result.problems]
    assert any(field == place and why in said for field, said in found), found
    assert all(problem.mend for problem in result.problems)


def test_every_check_has_a_connector_that_it_catches():
    assert {check.id for check in CHECKS} == {case[0] for case in BROKEN}
