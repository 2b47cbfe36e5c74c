"""`images build` and `images list`: what environments run on."""

from __future__ import annotations

from pathlib import Path

import click

from emulator.cli.common import as_json, note, say


@click.group()
def images() -> None:
    """Images for the docker engine: AWS's own where present or pullable, else built here."""


@images.command()
@click.option("--base", help="Image to build from (a Debian-like one with python3); default: AWS's image, pulled.")
@click.option("--runtime", help="AWS's runtime id, e.g. python3.13; default: what the base has.")
@click.option(
    "--ca-bundle",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Certificates to trust while building, behind a company proxy.",
)
@as_json
def build(base: str | None, runtime: str | None, ca_bundle: Path | None, as_json: bool) -> None:
    """Build the image of a runtime, or make sure that AWS's is here."""
    from emulator.functions import images as made

    tag = made.pull_or_build(runtime, note) if base is None else made.build(base, runtime, ca_bundle, note)
    say({"image": tag}, tag, as_json)


@images.command("list")
@as_json
def list_images(as_json: bool) -> None:
    """Images that are here."""
    from emulator.functions import images as made

    rows = made.available()
    text = "\n".join(f"{row['runtime']}  {row['image']}  ({row['origin']})" for row in rows)
    say(rows, text or "none: lambdarig images build", as_json)
