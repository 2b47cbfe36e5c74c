"""Whole flows from a custom connector to files in S3, through boto3."""

import io
import re

import pyarrow.parquet as pq
import pytest
from appflow_rig import error_of
from flow_rig import PEOPLE, files, flow, projected, run

from emulator.flows import formats

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: plain, crm
TASKS = projected("Id", "Age")


def objects(rig):
    listed = rig.s3.list_objects_v2(Bucket="lake").get("Contents", [])
    return {item["Key"]: rig.s3.get_object(Bucket="lake", Key=item["Key"])["Body"].read() for item in listed}


@pytest.mark.parametrize(("typed", "ages"), [(False, ["1", "2", "3", "4", "5"]), (True, [1, 2, 3, 4, 5])])
def test_a_parquet_file_is_text_unless_the_flow_keeps_the_sources_types(crm, typed, ages):
    output = {"fileType": "PARQUET", "preserveSourceDataTyping": typed,
              "aggregationConfig": {"aggregationType": "SingleFile"}}
    crm.appflow.create_flow(**flow(tasks=TASKS, output=output))
    record = run(crm)
    [body] = objects(crm).values()
    assert pq.read_table(io.BytesIO(body)).to_pylist() == [
        {"Id": person["Id"], "Age": age} for person, age in zip(PEOPLE, ages, strict=True)
    ]
    assert record["executionResult"]["bytesWritten"] == len(body)
    assert record["executionResult"]["recordsProcessed"] == 5


def test_parquet_without_pyarrow_is_refused_with_what_to_install(crm, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    said = error_of(crm.appflow.create_flow, **flow(output={"fileType": "PARQUET"}))
    assert said[:2] == ("UnsupportedOperationException", 400)
    assert said[2].endswith("Parquet files need pyarrow. Install it with: pip install 'lambdarig[parquet]'")


def test_a_target_size_is_taken_from_the_flow(crm):
    output = {"fileType": "CSV", "aggregationConfig": {"aggregationType": "None", "targetFileSize": 1}}
    crm.appflow.create_flow(**flow(tasks=TASKS, output=output))
    run(crm)
    assert list(files(crm).values()) == ["Id,Age\n1,1\n2,2\n3,3\n4,4\n5,5\n"]


def test_partitions_are_folders_and_files_of_their_own(crm):
    partition = {"taskType": "Partition", "sourceFields": ["Age"], "connectorOperator": {"S3": "NO_OP"},
                 "taskProperties": {"ORDERED_PARTITION_KEYS_LIST": '["Age"]'}}
    output = {"fileType": "CSV", "prefixConfig": {"pathPrefixHierarchy": ["SCHEMA_VERSION"]}}
    crm.appflow.create_flow(**flow(tasks=[*TASKS, partition], output=output, prefix="raw"))
    run(crm)
    folders = [re.fullmatch(r"(raw/contacts/schemaVersion_1/Age=\d)/[\dT:-]+", key)[1] for key in files(crm)]
    assert sorted(folders) == [f"raw/contacts/schemaVersion_1/Age={age}" for age in range(1, 6)]
