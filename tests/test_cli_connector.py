"""`connector check`: a folder, a rig file and a function of a rig that runs; its report, exit status and files."""

import json
import signal
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import boto3
import pytest
from cli_rig import LAMBDARIG, PATIENCE_S, Home, Up, shell

pytest_plugins = ["cli_fixtures"]  # fixtures: home, cli
SAMPLES = Path(__file__).parent.parent / "sample_connectors"
HOST = SAMPLES / "crm_host" / "stub.py"
CONNECTOR = """
import threading

OK = {"isSuccess": True}

def handler(event, context):
    kind, entity = event["type"].removesuffix("Request"), event.get("entityIdentifier")
    if kind == "DescribeConnectorConfiguration":
        return {**OK, "connectorOwner": "AWS", "connectorName": "crm", "connectorVersion": "1",
                "connectorModes": ["SOURCE"], "supportedApiVersions": ["v1"],
                "authenticationConfig": {"isApiKeyAuthSupported": True}}
    if kind == "ListEntities":
        print("at the list", flush=True)
        raise ValueError("no list today")
    if kind == "ValidateCredentials" and HANGS:
        print("waiting", flush=True)
        threading.Event().wait(60)
    return OK
"""
RIG = "functions: {crm: {folder: code, handler: crm.handler}, other: {folder: code, handler: crm.handler}}"
SOME = ("configuration", "configuration-rules", "entities", "settings-source")
ONLY = [word for id in SOME for word in ("--only", id)]


@pytest.fixture
def code(home):
    """A connector with two faults: its owner's name, and a list that fails."""
    (home.work / "code" / "crm.py").write_text(f"HANGS = False\n{CONNECTOR}")
    (home.work / "slow").mkdir()
    (home.work / "slow" / "crm.py").write_text(f"HANGS = True\n{CONNECTOR}")
    (home.work / "crm.yaml").write_text(RIG)
    return home


def test_a_folder_is_checked_in_a_rig_of_its_own(cli, code):
    status, out, err = cli("connector", "check", "code", "--handler", "crm.handler", "--engine", "inline", *ONLY)
    assert status == 1
    assert err.splitlines() == [
        "ok       configuration", "failed   configuration-rules", "skipped  settings-source", "failed   entities",
        "lambdarig: connector: 2 of 4 checks failed: configuration-rules, entities",
    ]  # fmt: skip
    assert "skipped, no settings of scope SOURCE: settings-source\n" in out
    assert "FAILED configuration-rules (DescribeConnectorConfiguration)\n" in out
    assert "  connectorOwner: connectorOwner must not start with aws, amazon or appflow\n    to mend it: Regis" in out
    assert "  (the whole answer): the function failed (error); its log says: ValueError: no list today (crm" in out
    assert '  sent: {"type": "ListEntitiesRequest", ' in out
    assert out.endswith("\nconnector (inline): 1 ok, 2 failed, 1 skipped\n")
    assert code.left() == []


def test_the_report_as_json(cli, code):
    arguments = ("connector", "check", "code", "--handler", "crm.handler", "--engine", "inline", "--json")
    status, out, _ = cli(*arguments, "--only", "entities")
    said = json.loads(out)
    [row] = said.pop("checks")
    assert (status, said) == (1, {"connector": "connector", "engine": "inline", "ok": 0, "failed": 1, "skipped": 0})
    assert (row["id"], row["request"], row["status"], row["sent"]["type"]) == (
        "entities", "ListEntities", "failed", "ListEntitiesRequest"
    )  # fmt: skip
    assert row["came"]["errorMessage"] == "no list today"
    assert row["cause"].startswith("ValueError: no list today (crm.py, line ")
    assert set(row["problems"][0]) == {"field", "why", "mend"}


def test_a_junit_report(cli, code):
    arguments = ("connector", "check", "code", "--handler", "crm.handler", "--engine", "inline", "--junit", "r.xml")
    assert cli(*arguments, *ONLY)[0] == 1
    suite = ElementTree.parse(code.work / "r.xml").getroot().find("testsuite")
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "2", "1")
    assert cases == {"configuration": [], "configuration-rules": ["failure"], "entities": ["failure"],
                     "settings-source": ["skipped"]}  # fmt: skip


def test_a_function_of_a_rig_file(cli, code):
    arguments = ("connector", "check", "crm.yaml", "--engine", "inline", "--only", "configuration")
    status, out, _ = cli(*arguments, "--function", "other")
    assert (status, out.endswith("other (inline): 1 ok, 0 failed, 0 skipped\n")) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["code"], "code: say which handler: --handler module.function"),
        (["nowhere/x"], "nowhere/x: no such file or folder"),
        (["nowhere.yaml"], "nowhere.yaml: no such file or folder"),
        (["crm.yaml"], "crm.yaml: functions: there are several: say which with --function (choose from: crm, other)"),
        (["crm.yaml", "--function", "othr"], "'othr' (choose from: crm, other): did you mean 'other'?"),
        (["code", "--only", "querry"], "unknown check 'querry': choose one of "),
        (["code", "--skip", "query-pagin"], "did you mean 'query-paging'?"),
        (["code", "--engine", "dokcer"], "did you mean 'docker'?"),
        (["code", "--secret", "hush"], "--secret: is no JSON"),
        (["code", "--secret", "[1]"], "--secret: must be a JSON object"),
        (["code", "--secret", "@nowhere"], "--secret @nowhere: cannot be read: No such file or directory"),
        (["code", "--settings", "a"], "--settings a: must be KEY=VALUE"),
        (["code", "--handler", "x.y", "--env", "a"], "--env a: must be KEY=VALUE"),
        (["code", "--handler", "x.y", "--runtime", "perl5"], "unknown runtime 'perl5'"),
        (["code", "--auth-type", "Basic"], "is not one of 'OAuth2', 'BasicAuth', 'ApiKey', 'CustomAuth'"),
        (["code", "--pages", "0"], "0 is not in the range"),
    ],
)
def test_wrong_use_is_exit_2_before_anything_starts(cli, code, arguments, said):
    status, out, err = cli("connector", "check", *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert "hush" not in err


def test_ctrl_c_ends_it_and_leaves_nothing(code):
    arguments = ("connector", "check", "slow", "--handler", "crm.handler", "--engine", "process", "--memory", "512")
    process = subprocess.Popen(
        (*LAMBDARIG, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=code.work,
        env={**shell(), **code.variables},
    )  # fmt: skip
    while not (line := process.stderr.readline()).startswith("ok       configuration-locale"):
        assert line, "it ended"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err.splitlines()[-1]) == (130, "stopped")
    assert code.left() == []


# --- a function of a rig that runs ---


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("shared"))
    (home.work / "code").mkdir()
    (home.work / "code" / "crm.py").write_text(f"HANGS = False\n{CONNECTOR}")
    (home.work / "rig.yaml").write_text(RIG)
    up = Up(home, "rig.yaml", "--engine", "inline")
    yield up
    up.end()


def test_a_function_of_the_rig_that_runs(cli, shared):
    arguments = ("connector", "check", "crm", "--port", shared.port)
    status, out, _ = cli(*arguments, "--only", "entities", "--only", "permission")
    assert (status, out.endswith("crm: 1 ok, 1 failed, 0 skipped\n")) == (1, True)
    assert "its log says: ValueError: no list today (crm.py, line" in out


def test_a_function_that_appflow_may_not_invoke(cli, shared):
    api = boto3.client("lambda", endpoint_url=shared.said["url"], region_name="us-east-1",
                       aws_access_key_id="AKIALAMBDARIGCLIENT0", aws_secret_access_key="lambdarig")  # fmt: skip
    api.remove_permission(FunctionName="other", StatementId="appflow")
    status, out, _ = cli("connector", "check", "other", "--port", shared.port, "--only", "permission")
    assert status == 1
    assert "no statement lets appflow.amazonaws.com invoke it: AccessDeniedException" in out


def test_secrets_made_in_the_rig_that_runs_go_again(cli, shared):
    status, out, _ = cli("connector", "check", "crm", "--port", shared.port, "--secret", '{"apiKey": "k"}', "--json",
                         "--only", "credentials")  # fmt: skip
    arn = json.loads(out)["checks"][0]["sent"]["credentials"]["secretArn"]
    api = boto3.client("secretsmanager", endpoint_url=shared.said["url"], region_name="us-east-1",
                       aws_access_key_id="AKIALAMBDARIGCLIENT0", aws_secret_access_key="lambdarig")  # fmt: skip
    assert (status, "appflow!123456789012-check-" in arn, api.list_secrets()["SecretList"]) == (0, True, [])


def test_an_unknown_function_names_those_that_there_are(cli, shared):
    status, _, err = cli("connector", "check", "crn", "--port", shared.port)
    assert (status, "unknown function 'crn': choose one of crm, other: did you mean 'crm'?" in err) == (2, True)


# --- the samples ---


def checked(cli, folder, handler, *more):
    out = cli("connector", "check", SAMPLES / folder, "--handler", handler, "--memory", "512", "--json", *more)[1]
    return {row["id"]: row for row in json.loads(out)["checks"]}


def failed(rows):
    return {id: row["cause"].split(":")[0] for id, row in rows.items() if row["status"] == "failed"}


def crm(cli, handler):
    return checked(
        cli, "crm_connector", handler, "--engine", "process", "--upstreams", HOST, "--write",
        "--settings", "instanceUrl=https://emea.crm.example.com", "--secret", '{"apiKey": "crm-key-emea"}',
    )  # fmt: skip


def test_the_hardened_sample_passes_every_check(cli):
    rows = crm(cli, "hardened.handler")
    assert failed(rows) == {}
    used = ("query-paging", "query-filter", "query-incremental", "write-bad-record", "write-delete")
    assert {rows[id]["status"] for id in used} == {"ok"}


def test_what_is_weak_in_the_sample_as_it_is_written_first_is_found(cli):
    assert failed(crm(cli, "handler.handler")) == {
        "credentials-empty": "KeyError", "query-paging": "", "write-insert": "", "write-bad-record": "",
        "write-all-or-none": "", "write-unknown-entity": "",
    }  # fmt: skip


@pytest.mark.docker
def test_awss_salesforce_example_in_a_container(cli):
    """What is wrong with it is known: see docs/appflow.md."""
    rows = checked(
        cli, "salesforce", "custom_connector_example.handlers.lambda_handler.salesforce_lambda_handler",
        "--engine", "docker", "--upstreams", SAMPLES / "salesforce_host" / "stub.py", "--write", "--entity", "Account",
        "--settings", "instanceUrl=https://example.my.salesforce.com", "--settings", "is_sandbox_account=false",
        "--secret", '{"accessToken": "00D000000000001!lambdarig.access.token"}',
    )  # fmt: skip
    assert failed(rows) == {
        "credentials-empty": "KeyError", "credentials-no-secret": "botocore.errorfactory.ResourceNotFoundException",
        "settings-profile-missing": "", "settings-profile-type": "", "entity-unknown": "", "query": "",
        "query-paging": "", "query-bad-filter": "custom_connector_queryfilter.queryfilter.errors.Invalid"
        "FilterExpressionError", "write-update": "", "write-bad-record": "",
        "write-not-json": "json.decoder.JSONDecodeError", "write-unknown-entity": "",
    }  # fmt: skip
