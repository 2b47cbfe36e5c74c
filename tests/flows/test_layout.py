"""Where a run's files go."""

import re
from datetime import datetime, timezone

import pytest

from emulator.flows.layout import Layout

BEGAN = datetime(2024, 3, 5, 7, 9, 11, tzinfo=timezone.utc)
RUN = "2c07e424-21e4-4ee3-b70f-4fb55b2ecf79"
NAME = r"\d+-2024-03-05T07:09:11"


def layout(prefix="raw", **prefixes):
    return Layout("lake", prefix, "contacts", RUN, 2, BEGAN, prefixes)


@pytest.mark.parametrize(
    ("prefixes", "pattern"),
    [
        ({}, f"raw/contacts/{RUN}/{NAME}"),
        ({"pathPrefixHierarchy": ["EXECUTION_ID"]}, f"raw/contacts/{RUN}/{NAME}"),
        ({"pathPrefixHierarchy": ["SCHEMA_VERSION"]}, f"raw/contacts/schemaVersion_2/{NAME}"),
        ({"pathPrefixHierarchy": ["SCHEMA_VERSION", "EXECUTION_ID"]}, f"raw/contacts/schemaVersion_2/{RUN}/{NAME}"),
        ({"pathPrefixHierarchy": ["EXECUTION_ID", "SCHEMA_VERSION"]}, f"raw/contacts/{RUN}/schemaVersion_2/{NAME}"),
        ({"prefixType": "PATH", "prefixFormat": "YEAR"}, f"raw/contacts/2024/{NAME}"),
        ({"prefixType": "PATH", "prefixFormat": "MONTH"}, f"raw/contacts/2024/03/{NAME}"),
        ({"prefixType": "PATH", "prefixFormat": "DAY"}, f"raw/contacts/2024/03/05/{NAME}"),
        ({"prefixType": "PATH", "prefixFormat": "HOUR"}, f"raw/contacts/2024/03/05/07/{NAME}"),
        ({"prefixType": "PATH", "prefixFormat": "MINUTE"}, f"raw/contacts/2024/03/05/07/09/{NAME}"),
        ({"prefixType": "FILENAME", "prefixFormat": "DAY"}, f"raw/contacts/2024-03-05-{NAME}"),
        ({"prefixType": "PATH_AND_FILENAME", "prefixFormat": "MONTH"}, f"raw/contacts/2024/03/2024-03-{NAME}"),
        ({"prefixType": "PATH", "prefixFormat": "DAY", "pathPrefixHierarchy": ["SCHEMA_VERSION"]},
         f"raw/contacts/schemaVersion_2/2024/03/05/{NAME}"),
        ({"prefixType": "PATH"}, f"raw/contacts/{NAME}"),
    ],
)
def test_a_key_has_the_folders_of_the_flows_prefix_settings(prefixes, pattern):
    assert re.fullmatch(pattern, layout(**prefixes).key(1))


@pytest.mark.parametrize(("prefix", "begin"), [("", "contacts/"), ("raw/", "raw/contacts/"), ("a/b", "a/b/contacts/")])
def test_the_flows_name_follows_the_buckets_prefix(prefix, begin):
    assert layout(prefix).key(1).startswith(begin)


def test_partitions_are_the_last_folders():
    key = layout(prefixType="PATH", prefixFormat="YEAR").key(1, ("country=DE", "city=Bonn"))
    assert re.fullmatch(f"raw/contacts/2024/country=DE/city=Bonn/{NAME}", key)


def test_a_folder_of_an_empty_value_is_no_missing_folder():
    assert layout().key(1, ("country=",)).startswith(f"raw/contacts/{RUN}/country=/")


def test_a_run_has_the_same_names_again_and_never_one_twice():
    keys = [layout().key(number) for number in range(1, 100_001)]
    assert len(set(keys)) == len(keys)
    assert keys[:3] == [layout().key(number) for number in (1, 2, 3)]
    assert Layout("lake", "raw", "contacts", "another", 2, BEGAN).key(1).split("/")[-1] != keys[0].split("/")[-1]
