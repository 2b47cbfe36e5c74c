"""A custom connector as a flow's destination: batches, and what becomes of records that it refuses."""

import dataclasses
import json

import pytest
from appflow_rig import OK
from asking_rig import Asked, in_turn, refusal
from hypothesis import given
from hypothesis import strategies as st

from emulator.fault import Fault
from emulator.flows import connector_destination
from emulator.flows.connector_destination import TOO_LARGE, ConnectorDestination, Writing
from emulator.flows.plan import Canceled, FlowFailed, Put
from emulator.flows.refusals import Dropped, Refused
from emulator.flows.write_results import NO_RESULT
from emulator.frontdoors.appflow import ANSWER_LIMIT
from emulator.model import RecordResult

THOUSAND = 9890  # bytes of rows(1000)


@pytest.fixture
def asked():
    return Asked()


class Kept:
    """Where refused records go."""

    def __init__(self):
        self.refused = []

    def keep(self, refused):
        self.refused += refused
        return ("errors-1",) if refused else ()


def rows(count):
    return [{"Id": n} for n in range(count)]


def results(*failures):
    """An answer whose n-th result is a failure with that message; None: a success."""
    said = [{"isSuccess": not message, "recordId": str(n), "errorMessage": message}
            for n, message in enumerate(failures)]
    return {**OK, "writeRecordResults": said}


def taken(request):
    return results(*(None for _ in request["records"]))


def sent(asked):
    return [[json.loads(record) for record in request["records"]] for request in asked.connector.requests]


def arrived(asked):
    return [row for batch in sent(asked) for row in batch]


def test_a_batch_is_written_in_awss_words(asked):
    asked.says(WriteData=taken)
    destination = ConnectorDestination(asked.asking, Writing("UPSERT", ("Id",), fail_on_first=True), Dropped())
    assert destination.write(rows(2)) == Put(written=16)
    assert destination.finish() == Put()
    [request] = asked.connector.requests
    context = request.pop("connectorContext")
    assert request == {"type": "WriteDataRequest", "entityIdentifier": "Contact", "operation": "UPSERT",
                       "idFieldNames": ["Id"], "records": ['{"Id":0}', '{"Id":1}'], "allOrNone": False}
    assert (context["flowName"], context["executionId"]) == ("contacts", "e-1")


def test_awss_sdk_reads_a_write_request(asked):
    from custom_connector_sdk.lambda_handler.requests import WriteDataRequest

    asked.says(WriteData=taken)
    ConnectorDestination(asked.asking, Writing(), Dropped()).write(rows(2))
    read = WriteDataRequest.from_dict(asked.connector.requests[0])
    assert (read.operation.name, read.records, read.all_or_none) == ("INSERT", ['{"Id":0}', '{"Id":1}'], False)


def test_a_page_is_written_whole_in_batches_of_a_thousand(asked):
    asked.says(WriteData=taken)
    ConnectorDestination(asked.asking, Writing(), Dropped()).write(rows(2500))
    assert [len(batch) for batch in sent(asked)] == [1000, 1000, 500]
    assert arrived(asked) == rows(2500)


def test_no_rows_are_no_batch(asked):
    assert ConnectorDestination(asked.asking, Writing(), Dropped()).write([]) == Put()
    assert asked.connector.requests == []


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=30) | st.integers(), max_size=3), max_size=40),
       st.integers(600, 1500))
def test_every_record_arrives_once_in_order_and_no_request_is_too_large(given_rows, limit):
    asked, sizes = Asked(), []
    asked.says(WriteData=taken)
    invoke = asked.connector.invoke

    def measured(function, payload, *more, **named):
        sizes.append(len(payload))
        return invoke(function, payload, *more, **named)

    asked.connector.invoke = measured
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connector_destination, "REQUEST_LIMIT", limit)
        put = ConnectorDestination(asked.asking, Writing(), kept := Kept()).write(given_rows)
    refused = [json.loads(one.record) for one in kept.refused]
    assert all(size < limit for size in sizes)
    assert [row for row in given_rows if row not in refused] == [row for row in arrived(asked) if row not in refused]
    assert len(arrived(asked)) + put.failed == len(given_rows)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_record_that_json_cannot_hold_ends_the_run(asked, value):
    with pytest.raises(FlowFailed, match="A record cannot be written as JSON"):
        ConnectorDestination(asked.asking, Writing(), Dropped()).write([{"Id": value}])


def test_a_record_that_fills_a_request_by_itself_is_refused_by_appflow(asked):
    asked.says(WriteData=taken)
    large = {"Id": "x" * ANSWER_LIMIT}
    put = ConnectorDestination(asked.asking, Writing(), kept := Kept()).write([{"Id": 1}, large, {"Id": 2}])
    assert sent(asked) == [[{"Id": 1}], [{"Id": 2}]]
    assert (put.failed, put.message, [one.message for one in kept.refused]) == (1, TOO_LARGE, [TOO_LARGE])


def test_records_that_fail_are_counted_and_kept_and_the_rest_goes_on(asked):
    asked.says(WriteData=in_turn(results(None, "duplicate", "too long"), results(None)))
    destination = ConnectorDestination(asked.asking, Writing(), kept := Kept())
    assert destination.write(rows(3)) == Put(8, 2, "duplicate", ("errors-1",))
    assert kept.refused == [Refused('{"Id":1}', "duplicate"), Refused('{"Id":2}', "too long")]
    assert destination.write(rows(1)) == Put(8)
    assert asked.lints == []


def test_partial_write_failure_is_read_by_its_results(asked):
    partial = {**refusal("PartialWriteFailure"), "writeRecordResults": results(None, "duplicate")["writeRecordResults"]}
    asked.says(WriteData=partial)
    put = ConnectorDestination(asked.asking, Writing(), Dropped()).write(rows(2))
    assert (put.written, put.failed, put.message, asked.lints) == (8, 1, "duplicate", [])


def test_partial_write_failure_without_results_ends_the_run(asked):
    asked.says(WriteData=refusal("PartialWriteFailure", "some failed"))
    with pytest.raises(FlowFailed, match="Error while communicating to connector: some failed"):
        ConnectorDestination(asked.asking, Writing(), Dropped()).write(rows(2))
    assert "PartialWriteFailure needs a result for each record" in asked.lints[0]


def test_the_first_failure_ends_the_run_where_the_flow_says_so_and_is_counted(asked):
    asked.says(WriteData=in_turn(results(*[None] * 1000), results("duplicate", "too long", *[None] * 998)))
    destination = ConnectorDestination(asked.asking, Writing(fail_on_first=True), kept := Kept())
    with pytest.raises(FlowFailed, match=r"^Error while communicating to connector: duplicate$") as failed:
        destination.write(rows(1000) * 3)
    assert len(asked.connector.requests) == 2
    put = failed.value.put
    assert (put.failed, put.message, put.objects, len(kept.refused)) == (2, "duplicate", ("errors-1",), 2)
    assert put.written == THOUSAND * 2 - 16


@pytest.mark.parametrize(
    ("given", "failed", "word"),
    [
        ([], 0, "3 records were sent and 0 results given; all are taken as written"),
        ([None], 2, "3 records were sent and 1 results given; there must be one for each"),
        (["no"], 3, "the rest is taken as failed"),
        ([None] * 4, 0, "3 records were sent and 4 results given; there must be one for each"),
        ([None, None, None, "no"], 0, "those past the last record are not read"),
    ],
)
def test_another_number_of_results_is_told_to_the_author(asked, given, failed, word):
    asked.says(WriteData=results(*given))
    put = ConnectorDestination(asked.asking, Writing(), kept := Kept()).write(rows(3))
    assert (put.failed, len(kept.refused)) == (failed, failed)
    [lint] = asked.lints
    assert lint.startswith("WriteData: writeRecordResults: ")
    assert word in lint


def test_it_is_told_once_in_a_run(asked):
    asked.says(WriteData=results(None))
    destination = ConnectorDestination(asked.asking, Writing(), Dropped())
    assert destination.write(rows(2500)).failed == 999 + 999 + 499
    assert destination.write(rows(2)).failed == 1
    assert len(asked.lints) == 1


def test_a_record_without_a_result_is_kept_with_that_as_its_reason(asked):
    asked.says(WriteData=results(None))
    ConnectorDestination(asked.asking, Writing(), kept := Kept()).write(rows(2))
    assert kept.refused == [Refused('{"Id":1}', NO_RESULT)]


def test_an_error_of_the_connectors_ends_the_run_and_keeps_what_came_before(asked):
    asked.says(WriteData=in_turn(results(*[None] * 1000), refusal("ServerError", "the CRM is down")))
    with pytest.raises(FlowFailed, match="Error while communicating to connector: the CRM is down") as failed:
        ConnectorDestination(asked.asking, Writing(), Dropped()).write(rows(1500))
    assert (failed.value.put.written, failed.value.put.failed) == (THOUSAND, 0)


def test_a_batch_is_tried_again_when_the_connector_says_when(asked):
    asked.says(WriteData=in_turn(refusal("ServiceUnavailable", after=10), results(None)))
    assert ConnectorDestination(asked.asking, Writing(), Dropped()).write(rows(1)).failed == 0
    [first, second] = asked.connector.requests
    assert (first, asked.clock.now()) == (second, 10)
    assert ("contacts/run-1/batch-1", "flow", "", "retry_waits") in asked.events()


def test_a_canceled_run_sends_no_more_and_keeps_what_came_before(asked):
    def once(request):
        asked.canceled.set()
        return taken(request)

    asked.says(WriteData=once)
    with pytest.raises(Canceled) as canceled:
        ConnectorDestination(asked.asking, Writing(), Dropped()).write(rows(1500))
    assert (len(asked.connector.requests), canceled.value.put.written) == (1, THOUSAND)


class Half(Fault):
    """Only the first half of the records arrives, and only it has results."""

    name = "half"

    def on_write(self, subject, proceed, ctx):
        return proceed(dataclasses.replace(subject, records=subject.records[: len(subject.records) // 2]))


class Refusing(Fault):
    """The last record is refused after all."""

    name = "refusing"

    def on_write(self, subject, proceed, ctx):
        reply = proceed()
        return dataclasses.replace(reply, results=(*reply.results[:-1], RecordResult(False, None, "locked")))


def test_records_that_a_rule_kept_back_are_failures_and_no_fault_of_the_connectors(asked):
    asked.says(WriteData=taken)
    asked.arm(Half(), flow="contacts", entity="Contact", function="crm")
    put = ConnectorDestination(asked.asking, Writing(), Dropped()).write(rows(4))
    assert (sent(asked), put.failed, put.message, asked.lints) == ([rows(2)], 2, NO_RESULT, [])
    assert asked.events() == [("contacts/run-1/batch-1", "write", "half", "written")]


def test_a_rule_at_write_can_refuse_a_record(asked):
    asked.says(WriteData=taken)
    asked.arm(Refusing())
    put = ConnectorDestination(asked.asking, Writing(), Dropped()).write(rows(2))
    assert (put.failed, put.message) == (1, "locked")
    assert asked.events() == [("contacts/run-1/batch-1", "write", "refusing", "partial")]
