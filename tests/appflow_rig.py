"""AppFlow behind the rig's endpoint, in front of a fake connector, with moto's Secrets Manager: one rig a process."""

import functools
import importlib.resources
import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from emulator.aws import internal
from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.services.appflow import appflow_service
from emulator.clock import Clock
from emulator.injector import Injector
from emulator.model import Outcome
from emulator.saas import SaasHosts
from emulator.timeline import Timeline

ARN = "arn:aws:lambda:us-east-1:123456789012:function:crm"
PROPERTIES = {
    "profileProperties": {"instanceUrl": "https://acme.my.salesforce.com", "is_sandbox_account": "false"},
    "oAuth2Properties": {
        "tokenUrl": "https://login.salesforce.com/services/oauth2/token",
        "oAuth2GrantType": "AUTHORIZATION_CODE",
    },
}
OAUTH2 = {"authenticationType": "OAUTH2", "oauth2": {"accessToken": "t-1", "refreshToken": "r-1"}}
NO_VALID = "Error while communicating to connector: Got error from connector. No valid response and error details found"
SECRET = "appflow!123456789012-crm-acme"


class Connector:
    """An invoker in front of a handler; `answers` by request type take its place. Keeps the requests."""

    def __init__(self, handler=None):
        self.handler, self.answers, self.requests = handler, {}, []

    def invoke(self, function, payload, origin, **more):
        request = json.loads(payload)
        self.requests.append(request)
        said = self.answers.get(request["type"].removesuffix("Request"))
        if function != ARN:
            raise LookupError(f"Function not found: {function}")
        if isinstance(said, Outcome):
            return said
        try:
            said = self.handler(request, None) if said is None else said(request) if callable(said) else said
            return Outcome("ok", json.dumps(said).encode())
        except RuntimeError as error:
            said = {"errorMessage": str(error), "errorType": "RuntimeError"}
            return Outcome("error", json.dumps(said).encode(), "Unhandled")

    def asked(self):
        return [request["type"].removesuffix("Request") for request in self.requests]


class Rig:
    """AppFlow behind an endpoint, in front of a connector."""

    def __init__(self):
        self.clock, self.connector, self.backend = Clock(manual=True), Connector(), Backend()
        self.timeline = Timeline(self.clock)
        self.injector = Injector(self.clock, self.timeline)
        self.hosts, self.published = SaasHosts(self.injector), []
        self.service = appflow_service(
            self.connector, lambda service, place="": self.client(service, "appflow.amazonaws.com", place),
            self.injector, "123456789012", "us-east-1", hosts=self.hosts,
            publish=lambda *told: self.published.append(told),
        )
        self.endpoint = AwsEndpoint(self.injector, Attribution(), self.backend, {"appflow": self.service})
        self.appflow, self.secrets = self.client("appflow"), self.client("secretsmanager")
        self.as_function, self.s3 = self.client("secretsmanager", "connector"), self.client("s3")

    def fresh(self):
        """As new: its clients cost too much to make them for every test."""
        self.injector.disarm()
        self.backend.reset()
        self.hosts.reset()
        self.service.implementation.clear()
        self.service.implementation.wait()
        self.timeline.clear()
        self.published.clear()
        self.endpoint.attribution.restart()
        self.connector.handler, self.connector.answers, self.connector.requests = None, {}, []
        return self

    def client(self, service, caller="", place=""):
        return internal.client(self.endpoint, service, caller, place=place)

    def secret(self, arn=SECRET):
        return json.loads(self.secrets.get_secret_value(SecretId=arn)["SecretString"])

    def secret_names(self):
        return [secret["Name"] for secret in self.secrets.list_secrets()["SecretList"]]

    def register(self, label="crm", **more):
        config = {"lambda": {"lambdaArn": ARN}}
        return self.appflow.register_connector(
            connectorLabel=label, connectorProvisioningType="LAMBDA", connectorProvisioningConfig=config, **more
        )["connectorArn"]

    def described(self, label="crm"):
        said = self.appflow.describe_connector(connectorType="CustomConnector", connectorLabel=label)
        return said["connectorConfiguration"]

    def profile(self, name="acme", label="crm", credentials=OAUTH2, properties=PROPERTIES, **more):
        return self.appflow.create_connector_profile(
            connectorProfileName=name, connectorType="CustomConnector", connectorLabel=label, connectionMode="Public",
            connectorProfileConfig=config(credentials, properties), **more,
        )["connectorProfileArn"]


def config(credentials, properties=PROPERTIES):
    made = {"connectorProfileProperties": {"CustomConnector": properties}}
    return made | ({"connectorProfileCredentials": {"CustomConnector": credentials}} if credentials else {})


@functools.cache
def the_rig():
    return Rig()


@pytest.fixture
def bare():
    """A rig whose connector answers only what a test tells it to."""
    yield the_rig().fresh()
    the_rig().fresh()


@pytest.fixture
def rig(bare, monkeypatch):
    """A rig with AWS's Salesforce example connector, whose boto3 and Salesforce are in this process."""
    from custom_connector_example.handlers import client, configuration, metadata, salesforce
    from custom_connector_sdk.lambda_handler.lambda_handler import BaseLambdaConnectorHandler

    secrets = SimpleNamespace(client=lambda service: bare.as_function)
    monkeypatch.setattr(salesforce, "boto3", secrets)
    monkeypatch.setattr(client.HttpsClient, "rest_get", salesforce_says)
    handlers = metadata.SalesforceMetadataHandler(), None, configuration.SalesforceConfigurationHandler()
    bare.connector.handler = BaseLambdaConnectorHandler(*handlers).lambda_handler
    return bare


SOBJECTS = {"sobjects": [{"name": n, "label": n.title(), "createable": True} for n in ("account", "contact", "lead")]}
DESCRIBED = {
    "name": "account",
    "label": "Account",
    "fields": [{"name": "Id", "type": "id", "label": "Account ID", "filterable": True, "idLookup": False,
                "createable": False, "defaultedOnCreate": True}],
}


def salesforce_says(self, uri):
    from custom_connector_example.handlers.client import SalesforceResponse

    if self.access_token != "t-1":
        return SalesforceResponse(401, "expired", "Unauthorized")
    said = DESCRIBED if uri.endswith("/describe") else SOBJECTS
    return SalesforceResponse(200, json.dumps(said), "OK")


def error_of(act, *args, **params):
    with pytest.raises(ClientError) as caught:
        act(*args, **params)
    said = caught.value.response
    return said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Message"]


def failure(code, message):
    return {"isSuccess": False, "errorDetails": {"errorCode": code, "errorMessage": message}}


OK = {"isSuccess": True, "errorDetails": None}
CONFIGURATION = {
    "connectorOwner": "o",
    "connectorName": "CRM-of-o",
    "connectorVersion": "1.0",
    "connectorModes": ["SOURCE"],
    "authenticationConfig": {"isBasicAuthSupported": True, "isApiKeyAuthSupported": True, "isCustomAuthSupported": True,
                             "customAuthConfig": [{"authenticationType": "hmac", "authParameters": []}]},
    "supportedApiVersions": ["v1"],
    "isSuccess": True,
}


@pytest.fixture
def plain(bare):
    """A rig with a connector for all kinds of credentials but OAuth 2.0."""
    bare.connector.answers = {"DescribeConnectorConfiguration": CONFIGURATION, "ValidateCredentials": OK,
                              "ValidateConnectorRuntimeSettings": OK}
    return bare


BASIC = {"authenticationType": "BASIC", "basic": {"username": "u", "password": "p"}}
APIKEY = {"authenticationType": "APIKEY", "apiKey": {"apiKey": "k", "apiSecretKey": "s"}}
CUSTOM = {"authenticationType": "CUSTOM", "custom": {"customAuthenticationType": "hmac", "credentialsMap": {"a": "b"}}}
CACHED = {**OK, "entities": [{"entityIdentifier": name, "hasNestedEntities": False} for name in "abc"]}
DEFINED = {**OK, "entityDefinition": {"entity": {"entityIdentifier": "a", "hasNestedEntities": False}, "fields": []}}


def update(rig, credentials, properties=PROPERTIES):
    return rig.appflow.update_connector_profile(
        connectorProfileName="acme", connectionMode="Public", connectorProfileConfig=config(credentials, properties)
    )


def awss(name):
    """An expectation of AWS's own test suite for its example connector."""
    folder = importlib.resources.files("custom_connector_example") / "salesforce-example-test-files"
    return json.loads((folder / f"{name}-validation-file.json").read_text())
