"""`lambdarig up`: a rig until Ctrl-C, or in the background."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from emulator.cli.common import PORT, as_json, ask, card, engine_option, note, say
from emulator.errors import RigError
from emulator.settings import Settings

if TYPE_CHECKING:
    from emulator.fault import Rule
    from emulator.files import RigFile
    from emulator.rig import Rig


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    envvar="LAMBDARIG_PORT",
    help="Port for every service; 0 takes a free one.",
)
@engine_option
@click.option("--seed", default=0, show_default=True, help="Of dice and ids: same seed, same calls, same fingerprint.")
@click.option("--texts", default="current", show_default=True, help="Generation of AWS's log texts.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="RULE",
    help="A rule to arm: a fault's name, or YAML such as '{fault: aws_denied, match: {function: crm}}'.",
)
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Folder for the rig's files; kept.")
@click.option(
    "--concurrency",
    default=100,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Environments busy at once, over all functions.",
)
@click.option("--no-freeze", is_flag=True, help="Let environments run between invocations.")
@click.option("--detach", is_flag=True, help="Return as soon as the rig is healthy.")
@as_json
def up(file: Path | None, detach: bool, as_json: bool, faults: tuple[str, ...], **given: Any) -> None:
    """Start a rig. FILE (lambdarig.yaml where that exists) says which functions, hosts, databases and faults it has."""
    file = file or (Path("lambdarig.yaml") if Path("lambdarig.yaml").exists() else None)
    settings = _settings(**given)
    loaded, rules = _check(file, faults, settings)
    if detach:
        _detached(settings.port, as_json)
        return
    _serve(settings, loaded, rules, as_json)


def _settings(
    host: str,
    port: int,
    engine: str,
    seed: int,
    texts: str,
    state: Path | None,
    concurrency: int,
    no_freeze: bool,
) -> Settings:
    from emulator.errors import UsageError
    from emulator.functions.loglines import GENERATIONS

    if texts not in GENERATIONS:
        raise UsageError.unknown("generation of texts", texts, GENERATIONS)
    return Settings(
        engine=engine,
        host=host,
        port=port,
        seed=seed,
        texts=texts,
        account_limit=concurrency,
        freeze=not no_freeze,
        state_dir=state,
    )


def _check(file: Path | None, faults: tuple[str, ...], settings: Settings) -> tuple[RigFile | None, list[Rule]]:
    """Everything a person wrote is checked before anything starts."""
    from emulator.errors import UsageError
    from emulator.functions.engines import NAMES

    if settings.engine not in (*NAMES, "auto"):
        raise UsageError.unknown("engine", settings.engine, (*NAMES, "auto"))
    if not file and not faults:
        return None, []
    from emulator import building, catalogue
    from emulator.cli.rules import written
    from emulator.files import RigFile, load

    loaded = load(file, RigFile) if file else None
    if loaded is not None and file is not None:
        building.check(loaded, file)
    rules = [catalogue.rule(entry, str(file), f"faults.{n}") for n, entry in enumerate(loaded.faults if loaded else [])]
    return loaded, rules + [catalogue.rule(written(text), "--fault") for text in faults]


def _serve(settings: Settings, loaded: RigFile | None, rules: list[Rule], as_json: bool) -> None:
    from emulator.control import control
    from emulator.rig import Rig

    ended = threading.Event()
    _on_signals(ended)
    rig = Rig(settings)
    try:
        rig.start(control(rig, ended.set))
        if loaded is not None:
            from emulator.building import build_rig

            build_rig(rig, loaded, note)
        rig.injector.arm(rules)
        _announce(rig.url, rig.engine.name, rig.settings.seed, as_json)
        rig.prepare()
        ended.wait()
        note("stopping: containers, network and files go first")
    finally:
        _forget(rig)
        rig.close()


def _announce(url: str, engine: str, seed: int, as_json: bool) -> None:
    port = int(url.rsplit(":", 1)[1])
    path = card(port)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(json.dumps({"pid": os.getpid(), "url": url}))
    say(
        {"url": url, "engine": engine, "seed": seed, "pid": os.getpid()},
        f"lambdarig is up: {url} (engine {engine}, seed {seed})\n"
        f"  point any AWS client at it: export AWS_ENDPOINT_URL={url}\n  stop it with Ctrl-C",
        as_json,
    )
    sys.stdout.flush()


def _forget(rig: Rig) -> None:
    if rig._server is not None:
        card(rig._server.address[1]).unlink(missing_ok=True)


def _on_signals(ended: threading.Event) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def _detached(port: int, as_json: bool) -> None:
    """The same command without --detach, in a session of its own; its output goes to a log beside the card."""
    arguments = [argument for argument in sys.argv[1:] if argument not in ("--detach", "--json")]
    log = card(port).with_suffix(".log")
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    read_end, write_end = os.pipe()
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "emulator.cli", *arguments, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=write_end,
            stderr=output,
            start_new_session=True,
        )
    os.close(write_end)
    announced = _first_words(read_end)
    if announced is None:
        child.wait()
        raise RigError(f"the rig did not start:\n{log.read_text().strip()}")
    ask(int(announced["url"].rsplit(":", 1)[1]), "GET", "health")
    say(
        {**announced, "log": str(log)},
        f"lambdarig is up: {announced['url']} (pid {announced['pid']}, log {log})\n"
        f"  stop it with: lambdarig down --port {announced['url'].rsplit(':', 1)[1]}",
        as_json,
    )


def _first_words(descriptor: int) -> dict[str, str] | None:
    """The child's announcement; None when it ended without one."""
    with os.fdopen(descriptor) as pipe:
        text = ""
        for line in pipe:
            text += line
            if line.rstrip() == "}":
                return dict(json.loads(text))
    return None
