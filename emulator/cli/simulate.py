"""`simulate-policy`: what policies allow, before anything is tried: those of a role or user of a rig, or files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from emulator.cli.asking import aws
from emulator.cli.common import as_json, note, say, which_port
from emulator.errors import FileProblem, UsageError, Verdict

ACCOUNT = "123456789012"
WIDTH = 4000  # columns: an ARN that is cut is no use; a terminal wraps
_INPUT = re.compile(r"PolicyInputList\.(\d+)")
_files = click.Path(path_type=Path, dir_okay=False)


@click.command("simulate-policy")
@click.argument("actions", nargs=-1, required=True, metavar="ACTION...")
@click.option("--role", help="Name or ARN of a role of the rig.")
@click.option("--user", help="Name or ARN of a user of the rig.")
@click.option("--policy", "policies", type=_files, multiple=True, help="A policy's JSON file; alone it needs no rig.")
@click.option("--boundary", type=_files, help="JSON file of a permissions boundary.")
@click.option("--resource", "resources", multiple=True, metavar="ARN", help="Resource; without it `*`.")
@click.option("--context", "contexts", multiple=True, metavar="KEY=VALUE", help="Condition key; repeated: more values.")
@which_port
@as_json
def simulate_policy(
    actions: tuple[str, ...], role: str | None, user: str | None, policies: tuple[Path, ...], boundary: Path | None,
    resources: tuple[str, ...], contexts: tuple[str, ...], port: int, as_json: bool,
) -> None:
    """Ask IAM's policy simulator: ACTION is e.g. execute-api:Invoke. Exit 1 when anything is denied."""
    source = _source(role, user)
    params: dict[str, Any] = {"ActionNames": list(actions), "ContextEntries": _entries(contexts)}
    given = {
        "PolicySourceArn": source, "PolicyInputList": [_read(file) for file in policies],
        "ResourceArns": list(resources), "PermissionsBoundaryPolicyInputList": [_read(boundary)] if boundary else [],
    }
    params |= {name: value for name, value in given.items() if value}
    rows = [row for result in _results(params, port) for row in _rows(result, policies)]
    say(rows, "", True) if as_json else _print(rows)
    if denied := sum(row["decision"] != "allowed" for row in rows):
        raise Verdict(f"{denied} of {len(rows)} denied")


def _source(role: str | None, user: str | None) -> str:
    if role and user:
        raise UsageError("give --role or --user, not both")
    kind, name = ("role", role) if role else ("user", user)
    return "" if not name else name if name.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"


def _entries(contexts: tuple[str, ...]) -> list[dict[str, Any]]:
    values: dict[str, list[str]] = {}
    for text in contexts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UsageError(f"--context {text!r}: write KEY=VALUE, e.g. aws:SourceIp=10.0.0.1")
        values.setdefault(key, []).append(value)
    return [
        {"ContextKeyName": key, "ContextKeyValues": found, "ContextKeyType": "stringList" if found[1:] else "string"}
        for key, found in values.items()
    ]


def _read(file: Path) -> str:
    """A policy that can be evaluated. Raises FileProblem."""
    from emulator.aws.iam.policy import PolicyError, parse

    try:
        text = file.read_text()
        parse(text)
    except (OSError, UnicodeDecodeError) as error:
        raise FileProblem(file, "", f"cannot be read: {getattr(error, 'strerror', '') or error}") from None
    except PolicyError as error:
        raise FileProblem(file, "", error.message) from None
    return text


def _results(params: dict[str, Any], port: int) -> Iterator[dict[str, Any]]:
    """All pages."""
    if not {"PolicySourceArn", "PolicyInputList"} & params.keys():
        raise UsageError("whose policies? give --role, --user or --policy FILE")
    more: dict[str, str] = {}
    while True:
        answer = _ask(params | more, port)
        yield from answer["EvaluationResults"]
        if not answer["IsTruncated"]:
            return
        more = {"Marker": answer["Marker"]}


def _ask(params: dict[str, Any], port: int) -> dict[str, Any]:
    """The rig where one of its principals is meant; files are simulated here."""
    if "PolicySourceArn" in params:
        return dict(aws(port, "iam", "simulate_principal_policy", **params))
    from emulator.aws.iam.simulate import SimulationError, simulate_custom_policy

    try:
        return simulate_custom_policy(params)
    except SimulationError as error:
        raise UsageError(error.answer.message) from None


def _rows(result: dict[str, Any], files: tuple[Path, ...]) -> Iterator[dict[str, Any]]:
    for found in result.get("ResourceSpecificResults") or [result]:
        specific = "EvalResourceDecision" in found
        yield {
            "action": result["EvalActionName"],
            "resource": found["EvalResourceName"] if specific else "*",
            "decision": found["EvalResourceDecision"] if specific else found["EvalDecision"],
            "statements": [_place(statement, files) for statement in found.get("MatchedStatements", ())],
            "because": _because(found, result),
            "missing_context": list(found.get("MissingContextValues", ())),
        }


def _place(statement: dict[str, Any], files: tuple[Path, ...]) -> str:
    """The policy, a file by its name, and where the statement is in it, lines and columns as AWS counts them."""
    name, start, end = statement["SourcePolicyId"], statement["StartPosition"], statement["EndPosition"]
    if own := _INPUT.fullmatch(name):
        name = str(files[int(own[1]) - 1])
    return f"{name} {start['Line']}:{start['Column']}-{end['Line']}:{end['Column']}"


def _because(found: dict[str, Any], result: dict[str, Any]) -> str:
    """What else denies, where no statement is shown."""
    if found.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary") is False:
        return "permissions boundary"
    if result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations") is False:
        return "service control policy"
    return ""


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table("action", "resource", "decision", "statement", box=SIMPLE_HEAD)
    for row in rows:
        told = ", ".join(row["statements"]) or row["because"] or "none matches"
        table.add_row(row["action"], row["resource"], row["decision"], told)
    console = Console(width=WIDTH, highlight=False)
    with console.capture() as shown:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in shown.get().splitlines() if line.strip()))
    for key in dict.fromkeys(key for row in rows for key in row["missing_context"]):
        note(f"a condition asks for {key}, which was not given: --context {key}=VALUE")
