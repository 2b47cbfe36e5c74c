"""AWS's own suite for connector authors (`custom_connector_integ_test`), unmodified, against AWS's Salesforce connector
in a container of 256 MB: register, profile, list, describe, a flow from Salesforce and two into it."""

import hashlib
import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

SAMPLES = Path(__file__).parent.parent / "sample_connectors"
EXPECTED = files("custom_connector_example") / "salesforce-example-test-files"
HANDLER = "custom_connector_example.handlers.lambda_handler.salesforce_lambda_handler"
TOKEN_URL = "https://login.salesforce.com/services/oauth2/token"
RUNS = 20
_MOMENT = re.compile(r"\d{10}(?=\b|/)")  # the suite's names of connectors, profiles and flows end with the time


@pytest.fixture(scope="module")
def salesforce():
    """A rig with AWS's connector, its Salesforce, a bucket, and the secret that the suite takes credentials from."""
    with Rig(Settings(engine="docker")) as inner:
        rig = PytestRig(inner.start())
        yield rig


# AWS's own expectation names INSERT for Account.Id, which this version of its connector never says; and the order in
# which it says UPSERT and UPDATE is that of a Python set. So the field looked at is another one.
NAME = {
    "identifier": "Name", "label": "Account Name", "description": "Account Name", "isPrimaryKey": False,
    "isDeprecated": False,
    "supportedFieldTypeDetails": {"v1": {
        "fieldType": "String", "filterOperators": ["CONTAINS", "EQUAL_TO", "NOT_EQUAL_TO"], "supportedValues": [],
    }},
    "sourceProperties": {"isRetrievable": True, "isQueryable": True, "isTimestampFieldForIncrementalQueries": False},
    "destinationProperties": {
        "isCreatable": True, "isNullable": False, "isUpsertable": False, "isUpdatable": True,
        "isDefaultedOnCreate": False, "supportedWriteOperations": [],
    },
}


def configuration(arn, secret, folder):
    """What an author writes for the suite."""
    expected = folder / "account.json"
    expected.write_text(json.dumps({"connectorEntityFields": [NAME]}))
    profile = {"instanceUrl": "https://example.my.salesforce.com", "is_sandbox_account": "false"}
    oauth = {"oAuth2GrantType": "AUTHORIZATION_CODE", "tokenUrl": TOKEN_URL}
    into = {"entityName": "Account", "writeOperationType": "INSERT", "destinationRuntimeProperties": {}}
    return {
        "customConnectorConfigurations": [{"name": "connector1", "lambdaArn": arn}],
        "customConnectorProfileConfigurations": [{
            "connectorName": "connector1", "name": "profile1", "profileProperties": profile,
            "defaultApiVersion": "v51.0", "authenticationType": "OAUTH2", "oAuth2Properties": oauth,
            "secretsManagerArn": secret,
        }],
        "testBucketConfiguration": {"bucketName": "lake", "bucketPrefix": "suite/"},
        "listConnectorEntitiesTestConfigurations": [{
            "validationFileName": str(EXPECTED / "list-entities-validation-file.json"),
        }],
        "describeConnectorEntityTestConfigurations": [{
            "entityName": "Account", "validationFileName": str(expected),
        }],
        "onDemandToS3TestConfigurations": [{
            "flowName": "out", "entityName": "Account", "entityFields": ["Id", "Name"], "sourceRuntimeProperties": {},
            "outputSize": 517, "flowTimeout": 5,
        }],
        "onDemandFromS3TestConfigurations": [
            {**into, "flowName": "generated", "flowTimeout": 5,
             "dataGeneratorClassName": "custom_connector_example.integ_test.sales_generator.SalesForceTestData"},
            {**into, "flowName": "file", "flowTimeout": 5,
             "sourceDataFile": str(EXPECTED / "salesforce-insert-file.csv")},
        ],
    }


def furnish(rig):
    rig.upstreams(SAMPLES / "salesforce_host" / "stub.py")
    arn = rig.function("salesforce", SAMPLES / "salesforce", HANDLER, memory=256, timeout=30, requirements=True)
    rig.client("s3").create_bucket(Bucket="lake")
    credentials = {"accessToken": "00D000000000001!lambdarig.access.token"}
    secret = rig.client("secretsmanager").create_secret(Name="suite", SecretString=json.dumps(credentials))
    return arn, secret["ARN"]


def run_suite(rig, folder):
    """(exit code, what it printed)."""
    written = folder / "configuration.json"
    written.write_text(json.dumps(configuration(*furnish(rig), folder)))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": rig.url, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x", "TEST_CONFIG": str(written), "NO_PROXY": "*",
    }
    command = [sys.executable, "-m", "unittest", "-v", "custom_connector_example.integ_test.sales_test_case.SalesTest"]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr


def fingerprint(rig):
    """As the timeline's, but for the time in the suite's names and for how often it polled."""
    events = [e for e in rig.timeline.events() if not e.subject.startswith("client/")]
    rows = sorted((_MOMENT.sub("TIME", e.subject), e.point, e.rule, e.outcome) for e in events)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def written(rig):
    """Rows of the CSV that the flow out of Salesforce wrote."""
    s3 = rig.client("s3")
    [found] = s3.list_objects_v2(Bucket="lake", Prefix="suite/integ-test-errors/")["Contents"]
    assert found["Size"] == 517
    return len(s3.get_object(Bucket="lake", Key=found["Key"])["Body"].read().decode().splitlines()) - 1


def accounts(rig, name):
    """Asked of Salesforce by the connector itself."""
    secret = rig.client("secretsmanager").describe_secret(SecretId="suite")["ARN"]
    field = {"fieldName": "Name", "dataType": "String", "filterOperators": []}
    entity = {"entityIdentifier": "Account", "hasNestedEntities": False}
    context = {
        "credentials": {"secretArn": secret, "authenticationType": "OAuth2"}, "apiVersion": "v51.0",
        "connectorRuntimeSettings": {"instanceUrl": "https://example.my.salesforce.com"},
        "entityDefinition": {"entity": entity, "fields": [field]},
    }
    ask = {"type": "QueryDataRequest", "entityIdentifier": "Account", "selectedFieldNames": ["Name"],
           "filterExpression": f"Name = '{name}'", "connectorContext": context}
    return rig.invoke("salesforce", ask).payload["records"]


@pytest.mark.docker
def test_it_passes_every_time_with_one_fingerprint(salesforce, tmp_path):
    seen = set()
    for _ in range(RUNS):
        salesforce.reset()
        code, printed = run_suite(salesforce, tmp_path)
        assert code == 0, printed
        assert (printed.count("... ok"), "skipped" in printed) == (6, False)
        assert written(salesforce) == 12
        assert len(accounts(salesforce, "aaron")) == 2, "one by each flow into Salesforce"
        seen.add(fingerprint(salesforce))
    assert len(seen) == 1
