"""pytest plugin: the fixture `rig`, a whole rig shared by a worker's tests and reset before each.

def test_connector_retries(rig):
    rig.function("crm", "connectors/crm", "handler.handler")
    with rig.fault("secret_visibility_delay", reads=1):
        assert rig.invoke("crm", {"type": "..."}).ok
"""

from __future__ import annotations

import base64
import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulator.rig import Rig

NOTHING: Any = object()


@dataclass(frozen=True)
class Result:
    """What boto3's `invoke` gave. payload: parsed JSON. log: the last 4 KB. error: '' or Unhandled."""

    payload: Any
    error: str
    log: str

    @property
    def ok(self) -> bool:
        return not self.error


class PytestRig:
    """A rig for tests: short verbs over the `Rig` in `.rig`, and everything else of it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._databases: dict[tuple[str, str], str] = {}
        self._upstreams: set[Path] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rig, name)

    def function(
        self,
        name: str,
        folder: str | Path,
        handler: str,
        *,
        runtime: str = "python",
        memory: int = 128,
        timeout: int = 3,
        environment: dict[str, str] | None = None,
        requirements: bool = False,
        **more: Any,
    ) -> str:
        """A function from a local folder; gives its ARN. memory in MB, timeout in seconds. Raises UsageError."""
        from emulator.building import make_function
        from emulator.files import specified

        spec = specified(
            f"function {name}",
            folder=Path(folder).resolve(),
            handler=handler,
            runtime=runtime,
            memory=memory,
            timeout=timeout,
            environment=environment or {},
            requirements=requirements,
            **more,
        )
        return make_function(self.rig, name, spec, {}, lambda _: None)

    def database(self, name: str, kind: str = "embedded") -> str:
        """A PostgreSQL behind a relay, as `Rig.database`. It is made once: what is in it stays from test to test."""
        if (name, kind) not in self._databases:
            self._databases[name, kind] = self.rig.database(name, kind)
        return self._databases[name, kind]

    def upstreams(self, file: str | Path) -> None:
        """Answer for the SaaS hosts of a stub file, from now to the end of the run; the stubs forget at every test."""
        path = Path(file).resolve()
        if path not in self._upstreams:
            self.rig.ways_out.add_upstreams(path)
            self._upstreams.add(path)

    def invoke(self, name: str, payload: Any = NOTHING) -> Result:
        """Invoke synchronously through boto3, which does not retry; `{}` where no payload is given."""
        from emulator.aws.internal import client

        event = json.dumps({} if payload is NOTHING else payload)
        api = client(self.rig.endpoint, "lambda", region=self.rig.settings.region)
        answer = api.invoke(FunctionName=name, Payload=event, LogType="Tail")
        log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
        return Result(json.loads(answer["Payload"].read()), answer.get("FunctionError", ""), log)


USED = pytest.StashKey[PytestRig]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lambdarig")
    engine = os.environ.get("LAMBDARIG_ENGINE", "auto")
    group.addoption("--rig-engine", default=engine, help="docker, process, inline or auto; default: $LAMBDARIG_ENGINE")
    group.addoption("--rig-seed", default=0, type=int, help="seed of dice and ids (default 0)")


def pytest_configure(config: pytest.Config) -> None:
    from emulator.functions.engines import NAMES

    engine = config.option.rig_engine
    if engine not in (*NAMES, "auto"):
        raise pytest.UsageError(f"--rig-engine: unknown engine {engine!r}: choose one of {', '.join((*NAMES, 'auto'))}")


@pytest.fixture(scope="session")
def _shared_rig(request: pytest.FixtureRequest) -> Iterator[PytestRig]:
    from emulator.rig import Rig
    from emulator.settings import Settings

    options = request.config.option
    with Rig(Settings(engine=options.rig_engine, seed=options.rig_seed, manual_clock=True)) as rig:
        yield PytestRig(rig)


@pytest.fixture
def rig(_shared_rig: PytestRig, request: pytest.FixtureRequest) -> Iterator[PytestRig]:
    """A rig with nothing in it: its own functions, AWS state, rules and record for this test."""
    _shared_rig.reset()
    request.node.stash[USED] = _shared_rig
    yield _shared_rig
    never = _shared_rig.injector.never_struck()
    _shared_rig.injector.disarm()
    if never:
        pytest.fail(f"rules that never struck: {', '.join(never)}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """A failing test prints what struck, and the line that replays it."""
    report = yield
    found = item.stash.get(USED, None)
    if report.failed and found is not None:
        strikes = [f"{e.rule} struck {e.point} of {e.subject}: {e.outcome}" for e in found.timeline.strikes()]
        options = ("--rig-engine", found.engine.name, "--rig-seed", str(found.settings.seed))
        replay = shlex.join(("pytest", item.nodeid, *options))
        report.sections.append(("lambdarig", "\n".join([*(strikes or ["no rule struck"]), f"replay it: {replay}"])))
    return report
