"""The Salesforce stub by itself, and under AWS's unmodified example connector."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.certificates import Authority
from emulator.clock import Clock
from emulator.functions.packaging import build
from emulator.injector import Injector
from emulator.model import UpstreamCall
from emulator.saas import SaasHosts
from emulator.stubs import load
from emulator.timeline import Timeline
from emulator.upstreams import Upstreams

SAMPLES = Path(__file__).parent.parent / "sample_connectors"
STUB = SAMPLES / "salesforce_host" / "stub.py"
TOKEN = "00D000000000001!lambdarig.access.token"
CLIENT = {"client_id": "3MVG9.lambdarig.client", "client_secret": "lambdarig-client-secret"}
INSTANCE = "example.my.salesforce.com"
DATA = "/services/data/v51.0"


class Client:
    def __init__(self):
        self.hosts = {upstream.host: upstream.handler for upstream in load(STUB)}

    def call(self, method, path, body=None, host=INSTANCE, token=TOKEN):
        sent = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else b""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        reply = self.hosts[host](UpstreamCall("x", host, method, path, headers, sent))
        return reply.status, json.loads(reply.body) if reply.body else None

    def query(self, soql):
        return self.call("GET", f"{DATA}/query?q={quote(soql)}")

    def names(self, soql):
        status, body = self.query(soql)
        assert status == 200, body
        assert body["totalSize"] == len(body["records"])
        return [record["Name"] for record in body["records"]]


@pytest.fixture
def salesforce():
    return Client()


def test_userinfo_takes_the_token_and_refuses_another(salesforce):
    path = "/services/oauth2/userinfo"
    assert salesforce.call("GET", path, host="login.salesforce.com")[0] == 200
    for token in ("wrong", ""):
        status, body = salesforce.call("GET", path, host="login.salesforce.com", token=token)
        assert (status, body[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


@pytest.mark.parametrize(
    "grant",
    [
        {"grant_type": "client_credentials"},
        {"grant_type": "refresh_token", "refresh_token": "5Aep861.lambdarig.refresh.token"},
        {"grant_type": "authorization_code", "code": "aPrx.lambdarig.auth.code"},
        {"grant_type": "password", "username": "user@example.com", "password": "lambdarig-password"},
    ],
)
def test_an_issued_token_works(salesforce, grant):
    form = urlencode({**CLIENT, **grant})
    status, body = salesforce.call("POST", "/services/oauth2/token", form, "login.salesforce.com", "")
    assert (status, body["instance_url"], body["token_type"]) == (200, f"https://{INSTANCE}", "Bearer")
    assert salesforce.call("GET", f"{DATA}/sobjects", token=body["access_token"])[0] == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "client_credentials"}, "invalid_client"),
        ({**CLIENT, "grant_type": "refresh_token", "refresh_token": "old"}, "invalid_grant"),
        ({**CLIENT, "grant_type": "magic"}, "unsupported_grant_type"),
        (CLIENT, "unsupported_grant_type"),
    ],
)
def test_a_wrong_token_request_is_400_with_oauths_error(salesforce, form, error):
    status, body = salesforce.call("POST", "/services/oauth2/token", urlencode(form), "login.salesforce.com", "")
    assert (status, body["error"]) == (400, error)


@pytest.mark.parametrize(
    ("soql", "found"),
    [
        ("select Name from Account where Name LIKE '%oil%' and NumberOfEmployees > 5000",
         ["United Oil & Gas Corp.", "United Oil & Gas, UK"]),
        ("select Name from Account where Name = 'O\\'Reilly & Söhne'", ["O'Reilly & Söhne"]),
        ("SELECT Name FROM account WHERE name = 'GENEPOINT'", ["GenePoint"]),
        ("select Name from Account where CreatedDate > 2021-05-20T10:30:35Z and CreatedDate <= 2021-06-04T11:30:00Z",
         ["United Oil & Gas, Singapore", "GenePoint"]),
        ("select Name from Account where Industry IN ('Energy','Education') order by Name desc limit 1",
         ["University of Arizona"]),
        ("select Name from Account where Industry not in ('Energy', 'x') and Name like 'u%'",
         ["University of Arizona"]),
        ("select Name from Account where Industry = null", ["O'Reilly & Söhne"]),
        ("select Name from Account where (not Industry = 'Energy') and (Name like 'un%' or Name like 'ge%')",
         ["University of Arizona", "GenePoint"]),
        ("select Name from Account where IsDeleted = false limit 2",
         ["Edge Communications", "Burlington Textiles Corp of America"]),
        ("select Name from Account where LastActivityDate > 2021-06-01 and LastActivityDate < 2021-06-10",
         ["GenePoint"]),
        ("select Name from Account limit 0", []),
    ],
)
def test_soql_selects_what_salesforce_would(salesforce, soql, found):
    assert salesforce.names(soql) == found


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        ("select Name from Account where Name='a' and Name='b' or Name='c'", "MALFORMED_QUERY",
         "unexpected token: 'or'"),
        ("select Name from Account where", "MALFORMED_QUERY", "unexpected token: '"),
        ("select * from Account", "MALFORMED_QUERY", "unexpected token: '*'"),
        ("", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("select Name from Account; drop table Account", "MALFORMED_QUERY", "unexpected token: ';'"),
        ("select Nme from Account", "INVALID_FIELD", "No such column 'Nme' on entity 'Account'"),
        ("select Name from Foo", "INVALID_TYPE", "sObject type 'Foo' is not supported."),
        ("select Name from Account where AccountNumber = 40", "INVALID_FIELD", "must be of type string and should be"),
        ("select Name from Account where CreatedDate > '2021'", "INVALID_FIELD", "dateTime and should not be enclosed"),
        ("select Name from Account where Description = 'a'", "INVALID_FIELD", "'Description' can not be filtered"),
    ],
)
def test_soql_refuses_what_salesforce_would(salesforce, soql, code, message):
    status, body = salesforce.query(soql)
    assert (status, body[0]["errorCode"]) == (400, code)
    assert message in body[0]["message"]


@given(st.text(max_size=80))
def test_no_query_breaks_the_stub(text):
    for soql in (text, f"select Name from Account where Name = '{text}'", f"select Id from Account limit {text}"):
        assert PERMANENT.query(soql)[0] in (200, 400)


PERMANENT = Client()


def test_the_life_of_a_record(salesforce):
    status, made = salesforce.call("POST", f"{DATA}/sobjects/Account", {"Name": "Ada", "NumberOfEmployees": 3})
    assert (status, made["success"], made["errors"]) == (201, True, [])
    record = f"{DATA}/sobjects/Account/{made['id']}"
    assert salesforce.call("PATCH", record, {"Industry": "Energy"}) == (204, None)
    read = salesforce.call("GET", record)[1]
    assert (read["Name"], read["Industry"], read["IsDeleted"]) == ("Ada", "Energy", False)
    assert salesforce.names("select Name from Account where Name = 'Ada'") == ["Ada"]
    assert salesforce.call("DELETE", record) == (204, None)
    assert salesforce.call("GET", record)[1][0]["errorCode"] == "NOT_FOUND"
    assert salesforce.names("select Name from Account where Name = 'Ada'") == []


def test_upsert_by_external_id_inserts_once_and_then_updates(salesforce):
    path = f"{DATA}/sobjects/Account/ExternalId__c/X-9"
    status, first = salesforce.call("PATCH", path, {"Name": "Once"})
    assert (status, first["created"]) == (201, True)
    status, second = salesforce.call("PATCH", path, {"Name": "Twice"})
    assert (status, second["created"], second["id"]) == (200, False, first["id"])
    assert salesforce.names("select Name from Account where ExternalId__c = 'X-9'") == ["Twice"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "Account", {"Phone": "1"}, 400, "REQUIRED_FIELD_MISSING"),
        ("POST", "Account", {"Name": "a", "Nme": "b"}, 400, "INVALID_FIELD"),
        ("POST", "Account", {"Name": "a", "CreatedDate": "b"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("POST", "Account", {"Name": {"a": 1}}, 400, "JSON_PARSER_ERROR"),
        ("POST", "Account", "not json", 400, "JSON_PARSER_ERROR"),
        ("POST", "Account", [1], 400, "JSON_PARSER_ERROR"),
        ("POST", "Account", {"Name": "a", "ExternalId__c": "A-1"}, 400, "DUPLICATE_VALUE"),
        ("PATCH", "Account/001000000000002AAA", {"ExternalId__c": "A-1"}, 400, "DUPLICATE_VALUE"),
        ("POST", "Foo", {"Name": "a"}, 404, "NOT_FOUND"),
        ("PATCH", "Account/001x", {"Name": "a"}, 404, "NOT_FOUND"),
        ("PATCH", "AIApplication/001x", {}, 404, "NOT_FOUND"),
        ("PATCH", "Account/Phone/1", {"Name": "a"}, 400, "INVALID_FIELD"),
        ("PATCH", "Account/Id/001x", {"Name": "a"}, 404, "NOT_FOUND"),
        ("DELETE", "Account/001x", None, 404, "NOT_FOUND"),
        ("GET", "Foo/describe", None, 404, "NOT_FOUND"),
        ("GET", "Account/a/b/c/d", None, 404, "NOT_FOUND"),
    ],
)
def test_writes_are_refused_in_salesforces_words(salesforce, method, path, body, status, code):
    got, answer = salesforce.call(method, f"{DATA}/sobjects/{path}", body)
    assert (got, answer[0]["errorCode"]) == (status, code)


def test_sobjects_are_those_awss_suite_expects(salesforce, validation):
    listed = {(o["name"], o["label"]) for o in salesforce.call("GET", f"{DATA}/sobjects/")[1]["sobjects"]}
    expected = validation("list-entities-validation-file.json")["connectorEntityMap"]["Objects"]
    assert {(entity["name"], entity["label"]) for entity in expected} <= listed


# --- under the connector --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """The packed connector, /var/task."""
    out = tmp_path_factory.mktemp("task") / "salesforce"
    return build(SAMPLES / "salesforce", f"python3.{sys.version_info.minor}", out)


@pytest.fixture
def validation(task):
    folder = task / "custom_connector_example" / "salesforce-example-test-files"
    return lambda name: json.loads((folder / name).read_text())


RUN = """
import json, socket, sys
import custom_connector_example.handlers.lambda_handler as connector
import custom_connector_example.handlers.salesforce as salesforce
real, port, secret = socket.getaddrinfo, int(sys.argv[1]), sys.argv[2]
socket.getaddrinfo = lambda host, _, *rest, **named: real("127.0.0.1", port, *rest, **named)
salesforce.get_access_token_from_secret = lambda arn: secret
for line in sys.stdin:
    print(json.dumps(connector.salesforce_lambda_handler(json.loads(line), None)), flush=True)
"""


@pytest.fixture
def connector(task, tmp_path):
    """AWS's handler in a process of its own, where every name leads to the rig: requests -> responses."""
    clock = Clock()
    timeline, authority = Timeline(clock), Authority(tmp_path)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    hosts = SaasHosts(Injector(clock, timeline))
    hosts.add(STUB)
    upstreams = Upstreams(listener, None, authority, hosts, lambda ip: ("", ""))
    upstreams.start()
    environment = {**os.environ, "PYTHONPATH": str(task), "SSL_CERT_FILE": str(authority.bundle())}

    def run(*requests, token=TOKEN):
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(port), token], env=environment, cwd=task, text=True, check=True,
            input="".join(json.dumps(request) + "\n" for request in requests), stdout=subprocess.PIPE, timeout=60,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    yield run
    upstreams.close()


CREDENTIALS = {"secretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:sf", "authenticationType": "OAuth2"}
SETTINGS = {"instanceUrl": f"https://{INSTANCE}"}


def request(kind, definition=None, **more):
    context = {
        "credentials": CREDENTIALS, "apiVersion": "v51.0", "connectorRuntimeSettings": SETTINGS,
        "entityDefinition": definition,
    }
    return {"type": f"{kind}Request", "connectorContext": context, **more}


def test_the_connector_describes_itself_and_its_entities(connector, validation):
    described, entities, entity = connector(
        {"type": "DescribeConnectorConfigurationRequest"}, request("ListEntities"),
        request("DescribeEntity", entityIdentifier="Account"),
    )
    assert (described["isSuccess"], described["connectorOwner"]) == (True, "SampleConnector")
    assert "Account" in [e["entityIdentifier"] for e in entities["entities"]]
    field = entity["entityDefinition"]["fields"][0]
    expected = validation("describe-connector-entity-validation-file.json")["connectorEntityFields"][0]
    assert (field["fieldName"], field["label"]) == (expected["identifier"], expected["label"])
    assert field["dataType"] == expected["supportedFieldTypeDetails"]["v1"]["fieldType"]
    assert field["writeProperties"]["isDefaultedOnCreate"] is True
    assert "LastActivityDate" in [f["fieldName"] for f in entity["entityDefinition"]["fields"]]


def test_the_connector_tells_a_good_token_from_a_bad_one(connector):
    ask = {"type": "ValidateCredentialsRequest", "credentials": CREDENTIALS, "connectorRuntimeSettings": SETTINGS}
    assert connector(ask)[0]["isSuccess"] is True
    refused = connector(ask, token="stale")[0]
    assert (refused["isSuccess"], refused["errorDetails"]["errorCode"]) == (False, "InvalidCredentials")


def test_the_connector_reads_filtered_records(connector):
    [entity] = connector(request("DescribeEntity", entityIdentifier="Account"))
    definition = entity["entityDefinition"]
    ask = {"entityIdentifier": "Account", "selectedFieldNames": ["Id", "Name", "CreatedDate"]}
    everything, some, by_date, by_id, mixed = connector(
        request("QueryData", definition, **ask),
        request("QueryData", definition, **ask,
                filterExpression="Name contains 'Oil' and NumberOfEmployees > 5000 LIMIT 10"),
        request("QueryData", definition, **ask,
                filterExpression="CreatedDate between 2021-05-01T00:00:00Z and 2021-06-01T00:00:00Z"),
        request("RetrieveData", definition, **ask, idFieldName="Id", ids=["001000000000001AAA", "001000000000002AAA"]),
        request("QueryData", definition, **ask,
                filterExpression="Name = 'a' or (Name = 'b' and NumberOfEmployees > 50)"),
    )
    assert len(everything["records"]) == 12
    assert [json.loads(r)["Name"] for r in some["records"]] == ["United Oil & Gas Corp.", "United Oil & Gas, UK"]
    assert len(by_date["records"]) == 2
    assert len(by_id["records"]) == 2
    assert (mixed["isSuccess"], mixed["errorDetails"]["errorCode"]) == (False, "InvalidArgument")
    assert "MALFORMED_QUERY" in mixed["errorDetails"]["errorMessage"]


def test_the_connector_writes_records(connector):
    made, upserted, again = connector(
        request("WriteData", entityIdentifier="Account", operation="INSERT", allOrNone=False, idFieldNames=[],
                records=['{"Name": "aaron", "Description": "first account!"}', '{"Name": "berta"}']),
        request("WriteData", entityIdentifier="Account", operation="UPSERT", allOrNone=False,
                idFieldNames=["ExternalId__c"], records=['{"ExternalId__c": "Z-1", "Name": "zoe"}']),
        request("WriteData", entityIdentifier="Account", operation="UPDATE", allOrNone=False, idFieldNames=["Id"],
                records=['{"Id": "001000000000001AAA", "Name": "Edge"}']),
    )
    assert [result["isSuccess"] for result in made["writeRecordResults"]] == [True, True]
    assert len({result["recordId"] for result in made["writeRecordResults"]}) == 2
    assert upserted["writeRecordResults"][0]["isSuccess"] is True
    assert (again["isSuccess"], again["writeRecordResults"]) == (True, [])
