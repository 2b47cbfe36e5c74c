"""A function behind the front doors of a rig: its queue of events, API Gateway with its log, AppFlow; and its runs."""

import functools
import json

import requests
from botocore.config import Config

from emulator.aws import internal
from emulator.building_apis import make_api
from emulator.file_models import RouteSpec


class Doors:
    """name: the function's. Every client but `sdk` goes past the socket, and never retries."""

    def __init__(self, rig, name="orders"):
        self.rig, self.name, self.arn = rig, name, f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        self.aws = functools.cache(functools.partial(internal.client, rig.endpoint))

    def send(self):
        """As an asynchronous event, which is tried at once."""
        self.aws("lambda").invoke(FunctionName=self.name, InvocationType="Event", Payload="{}")
        self.rig.settle()

    def later(self, seconds):
        self.rig.clock.advance(seconds)
        self.rig.settle()

    def sdk(self, mode="standard"):
        """Invoke by an SDK that tries three times, over the socket; gives the payload."""
        import boto3

        config = Config(retries={"mode": mode, "total_max_attempts": 3})
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        api = boto3.Session().client("lambda", "us-east-1", endpoint_url=self.rig.url, config=config, **keys)
        return json.load(api.invoke(FunctionName=self.name)["Payload"])

    @functools.cached_property
    def api(self):
        spec = RouteSpec(routes={"GET /": self.name}, execution_log="ERROR")
        return make_api(self.aws, "shop", spec, {self.name: {"arn": self.arn}}, "123456789012")

    def get(self):
        """(status, body) from API Gateway."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{self.rig.url}{self.api['path']}/", timeout=20)
        return answer.status_code, answer.text

    def logged(self):
        """Execution log of the API, without request ids."""
        found = self.aws("logs").filter_log_events(logGroupName=self.api["execution_log_group"])["events"]
        return [event["message"].split(") ", 1)[1] for event in found]

    def connect(self):
        """AppFlow asks it what connector it is; what it says of the failure, as (code, message)."""
        api = self.aws("appflow")
        try:
            api.register_connector(
                connectorLabel="crm", connectorProvisioningType="LAMBDA",
                connectorProvisioningConfig={"lambda": {"lambdaArn": self.arn}},
            )  # fmt: skip
        except api.exceptions.ClientError as error:
            said = error.response["Error"]
            return said["Code"], said["Message"]
        raise AssertionError("a connector was registered")

    def ran(self):
        """(invocation, outcome) of each time somebody invoked it."""
        events = self.rig.timeline.events()
        return [(e.subject, e.outcome) for e in events if e.point == "invoke" and e.subject.startswith(self.name)]
