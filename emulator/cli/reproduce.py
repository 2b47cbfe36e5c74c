"""`lambdarig reproduce NAME...`: the guides' failures, made to happen and mended. `lambdarig guide` lists them."""

from __future__ import annotations

import logging
import signal
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from emulator.cli.common import as_json, note, say
from emulator.errors import UsageError, Verdict


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every failure of both guides.")
@click.option("--times", default=1, show_default=True, type=click.IntRange(1, 1000), help="Each so many times.")
@click.option("--engine", default=None, envvar="LAMBDARIG_ENGINE", help="docker, process or auto.")
@click.option("--without", default=None, metavar="CAUSE", help="Take a cause away first: it must not happen.")
@click.option("--junit", default=None, type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit report.")
@as_json
def reproduce(
    names: tuple[str, ...], everything: bool, times: int, engine: str | None, without: str | None, junit: Path | None,
    as_json: bool,
) -> None:
    """Make a guide's failure happen, then apply the fix; exit 0 when all were reproduced and fixed, each with one
    fingerprint. `lambdarig guide` lists the names."""
    from emulator import guides

    if everything == bool(names):
        raise UsageError("name the failures to reproduce, or say --all; `lambdarig guide` lists them")
    _check_engine(engine)
    scenarios = guides.checked(tuple(guides.load_all()) if everything else names, without)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the rig cleans up
    results: list[dict[str, Any]] = []
    total = len(scenarios) * times
    if total > 1:
        logging.disable(logging.WARNING)  # the rig's remarks on what is meant to go wrong
    try:
        for run in range(1, times + 1):
            for name, scenario in scenarios.items():
                told = guides.reproduce(name, scenario, engine=engine, say=note if total == 1 else lambda _: None)
                results.append({**told, "run": run})
                if total > 1:
                    note(f"[{len(results)}/{total}] {_line(results[-1])}")
    finally:
        if junit is not None:
            _write_junit(results, junit)
    say(results, _line(results[0]) if total == 1 else _summary(results), as_json)
    if failed := _failed(results):
        raise Verdict(f"not reproduced and fixed, or not the same each time: {', '.join(failed)}")


def _check_engine(engine: str | None) -> None:
    from emulator.functions.engines import NAMES

    if engine is not None and engine not in (*NAMES, "auto"):
        raise UsageError.unknown("engine", engine, (*NAMES, "auto"))


def _line(result: dict[str, Any]) -> str:
    done = "reproduced, " if result["reproduced"] else "NOT reproduced"
    fixed = ("fixed" if result["fixed"] else "NOT fixed") if result["reproduced"] else ""
    text = f"{result['name']}: {done}{fixed} ({result['engine']}, {result['seconds']:.1f} s)"
    return "\n".join([text, *(f"    {problem}" for problem in result["problems"])])


def _failed(results: list[dict[str, Any]]) -> list[str]:
    """Names of which a run went wrong, or whose runs differ."""
    return [
        name
        for name, rows in _by_name(results).items()
        if not all(r["reproduced"] and r["fixed"] for r in rows) or len({r["fingerprint"] for r in rows}) > 1
    ]


def _by_name(results: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        grouped.setdefault(result["name"], []).append(result)
    return grouped


def _summary(results: list[dict[str, Any]]) -> str:
    """A table, a line for each failure."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table("failure", "reproduced", "fixed", "fingerprint", "seconds", box=SIMPLE)
    for name, rows in _by_name(results).items():
        prints = {r["fingerprint"][:12] for r in rows}
        table.add_row(
            name,
            f"{sum(r['reproduced'] for r in rows)} of {len(rows)}",
            f"{sum(r['fixed'] for r in rows)} of {len(rows)}",
            prints.pop() if len(prints) == 1 else f"{len(prints)} different",
            f"{sum(r['seconds'] for r in rows) / len(rows):.1f}",
        )
    console = Console(width=110)
    with console.capture() as printed:
        console.print(table)
    return "\n".join(line.rstrip() for line in printed.get().strip("\n").splitlines())


def _write_junit(results: list[dict[str, Any]], file: Path) -> None:
    from junitparser import Failure, TestCase, TestSuite

    from emulator.cli import junit

    suite = TestSuite("lambdarig reproduce")
    for result in results:
        case = TestCase(f"{result['name']} #{result['run']}", f"lambdarig.guides.{result['engine']}", result["seconds"])
        if not (result["reproduced"] and result["fixed"]):
            what = "the fix did not help" if result["reproduced"] else "not reproduced"
            failure = Failure(what)
            failure.text = "\n".join(result["problems"])
            case.result = [failure]
        suite.add_testcase(case)
    junit.write(suite, file)


@click.command()
@click.argument("name", required=False)
@as_json
def guide(name: str | None, as_json: bool) -> None:
    """What can go wrong, in the guides' order, with the page about each; NAME shows one with its causes."""
    from emulator import guides

    if name is not None:
        row = _row(name, guides.one(name))
        say(row, _described(row), as_json)
        return
    rows = [_row(name, scenario) for name, scenario in guides.load_all().items()]
    say(rows, "\n".join(_listed(rows, guides.GUIDES)), as_json)


def _listed(rows: list[dict[str, Any]], titles: dict[str, str]) -> list[str]:
    """Each failure once, with its page and the scenarios that make it happen."""
    lines = []
    for which, title in titles.items():
        lines += [title, ""]
        for (item, failure, page), same in groupby(
            (row for row in rows if row["guide"] == which), lambda row: (row["item"], row["title"], row["page"])
        ):
            lines += [f"  {item}. {failure}", f"     {', '.join(row['name'] for row in same)}  (docs/{page})"]
        lines.append("")
    lines.append("lambdarig guide NAME       what it is, and its causes")
    return [*lines, "lambdarig reproduce NAME   make it happen"]


def _row(name: str, scenario: Any) -> dict[str, Any]:
    place = scenario.guide
    return {
        "name": name, "guide": place.name, "item": place.item, "title": place.title, "page": place.page,
        "about": scenario.about.strip(), "causes": list(scenario.causes),
    }


def _described(row: dict[str, Any]) -> str:
    causes = [f"  - {cause}" for cause in row["causes"]]
    page, again = f"read more:     docs/{row['page']}", f"reproduce it:  lambdarig reproduce {row['name']}"
    about = fill(" ".join(row["about"].split()), 100)
    return "\n".join([f"{row['name']}: {row['title']}", "", about, "", "causes", *causes, "", page, again])
