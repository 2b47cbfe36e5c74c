"""`lambdarig connector check`: a connector through its whole contract, with a report for its author."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emulator.cli.common import as_json, engine_option, say, which_port
from emulator.errors import UsageError, Verdict

if TYPE_CHECKING:
    from emulator.cli.connector_target import Target
    from emulator.connector_check.running import Result
    from emulator.connector_check.talk import Known

CODE = (".py", ".js", ".mjs", ".cjs", ".ts", ".java", ".jar", ".zip")
KINDS = ("OAuth2", "BasicAuth", "ApiKey", "CustomAuth")
_file = click.Path(path_type=Path, dir_okay=False)


@click.group()
def connector() -> None:
    """AppFlow connectors under development."""


@connector.command()
@click.argument("target", metavar="PATH|NAME")
@click.option("--handler", help="Of a folder: as in Lambda, module.function.")
@click.option("--runtime", default="python", show_default=True, help="Of a folder: AWS's runtime id.")
@click.option("--memory", default=256, show_default=True, type=click.IntRange(128, 10240), help="Of a folder: MB.")
@click.option("--timeout", default=30, show_default=True, type=click.IntRange(1, 900), help="Of a folder: seconds.")
@click.option("--env", multiple=True, metavar="KEY=VALUE", help="Of a folder: environment variable.")
@click.option("--requirements/--no-requirements", default=None, help="Install what the folder's manifest names.")
@click.option("--upstreams", type=_file, help="Of a folder: Python file with the hosts that the connector talks to.")
@click.option("--function", default="", help="Of a rig file with several functions: which.")
@engine_option
@click.option("--settings", multiple=True, metavar="KEY=VALUE", help="Connector runtime setting, of any scope.")
@click.option("--secret", metavar="JSON|@FILE", help="Right credentials, as the connector reads them from the secret.")
@click.option("--auth-type", type=click.Choice(KINDS), help="Kind of credentials; else what the connector supports.")
@click.option("--entity", "entities", multiple=True, help="Entity to use; else the first ones listed.")
@click.option("--write", is_flag=True, help="Check WriteData too: it alters the real system of record.")
@click.option("--record", "records", multiple=True, metavar="JSON|@FILE", help="Good record to write; repeat it.")
@click.option("--bad-record", metavar="JSON|@FILE", help="A record that the system of record refuses.")
@click.option("--only", multiple=True, metavar="ID", help="Only this check; repeat it.")
@click.option("--skip", multiple=True, metavar="ID", help="Leave out this check; repeat it.")
@click.option("--pages", default=20, show_default=True, type=click.IntRange(1, 10000), help="Most pages followed.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write a JUnit report.")
@which_port
@as_json
def check(
    target: str, junit: Path | None, as_json: bool, only: tuple[str, ...], skip: tuple[str, ...], **given: Any
) -> None:
    """Ask a connector everything that AppFlow asks, good and bad, and report what AppFlow would not take. A folder or
    rig file gets a rig of its own; any other NAME is a function of the rig that runs. Exit 1 when a check failed."""
    from emulator.cli import connector_report
    from emulator.connector_check.running import CHECKS

    ids = [one.id for one in CHECKS]
    for unknown in (id for id in (*only, *skip) if id not in ids):
        raise UsageError.unknown("check", unknown, ids)
    known = _known(given)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the rig cleans up
    with _opened(target, given) as opened:
        results = _run(opened, known, given["write"], only, skip)
    try:
        if junit is not None:
            connector_report.write_junit(opened.name, results, junit)
    finally:
        say(connector_report.as_json(opened.name, opened.engine, results), "", True) if as_json else (
            connector_report.show(opened.name, opened.engine, results)
        )
    if failed := [result.check.id for result in results if result.status == "failed"]:
        raise Verdict(f"{opened.name}: {len(failed)} of {len(results)} checks failed: {', '.join(failed)}")


def _run(
    opened: Target, known: dict[str, Any], write: bool, only: tuple[str, ...], skip: tuple[str, ...]
) -> list[Result]:
    from emulator.cli.connector_report import Progress
    from emulator.connector_check.running import run
    from emulator.connector_check.talk import Known

    with Progress() as progress:
        facts = Known(
            **known, make_secret=opened.make_secret, permitted=opened.permitted, timeout_s=opened.timeout_s
        )
        results = []
        for result in run(opened.hearing, facts, write, only, skip, progress.begun):
            _check_settings(facts)
            progress.ended(result)
            results.append(result)
    return results


def _check_settings(facts: Known) -> None:
    """Raises UsageError for a setting that the connector, once it has said what it has, has not."""
    if facts.configuration is not None:
        declared = [setting.key for setting in facts.configuration.connectorRuntimeSetting]
        for key in (key for key in facts.settings if key not in declared):
            raise UsageError.unknown("connector runtime setting (--settings)", key, declared)


def _known(given: dict[str, Any]) -> dict[str, Any]:
    """What a person gave of the connector, read and checked."""
    secret = _object(given["secret"], "--secret") if given["secret"] else None
    return {
        "settings": dict(_pair(text, "--settings") for text in given["settings"]),
        "secret": json.dumps(secret) if secret is not None else "",
        "authentication_type": given["auth_type"] or "",
        "wanted_entities": given["entities"],
        "records": [_object(text, "--record") for text in given["records"]],
        "bad_record": _object(given["bad_record"], "--bad-record") if given["bad_record"] else None,
        "most_pages": given["pages"],
    }


def _object(text: str, option: str) -> dict[str, Any]:
    """A JSON object, given or in a file. Raises UsageError, which does not show it: it may be a secret."""
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{option} {text}: cannot be read: {getattr(error, 'strerror', '') or error}") from None
    try:
        said = json.loads(text)
    except ValueError:
        raise UsageError(f"{option}: is no JSON") from None
    if not isinstance(said, dict):
        raise UsageError(f"{option}: must be a JSON object")
    return said


def _pair(text: str, option: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not (key and sign):
        raise UsageError(f"{option} {text}: must be KEY=VALUE")
    return key, value


@contextlib.contextmanager
def _opened(target: str, given: dict[str, Any]) -> Iterator[Target]:
    """A rig of its own for what is a path, else a function of the rig that runs."""
    from emulator.cli import connector_target as targets
    from emulator.files import RigFile, load
    from emulator.functions.engines import NAMES

    path = Path(target)
    if given["engine"] not in (*NAMES, "auto"):
        raise UsageError.unknown("engine", given["engine"], (*NAMES, "auto"))
    if not path.exists():
        if "/" in target or path.suffix:
            raise UsageError(f"{target}: no such file or folder")
        with targets.running(given["port"], target) as opened:
            yield opened
        return
    if path.suffix in CODE:
        raise UsageError(f"{path}: is code, not a connector: name its folder, {path.parent}, and --handler")
    written = _folder(path, given) if path.is_dir() else load(path, RigFile)
    with targets.started(written, path, given["function"], given["engine"]) as opened:
        yield opened


def _folder(path: Path, given: dict[str, Any]) -> Any:
    from emulator.cli.connector_target import of_folder

    if not given["handler"]:
        raise UsageError(f"{path}: say which handler: --handler module.function")
    if "." not in given["handler"].strip("."):
        raise UsageError(f"--handler {given['handler']}: must be module.function, as in Lambda")
    requirements = given["requirements"]
    if requirements is None:
        requirements = any((path / name).exists() for name in ("requirements.txt", "package.json"))
    upstreams = given["upstreams"].absolute() if given["upstreams"] else None
    return of_folder(
        path.absolute(), upstreams, handler=given["handler"], runtime=given["runtime"], memory=given["memory"],
        timeout=given["timeout"], environment=dict(_pair(text, "--env") for text in given["env"]),
        requirements=requirements,
    )
