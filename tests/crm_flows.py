"""Flows between the CRM (sample_connectors/crm_connector, crm_host) and S3 on a rig, and what they left."""

import json
from pathlib import Path

from botocore.exceptions import ClientError

from emulator.saas import Asker, Request

SAMPLES = Path(__file__).parent.parent / "sample_connectors"
STUB = SAMPLES / "crm_host" / "stub.py"
CONNECTORS = {"weak": "handler.handler", "hardened": "hardened.handler"}
OAUTH2 = {"authenticationType": "OAUTH2", "oauth2": {"clientId": "crm-client", "clientSecret": "crm-client-secret"}}
TOKENS = {"oAuth2Properties": {"tokenUrl": "https://login.crm.example.com/token",
                               "oAuth2GrantType": "CLIENT_CREDENTIALS"}}  # fmt: skip
ON_DEMAND = {"triggerType": "OnDemand"}
PROFILE = {"connectorProfileName": "crm", "apiVersion": "v1"}
NO_VALID = "Error while communicating to connector: Got error from connector. No valid response and error details found"


def api_key(instance):
    return {"authenticationType": "APIKEY", "apiKey": {"apiKey": f"crm-key-{instance}"}}


class Crm:
    """A registered connector, weak or hardened, in a rig with the CRM. After `profile` flows can be made."""

    def __init__(self, rig, which, memory=1769, **environment):
        self.rig, self.which = rig, which
        rig.upstreams(STUB)
        arn = rig.function(
            "crm", SAMPLES / "crm_connector", CONNECTORS[which], requirements=True, memory=memory, timeout=30,
            environment=environment,
        )  # fmt: skip
        self.appflow, self.s3 = rig.client("appflow"), rig.client("s3")
        self.s3.create_bucket(Bucket="lake")
        self.appflow.register_connector(
            connectorLabel="crm", connectorProvisioningType="LAMBDA",
            connectorProvisioningConfig={"lambda": {"lambdaArn": arn}},
        )  # fmt: skip

    def profile(self, instance="emea", oauth2=False):
        properties = {"profileProperties": {"instanceUrl": f"https://{instance}.crm.example.com"}}
        self.appflow.create_connector_profile(
            connectorProfileName="crm", connectorType="CustomConnector", connectorLabel="crm", connectionMode="Public",
            connectorProfileConfig={
                "connectorProfileProperties": {"CustomConnector": properties | (TOKENS if oauth2 else {})},
                "connectorProfileCredentials": {"CustomConnector": OAUTH2 if oauth2 else api_key(instance)},
            },
        )  # fmt: skip
        return self

    def refusal(self):
        """What CreateConnectorProfile says; empty if it has made one."""
        try:
            self.profile()
        except ClientError as error:
            return error.response["Error"]["Message"]
        return ""

    def reading(
        self, entity="Contact", tasks=({"taskType": "Map_all", "sourceFields": []},), by=None, trigger=ON_DEMAND
    ):
        """A flow of the entity to S3. by: the field that tells what is new."""
        s3 = {"bucketName": "lake", "bucketPrefix": "out"}
        source = {"connectorType": "CustomConnector", **PROFILE,
                  "sourceConnectorProperties": {"CustomConnector": {"entityName": entity}}}  # fmt: skip
        if by:
            source["incrementalPullConfig"] = {"datetimeTypeFieldName": by}
        destination = {"connectorType": "S3", "destinationConnectorProperties": {"S3": s3}}
        return self._flow(source, destination, tasks, trigger)

    def writing(self, rows, operation="INSERT", ids=(), entity="Contact"):
        """A flow of these records, as CSV in S3, to the CRM."""
        fields = list(rows[0])
        lines = [",".join(fields), *(",".join(str(row[field]) for field in fields) for row in rows)]
        self.s3.put_object(Bucket="lake", Key="in/rows.csv", Body="\n".join(lines).encode())
        custom = {"entityName": entity, "writeOperationType": operation, "idFieldNames": list(ids),
                  "errorHandlingConfig": {"bucketName": "lake", "bucketPrefix": "failed"}}  # fmt: skip
        destination = {"connectorType": "CustomConnector", **PROFILE,
                       "destinationConnectorProperties": {"CustomConnector": custom}}  # fmt: skip
        source = {"connectorType": "S3", "sourceConnectorProperties": {
            "S3": {"bucketName": "lake", "bucketPrefix": "in"}}}  # fmt: skip
        maps = [{"taskType": "Map", "sourceFields": [field], "destinationField": field,
                 "connectorOperator": {"S3": "NO_OP"}} for field in fields]  # fmt: skip
        projection = {"taskType": "Filter", "sourceFields": fields, "connectorOperator": {"S3": "PROJECTION"}}
        return self._flow(source, destination, [projection, *maps])

    def _flow(self, source, destination, tasks, trigger=ON_DEMAND):
        self.appflow.create_flow(
            flowName="flow", sourceFlowConfig=source, destinationFlowConfigList=[destination], tasks=list(tasks),
            triggerConfig=trigger,
        )  # fmt: skip
        return self

    def run(self):
        """(status, records, refused ones, message) of a whole run."""
        started = self.appflow.start_flow(flowName="flow")["executionId"]
        self.rig.settle()
        [record] = [r for r in self.appflow.describe_flow_execution_records(flowName="flow")["flowExecutions"]
                    if r["executionId"] == started]  # fmt: skip
        info = record["executionResult"].get("errorInfo", {})
        said = record["executionStatus"], record["executionResult"].get("recordsProcessed", 0)
        return (*said, info.get("putFailuresCount", 0), info.get("executionMessage", ""))

    def lines(self, prefix="out"):
        """Of the objects below it."""
        listed = self.s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", [])
        bodies = [self.s3.get_object(Bucket="lake", Key=item["Key"])["Body"].read().decode() for item in listed]
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    def secret(self):
        """ARN of what AppFlow keeps the profile's credentials in."""
        [made] = self.rig.client("secretsmanager").list_secrets()["SecretList"]
        return made["ARN"]

    def there(self, entity="Contact", field="Name"):
        """Of each of the CRM's own records, in their order."""
        found, after = [], ""
        while after is not None:
            page = self.ask("GET", f"entities/{entity}/records?after={after}")[1]
            found += [row.get(field) for row in page["records"]]
            after = page["next"]
        return found

    def ask(self, method, path, body=None, key="crm-key-emea", instance="emea", once=""):
        """(status, body) of the CRM's answer to a person."""
        host = f"{instance}.crm.example.com"
        headers = {"host": host, "authorization": f"Bearer {key}", **({"idempotency-key": once} if once else {})}
        request = Request(method, f"/v1/{path}", headers, json.dumps(body).encode())
        reply = self.rig.rig.saas.answer(host, request, Asker())
        return reply.status, json.loads(reply.body)
