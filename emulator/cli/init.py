"""`lambdarig init`: a connector, a scenario, a test and a compose file to begin with, which pass as they are."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import click

from emulator.cli.common import as_json, say
from emulator.errors import UsageError

NEXT = """
pytest                                              # the connector's tests
lambdarig run scenarios/secret-not-visible.yaml     # the same, as a file
lambdarig up                                        # a rig with what lambdarig.yaml says, until Ctrl-C
docker compose up                                   # the same in a container"""


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@as_json
def init(folder: Path, as_json: bool) -> None:
    """Write a starter into FOLDER (the current one): a connector, a scenario, a test, a rig file and a compose file.

    What is there already is never overwritten: then nothing is written.
    """
    with as_file(files("sample_connectors") / "starter") as starter:
        names = sorted(str(path.relative_to(starter)) for path in starter.rglob("*") if _wanted(path))
        if there := [name for name in names if (folder / name).exists()]:
            raise UsageError(f"{folder / there[0]} is there already: nothing was written", "lambdarig init NEW-FOLDER")
        try:
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(starter / name, folder / name)
        except OSError as error:
            raise UsageError(f"{folder / name} cannot be written: {error.strerror}") from None
    where = "" if folder == Path() else f"\ncd {folder}"
    written = [str(folder / name) for name in names]
    say(written, "\n".join((*(f"wrote {name}" for name in written), where + NEXT)), as_json)


def _wanted(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc"
