"""Packing samples, and the orders API against a real PostgreSQL."""

import importlib.util
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import emulator.postgres as postgres
from emulator.functions import packaging

SAMPLES = Path(__file__).parent.parent / "sample_connectors"
RUNTIME = f"python3.{sys.version_info.minor}"


def imported(file):
    spec = importlib.util.spec_from_file_location(f"sample_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build():
    return packaging


def describe(task):
    code = (
        "import json, custom_connector_example.handlers.lambda_handler as c\n"
        "print(json.dumps(c.salesforce_lambda_handler({'type': 'DescribeConnectorConfigurationRequest'}, None)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(task)}
    return json.loads(subprocess.check_output([sys.executable, "-c", code], env=environment, cwd=task))


def test_awss_connector_runs_from_its_packed_folder_unmodified(build, tmp_path):
    task = build.build(SAMPLES / "salesforce", RUNTIME, tmp_path / "task")
    assert describe(task)["connectorName"] == "SamplePythonSalesforceConnector"
    assert next(p.name for p in task.glob("antlr4_python3_runtime-*")).startswith("antlr4_python3_runtime-4.9")
    assert not (task / "stub.py").exists()


def test_wheels_are_those_of_the_runtime_asked_for(build, tmp_path):
    task = build.build(SAMPLES / "orders_api", "python3.12", tmp_path / "task")
    assert (task / "handler.py").exists()
    assert list(task.glob("asyncpg/protocol/protocol.cpython-312-*.so"))


def test_the_second_build_installs_nothing_and_replaces_the_first(build, tmp_path, monkeypatch):
    out = tmp_path / "task"
    build.build(SAMPLES / "orders_api", "python3.12", out)
    (out / "left.py").write_text("")
    monkeypatch.setattr(build, "_pip", lambda *arguments: pytest.fail("pip was called"))
    build.build(SAMPLES / "orders_api", "python3.12", out)
    assert not (out / "left.py").exists()


def test_builds_at_the_same_time_do_not_disturb_each_other(build, tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDARIG_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "sample"
    folder.mkdir()
    (folder / "requirements.txt").write_text("six==1.17.0\n")
    with ThreadPoolExecutor(3) as pool:
        outs = list(pool.map(lambda n: build.build(folder, RUNTIME, tmp_path / f"out{n}"), range(3)))
    assert all((out / "six.py").exists() for out in outs)
    assert len(list((tmp_path / "cache" / "requirements").iterdir())) == 1


def test_what_cannot_be_installed_is_one_error_with_pips_words(build, tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDARIG_CACHE", str(tmp_path / "cache"))
    (tmp_path / "requirements.txt").write_text("six==999\n")
    with pytest.raises(build.BuildError, match="six==999"):
        build.build(tmp_path, RUNTIME, tmp_path.parent / "never")


def test_other_runtimes_are_not_packed(build, tmp_path):
    with pytest.raises(build.BuildError, match=r"'ruby3\.3' cannot be packed: write one of .*nodejs22.*java17"):
        build.build(SAMPLES / "orders_api", "ruby3.3", tmp_path / "task")


def test_a_node_function_is_packed_with_what_its_package_json_names(build, tmp_path, monkeypatch):
    folder = tmp_path / "sample"
    (folder / "node_modules" / "left").mkdir(parents=True)
    (folder / "app.js").write_text("exports.handler = async () => require('ms')('1m');\n")
    (folder / "package.json").write_text('{"dependencies": {"ms": "2.1.3"}, "devDependencies": {"left-pad": "1.3.0"}}')
    out = build.build(folder, "nodejs22.x", tmp_path / "task")
    assert (out / "app.js").exists()
    assert sorted(path.name for path in (out / "node_modules").glob("[a-z]*")) == ["ms"]
    monkeypatch.setattr(build.manifests.fetching, "npm", lambda *arguments: pytest.fail("npm was called"))
    build.build(folder, "nodejs22.x", tmp_path / "task")


def test_what_npm_refuses_is_one_error_with_its_words(build, tmp_path):
    (tmp_path / "package.json").write_text('{"dependencies": {"ms": "999.0.0"}}')
    with pytest.raises(build.BuildError, match=r"No matching version found for ms@999\.0\.0"):
        build.build(tmp_path, "nodejs22.x", tmp_path.parent / "never")


# --- the orders API ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    server = postgres.embedded(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture
def call(database, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database.url)
    handler = imported(SAMPLES / "orders_api" / "handler.py").handler

    def call(method, path, body=None):
        reply = handler({"httpMethod": method, "path": path, "body": body}, None)
        assert reply["headers"] == {"content-type": "application/json"}
        return reply["statusCode"], json.loads(reply["body"])

    return call


def test_an_order_is_made_found_and_listed(call):
    status, made = call("POST", "/orders", '{"customer": "Ada", "total": 12.5}')
    assert (status, made["customer"], made["total"]) == (201, "Ada", 12.5)
    assert call("GET", f"/orders/{made['id']}") == (200, made)
    status, listed = call("GET", "/orders")
    assert status == 200
    assert made in listed["orders"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/orders/999999", None, 404),
        ("GET", "/orders/x", None, 400),
        ("GET", "/orders/99999999999999", None, 400),
        ("GET", "/nothing", None, 404),
        ("DELETE", "/orders/1", None, 404),
        ("POST", "/orders", None, 400),
        ("POST", "/orders", "[]", 400),
        ("POST", "/orders", '{"customer": "Ada"}', 400),
        ("POST", "/orders", '{"customer": "", "total": 1}', 400),
        ("POST", "/orders", '{"customer": "Ada", "total": -1}', 400),
        ("POST", "/orders", '{"customer": "Ada", "total": "nan"}', 400),
    ],
)
def test_bad_requests_have_their_status(call, method, path, body, status):
    got, answer = call(method, path, body)
    assert (got, list(answer)) == (status, ["message"])


def test_health_needs_no_database(call, monkeypatch):
    monkeypatch.delenv("DATABASE_URL")
    assert call("GET", "/health") == (200, {"status": "ok"})
