"""Flows between the contacts of a connector (sample_connectors/faults/contacts) and S3, on a rig; what they left."""

import json
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "sample_connectors" / "faults" / "contacts"
NO_ANSWER = "Error while communicating to connector: Got error from connector. No valid response and error details"


class Contacts:
    """The connector is registered, has a profile and its table. page: contacts that it gives at once, of six."""

    def __init__(self, rig, page=2):
        self.rig = rig
        self.appflow, self.s3 = rig.client("appflow"), rig.client("s3")
        arn = rig.function("crm", FOLDER, "handler.handler", memory=512, timeout=30, environment={"PAGE": str(page)})
        self.s3.create_bucket(Bucket="lake")
        rig.client("dynamodb").create_table(
            TableName="contacts", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "row", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "row", "KeyType": "HASH"}],
        )  # fmt: skip
        self.appflow.register_connector(
            connectorLabel="crm", connectorProvisioningType="LAMBDA",
            connectorProvisioningConfig={"lambda": {"lambdaArn": arn}},
        )  # fmt: skip
        key = {"authenticationType": "APIKEY", "apiKey": {"apiKey": "k"}}
        self.appflow.create_connector_profile(
            connectorProfileName="crm", connectorType="CustomConnector", connectorLabel="crm", connectionMode="Public",
            connectorProfileConfig={"connectorProfileProperties": {"CustomConnector": {}},
                                    "connectorProfileCredentials": {"CustomConnector": key}},
        )  # fmt: skip

    def reading(self, name="contacts", tasks=(), **output):
        """A flow from the connector to S3. tasks: besides the mapping. output: s3OutputFormatConfig."""
        s3 = {"bucketName": "lake", "bucketPrefix": "crm", "s3OutputFormatConfig": output}
        self._flow(
            name, {"sourceConnectorProperties": {"CustomConnector": {"entityName": "Contact"}}},
            {"connectorType": "S3", "destinationConnectorProperties": {"S3": s3}},
            [{"taskType": "Map_all", "sourceFields": []}, *tasks],
        )  # fmt: skip
        return self

    def writing(self, name="contacts", people=3, first_ends=False, **properties):
        """A flow from a CSV file with so many people to the connector."""
        rows = "".join(f"p{number},Person {number}\n" for number in range(1, people + 1))
        self.s3.put_object(Bucket="lake", Key="in/people.csv", Body=f"Id,Name\n{rows}".encode())
        errors = {"bucketName": "lake", "bucketPrefix": "failed", "failOnFirstDestinationError": first_ends}
        custom = {"entityName": "Contact", "writeOperationType": "INSERT", "errorHandlingConfig": errors, **properties}
        maps = [{"taskType": "Map", "sourceFields": [field], "destinationField": field,
                 "connectorOperator": {"S3": "NO_OP"}} for field in ("Id", "Name")]
        self._flow(
            name, {"sourceConnectorProperties": {"S3": {"bucketName": "lake", "bucketPrefix": "in"}}},
            {"connectorType": "CustomConnector", "destinationConnectorProperties": {"CustomConnector": custom}},
            [{"taskType": "Filter", "sourceFields": ["Id", "Name"], "connectorOperator": {"S3": "PROJECTION"}}, *maps],
        )  # fmt: skip
        return self

    def _flow(self, name, source, destination, tasks):
        profile = {"connectorProfileName": "crm", "apiVersion": "v1"}
        kind = next(iter(source["sourceConnectorProperties"]))
        self.appflow.create_flow(
            flowName=name, triggerConfig={"triggerType": "OnDemand"}, tasks=tasks,
            sourceFlowConfig={"connectorType": kind, **source, **({} if kind == "S3" else profile)},
            destinationFlowConfigList=[{**destination, **(profile if kind == "S3" else {})}],
        )  # fmt: skip

    def run(self, name="contacts"):
        """The record of a whole run: status, records, failed and message."""
        started = self.appflow.start_flow(flowName=name)["executionId"]
        self.rig.settle()
        [record] = [r for r in self.appflow.describe_flow_execution_records(flowName=name)["flowExecutions"]
                    if r["executionId"] == started]  # fmt: skip
        result = record["executionResult"]
        info = result.get("errorInfo", {})
        said = record["executionStatus"], result["recordsProcessed"], info.get("putFailuresCount", 0)
        return (*said, info.get("executionMessage", ""))

    def lines(self, prefix="crm"):
        """Of the objects below it."""
        listed = self.s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", [])
        bodies = [self.s3.get_object(Bucket="lake", Key=item["Key"])["Body"].read().decode() for item in listed]
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    def ids(self):
        """Of the contacts that have arrived in S3."""
        return sorted(row["Id"] for row in self.lines())

    def written(self):
        """Names in the connector's table."""
        items = self.rig.client("dynamodb").scan(TableName="contacts")["Items"]
        return sorted(item["Name"]["S"] for item in items)

    def asked(self):
        """How often the connector has run."""
        return sum(e.point == "invoke" and e.subject.startswith("crm/") for e in self.rig.timeline.events())

    def struck(self):
        """Where rules have struck: (subject, point, outcome)."""
        return [(e.subject, e.point, e.outcome) for e in self.rig.timeline.events() if e.rule]
