"""Tasks and filters in whole runs: what the connector is asked, and what arrives."""

import json

from flow_rig import PEOPLE, files, flow, projected, run, to_connector

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: plain, crm, crm_both


def task(kind, *sources, operator="NO_OP", connector="CustomConnector", to=None, **properties):
    given = {"taskType": kind, "sourceFields": list(sources), "connectorOperator": {connector: operator}}
    more = {"destinationField": to, "taskProperties": properties}
    return given | {name: value for name, value in more.items() if value}


def test_a_connector_filters_and_appflow_does_the_rest(crm):
    wanted = [task("Filter", "Age", operator="GREATER_THAN", VALUE="2"),
              task("Filter", "Name", operator="EQUAL_TO", VALUES="Person 1,7")]
    done = [task("Mask", "Name", operator="MASK_FIRST_N", MASK_LENGTH="4"),
            task("Validate", "Id", operator="VALIDATE_NON_ZERO", VALIDATION_ACTION="DropRecord"),
            task("Arithmetic", "Id", "Age", operator="ADDITION", to="Sum"), task("Map", "Sum", to="sum")]
    crm.appflow.create_flow(**flow(tasks=[*projected("Id", "Name"), *wanted, *done]))
    record = run(crm)
    [request, *_] = [one for one in crm.connector.requests if one["type"] == "QueryDataRequest"]
    assert request["filterExpression"] == '(Age > 2) and (Name = "Person 1" or Name = "7")'
    assert request["selectedFieldNames"] == ["Id", "Name", "Age"]
    rows = [json.loads(line) for body in files(crm).values() for line in body.splitlines()]
    assert sorted(rows, key=lambda row: row["Id"]) == [
        {"Id": one["Id"], "Name": f"****{one['Name'][4:]}", "sum": 2 * one["Age"]} for one in PEOPLE]
    assert record["executionStatus"] == "Successful"


def test_a_task_that_cannot_be_done_is_the_runs_message(crm):
    broken = task("Arithmetic", "Id", "Name", operator="DIVISION", to="x")
    crm.appflow.create_flow(**flow(tasks=[*projected("Id", "Name"), broken]))
    record = run(crm)
    assert record["executionStatus"] == "Error"
    message = record["executionResult"]["errorInfo"]["executionMessage"]
    assert message == "DIVISION failed: the value of Name is no number: Person 1"


def test_files_are_filtered_on_their_way_to_a_connector(crm_both):
    crm_both.s3.put_object(Bucket="lake", Key="in/people.csv", Body=b"Id,Name,Age\n1,Ada,36\n2,Bob,9\n3,,40\n")
    written = []

    def write(request):
        written.extend(json.loads(record) for record in request["records"])
        return {"isSuccess": True, "writeRecordResults": [{"isSuccess": True} for _ in request["records"]]}

    crm_both.connector.answers["WriteData"] = write
    given = to_connector()
    given["tasks"] += [
        task("Filter", "Age", operator="GREATER_THAN", connector="S3", DATA_TYPE="integer", VALUE="10"),
        task("Truncate", "Name", connector="S3", TRUNCATE_LENGTH="2"),
    ]
    crm_both.appflow.create_flow(**given)
    assert run(crm_both)["executionStatus"] == "Successful"
    assert [row["Id"] for row in written] == ["1", "3"]
    assert written[0] == {"Id": "1", "Name": "Ad"}


def test_files_are_in_folders_of_a_partitions_values(crm):
    divided = task("Partition", ORDERED_PARTITION_KEYS_LIST='["Age"]')
    crm.appflow.create_flow(**flow(tasks=[*projected("Id", "Age"), divided]))
    run(crm)
    folders = {part for key in files(crm) for part in key.split("/") if "=" in part}
    assert folders == {f"Age={n}" for n in range(1, 6)}
