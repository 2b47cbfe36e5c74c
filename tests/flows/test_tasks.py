"""What becomes of values: validations, masks, truncations, merges, arithmetic, and their order."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from task_makers import mapped, projection, task

from emulator.flows.columns import Column
from emulator.flows.plan import FlowFailed
from emulator.flows.tasks import Tasks


def made(row, *tasks):
    """What a flow of all fields makes of a record."""
    return Tasks.of([projection(*row), *tasks], {}).apply(row)


def drop(*fields, operator, action="DropRecord"):
    return task("Validate", *fields, operator=operator, VALIDATION_ACTION=action)


@pytest.mark.parametrize(
    ("operator", "stays", "goes"),
    [
        ("VALIDATE_NON_NULL", ["x", 0, False, []], [None, ""]),
        ("VALIDATE_NUMERIC", [None, "", 5, "5.5", "-1e3"], ["x", True, [1], "NaN", "Infinity", "1_0"]),
        ("VALIDATE_NON_ZERO", [None, "x", 5, "0x"], [0, "0", 0.0, "-0.00"]),
        ("VALIDATE_NON_NEGATIVE", [None, "x", 0, "5"], [-1, "-0.1"]),
    ],
)
def test_validations(operator, stays, goes):
    checked = drop("a", operator=operator)
    assert [value for value in stays + goes if made({"a": value}, checked) is not None] == stays


def test_a_missing_field_is_null():
    assert Tasks.of([projection("a", "b"), drop("b", operator="VALIDATE_NON_NULL")], {}).apply({"a": 1}) is None


def test_a_validation_that_drops_the_dataset_ends_the_run():
    with pytest.raises(FlowFailed) as failed:
        made({"a": -1}, drop("a", operator="VALIDATE_NON_NEGATIVE", action="DropDataset"))
    assert failed.value.message == "VALIDATE_NON_NEGATIVE failed: the value of a is negative: -1"


@pytest.mark.parametrize(
    ("operator", "length", "value", "masked"),
    [
        ("MASK_ALL", None, "secret", "******"),
        ("MASK_ALL", "5", "secret", "******"),
        ("MASK_FIRST_N", "4", "secret", "****et"),
        ("MASK_LAST_N", "4", "secret", "se****"),
        ("MASK_LAST_N", "9", "secret", "******"),
        ("MASK_FIRST_N", "2", 12345, "**345"),
        ("MASK_ALL", None, None, None),
        ("MASK_ALL", None, "", ""),
        ("MASK_FIRST_N", "3", {"a": 1}, '***": 1}'),
    ],
)
def test_masks(operator, length, value, masked):
    properties = {"MASK_VALUE": "*", **({"MASK_LENGTH": length} if length else {})}
    assert made({"a": value}, task("Mask", "a", operator=operator, **properties)) == {"a": masked}


def test_truncations():
    cut = task("Truncate", "a", TRUNCATE_LENGTH="3")
    assert [made({"a": value}, cut)["a"] for value in ("abcdef", "ab", 12345, None, True)] == [
        "abc", "ab", "123", None, "tru"]


def test_a_mask_reaches_the_column_of_a_map_and_makes_it_text():
    tasks = Tasks.of([projection("n"), mapped("n", "number"), task("Mask", "n", operator="MASK_ALL")], {"n": "Integer"})
    assert (tasks.columns, tasks.apply({"n": 42})) == ((Column("number", "String"),), {"number": "**"})


def test_a_masked_number_is_not_made_a_number_again():
    number = {"SOURCE_DATA_TYPE": "integer", "DESTINATION_DATA_TYPE": "integer"}
    assert made({"n": 42}, mapped("n", "n", **number), task("Mask", "n", operator="MASK_ALL")) == {"n": "**"}


@pytest.mark.parametrize(
    ("to", "row"), [("name", {"name": "***"}), ("Name", {"name": "***"}), ("hidden", {"name": "Ada", "hidden": "***"})])
def test_a_mask_may_name_a_column_of_its_own(to, row):
    assert made({"Name": "Ada"}, mapped("Name", "name"), task("Mask", "Name", to=to, operator="MASK_ALL")) == row


@pytest.mark.parametrize(
    ("layout", "said"),
    [("${first} ${last}", "Ada Lovelace"), ("${last}, ${first}", "Lovelace, Ada"), ("-", "Ada-Lovelace"),
     ("${first}${none}", "Ada"), ("$first", "Ada$firstLovelace")],
)
def test_merges(layout, said):
    row = {"first": "Ada", "last": "Lovelace"}
    sources = [*row, *(["none"] if "none" in layout else [])]
    merge = task("Merge", *sources, to="m", CONCAT_FORMAT=layout)
    assert made(row, merge, mapped("m", "name")) == {"name": said}


def test_a_merge_as_the_cdk_writes_it():
    """Its projection has the field that the merge makes, and not those that it reads."""
    tasks = Tasks.of([
        projection("first,last"), task("Merge", "first", "last", to="first,last", CONCAT_FORMAT="${first} ${last}"),
        mapped("first,last", "name", DESTINATION_DATA_TYPE="string", SOURCE_DATA_TYPE="string"),
    ], {"first": "String", "last": "String"})
    assert (tasks.selected, tasks.columns) == (("first", "last"), (Column("name", "String"),))
    assert tasks.apply({"first": "Ada", "last": None}) == {"name": "Ada "}


def test_what_a_merge_makes_and_no_map_takes_is_a_column():
    row = {"a": 1, "b": True}
    assert made(row, task("Merge", "a", "b", to="ab", CONCAT_FORMAT="/"), mapped("a")) == {"a": 1, "ab": "1/true"}


def test_a_merge_sees_what_is_masked_and_can_be_masked_itself():
    tasks = [task("Merge", "a", "b", to="ab", CONCAT_FORMAT="-"), task("Mask", "a", operator="MASK_ALL"),
             task("Truncate", "ab", TRUNCATE_LENGTH="3"), mapped("ab")]
    assert made({"a": "xy", "b": "z"}, *tasks) == {"ab": "**-"}


@pytest.mark.parametrize(
    ("operator", "values", "result"),
    [
        ("ADDITION", [1, 2], 3), ("ADDITION", ["0.1", 0.2], 0.3), ("SUBTRACTION", [1, "2.5"], -1.5),
        ("MULTIPLICATION", [3, 4], 12), ("DIVISION", [6, 3], 2), ("DIVISION", [1, 4], 0.25),
        ("ADDITION", [1, None], None), ("ADDITION", [1, ""], None), ("MULTIPLICATION", [2, 3, 4], 24),
        ("DIVISION", [0, 5], 0),
    ],
)
def test_arithmetic(operator, values, result):
    row = dict(zip("abc", values, strict=False))
    assert made(row, task("Arithmetic", *row, to="n", operator=operator), mapped("n")) == {"n": result}


def test_the_order_of_an_arithmetic():
    less = task("Arithmetic", "a", "b", to="n", operator="SUBTRACTION", MATH_OPERATION_FIELDS_ORDER="b,a")
    assert made({"a": 1, "b": 5}, less, mapped("n")) == {"n": 4}


@pytest.mark.parametrize(
    ("operator", "values", "said"),
    [
        ("DIVISION", [1, 0], "DIVISION failed: b is zero"),
        ("DIVISION", [0, "0.0"], "DIVISION failed: b is zero"),
        ("ADDITION", [1, "many"], "ADDITION failed: the value of b is no number: many"),
        ("ADDITION", [True, 1], "ADDITION failed: the value of a is no number: True"),
        ("MULTIPLICATION", ["1e300", "1e300"], "MULTIPLICATION failed: the result is too large"),
        ("ADDITION", ["1e999", 1], "ADDITION failed: the value of a is a number too large or too small: 1e999"),
    ],
)
def test_arithmetic_that_cannot_be_done_ends_the_run(operator, values, said):
    row = dict(zip("ab", values, strict=True))
    with pytest.raises(FlowFailed) as failed:
        made(row, task("Arithmetic", *row, to="n", operator=operator))
    assert failed.value.message == said


def test_a_validation_looks_at_what_the_source_gave():
    tasks = [drop("a", operator="VALIDATE_NUMERIC"), task("Mask", "a", operator="MASK_ALL")]
    assert made({"a": 12}, *tasks) == {"a": "**"}


def test_filters_are_left_to_a_source_that_filters():
    wanted = task("Filter", "b", operator="EQUAL_TO", DATA_TYPE="long", VALUE="1")
    assert Tasks.of([projection("a"), wanted], {}).apply({"a": 1, "b": 2}) == {"a": 1}
    dropping = Tasks.of([projection("a"), wanted], {}, filtering=True)
    assert [dropping.apply({"a": 1, "b": b}) for b in (1, 2)] == [{"a": 1}, None]


def test_the_record_itself_stays_as_it_is():
    row = {"a": "secret", "b": 2}
    made(row, task("Mask", "a", operator="MASK_ALL"), task("Merge", "a", "b", to="ab", CONCAT_FORMAT="-"))
    assert row == {"a": "secret", "b": 2}


NUMBERS = st.integers() | st.floats() | st.sampled_from(["0", "-1", "9e999"])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2), max_leaves=4)
FIELD = st.sampled_from("abc")
LENGTHS = st.integers(1, 9).map(str)
ANY = st.one_of(
    st.builds(lambda f, n, o: task("Mask", f, operator=o, MASK_LENGTH=n), FIELD, LENGTHS,
              st.sampled_from(["MASK_ALL", "MASK_FIRST_N", "MASK_LAST_N"])),
    st.builds(lambda f, n: task("Truncate", f, TRUNCATE_LENGTH=n), FIELD, LENGTHS),
    st.builds(lambda f, g, t: task("Merge", f, g, to="m", CONCAT_FORMAT=t), FIELD, FIELD, st.text(min_size=1)),
    st.builds(lambda f, g, o: task("Arithmetic", f, g, to="n", operator=o), FIELD, FIELD,
              st.sampled_from(["ADDITION", "SUBTRACTION", "MULTIPLICATION", "DIVISION"])),
    st.builds(lambda f, o, a: drop(f, operator=o, action=a), FIELD,
              st.sampled_from(["VALIDATE_NON_NULL", "VALIDATE_NUMERIC", "VALIDATE_NON_ZERO", "VALIDATE_NON_NEGATIVE"]),
              st.sampled_from(["DropRecord", "DropDataset"])),
    st.builds(lambda f, t: mapped(f, "x", DESTINATION_DATA_TYPE=t), FIELD,
              st.sampled_from(["string", "integer", "double", "boolean", "date", "datetime"])),
    st.just(task("Map_all")),
)


@given(st.lists(ANY, max_size=5), st.dictionaries(FIELD, VALUES, max_size=3))
def test_whatever_the_record_a_run_goes_on_or_says_why_not(tasks, row):
    steps = Tasks.of([projection(*"abc"), *tasks], {"a": "String", "b": "Integer"})
    try:
        said = steps.apply(row)
    except FlowFailed:
        return
    if said is not None:
        assert set(said) <= {column.name for column in steps.columns}
        json.dumps(said)


@given(st.text(), st.integers(1, 40))
def test_a_masked_text_keeps_its_length_and_what_is_not_masked(text, count):
    first, last, whole = (
        made({"a": text}, task("Mask", "a", operator=operator, MASK_LENGTH=str(count)))["a"]
        for operator in ("MASK_FIRST_N", "MASK_LAST_N", "MASK_ALL"))
    assert whole == "*" * len(text)
    assert len(first) == len(last) == len(text)
    assert first[count:] == text[count:]
    assert last[: max(0, len(text) - count)] == text[: max(0, len(text) - count)]


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_arithmetic_is_exact(a, b):
    results = [made({"a": a, "b": str(b)}, task("Arithmetic", "a", "b", to="n", operator=operator), mapped("n"))["n"]
               for operator in ("ADDITION", "SUBTRACTION", "MULTIPLICATION")]
    assert results == [a + b, a - b, a * b]
    assert not any(isinstance(result, Decimal) for result in results)
