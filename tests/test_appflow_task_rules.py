"""Which tasks a flow may have, and in which words the others are refused."""

import pytest
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.services.appflow.task_rules import NO_PROJECTION, problems
from emulator.flows import filters
from emulator.flows.plan import FlowFailed
from emulator.flows.tasks import Tasks

MODEL = get_session().get_service_model("appflow")
TASK = MODEL.shape_for("Task").members
OPERATORS = {name: shape.enum for name, shape in TASK["connectorOperator"].members.items()}
UNSAYABLE = "cannot be given to the connector, whose filter grammar cannot hold"
ALL = ["PROJECTION", "EQUAL_TO", "NOT_EQUAL_TO", "LESS_THAN", "LESS_THAN_OR_EQUAL_TO", "GREATER_THAN",
       "GREATER_THAN_OR_EQUAL_TO", "CONTAINS", "BETWEEN"]
SIDES = [("CustomConnector", "S3"), ("S3", "CustomConnector")]


def task(kind, *sources, operator="NO_OP", to="x", connector="CustomConnector", **properties):
    return {"taskType": kind, "sourceFields": list(sources), "destinationField": to,
            "connectorOperator": {connector: operator}, "taskProperties": properties}


def said(*tasks, source="CustomConnector", destination="S3"):
    whole = task("Map_all", connector=source)
    return [text.removeprefix("Task Validation Error: ") for text in problems([whole, *tasks], source, destination)]


def test_a_flow_needs_a_projection_or_a_map_all():
    tasks = [task("Map", "a"), task("Filter", "a", operator="EQUAL_TO", VALUE="5"), task("Passthrough")]
    assert list(problems(tasks, "CustomConnector", "S3")) == [NO_PROJECTION]
    assert NO_PROJECTION == "Task Validation Error: You must specify a projection task or a MAP_ALL task"
    assert not list(problems([task("Filter", "a", operator="PROJECTION")], "CustomConnector", "S3"))


@pytest.mark.parametrize(
    "one",
    [
        task("Map", "a", connector="S3"),
        {"taskType": "Map", "sourceFields": ["a"], "destinationField": "b"},
        {"taskType": "Map_all", "sourceFields": [""]},
        task("Passthrough"),
        task("Passthrough", "a", "b"),
        task("Filter", "a", operator="EQUAL_TO", VALUES="a,b"),
        task("Filter", "a", operator="BETWEEN", DATA_TYPE="long", LOWER_BOUND="1", UPPER_BOUND="2"),
        task("Filter", "a", operator="CONTAINS", DATA_TYPE="string", VALUE="x"),
        task("Mask", "a", operator="MASK_ALL"),
        task("Mask", "a", operator="MASK_LAST_N", MASK_LENGTH="4", MASK_VALUE="#"),
        task("Truncate", "a", TRUNCATE_LENGTH="4"),
        task("Merge", "a", "b", to="a,b", CONCAT_FORMAT="${a} ${b}"),
        task("Arithmetic", "a", "b", operator="DIVISION", MATH_OPERATION_FIELDS_ORDER="b,a"),
        task("Validate", "a", operator="VALIDATE_NON_NULL", VALIDATION_ACTION="DropRecord"),
        task("Partition", ORDERED_PARTITION_KEYS_LIST='["a"]'),
    ],
)
def test_tasks_that_can_be(one):
    assert said(one) == []


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (task("Map", "a", "b"), "A Map task needs one source field, not 2"),
        (task("Map", "a", to=""), "A Map task needs a destinationField"),
        (task("Map", "a", operator="PROJECTION"), "A Map task cannot have the operator PROJECTION, only NO_OP"),
        (task("Filter", operator="PROJECTION"), "A Filter task needs at least 1 source field, not 0"),
        (task("Filter", "a", "b", operator="EQUAL_TO", VALUE="1"), "A Filter task needs one source field, not 2"),
        (task("Filter", "a", operator="EQUAL_TO"),
         "A Filter task with the operator EQUAL_TO needs the taskProperties VALUE"),
        (task("Filter", "a", operator="BETWEEN", VALUE="1", LOWER_BOUND="1"),
         "A Filter task with the operator BETWEEN needs the taskProperties LOWER_BOUND and UPPER_BOUND"),
        (task("Filter", "a", operator="LESS_THAN", DATA_TYPE="integer", VALUE="many"),
         "The filter on a has the DATA_TYPE integer, and its value many is no number"),
        (task("Filter", "a", operator="LESS_THAN", DATA_TYPE="boolean", VALUE="true"),
         "The filter on a compares true or false, which the operator LESS_THAN cannot"),
        (task("Filter", "in", operator="EQUAL_TO", VALUE="1"), f"The filter on in {UNSAYABLE} the field name in"),
        (task("Filter", "a", operator="EQUAL_TO", DATA_TYPE="string", VALUE="'\""),
         f"The filter on a {UNSAYABLE} a string with both quotes"),
        (task("Mask", "a", operator="MASK_FIRST_N"),
         "A Mask task needs MASK_LENGTH in its taskProperties, a positive whole number"),
        (task("Mask", "a", operator="MASK_ALL", MASK_VALUE="**"), "MASK_VALUE is one character"),
        (task("Mask", "a"), "A Mask task cannot have the operator NO_OP, only MASK_ALL, MASK_FIRST_N, MASK_LAST_N"),
        (task("Truncate", "a", TRUNCATE_LENGTH="-1"),
         "A Truncate task needs TRUNCATE_LENGTH in its taskProperties, a positive whole number"),
        (task("Merge", "a", CONCAT_FORMAT="${a}"), "A Merge task needs at least 2 source fields, not 1"),
        (task("Merge", "a", "b"), "A Merge task needs CONCAT_FORMAT in its taskProperties"),
        (task("Merge", "a", "b", CONCAT_FORMAT="${a}${c}"),
         "CONCAT_FORMAT names c, which is none of the task's source fields"),
        (task("Arithmetic", "a", "b", operator="ADDITION", MATH_OPERATION_FIELDS_ORDER="a,c"),
         "MATH_OPERATION_FIELDS_ORDER names the task's source fields, each once"),
        (task("Arithmetic", "a", "b", operator="NO_OP"),
         "An Arithmetic task cannot have the operator NO_OP, only ADDITION, SUBTRACTION, MULTIPLICATION, DIVISION"),
        (task("Validate", "a", operator="VALIDATE_NUMERIC", VALIDATION_ACTION="Ignore"),
         "A Validate task needs VALIDATION_ACTION in its taskProperties, DropRecord or DropDataset"),
        (task("Partition"), "A Partition task needs ORDERED_PARTITION_KEYS_LIST in its taskProperties"),
        (task("Map", "a", connector="Salesforce"),
         "A Map task has an operator of Salesforce in a flow from CustomConnector to S3"),
        ({**task("Map", "a"), "connectorOperator": {"S3": "NO_OP", "CustomConnector": "NO_OP"}},
         "A Map task has one connectorOperator, not 2"),
        ({"taskType": "Filter", "sourceFields": ["a"]}, f"A Filter task needs an operator: {', '.join(ALL)}"),
    ],
)
def test_tasks_that_cannot_be(one, text):
    assert said(one) == [text]


def test_what_only_one_side_can():
    contains = task("Filter", "a", operator="CONTAINS", DATA_TYPE="string", VALUE="x")
    divided = task("Partition", ORDERED_PARTITION_KEYS_LIST='["a"]')
    assert said(contains, divided, source="S3", destination="CustomConnector") == [
        "S3 has no operator CONTAINS", "A Partition task needs S3 as the destination, not CustomConnector"]


def test_a_filter_of_files_may_name_and_say_anything():
    odd = task("Filter", "two words", operator="EQUAL_TO", connector="S3", DATA_TYPE="string", VALUE="'\"")
    assert said(odd, source="S3", destination="CustomConnector") == []


VALUES = st.sampled_from(["1", "5", "a", "a,b", "[]", '["a"]', "-1", "DropRecord", "DropDataset", "${a}", "true", "*",
                          "2021-04-20", "string", "integer", "datetime"]) | st.text(min_size=1, max_size=5)


@st.composite
def tasks_of_the_model(draw):
    """Whatever botocore's model lets through."""
    connector = draw(st.sampled_from(["CustomConnector", "S3"]))
    given_task = {
        "taskType": draw(st.sampled_from(TASK["taskType"].enum)),
        "sourceFields": draw(st.lists(st.sampled_from(["a", "b", "c", "", "in"]), max_size=3)),
        "taskProperties": draw(st.dictionaries(st.sampled_from(TASK["taskProperties"].key.enum), VALUES, max_size=6)),
    }
    if draw(st.booleans()):
        given_task["connectorOperator"] = {connector: draw(st.sampled_from(OPERATORS[connector]))}
    return given_task | draw(st.sampled_from([{}, {"destinationField": "a"}, {"destinationField": "z"}]))


ROWS = st.dictionaries(st.sampled_from(["a", "b", "c", "in"]), st.none() | st.integers() | st.text(max_size=4))


@given(st.lists(tasks_of_the_model(), max_size=4), ROWS, st.sampled_from(SIDES))
def test_what_is_not_refused_runs(tasks, row, sides):
    found = [list(problems([one, task("Map_all", connector=sides[0])], *sides)) for one in tasks]
    assert all(text.startswith("Task Validation Error: ") for texts in found for text in texts)
    fit = [one for one, texts in zip(tasks, found, strict=True) if not texts]
    try:
        steps = Tasks.of(fit, {"a": "String", "b": "Integer"}, filtering=sides[0] == "S3")
        steps.partition(steps.apply(row) or {})
        if sides[0] != "S3":
            filters.expression(fit)
    except FlowFailed:
        pass
