"""A user's whole suite: eight workers, nothing left behind, and real environments in any order the same.

tests/test_pytest_plugin_suites.py has what the plugin itself must hold.
"""

import json
import os

import pytest

HANDLER = """
import boto3

def handler(event, context):
    secrets = boto3.client("secretsmanager")
    try:
        return secrets.get_secret_value(SecretId="crm")["SecretString"]
    except Exception as error:
        return type(error).__name__
"""
SUITE = '''
import json
import pathlib

import pytest


@pytest.fixture
def crm(rig, request):
    rig.client("secretsmanager").create_secret(Name="crm", SecretString="s")
    rig.function("crm", "code", "handler.handler", memory=256, timeout=20)
    yield rig
    out = pathlib.Path("prints", f"{{request.node.name}}.json")
    out.write_text(json.dumps(rig.timeline.fingerprint()))


@pytest.mark.parametrize("number", range({tests}))
def test_it(crm, number):
    half = {{"probability": 0.5}}
    code = "ResourceNotFoundException" if number % 2 else "AccessDeniedException"
    with crm.fault("aws_error", code=code, label=f"rule-{{number}}", when=half, optional=True) as armed:
        said = [crm.invoke("crm").payload for _ in range(1 + number % 3)]
    assert len([one for one in said if one != "s"]) == armed.strikes
'''
REVERSED = "def pytest_collection_modifyitems(items):\n    items.reverse()\n"


@pytest.fixture
def suite(pytester, monkeypatch, tmp_path):
    """suite(TESTS, OPTION...): runs so many tests and gives their fingerprints; nothing may be left of their rigs."""
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o755)
    monkeypatch.setenv("TMPDIR", str(temporary))
    folder = pytester.mkdir("code")
    (folder / "handler.py").write_text(HANDLER)
    prints = pytester.mkdir("prints")

    def run(tests, *options, engine="inline"):
        for old in prints.iterdir():
            old.unlink()
        pytester.makepyfile(SUITE.format(tests=tests))
        result = pytester.runpytest_subprocess(
            "-q", "-p", "no:cacheprovider", "--rig-engine", engine, "--rig-seed", "5", *options
        )
        result.assert_outcomes(passed=tests)
        assert [path.name for path in temporary.glob("lambdarig-*")] == []
        assert _processes(str(temporary)) == []
        return {path.stem: json.loads(path.read_text()) for path in prints.iterdir()}

    return run


def _processes(mark):
    """Ids of processes whose environment names our temporary folder."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environ:
                if f"TMPDIR={mark}".encode() in environ.read().split(b"\0"):
                    found.append(pid)
        except OSError:
            continue
    return [pid for pid in found if int(pid) != os.getpid()]


def test_a_thousand_tests_under_eight_workers_leave_nothing(suite):
    assert len(suite(1000, "-n", "8")) == 1000


def test_the_same_seed_gives_the_same_fingerprints_in_real_environments(suite, real_engine, pytester):
    together = suite(6, "-n", "2", engine=real_engine)
    pytester.makeconftest(REVERSED)
    assert suite(6, engine=real_engine) == together
