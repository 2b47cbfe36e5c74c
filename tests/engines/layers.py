"""Layers to run with."""

from __future__ import annotations

from pathlib import Path


def layer(folder: Path, **files: str) -> Path:
    """The folder, with files of these names and texts in it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
