"""`faults` (the catalogue) and `fault` (rules in force on a rig that runs)."""

from __future__ import annotations

import inspect
import shlex
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import click
import yaml

from emulator import catalogue
from emulator.cli.asking import ask
from emulator.cli.common import as_json, say, which_port
from emulator.cli.rules import completed, rule_options, written
from emulator.errors import UsageError
from emulator.fault import Fault, parameters


@click.command()
@click.argument("name", required=False)
@as_json
def faults(name: str | None, as_json: bool) -> None:
    """List the faults, or show one's parameters and an example."""
    if name is None:
        say([_described(n, fault) for n, fault in catalogue.faults().items()], "\n".join(_listed()), as_json)
        return
    row = _described(name, catalogue.one(name))
    say(row, _text(row), as_json)


def _listed() -> Iterator[str]:
    """The catalogue by groups, a line each: as long as a terminal is wide, or whole where none reads it."""
    width = max(map(len, catalogue.faults()))
    room = max(shutil.get_terminal_size((10_000, 0)).columns - width - 4, 20)
    for number, (heading, names) in enumerate(catalogue.grouped().items()):
        yield f"\n{heading}" if number else heading
        for name in names:
            about = textwrap.shorten(catalogue.about(catalogue.one(name)), room, placeholder=" ...")
            yield f"  {name:<{width}}  {about}"


def _described(name: str, fault: type[Fault]) -> dict[str, Any]:
    match = {k: v for k, v in vars(fault.default_match).items() if v is not None}
    rows = {key: {**row, "choices": list(catalogue.choices(fault, key))} for key, row in parameters(fault).items()}
    given = {key: row["default"] for key, row in rows.items() if row["default"] is not MISSING}
    return {
        "name": name,
        "about": inspect.getdoc(fault) or "",
        "points": list(fault.points()),
        "match": match,
        "parameters": {key: row if key in given else {**row, "default": None} for key, row in rows.items()},
        "example": _example(name, given),
        "scenario": _scenario(name),
    }


def _scenario(name: str) -> str:
    """A whole scenario in which it strikes, where one comes with lambdarig."""
    file = Path(__file__).parents[2] / "sample_connectors" / "faults" / f"{name}.yaml"
    return str(file) if file.is_file() else ""


def _example(name: str, given: dict[str, Any]) -> str:
    rule = {"fault": name, **({"with": given} if given else {}), "when": {"times": 1}}
    return f"lambdarig up --fault {shlex.quote(_yaml(rule))}"


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"))
    return text.removesuffix("...\n").strip()


def _text(row: dict[str, Any]) -> str:
    lines = [row["name"], "", row["about"], "", f"strikes at: {', '.join(row['points'])}"]
    if row["match"]:
        lines.append("matches by default: " + ", ".join(f"{k} {v}" for k, v in row["match"].items()))
    lines += ["", "parameters:" if row["parameters"] else "no parameters"]
    for key, spec in row["parameters"].items():
        lines.append(f"  {key} = {_value(spec)}: {spec.get('about', '')}")
    lines += ["", "in force from the start of a rig:", f"  {row['example']}"]
    lines += ["", "on a rig that runs:", f"  lambdarig fault add {row['name']} --times 1"]
    if row["scenario"]:
        lines += ["", "struck, in a whole scenario:", f"  lambdarig run {row['scenario']}"]
    return "\n".join(lines)


def _value(spec: dict[str, Any]) -> str:
    """`3000 ms`, or `implicit (or explicit)`."""
    unit = f" {spec['unit']}" if spec.get("unit") else ""
    others = [_yaml(choice) for choice in spec["choices"] if choice != spec["default"]]
    return _yaml(spec["default"]) + unit + (f" (or {', '.join(others)})" if others else "")


@click.group()
def fault() -> None:
    """Rules in force on a rig that runs."""


@fault.command("add")
@click.argument("rules", metavar="RULE...", nargs=-1, required=True)
@rule_options
@which_port
@as_json
def add(rules: tuple[str, ...], port: int, as_json: bool, **options: Any) -> None:
    """Arm rules, all of them before the next request, or none.

    A RULE is a fault's name, with options, or YAML such as
    '{fault: aws_denied, match: {function: crm}, when: {times: 1}}'.
    """
    if len(rules) > 1 and any(value not in (None, ()) for value in options.values()):
        raise UsageError("options belong to one rule: write several rules whole, as YAML")
    given = [completed(written(text, "RULE"), **options) for text in rules]
    for number, rule in enumerate(given, 1):
        catalogue.rule(rule, "RULE" if len(given) == 1 else f"RULE {number}")
    armed = ask(port, "POST", "faults", body={"faults": given})["faults"]
    say(armed if len(armed) > 1 else armed[0], "\n".join(f"armed {row['name']}" for row in armed), as_json)


@fault.command("list")
@which_port
@as_json
def list_rules(port: int, as_json: bool) -> None:
    """Rules in force, and how often each has struck."""
    rows = ask(port, "GET", "faults")["faults"]
    say(rows, "\n".join(_in_force(row) for row in rows) or "no rules", as_json)


def _in_force(row: dict[str, Any]) -> str:
    return f"{row['name']}: {row['fault']}, struck {row['strikes']}{', over' if row['over'] else ''}"


@fault.command("clear")
@click.argument("name", required=False)
@which_port
@as_json
def clear(name: str | None, port: int, as_json: bool) -> None:
    """Disarm and heal one rule, or all."""
    gone = ask(port, "DELETE", "faults", *([name] if name else []))["faults"]
    say(
        gone,
        "\n".join(f"cleared {row['name']}, which had struck {row['strikes']}" for row in gone) or "no rules",
        as_json,
    )
