"""Which fields a flow asks for, and under which names and as what it writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from task_makers import mapped, projection, task

from emulator.flows.columns import Column
from emulator.flows.plan import FlowFailed
from emulator.flows.tasks import Tasks

CONTACT = {"Id": "String", "Name": "String", "Age": "Integer", "Since": "DateTime"}
ROW = {"Id": "1", "Name": "Ada", "Age": 36, "Since": "1851-10-10T00:00:00Z"}


def names(tasks):
    return [column.name for column in tasks.columns]


def test_a_projection_and_maps():
    tasks = Tasks.of([projection("Id", "Name"), mapped("Name", "name")], CONTACT)
    assert (tasks.selected, tasks.columns) == (("Id", "Name"), (Column("name", "String"),))
    assert tasks.apply(ROW) == {"name": "Ada"}


def test_a_projection_alone_keeps_the_names():
    tasks = Tasks.of([projection("Name", "Id")], CONTACT)
    assert (tasks.selected, names(tasks)) == (("Name", "Id"), ["Name", "Id"])
    assert tasks.apply(ROW) == {"Name": "Ada", "Id": "1"}


def test_what_a_projection_has_not_is_not_mapped():
    tasks = Tasks.of([projection("Id"), mapped("Id"), mapped("Name")], CONTACT)
    assert (tasks.selected, names(tasks), tasks.apply(ROW)) == (("Id",), ["Id", "Name"], {"Id": "1"})


def test_a_map_all_takes_every_field_but_the_excluded_and_the_mapped():
    whole = task("Map_all", EXCLUDE_SOURCE_FIELDS_LIST='["Since"]')
    tasks = Tasks.of([whole, mapped("Age", "years")], CONTACT)
    assert tasks.selected == ("Id", "Name", "Age")
    assert tasks.apply(ROW) == {"Id": "1", "Name": "Ada", "years": 36}


@pytest.mark.parametrize("excluded", ['["Age","Since"]', "[Age, Since]", "Age,Since"])
def test_a_list_of_names_in_any_spelling(excluded):
    assert names(Tasks.of([task("Map_all", EXCLUDE_SOURCE_FIELDS_LIST=excluded)], CONTACT)) == ["Id", "Name"]


def test_a_map_all_within_a_projection():
    assert Tasks.of([projection("Id", "Age"), task("Map_all", "")], CONTACT).apply(ROW) == {"Id": "1", "Age": 36}


def test_a_map_all_of_files_takes_what_the_rows_have():
    tasks = Tasks.of([task("Map_all", EXCLUDE_SOURCE_FIELDS_LIST='["b"]'), mapped("c", "d")], {})
    assert (tasks.selected, tasks.columns) == ((), ())
    assert tasks.apply({"a": 1, "b": 2, "c": 3}) == {"d": 3, "a": 1}


@pytest.mark.parametrize(("said", "row"), [("true", {**ROW, "New": 1}), ("false", ROW)])
def test_new_fields_are_written_where_the_flow_asks_for_them(said, row):
    assert Tasks.of([task("Map_all", INCLUDE_NEW_FIELDS=said)], CONTACT).apply({**ROW, "New": 1}) == row


def test_a_passthrough_changes_nothing():
    assert Tasks.of([projection("Id", "Age"), task("Passthrough")], CONTACT).apply(ROW) == {"Id": "1", "Age": 36}
    assert Tasks.of([task("Passthrough", "Age"), mapped("Id", "id")], CONTACT).apply(ROW) == {"Age": 36, "id": "1"}


def test_the_last_of_two_maps_to_a_column_gives_its_value():
    tasks = Tasks.of([projection("Id", "Name"), mapped("Id", "x"), mapped("Name", "x")], CONTACT)
    assert (names(tasks), tasks.apply(ROW)) == (["x"], {"x": "Ada"})


def test_a_field_that_a_record_has_not_is_left_out_and_null_stays():
    assert Tasks.of([projection("Id", "Name", "Age")], CONTACT).apply({"Id": None, "Age": 1}) == {"Id": None, "Age": 1}


@pytest.mark.parametrize(
    ("source", "destination", "value", "written"),
    [
        ("string", "string", 5, 5),
        ("String", "textarea", 5, 5),
        ("integer", "string", 5, "5"),
        ("double", "character varying", 0.1, "0.1"),
        ("list", "string", ["a"], '["a"]'),
        ("string", "integer", "5.0", 5),
        ("string", "Double", "0.1", 0.1),
        ("string", "boolean", "TRUE", True),
        ("string", "date", "2021-04-20T23:30:00-02:00", "2021-04-21"),
        ("string", "datetime", "2021-04-20", "2021-04-20T00:00:00.000Z"),
        ("string", "geography", "x", "x"),
        ("string", "integer", None, None),
        ("string", "integer", "", None),
        ("string", "datetime", "", None),
        ("integer", "string", "", ""),
    ],
)
def test_types_convert_values(source, destination, value, written):
    tasks = [projection("a"), mapped("a", "b", SOURCE_DATA_TYPE=source, DESTINATION_DATA_TYPE=destination)]
    assert Tasks.of(tasks, {}).apply({"a": value}) == {"b": written}


def test_a_value_that_is_none_of_its_type_ends_the_run_and_is_named():
    tasks = Tasks.of([projection("Name"), mapped("Name", "n", DESTINATION_DATA_TYPE="integer")], CONTACT)
    with pytest.raises(FlowFailed) as failed:
        tasks.apply(ROW)
    assert failed.value.message == "The value of Name is no number and cannot become the Integer of n: Ada"


@pytest.mark.parametrize(
    ("given", "named"),
    [("textarea", "String"), ("datetime", "DateTime"), ("int", "Long"), ("geo", "geo"), ("", "String")],
)
def test_columns_have_the_sdks_types(given, named):
    properties = {"DESTINATION_DATA_TYPE": given} if given else {}
    assert Tasks.of([projection("Id"), mapped("Id", **properties)], CONTACT).columns == (Column("Id", named),)


@pytest.mark.parametrize(
    ("key", "row", "folder"),
    [
        ("land", {"land": "DE"}, "land=DE"),
        ("country", {"land": "DE"}, "land=DE"),
        ("land", {"land": "a/b=c"}, "land=a%2Fb%3Dc"),
        ("land", {"land": None}, "land=__HIVE_DEFAULT_PARTITION__"),
        ("land", {}, "land=__HIVE_DEFAULT_PARTITION__"),
        ("land", {"land": 5}, "land=5"),
        ("land", {"land": "half\ud800"}, "land=half%3F"),
    ],
)
def test_partitions_are_folders_of_a_columns_value(key, row, folder):
    divided = task("Partition", ORDERED_PARTITION_KEYS_LIST=f'["{key}"]')
    tasks = Tasks.of([projection("country"), mapped("country", "land"), divided], {})
    assert tasks.partition(row) == (folder,)


def test_partitions_are_in_the_order_of_their_list():
    tasks = Tasks.of([projection("a", "b"), task("Partition", ORDERED_PARTITION_KEYS_LIST="b,a")], {})
    assert tasks.partition({"a": 1, "b": 2}) == ("b=2", "a=1")
    assert Tasks.of([projection("a")], {}).partition({"a": 1}) == ()


FIELDS = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=5, unique=True)
ROWS = st.dictionaries(st.sampled_from("abcdefg"), st.none() | st.integers() | st.text(max_size=3))


@given(FIELDS, FIELDS, ROWS)
def test_a_projection_keeps_only_its_own_fields(projected, maps, row):
    tasks = Tasks.of([projection(*projected), *(mapped(name, name.upper()) for name in maps)], {})
    kept = set(projected) & set(maps) & set(row)
    assert tasks.apply(row) == {name.upper(): row[name] for name in maps if name in kept}
    assert tasks.selected == tuple(projected)


@given(st.text(), st.sampled_from(["string", "integer", "double", "boolean", "date", "datetime"]))
def test_a_text_becomes_any_type_or_ends_the_run(text, kind):
    tasks = Tasks.of([projection("a"), mapped("a", DESTINATION_DATA_TYPE=kind)], {"a": "Struct"})
    try:
        assert set(tasks.apply({"a": text})) == {"a"}
    except FlowFailed as failed:
        assert kind != "string", failed  # noqa: PT017


@given(st.text(max_size=8), st.text(max_size=400))
def test_a_folder_is_one_folder(key, value):
    tasks = Tasks.of([projection("x"), mapped("x", key or "k"), task("Partition", key or "k")], {})
    [folder] = tasks.partition({key or "k": value})
    assert "/" not in folder
    assert folder.count("=") == 1
