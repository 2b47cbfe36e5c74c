"""Filters for connectors, parsed by the SDK's own grammar, and filters of rows."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from filter_meaning import holds
from hypothesis import example, given
from hypothesis import strategies as st

from emulator.flows.filter_grammar import Unwritable, identifier, literal
from emulator.flows.filters import Window, conditions, expression, passes
from emulator.flows.plan import FlowFailed

MOMENT = datetime(2021, 4, 20, 12, 30, 45, 234567, timezone.utc)
SIMPLE = ["EQUAL_TO", "NOT_EQUAL_TO", "LESS_THAN", "LESS_THAN_OR_EQUAL_TO", "GREATER_THAN", "GREATER_THAN_OR_EQUAL_TO"]


def task(field, operator, **properties):
    return {"taskType": "Filter", "sourceFields": [field], "connectorOperator": {"CustomConnector": operator},
            "taskProperties": properties}


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([], None),
        ([task("os", "EQUAL_TO", DATA_TYPE="string", VALUE="mojave")], '(os = "mojave")'),
        ([task("n", "LESS_THAN_OR_EQUAL_TO", DATA_TYPE="Integer", VALUE="100")], "(n <= 100)"),
        ([task("n", "GREATER_THAN", DATA_TYPE="double", VALUE="1e3")], "(n > 1000)"),
        ([task("n", "NOT_EQUAL_TO", DATA_TYPE="double", VALUE="-0.50")], "(n != -0.5)"),
        ([task("n", "EQUAL_TO", DATA_TYPE="BigInteger", VALUE="9" * 40)], f"(n = {'9' * 40})"),
        ([task("f", "EQUAL_TO", DATA_TYPE="boolean", VALUE="True")], "(f = true)"),
        ([task("s", "EQUAL_TO", DATA_TYPE="string", VALUES="a, b")], '(s = "a" or s = "b")'),
        ([task("s", "NOT_EQUAL_TO", DATA_TYPE="string", VALUES="a,b")], '(s != "a" and s != "b")'),
        ([task("s", "CONTAINS", DATA_TYPE="string", VALUE="12")], '(s contains "12")'),
        ([task("s", "EQUAL_TO", DATA_TYPE="string", VALUE="the \"best\"")], "(s = 'the \"best\"')"),
        ([task("d", "BETWEEN", DATA_TYPE="date", LOWER_BOUND="2021-04-20", UPPER_BOUND="2021-04-21")],
         "(d between 2021-04-20 and 2021-04-21)"),
        ([task("d", "LESS_THAN", DATA_TYPE="datetime", VALUE="2021-04-20T14:30:45+02:00")],
         "(d < 2021-04-20T12:30:45.000Z)"),
        ([task("d", "LESS_THAN", DATA_TYPE="DateTime", VALUE="2021-04-20T12:30")], "(d < 2021-04-20T12:30:00.000Z)"),
        ([task("d", "LESS_THAN", DATA_TYPE="datetime", VALUE="1618921845234")], "(d < 2021-04-20T12:30:45.234Z)"),
        ([task("d", "LESS_THAN", DATA_TYPE="date", VALUE="1618921845234")], "(d < 2021-04-20)"),
        ([task("a", "EQUAL_TO", DATA_TYPE="string", VALUE="x"), task("b", "GREATER_THAN", DATA_TYPE="long", VALUE="5")],
         '(a = "x") and (b > 5)'),
    ],
)
def test_filters_as_the_connector_is_told(tasks, said):
    assert expression(tasks) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [("true", "(x = true)"), ("007", "(x = 7)"), ("2021-04-20", "(x = 2021-04-20)"), ("007b", '(x = "007b")'),
     ("2021-W16-2", '(x = "2021-W16-2")'), ("12:30", '(x = "12:30")'),
     ("2021-04-20T12:30:45Z", "(x = 2021-04-20T12:30:45.000Z)")],
)
def test_without_a_data_type_a_value_is_what_it_looks_like(value, said):
    assert expression([task("x", "EQUAL_TO", VALUE=value)]) == said


def test_the_fields_type_goes_before_the_looks():
    assert expression([task("x", "EQUAL_TO", VALUE="007")], fields={"x": "String"}) == '(x = "007")'


def test_a_value_that_is_none_of_its_fields_type_ends_the_run():
    with pytest.raises(FlowFailed, match="abc is no number"):
        expression([task("x", "EQUAL_TO", VALUE="abc")], fields={"x": "Integer"})


def test_projections_are_no_filters():
    assert expression([task("x", "PROJECTION")]) is None


@pytest.mark.parametrize("name", ["in", "and", "True", "_id", "1st", "two words", "naïve", "a\n", "", "null", "LIMIT"])
def test_names_that_the_grammar_reads_as_something_else(name):
    with pytest.raises(Unwritable):
        identifier(name)


@pytest.mark.parametrize("text", ["it's \"so\"", "a\\", "\\"])
def test_texts_that_the_grammar_cannot_hold(text):
    with pytest.raises(Unwritable):
        literal(text)


NAMES = st.from_regex(r"\A[a-zA-Z][A-Za-z0-9_.-]{0,8}\Z").filter(lambda name: _writable(identifier, name))
TEXTS = st.text(min_size=1, max_size=8).filter(lambda text: _writable(literal, text))
NUMBERS = st.integers() | st.decimals(-(10**9), 10**9, places=3) | st.sampled_from([0, 1, 7, 10, Decimal("-0")])
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(timezone.utc)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
KINDS = {
    "String": (TEXTS, str),
    "BigDecimal": (NUMBERS.map(lambda number: Decimal(number)), str),
    "Date": (st.dates(), date.isoformat),
    "DateTime": (MOMENTS, datetime.isoformat),
    "Boolean": (st.booleans(), str),
}


def _writable(write, value):
    try:
        return bool(write(value))
    except Unwritable:
        return False


@st.composite
def filtered(draw):
    """Tasks, and a row with a value for each of their fields."""
    tasks, row = [], {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        kind = draw(st.sampled_from(list(KINDS)))
        values, text = KINDS[kind]
        several = draw(st.lists(values, min_size=1, max_size=3))
        operators = SIMPLE[:2] if kind == "Boolean" else [*SIMPLE, "BETWEEN", *["CONTAINS"] * (kind == "String")]
        operator = draw(st.sampled_from(operators))
        texts = [text(value) for value in several]
        properties = {"VALUE": texts[0]}
        if operator == "BETWEEN":
            properties = {"LOWER_BOUND": texts[0], "UPPER_BOUND": texts[-1]}
        elif not any("," in one or one != one.strip() for one in texts):
            properties = {"VALUES": ",".join(texts)}
        tasks.append(task(name, operator, DATA_TYPE=kind, **properties))
        row[name] = draw(st.sampled_from(several) | values)
    return tasks, row


@given(filtered())
def test_an_expression_means_to_the_sdk_what_the_filters_mean(case):
    tasks, row = case
    given_row = {name: value if isinstance(value, (str, bool)) else str(value) for name, value in row.items()}
    assert holds(expression(tasks), row) == passes(tasks)(given_row)


@example("x", ["a\\", "b"])
@example("in", ["a", "b"])
@example("null", ["a", "b"])
@given(st.text(min_size=1, max_size=6) | st.just("x"), st.lists(st.text(max_size=6), min_size=2, max_size=3))
def test_whatever_a_filter_says_it_is_parsed_or_refused(name, values):
    tasks = [task(name, "EQUAL_TO", DATA_TYPE="string", VALUE=value) for value in values]
    try:
        said = expression(tasks)
    except FlowFailed:
        return
    assert holds(said, {name: values[0]}) == (len(set(values)) == 1)


@given(st.text(max_size=12), st.sampled_from([*KINDS, "Integer", "picklist", ""]), st.sampled_from(SIMPLE))
def test_values_of_any_text_raise_nothing_else(value, kind, operator):
    tasks = [task("x", operator, VALUE=value, **({"DATA_TYPE": kind} if kind else {}))]
    try:
        expression(tasks)
        passes(tasks)({"x": value})
    except FlowFailed:
        pass


def test_a_window_is_open_at_its_begin():
    said = Window("changed", MOMENT - timedelta(days=1), MOMENT).expression()
    assert said == "(changed > 2021-04-19T12:30:45.234Z and changed <= 2021-04-20T12:30:45.234Z)"
    instants = {second: holds(said, {"changed": MOMENT.replace(microsecond=234000) - timedelta(seconds=second)})
                for second in (-1, 0, 1, 86399, 86400)}
    assert instants == {-1: False, 0: True, 1: True, 86399: True, 86400: False}


def test_windows_of_dates_have_their_first_day():
    """A flow that runs every hour would else never pull what came on the day of its last run."""
    said = Window("day", MOMENT - timedelta(hours=1), MOMENT, "Date").expression()
    assert said == "(day >= 2021-04-20 and day <= 2021-04-20)"
    assert [holds(said, {"day": date(2021, 4, day)}) for day in (19, 20, 21)] == [False, True, False]


def test_windows_join_the_filters():
    said = expression([task("n", "EQUAL_TO", DATA_TYPE="long", VALUE="5")], Window("changed", None, MOMENT, "Date"))
    assert said == "(n = 5) and (changed <= 2021-04-20)"
    assert holds(said, {"n": 5, "changed": date(2021, 4, 20)})


def test_a_windows_field_has_to_be_writable():
    with pytest.raises(FlowFailed, match="the field name _changed"):
        expression([], Window("_changed", None, MOMENT))


@pytest.mark.parametrize(
    ("one", "value", "stays"),
    [
        (task("n", "EQUAL_TO", DATA_TYPE="long", VALUE="5"), "5.0", True),
        (task("n", "LESS_THAN", DATA_TYPE="long", VALUE="5"), "40", False),
        (task("n", "LESS_THAN", DATA_TYPE="string", VALUE="5"), "40", True),
        (task("n", "LESS_THAN", DATA_TYPE="long", VALUE="5"), "many", False),
        (task("n", "NOT_EQUAL_TO", DATA_TYPE="long", VALUE="5"), "", False),
        (task("n", "NOT_EQUAL_TO", DATA_TYPE="long", VALUE="5"), None, False),
        (task("n", "NOT_EQUAL_TO", VALUES="5,6"), "many", True),
        (task("n", "EQUAL_TO", DATA_TYPE="boolean", VALUE="true"), "TRUE", True),
        (task("n", "GREATER_THAN", DATA_TYPE="datetime", VALUE="2021-04-20"), "2021-04-20T00:00:00.1Z", True),
        (task("n", "BETWEEN", DATA_TYPE="long", LOWER_BOUND="1", UPPER_BOUND="3"), 3, True),
    ],
)
def test_rows_of_sources_that_do_not_filter_themselves(one, value, stays):
    assert passes([one])({"n": value}) is stays
    assert passes([one])({}) is False


def test_a_condition_is_of_one_field():
    [condition] = conditions([task("n", "EQUAL_TO", VALUE="5"), task("n", "PROJECTION")])
    assert (condition.field, condition.values) == ("n", (Decimal(5),))
