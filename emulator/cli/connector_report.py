"""What `lambdarig connector check` shows: progress, a table with what is wrong below it, JSON, JUnit."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import click

from emulator.cli import junit
from emulator.cli.common import note
from emulator.cli.progress import InPlace
from emulator.connector_check.running import CHECKS, Result
from emulator.connector_check.talk import Check, Problem

WIDTH = 120  # columns where nobody's terminal says
SHOWN = 600  # characters of a request or an answer
ALIKE = 3  # problems of a kind that are listed
COLOURS = {"ok": "green", "failed": "bold red", "skipped": "dim"}


class Progress(InPlace):
    """Which check is under way; where nothing can be shown in place, a line for each that has ended."""

    def __init__(self) -> None:
        super().__init__("starting")
        self._number, self._shown = 0, False

    def begun(self, check: Check) -> None:
        self._number += 1
        self._shown = self.tell(f"{self._number}/{len(CHECKS)} {check.id}: {check.about}")

    def ended(self, result: Result) -> None:
        if not self._shown:
            note(f"{result.status:<7}  {result.check.id}")


def as_json(name: str, engine: str, results: list[Result]) -> dict[str, Any]:
    """The whole report."""
    counts = Counter(result.status for result in results)
    return {
        "connector": name, "engine": engine or None, "ok": counts["ok"], "failed": counts["failed"],
        "skipped": counts["skipped"], "checks": [result.as_json() for result in results],
    }


def show(name: str, engine: str, results: list[Result]) -> None:
    """For people, on stdout."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    with console.capture() as printed:
        _print(console, results)
        console.print(Text(f"\n{summary(name, engine, results)}"))
    click.echo("\n".join(line.rstrip() for line in printed.get().splitlines()))


def _print(console: Any, results: list[Result]) -> None:
    from rich.box import SIMPLE
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    columns = ("", "check", "what must hold, and what is worth knowing", "s")
    table = Table(*columns, box=SIMPLE, pad_edge=False, show_edge=False)
    for result in (one for one in results if one.status != "skipped"):
        told = result.check.about + (f"\n{result.remark}" if result.remark else "")
        seconds = f"{result.seconds:.2f}" if result.heard else ""
        table.add_row(Text(result.status, COLOURS[result.status]), result.check.id, Text(told), seconds)
    console.print(table)
    skipped = _skipped(results)
    if skipped:
        console.print()
    for reason, ids in skipped.items():
        console.print(Text(f"skipped, {reason}: {', '.join(ids)}", COLOURS["skipped"]))
    for result in results:
        if result.status == "failed":
            console.print()
            console.print(Text(f"FAILED {result.check.id} ({result.check.kind.strip('()')})", "bold red"))
            console.print(Padding(Text("\n".join(_told(result))), (0, 0, 0, 2)))


def _skipped(results: list[Result]) -> dict[str, list[str]]:
    """Reason -> ids."""
    found: dict[str, list[str]] = {}
    for result in results:
        if result.status == "skipped":
            found.setdefault(result.remark, []).append(result.check.id)
    return found


def summary(name: str, engine: str, results: list[Result]) -> str:
    """`crm (docker): 30 ok, 2 failed, 12 skipped`."""
    counts = Counter(result.status for result in results)
    where = f" ({engine})" if engine else ""
    return f"{name}{where}: " + ", ".join(f"{counts[status]} {status}" for status in COLOURS)


def _told(result: Result) -> list[str]:
    lines, told = [], Counter(_alike(problem) for problem in result.problems)
    shown: Counter[tuple[str, ...]] = Counter()
    for problem in result.problems:
        kind = _alike(problem)
        shown[kind] += 1
        if shown[kind] > ALIKE:
            continue
        lines.append(f"{problem.field}: {problem.why}")
        if shown[kind] == ALIKE < told[kind]:
            lines.append(f"  and {told[kind] - ALIKE} more like it")
        if problem.mend and shown[kind] == min(ALIKE, told[kind]):
            lines.append(f"  to mend it: {problem.mend}")
    said = result.as_json()
    if result.heard is not None:
        lines += [f"sent: {_short(_bare(said['sent']))}", f"came: {_short(_without_stack(said['came']))}"]
    return lines


def _alike(problem: Problem) -> tuple[str, ...]:
    """`records[0]` and `records[7]` with the same thing wrong are one kind of problem."""
    return re.sub(r"\[\d+\]", "[]", problem.field), problem.why, problem.mend


def _bare(sent: Any) -> Any:
    """A request without the description of its entity, which is long and the connector's own."""
    context = sent.get("connectorContext")
    if not isinstance(context, dict) or not context.get("entityDefinition"):
        return sent
    return {**sent, "connectorContext": {**context, "entityDefinition": "..."}}


def _without_stack(came: Any) -> Any:
    """What is worth knowing of it is in the problem."""
    return {name: value for name, value in came.items() if name != "stackTrace"} if isinstance(came, dict) else came


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


def write_junit(name: str, results: list[Result], file: Path) -> None:
    """A test case for each check. Raises UsageError."""
    from junitparser import Failure, Skipped, TestCase, TestSuite

    suite = TestSuite("lambdarig connector check")
    for result in results:
        case = TestCase(result.check.id, f"lambdarig.connector.{name}", result.seconds)
        if result.status == "failed":
            failure = Failure(f"{result.problems[0].field}: {result.problems[0].why}")
            failure.text = "\n".join(_told(result))
            case.result = [failure]
        elif result.status == "skipped":
            case.result = [Skipped(result.remark)]
        suite.add_testcase(case)
    junit.write(suite, file)
