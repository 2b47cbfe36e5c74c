"""The query protocol against botocore's own: what it writes is read, what is written it reads."""

from datetime import datetime, timezone

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws import models, query
from emulator.aws.shapes import Malformed
from emulator.aws.wire import WireRequest

texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), min_size=1, max_size=8)
entries = st.fixed_dictionaries(
    {"ContextKeyName": texts, "ContextKeyValues": st.lists(texts, min_size=1, max_size=3), "ContextKeyType": texts}
)
simulations = st.fixed_dictionaries(
    {"PolicyInputList": st.lists(texts, min_size=1, max_size=12), "ActionNames": st.lists(texts, min_size=1)},
    optional={"ContextEntries": st.lists(entries, min_size=1, max_size=3), "MaxItems": st.integers(1, 1000)},
)
attributes = st.dictionaries(texts, texts, min_size=1, max_size=3)


class Form(WireRequest):
    """A request of which only the form counts."""

    def __init__(self, form):
        super().__init__({}, "POST", "/", form, b"", protocol="query")


def operation(service, name):
    return models.service_model(service).operation_model(name)


def read(service, name, params):
    model = operation(service, name)
    sent = create_serializer("query", include_validation=False).serialize_to_request(params, model)
    return query.read(model.input_shape, Form({key: str(value) for key, value in sent["body"].items()}))


def parsed(service, name, result):
    model = operation(service, name)
    reply = query.write(model, result, Form({}))
    found = create_parser("query").parse(
        {"headers": dict(reply.headers), "status_code": 200, "body": reply.body}, model.output_shape
    )
    assert found.pop("ResponseMetadata")["RequestId"]
    return found


@given(simulations)
def test_lists_structures_and_numbers_are_read(params):
    assert read("iam", "SimulateCustomPolicy", params) == params


@given(attributes)
def test_maps_are_read(attributes):
    params = {"Name": "topic", "Attributes": attributes}
    assert read("sns", "CreateTopic", params) == params


def test_an_empty_list_is_empty():
    shape = operation("iam", "SimulateCustomPolicy").input_shape
    assert query.read(shape, Form({"Action": "SimulateCustomPolicy", "ActionNames": ""})) == {"ActionNames": []}


def test_what_cannot_be_a_number_is_malformed():
    shape = operation("sts", "AssumeRole").input_shape
    with pytest.raises(Malformed):
        query.read(shape, Form({"DurationSeconds": "soon"}))


positions = st.fixed_dictionaries({"Line": st.integers(1, 99), "Column": st.integers(1, 99)})
statements = st.fixed_dictionaries({"SourcePolicyId": texts, "StartPosition": positions})
results = st.fixed_dictionaries({
    "EvalActionName": texts, "EvalDecision": texts, "MatchedStatements": st.lists(statements, max_size=2),
    "EvalDecisionDetails": st.dictionaries(texts, texts, max_size=2),
    "OrganizationsDecisionDetail": st.fixed_dictionaries({"AllowedByOrganizations": st.booleans()}),
})  # fmt: skip


@given(st.lists(results, max_size=3), st.booleans())
def test_answers_are_what_botocore_reads(found, more):
    answer = {"EvaluationResults": found, "IsTruncated": more}
    assert parsed("iam", "SimulateCustomPolicy", answer) == answer


def test_times_are_read_as_they_were():
    noon = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)
    keys = {"AccessKeyId": "A", "SecretAccessKey": "B", "SessionToken": "C", "Expiration": noon}
    assert parsed("sts", "GetSessionToken", {"Credentials": keys}) == {"Credentials": keys}


def test_a_member_the_model_lacks_is_a_bug():
    with pytest.raises(KeyError, match="Nonsense"):
        query.write(operation("sts", "GetCallerIdentity"), {"Nonsense": "x"}, Form({}))


@pytest.mark.parametrize(
    "form",
    [{"ActionNames": "x", "ActionNames.": "y"}, {"ActionNames": "x", "ActionNames..b": "y"}, {"": "x", ".": "y"},
     {"ActionNames.member." + "1" * 5000: "x"}],
)
def test_names_that_no_member_has_are_passed_over(form):
    given = query.read(operation("iam", "SimulateCustomPolicy").input_shape, Form(form))
    assert given in ({}, {"ActionNames": []})
