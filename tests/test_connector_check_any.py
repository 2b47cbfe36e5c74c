"""Whatever a connector answers, the checks end in a report."""

import json

from connector_check_rig import Crm, checked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.connector_check.running import CHECKS
from emulator.frontdoors.connector_contract import ANSWERS
from emulator.model import Outcome

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-5, 2000), st.floats(), st.text(max_size=6))
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
NAMES = (
    "isSuccess", "errorDetails", "entities", "records", "nextToken", "writeRecordResults", "entityDefinition",
    "connectorModes", "connectorRuntimeSetting", "supportedWriteOperations", "supportedApiVersions",
)  # fmt: skip


def mended(right, name, value):
    """A right answer, wrong in one member, or in all."""
    return value if name == "" or not isinstance(right, dict) else {**right, name: value}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(ANSWERS)), st.sampled_from(("", *NAMES)), JSON)
def test_any_answer_ends_in_a_report(kind, name, value):
    results = checked(Crm(**{kind: lambda request, right: mended(right, name, value)}), most_pages=3)
    assert len(results) == len(CHECKS)
    assert all(json.dumps(result.as_json()) for result in results.values())


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(ANSWERS)), st.binary(max_size=40), st.binary(max_size=60))
def test_any_bytes_end_in_a_report(kind, body, log):
    said = Outcome("ok", body, log=log)
    results = checked(Crm(**{kind: lambda request, right: said}), most_pages=3)
    assert len(results) == len(CHECKS)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.dictionaries(st.sampled_from(("Id", "Name", "Size", "x")), JSON), max_size=4), st.booleans())
def test_any_records_end_in_a_report(rows, more):
    texts = [json.dumps(row) for row in rows]

    def page(request, right):
        return {"isSuccess": True, "records": texts, "nextToken": "t" if more else None}

    results = checked(Crm(QueryData=page, RetrieveData=page), most_pages=3)
    assert len(results) == len(CHECKS)
