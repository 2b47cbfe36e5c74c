"""A rig with AppFlow's state in a folder, in a process of its own that can be killed at a moment of a run."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import closing

import boto3
from appflow_rig import CONFIGURATION
from botocore.config import Config
from cli_rig import PATIENCE_S, Up, shell
from flow_rig import DEFINITION, flow

from emulator.aws.services.appflow.kept.folder import FILE

PAGES = 4
CONNECTOR = f"""
import boto3, json, os
ANSWERS = {{"DescribeConnectorConfiguration": {CONFIGURATION!r}, "DescribeEntity": {DEFINITION!r}}}

def handler(event, context):
    kind = event["type"].removesuffix("Request")
    if kind != "QueryData":
        return ANSWERS.get(kind, {{"isSuccess": True}})
    arn = event["connectorContext"]["credentials"]["secretArn"]
    secret = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    page = int(event["nextToken"] or 1)
    gate = os.path.join(os.environ["GATES"], "gate-" + str(page))
    if os.path.exists(gate):
        with open(gate, "w") as reached:
            reached.write("here")
        with open(gate) as until:
            until.read()
    records = [json.dumps({{"Id": f"{{page}}-{{n}}", "Name": secret["username"]}}) for n in range(page)]
    return {{"isSuccess": True, "records": records, "nextToken": str(page + 1) if page < {PAGES} else None}}
"""
# Ends the process as a power cut would, at a moment between two steps of keeping a page.
KILLED = """
import os, signal, sys
from emulator.aws.services.appflow.kept.state import State
from emulator.cli import main

step, page = {step!r}, {page}
plain = getattr(State, step)
calls = []

def dying(self, *given):
    calls.append(given)
    if len(calls) == page and not {after}:
        os.kill(os.getpid(), signal.SIGKILL)
    said = plain(self, *given)
    if len(calls) == page:
        os.kill(os.getpid(), signal.SIGKILL)
    return said

setattr(State, step, dying)
main()
"""


class StatefulUp(Up):
    """`lambdarig up --state state` in a home's work folder. code: Python that takes the place of the command."""

    def __init__(self, home, *arguments, code=""):
        self.home = home
        command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "emulator.cli"]
        self.process = subprocess.Popen(
            [*command, "up", "rig.yaml", "--port", "0", "--json", "--engine", "inline", "--state", "state", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=home.work,
            env={**shell(), **home.variables},
        )
        self.said = self._announced()
        self.port = self.said["url"].rpartition(":")[2]
        self.appflow, self.s3, self.secrets = (self.client(name) for name in ("appflow", "s3", "secretsmanager"))

    def client(self, service):
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        return boto3.client(
            service, endpoint_url=self.said["url"], region_name="us-east-1", aws_access_key_id="AKIALAMBDARIGCLIENT0",
            aws_secret_access_key="lambdarig", config=config,
        )

    def furnish(self):
        """A connector, a profile with a secret, a bucket and a flow; gives the secret's ARN."""
        self.s3.create_bucket(Bucket="lake")
        arn = self.client("lambda").get_function(FunctionName="crm")["Configuration"]["FunctionArn"]
        self.appflow.register_connector(connectorLabel="crm", connectorProvisioningType="LAMBDA",
                                        connectorProvisioningConfig={"lambda": {"lambdaArn": arn}})
        basic = {"authenticationType": "BASIC", "basic": {"username": "ann", "password": "p"}}
        self.appflow.create_connector_profile(
            connectorProfileName="acme", connectorType="CustomConnector", connectorLabel="crm",
            connectionMode="Public",
            connectorProfileConfig={"connectorProfileProperties": {"CustomConnector": {}},
                                    "connectorProfileCredentials": {"CustomConnector": basic}},
        )
        self.appflow.create_flow(**flow(tags={"team": "sales"}))
        return self.secrets.list_secrets()["SecretList"][0]["ARN"]

    def start(self):
        return self.appflow.start_flow(flowName="contacts")["executionId"]

    def records(self):
        return self.appflow.describe_flow_execution_records(flowName="contacts")["flowExecutions"]

    def files(self):
        listed = self.s3.list_objects_v2(Bucket="lake").get("Contents", [])
        return {item["Key"]: self.s3.get_object(Bucket="lake", Key=item["Key"])["Body"].read() for item in listed}

    def run(self):
        """One whole run; its record."""
        said = self.call("flow", "run", "contacts", "--json")
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)

    def killed(self):
        """It ended as if the machine had been switched off."""
        assert self.process.wait(PATIENCE_S) == -signal.SIGKILL
        self.process.stdout.close()
        self.process.stderr.close()


class Gate:
    """Holds the connector at a page, once."""

    def __init__(self, home, page):
        self.path = home.work / f"gate-{page}"
        os.mkfifo(self.path)

    def reached(self):
        """Wait until the connector is asked for that page; it waits, too."""
        with closing(os.fdopen(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))) as told:
            assert select.select([told], [], [], PATIENCE_S)[0], "the page was never asked for"

    def open(self):
        """It is no more."""
        self.path.unlink()


def rows(home, statement):
    """Of the state's database, when nobody has it."""
    import sqlite3

    with closing(sqlite3.connect(home.work / "state" / FILE)) as database:
        return database.execute(statement).fetchall()
