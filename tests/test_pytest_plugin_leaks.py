"""What a test leaves behind fails it, by name; what an honest test leaves does not."""

import pytest

from emulator.clock import Clock
from emulator.pytest_plugin import leaks

pytest_plugins = ["plugin_run"]  # fixture: run


class Removing:
    """A rig that removes `removed` while it is looked at `looks` times, and has forgotten `stray`."""

    def __init__(self, looks, removed, stray):
        self.clock, self.told, self.engine = Clock(), set(), self
        self.pool, self._looks, self._removed, self._stray = self, looks, removed, stray

    def burying(self):
        self._looks -= 1
        return self._looks > 0

    def left(self):
        return sorted([*(self._removed if self._looks > 0 else []), *self._stray])


def test_what_the_rig_is_still_removing_is_waited_for_however_long_the_daemon_takes(monkeypatch):
    monkeypatch.setattr(leaks, "PATIENCE_S", 0.0)
    assert leaks.sandboxes(Removing(5, ["slow"], [])) == []
    assert leaks.sandboxes(Removing(5, ["slow"], ["stray"])) == ["sandboxes left running: stray"]


def test_a_rule_left_armed_fails_the_test_that_armed_it(run):
    outcome = run('''
def test_one(crm, rig):
    from emulator.catalogue import rule
    rig.injector.arm([rule({"fault": "cold_start", "name": "slow start"})])
    rig.invoke("crm")

def test_two(rig):
    assert rig.injector.armed() == ()
''')
    outcome.assert_outcomes(passed=2, errors=1)
    outcome.stdout.fnmatch_lines(["*ERROR at teardown of test_one*", "rules left armed: slow start (*"])


def test_a_thread_left_running_fails_the_test_that_started_it(run):
    outcome = run('''
import threading

def test_one(rig):
    threading.Thread(target=threading.main_thread().join, name="forgotten").start()

def test_two(rig):
    pass
''')
    outcome.assert_outcomes(passed=2, errors=1)
    outcome.stdout.fnmatch_lines(["*ERROR at teardown of test_one*", "threads left running: forgotten"])


def test_threads_that_an_honest_test_has_are_no_leaks(run):
    run('''
import threading
from concurrent.futures import ThreadPoolExecutor

POOL = ThreadPoolExecutor(2)

@pytest.fixture(scope="module")
def server():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="server")
    thread.start()
    yield
    stop.set()

@pytest.fixture
def own(rig):
    stop = threading.Event()
    threading.Thread(target=stop.wait, name="fixture's").start()
    yield
    stop.set()

def test_it(rig, server, own, crm):
    assert POOL.submit(rig.invoke, "crm").result().ok
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    threading.Thread(target=threading.Event().wait, args=(0.05,), name="ending").start()
    rig.client("s3").create_bucket(Bucket="bucket")
''').assert_outcomes(passed=1)


@pytest.mark.parametrize(("engine", "name"), [
    ("inline", "crm/env-9"), pytest.param("docker", "lambdarig-*-crm-env-9-*", marks=pytest.mark.docker),
])
def test_a_sandbox_that_no_pool_knows_fails_the_test(run, engine, name):
    outcome = run('''
def test_one(crm, rig):
    from emulator.functions.engines.protocol import EnvironmentSpec
    function = rig.registry.entries["crm"].latest.function
    rig.engine.start(EnvironmentSpec("crm/env-9", function, {"AWS_LAMBDA_FUNCTION_NAME": "crm"}))

def test_two(crm, rig):
    rig.invoke("crm")
''', engine=engine)
    outcome.assert_outcomes(passed=2, errors=1)
    outcome.stdout.fnmatch_lines(["*ERROR at teardown of test_one*", f"sandboxes left running: {name}"])
