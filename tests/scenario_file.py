"""Scenario files with a function and an API in them, and what becomes of them."""

import pytest

from emulator.errors import FileProblem
from emulator.files import ScenarioFile, load
from emulator.scenario import check, run_scenario

HANDLER = """
import os
import boto3

def handler(event, context):
    if event.get("fail"):
        raise ValueError(event["fail"])
    if "secret" in event:
        client = boto3.client("secretsmanager", endpoint_url=os.environ["AWS_ENDPOINT_URL"],
            aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=os.environ["AWS_SESSION_TOKEN"], region_name="us-east-1")
        return {"value": client.get_secret_value(SecretId=event["secret"])["SecretString"]}
    if "requestContext" in event:
        return {"statusCode": 201 if event["body"] else 200, "body": event["body"] or event["path"],
                "headers": {"X-Seen": event["headers"].get("X-Asked", "")}}
    return {"got": event, "token": os.environ.get("TOKEN")}
"""
CRM = """
scenario: test
engine: inline
functions: {crm: {folder: code, handler: handler.handler, timeout: 30, environment: {TOKEN: "${secrets.token.arn}"}}}
apis: {shop: {routes: {"ANY /orders/{id}": crm}}}
secrets: {token: {a: 1}}
"""


@pytest.fixture
def write(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "handler.py").write_text(HANDLER)

    def make(steps, head=CRM):
        path = tmp_path / "scenario.yaml"
        path.write_text(f"{head}\n{steps}")
        return path

    return make


def run(path, **options):
    return run_scenario(load(path, ScenarioFile), path, **options)


def refused(path):
    with pytest.raises(FileProblem) as caught:
        check(load(path, ScenarioFile), path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said.removeprefix(f"{path}: ")
