"""What a run of pytest chooses: the engine and the seed, by option, environment or ini file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulator.settings import Settings

VARIABLE = "LAMBDARIG_ENGINE"


@dataclass(frozen=True)
class Trial:
    """What a sweep runs a test with just now, whatever was asked for: the seed, and the rules that are muted."""

    seed: int
    without: tuple[str, ...]


TRIAL = pytest.StashKey[Trial]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lambdarig")
    group.addoption("--rig-engine", help=f"docker, process, inline or auto; default: ${VARIABLE}, ini rig_engine, auto")
    group.addoption("--rig-seed", type=int, help="seed of dice and ids (default: ini rig_seed, 0)")
    about = "labels of rules, with commas between, that let everything pass: to see which ones a failure needs"
    group.addoption("--rig-without", default="", metavar="LABELS", help=about)
    parser.addini("rig_engine", "the engine of rigs: docker, process, inline or auto")
    parser.addini("rig_seed", "the seed of rigs' dice and ids")


def pytest_configure(config: pytest.Config) -> None:
    from emulator.errors import meant
    from emulator.functions.engines import NAMES

    name, origin = _engine(config)
    if name not in ("", "auto", *NAMES):
        choices = (*NAMES, "auto")
        listed = f"choose one of {', '.join(choices)}{meant(name, choices)}"
        raise pytest.UsageError(f"{origin}: unknown engine {name!r}: {listed}")
    seed(config)


def _engine(config: pytest.Config) -> tuple[str, str]:
    """The engine that was asked for, empty where none was; and where."""
    asked = (
        (config.getoption("rig_engine"), "--rig-engine"),
        (os.environ.get(VARIABLE), VARIABLE),
        (config.getini("rig_engine"), "rig_engine"),
    )
    return next(((str(name), origin) for name, origin in asked if name), ("", ""))


def engine(config: pytest.Config) -> str | None:
    """The engine that was asked for, if any was."""
    return _engine(config)[0] or None


def seed(config: pytest.Config) -> int | None:
    """The seed that was asked for, if any was. Raises UsageError."""
    if TRIAL in config.stash:
        return config.stash[TRIAL].seed
    given: int | None = config.getoption("rig_seed")
    written = str(config.getini("rig_seed") or "")
    if given is not None or not written:
        return given
    try:
        return int(written)
    except ValueError:
        raise pytest.UsageError(f"rig_seed: must be a whole number, not {written!r}") from None


def without(config: pytest.Config) -> tuple[str, ...]:
    """Labels of the rules that are to be muted."""
    if TRIAL in config.stash:
        return config.stash[TRIAL].without
    return tuple(label.strip() for label in config.getoption("rig_without").split(",") if label.strip())


def settings(config: pytest.Config, **more: Any) -> Settings:
    """Of a rig for tests: its clock stands still unless `more`, which is right, says otherwise."""
    from emulator.settings import Settings

    chosen = {"engine": engine(config) or "auto", "seed": seed(config) or 0, "manual_clock": True}
    chosen["without"] = without(config)
    return Settings(**{**chosen, **more})
