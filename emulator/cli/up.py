"""`lambdarig up`: a rig until Ctrl-C, or in the background."""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emulator.cli.common import NO_DOCKER, PORT, as_json, engine_option, note, say
from emulator.cli.ending import Ending
from emulator.errors import EngineError, UsageError
from emulator.settings import IAM_MODES, Settings

if TYPE_CHECKING:
    from emulator.fault import Rule
    from emulator.files import RigFile
    from emulator.rig import Rig


DESCRIPTORS = 65536


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
    "--iam",
    default="enforce",
    show_default=True,
    help="Who is decided by policies: `enforce` roles and users that IAM has, `strict` all others too, `off` nobody.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="RULE",
    help="A rule to arm: a fault's name, or YAML such as '{fault: aws_denied, match: {function: crm}}'.",
)
@click.option(
    "--state", metavar="DIR", type=click.Path(path_type=Path),
    help="Folder that keeps what AppFlow knows and what its flows wrote; the next rig has it again.",
)
@click.option("--files", metavar="DIR", type=click.Path(path_type=Path), help="Folder for the rig's own files; kept.")
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
    loaded, rules = _check(file, faults)
    _check_engine(settings.engine)
    if detach:
        from emulator.cli.detach import detached

        detached(settings.port, as_json)
        return
    _serve(settings, file, loaded, rules, as_json)


def _settings(
    host: str,
    port: int,
    engine: str,
    seed: int,
    texts: str,
    iam: str,
    state: Path | None,
    files: Path | None,
    concurrency: int,
    no_freeze: bool,
) -> Settings:
    from emulator.functions.engines import NAMES
    from emulator.functions.loglines import GENERATIONS

    if engine not in (*NAMES, "auto"):
        raise UsageError.unknown("engine", engine, (*NAMES, "auto"))
    if texts not in GENERATIONS:
        raise UsageError.unknown("generation of texts", texts, GENERATIONS)
    if iam not in IAM_MODES:
        raise UsageError.unknown("mode of IAM", iam, IAM_MODES)
    if files is not None and files.exists() and not (files.is_dir() and os.access(files, os.W_OK | os.X_OK)):
        raise UsageError(f"--files {files}: is no folder that can be written to")
    return Settings(
        engine=engine,
        host=host,
        port=port,
        seed=seed,
        texts=texts,
        iam=iam,
        account_limit=concurrency,
        freeze=not no_freeze,
        state_dir=files,
        state=state,
    )


def _check(file: Path | None, faults: tuple[str, ...]) -> tuple[RigFile | None, list[Rule]]:
    """Everything a person wrote is checked before anything starts."""
    if not file and not faults:
        return None, []
    from emulator import building, catalogue
    from emulator.cli.rules import written
    from emulator.files import RigFile, load

    loaded, rules = None, []
    if file is not None:
        loaded = load(file, RigFile)
        building.check(loaded, file)
        rules = catalogue.rules(loaded.faults, file)
    taken = {rule.label for rule in rules}
    for text in faults:
        rule = catalogue.rule(written(text, "--fault"), "--fault")
        catalogue.claim(rule, taken, "--fault", "")
        rules.append(rule)
    return loaded, rules


def _check_engine(name: str) -> None:
    """An engine asked for by name must be there: the rig opens it only after it has said that it is up."""
    if name == "docker":
        from emulator.functions.engines.docker import DockerEngine

        if reason := DockerEngine.available():
            raise EngineError(f"the docker engine cannot be used: {reason}", NO_DOCKER)


def _serve(settings: Settings, file: Path | None, loaded: RigFile | None, rules: list[Rule], as_json: bool) -> None:
    from emulator.control_door import ControlDoor

    _allow_descriptors()
    ending = Ending()
    ending.on_signals()
    rig, card = _made(settings), None
    try:
        ending.starting = True
        if ending.asked():
            raise KeyboardInterrupt
        door = ControlDoor(rig, ending.ask)
        door.ready = loaded is None
        rig.start(door)
        if loaded is not None and file is not None:
            from emulator.building import build_rig

            build_rig(rig, loaded, file, note)
        rig.injector.arm(rules)
        door.ready = True
        ending.starting = False
        card = _announce(rig, as_json)
        rig.prepare()
        ending.wait()
        note("stopping: containers, network and files go first")
    finally:
        ending.starting = False
        try:
            rig.close()
        finally:
            if card is not None:
                card.unlink(missing_ok=True)


def _allow_descriptors() -> None:
    """An environment takes six, and each connection one: the usual soft limit of 1,024 is soon reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(DESCRIPTORS, hard) if hard != resource.RLIM_INFINITY else DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _made(settings: Settings) -> Rig:
    from emulator.rig import Rig

    try:
        return Rig(settings)
    except OSError as error:
        raise UsageError(f"the rig's folder cannot be made: {error}", "--files DIR takes another") from None


def _announce(rig: Rig, as_json: bool) -> Path:
    """Leave a card, and say that it is up; gives the card."""
    from emulator.cli import cards
    from emulator.cli.detach import restored

    url, engine, seed = rig.url, rig.engine.name, rig.settings.seed
    card = cards.write(int(url.rpartition(":")[2]), url)
    said = {"url": url, "engine": engine, "seed": seed, "pid": os.getpid()}
    if rig.state and rig.restored:
        said |= {"state": str(rig.state.path), "restored": asdict(rig.restored)}
    say(
        said,
        f"lambdarig is up: {url} (engine {engine}, seed {seed})\n{restored(said)}"
        f"  point any AWS client at it: export AWS_ENDPOINT_URL={url}\n  stop it with Ctrl-C",
        as_json,
    )
    sys.stdout.flush()
    return card
