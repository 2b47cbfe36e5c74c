"""`--rig-keep`: the rig of the first failing test stays up after the run, as the failure left it, until it is stopped.

moto's state lives in this process, so the process stays too: it says where the rig answers, and waits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from emulator.pytest_plugin.rigs import RIGS, Rigs
from emulator.pytest_plugin.verbs import PytestRig


def pytest_addoption(parser: pytest.Parser) -> None:
    about = "stop at the first failing test and keep its rig up, with all that is in it, until Ctrl-C"
    parser.getgroup("lambdarig").addoption("--rig-keep", action="store_true", help=about)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    parallel = config.getoption("numprocesses", None) or config.getoption("dist", "no") != "no"
    if config.getoption("rig_keep") and parallel:
        raise pytest.UsageError("--rig-keep: workers cannot wait for you: run the failing test without -n")
    config.stash[RIGS] = Rigs()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[RIGS].close_all()


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    rigs = config.stash.get(RIGS, None)
    if rigs is None or rigs.kept is None:
        return
    kept, rigs.kept = rigs.kept, None
    try:
        _wait(config, kept, rigs)
    finally:
        rigs.close(kept)


def _wait(config: pytest.Config, kept: PytestRig, rigs: Rigs) -> None:
    from emulator.cli import cards

    port = int(kept.url.rpartition(":")[2])
    card = cards.write(port, kept.url)
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    try:
        for line in _said(kept, port):
            if terminal is not None:
                terminal.write_line(line)
        if terminal is not None:
            terminal.flush()
        with contextlib.suppress(KeyboardInterrupt):
            rigs.stop.wait()
    finally:
        card.unlink(missing_ok=True)


def _said(kept: PytestRig, port: int) -> Iterator[str]:
    settings = kept.settings
    yield f"lambdarig: kept as the failure left it: {kept.url} (engine {kept.engine.name}, seed {settings.seed})"
    yield f"  look:  lambdarig status --port {port}; lambdarig logs FUNCTION --port {port}"
    yield f"  call:  export AWS_ENDPOINT_URL={kept.url}; lambdarig invoke FUNCTION --port {port}"
    yield f"  files: {kept.state_dir}"
    if kept.engine.name == "docker":
        yield f"  containers: docker ps --filter label=lambdarig.rig={kept.id}"
    yield f"  stop:  Ctrl-C here, or lambdarig down --port {port}"
