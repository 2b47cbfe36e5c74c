"""`connector check`: what a person may get wrong, or leave out, is told as such and not as the connector's fault."""

import pytest

pytest_plugins = ["cli_fixtures"]  # fixtures: home, cli
CONNECTOR = """
import json

OK = {"isSuccess": True}
FIELD = {"fieldName": "Id", "dataType": "String"}
ENTITY = {"entityIdentifier": "Contact", "hasNestedEntities": False}

def handler(event, context):
    kind = event["type"].removesuffix("Request")
    if kind == "DescribeConnectorConfiguration":
        setting = {"key": "instanceUrl", "dataType": "String", "required": False, "label": "u", "description": "d",
                   "scope": "CONNECTOR_PROFILE"}
        return {**OK, "connectorOwner": "o", "connectorName": "crm", "connectorVersion": "1",
                "connectorModes": ["SOURCE"], "supportedApiVersions": ["v1"], "connectorRuntimeSetting": [setting],
                "authenticationConfig": {"isApiKeyAuthSupported": True}}
    if WANTS_SECRET and kind == "ListEntities" and not event["connectorContext"].get("credentials"):
        return {"isSuccess": False, "errorDetails": {"errorCode": "InvalidCredentials", "errorMessage": "who?"}}
    if kind == "ListEntities":
        return {**OK, "entities": [ENTITY]}
    if kind == "DescribeEntity":
        return {**OK, "entityDefinition": {"entity": ENTITY, "fields": [FIELD]}}
    if kind == "QueryData":
        return {**OK, "records": [{"Id": str(n)} for n in range(10)]}
    return OK
"""


@pytest.fixture
def check(cli, home):
    """check(OPTION...) -> (exit status, stdout, stderr)."""

    def go(*options, target="code", handler="crm.handler", secret=False):
        (home.work / "code" / "crm.py").write_text(f"WANTS_SECRET = {secret}\n{CONNECTOR}")
        return cli("connector", "check", target, "--handler", handler, "--engine", "inline", *options)

    return go


def test_a_setting_that_the_connector_does_not_have(check):
    status, _, err = check("--settings", "instanceURL=u", "--only", "entities")
    assert status == 2
    assert "unknown connector runtime setting (--settings) 'instanceURL': choose one of instanceUrl" in err


def test_a_file_of_code(check):
    status, _, err = check(target="code/crm.py")
    said = "lambdarig: code/crm.py: is code, not a connector: name its folder, code, and --handler\n"
    assert (status, err) == (2, said)


@pytest.mark.parametrize("handler", ["handler", ".handler", "handler."])
def test_a_handler_without_its_module(check, handler):
    status, _, err = check(handler=handler)
    assert (status, err) == (2, f"lambdarig: --handler {handler}: must be module.function, as in Lambda\n")


def test_a_connector_that_wants_credentials_is_not_at_fault_where_none_are_given(check):
    status, out, _ = check("--only", "entities", secret=True)
    assert status == 0
    assert "skipped, the connector asks for credentials: give them with --secret: entities" in out
    status, out, _ = check("--only", "entities", "--secret", '{"apiKey": "k"}', "--auth-type", "ApiKey", secret=True)
    assert (status, "1 ok" in out) == (0, True)


def test_what_is_wrong_with_every_record_is_not_told_ten_times(check):
    status, out, _ = check("--only", "query")
    assert status == 1
    told = [line.strip() for line in out.splitlines() if "records[" in line or "more like it" in line]
    assert [line.split(":")[0] for line in told[:4]] == ["records[0]", "records[1]", "records[2]", "and 7 more like it"]
    assert out.count("json.dumps") == 1
