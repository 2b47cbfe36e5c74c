"""A rig that is killed in the middle of a flow, and what the next one has: pages that were told of, and no others."""

import json
import signal
import urllib.request

import pytest
from cli_rig import Home, furnished
from state_rig import CONNECTOR, KILLED, PAGES, Gate, StatefulUp, rows

RIG = "functions: {crm: {folder: code, handler: handler.handler, timeout: 60, environment: {GATES: HERE}}}"


@pytest.fixture
def home(tmp_path):
    made = furnished(Home(tmp_path / "home"))
    (made.work / "code" / "handler.py").write_text(CONNECTOR)
    (made.work / "rig.yaml").write_text(RIG.replace("HERE", str(made.work)))
    return made


@pytest.fixture
def up(home):
    made = []

    def start(*arguments, **options):
        made.append(StatefulUp(home, *arguments, **options))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.end()


def body(page):
    """Of the object of one page: the username is from the secret."""
    return "".join(f'{{"Id":"{page}-{n}","Name":"ann"}}\n' for n in range(page)).encode()


def at_page(home, up, page):
    """Killed while the connector is asked for that page."""
    gate, rig = Gate(home, page), up()
    arn = rig.furnish()
    rig.start()
    gate.reached()
    rig.process.kill()
    rig.killed()
    gate.open()
    return arn


def in_step(step, page, after):
    """Killed before or after a step of keeping that page."""

    def kill(home, up):
        rig = up(code=KILLED.format(step=step, page=page, after=after))
        arn = rig.furnish()
        rig.start()
        rig.killed()
        return arn

    return kill


MOMENTS = {
    "page 1 is asked for": (lambda home, up: at_page(home, up, 1), 0),
    "page 3 is asked for": (lambda home, up: at_page(home, up, 3), 2),
    "page 2 is in S3 alone": (in_step("copy", 2, False), 1),
    "page 2 has its object on disk and no row": (in_step("copy", 2, True), 1),
    "page 2 has its row, uncommitted": (in_step("page", 2, True), 1),
    "the last page is told of": (in_step("copy", PAGES + 1, False), PAGES),
    "the end has its row, uncommitted": (in_step("page", PAGES + 1, True), PAGES),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_was_told_of_is_there_and_nothing_else(home, up, moment):
    kill, pages = MOMENTS[moment]
    arn = kill(home, up)
    journal = rows(home, "select page, mark, records, bytes_written, objects from pages order by rowid")
    assert [row[:3] for row in journal] == [(n, str(n + 1) if n < PAGES else "", n) for n in range(1, pages + 1)]

    rig = up()
    assert rig.said["restored"] == {"connectors": 1, "profiles": 1, "flows": 1, "runs": 1, "ended": 1, "objects": pages}
    files = rig.files()
    assert {key: len(files[key]) for row in journal for key in json.loads(row[4])} == {k: len(files[k]) for k in files}
    assert sorted(files.values()) == sorted(body(n) for n in range(1, pages + 1))
    assert [row[3] for row in journal] == [len(body(n)) for n in range(1, pages + 1)]

    [record] = rig.records()
    mark = f" (the last one's nextToken: {pages + 1})" if 0 < pages < PAGES else ""
    said = f"The rig ended while this run was under way. Pages done: {pages}{mark}. Objects written: {pages}."
    assert (record["executionStatus"], record["executionResult"]["errorInfo"]["executionMessage"]) == ("Error", said)
    assert record["executionResult"].get("recordsProcessed", 0) == sum(range(1, pages + 1))
    assert record["executionResult"].get("bytesWritten", 0) == sum(map(len, files.values()))

    assert rig.secrets.list_secrets()["SecretList"][0]["ARN"] == arn
    assert rig.appflow.list_tags_for_resource(
        resourceArn=rig.appflow.describe_flow(flowName="contacts")["flowArn"]
    )["tags"] == {"team": "sales"}
    again = rig.run()
    assert (again["executionStatus"], again["executionResult"]["recordsProcessed"]) == ("Successful", 10)
    assert again["executionId"] != record["executionId"]
    new = {key: body for key, body in rig.files().items() if key not in files}
    assert sorted(new.values()) == sorted(body(n) for n in range(1, PAGES + 1))
    assert {key: rig.files()[key] for key in files} == files


def test_what_has_ended_stays_as_it_was(home, up):
    rig = up()
    arn = rig.furnish()
    before = rig.run()
    files, flow = rig.files(), rig.appflow.describe_flow(flowName="contacts")
    connector = rig.appflow.describe_connector(connectorType="CustomConnector", connectorLabel="crm")
    profile = rig.appflow.describe_connector_profiles()["connectorProfileDetails"]
    secret = rig.secrets.get_secret_value(SecretId=arn)
    rig.process.kill()
    rig.killed()

    rig = up()
    assert rig.said["restored"]["ended"] == 0
    assert rig.files() == files
    kept = rig.appflow.describe_flow(flowName="contacts")
    for said in (flow, kept, connector, secret):
        said.pop("ResponseMetadata")
    assert kept == flow
    again = rig.appflow.describe_connector(connectorType="CustomConnector", connectorLabel="crm")
    assert again["connectorConfiguration"] == connector["connectorConfiguration"]
    assert rig.appflow.describe_connector_profiles()["connectorProfileDetails"] == profile
    again = rig.secrets.get_secret_value(SecretId=arn)
    assert {name: again[name] for name in secret} == secret
    [record] = rig.records()
    assert json.loads(json.dumps(record, default=str))["executionResult"] == before["executionResult"]


def test_stopped_in_peace_it_says_what_it_restores(home, up):
    rig = up()
    rig.furnish()
    rig.run()
    assert rig.end(signal.SIGINT)[0] == 0
    done = home.call("up", "rig.yaml", "--port", "0", "--engine", "inline", "--state", "state", "--detach")
    counts = "connectors 1, profiles 1, flows 1, runs 1, objects 4"
    assert f"  restored from {home.work}/state: {counts}\n" in done.stdout
    port = done.stdout.split("--port ")[1].strip()
    assert home.call("down", "--port", port).returncode == 0


def test_a_reset_empties_the_state(home, up):
    rig = up()
    rig.furnish()
    rig.run()
    with urllib.request.urlopen(urllib.request.Request(f"{rig.said['url']}/_rig/reset", b"{}")) as answer:
        assert answer.status == 200
    assert rig.end()[0] == 0
    for table in ("kept", "pages", "objects", "pieces", "secrets", "buckets"):
        assert rows(home, f"select * from {table}") == []
    assert b"username" not in (home.work / "state" / "appflow.sqlite3").read_bytes()
