"""QueryData: the pages of a flow whose source is the connector."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from emulator.connector_check.definitions import keys, readable
from emulator.connector_check.talk import Check, Talk, check
from emulator.connector_check.values import misfit, parsed
from emulator.frontdoors.appflow import PAGE, query_data

KIND = "QueryData"
Rows = list[dict[str, Any]]


def names(talk: Talk, entity: str) -> list[str]:
    """Of the fields that can be read."""
    return [field.fieldName for field in readable(talk.known.definitions[entity])]


def rows_of(talk: Talk, entity: str, records: Sequence[str], selected: Sequence[str]) -> Rows:
    """The records as objects. What is none, or has fields that were not selected, is a problem."""
    found: Rows = []
    fields = {field.fieldName for field in talk.known.definitions[entity].fields}
    for number, record in enumerate(records):
        row = parsed(record)
        if row is None:
            why = f"{record[:80]!r} is not the text of a JSON object"
            talk.stop(f"records[{number}]", why, "json.dumps each record by itself: records is a list of such texts")
        found.append(row)
        if no_fields := sorted(row.keys() - fields - set(selected)):
            talk.remark = f"records have members that are no fields: {', '.join(no_fields[:5])}"
        if more := sorted((row.keys() & fields) - set(selected)):
            why = f"has {', '.join(map(repr, more[:5]))}, which selectedFieldNames does not name"
            talk.stop(f"records[{number}]", why, "give the selected fields only; those without a value may be left out")
    return found


@check("query", KIND, "gives all fields of an entity, as JSON objects, of the types described", needs="SOURCE")
def query(talk: Talk) -> None:
    empty = []
    for entity in talk.known.definitions or [talk.entity()]:
        selected = names(talk, entity)
        said = talk.good(query_data(talk.context(entity, run=True), entity, selected), "it is listed and described")
        talk.known.rows[entity] = rows_of(talk, entity, said.records, selected)
        if len(said.records) > PAGE:
            why = f"{len(said.records)} came where maxResults was {PAGE}"
            talk.wrong("records", why, "give a page of at most maxResults, and a nextToken")
        if not said.nextToken:
            talk.known.whole.add(entity)
        if not said.records:
            empty.append(entity)
        _judge_types(talk, entity)
    if empty:
        talk.remark = f"no records: {', '.join(empty)}"


def _judge_types(talk: Talk, entity: str) -> None:
    types = {field.fieldName: field.dataType for field in talk.known.definitions[entity].fields}
    told = set[str]()
    for number, row in enumerate(talk.known.rows[entity]):
        for name, value in row.items():
            why = misfit(value, types[name]) if name in types else ""
            if why and name not in told:
                told.add(name)
                talk.wrong(f"records[{number}].{name}", f"of {entity}: {why}", "mend the value, or its dataType")


def fullest(talk: Talk) -> str:
    """The entity with most records so far."""
    talk.entity()
    rows = talk.known.rows
    if not rows or not max(rows.values(), key=len):
        talk.skip("no records came to try it with: name an entity that has some with --entity")
    return max(rows, key=lambda name: len(rows[name]))


@check("query-one-field", KIND, "gives only the field that was selected", needs="SOURCE")
def one_field(talk: Talk) -> None:
    entity = fullest(talk)
    chosen = (keys(talk.known.definitions[entity]) or names(talk, entity))[:1]
    said = talk.good(query_data(talk.context(entity, run=True), entity, chosen))
    found = rows_of(talk, entity, said.records, chosen)
    if len(found) < len(talk.known.rows[entity]):
        why = f"{len(found)} came, with all fields {len(talk.known.rows[entity])}"
        talk.wrong("records", why, "the fields selected must not change which records come")


@check("query-paging", KIND, "pages by maxResults and nextToken to the end: each record once, no token twice",
       needs="SOURCE")  # fmt: skip
def paging(talk: Talk) -> None:
    entity = fullest(talk)
    if len(talk.known.rows[entity]) < 2:
        talk.skip(f"{entity} has fewer than two records")
    context, selected = talk.context(entity, run=True), names(talk, entity)
    size = max(1, len(talk.known.rows[entity]) // 3)
    pages, tokens, token = list[Rows](), set[str](), None
    while len(pages) < talk.known.most_pages:
        said = talk.good(query_data(context, entity, selected, token, most=size), "it came from the page before")
        if len(said.records) > size:
            why = f"{len(said.records)} came where maxResults was {size}"
            talk.stop("records", why, "give at most maxResults, and a nextToken for the rest")
        pages.append(rows_of(talk, entity, said.records, selected))
        token = said.nextToken
        if not token:
            break
        if token in tokens:
            why = f"{token!r} came a second time: the flow would never end"
            talk.stop("nextToken", why, "give the token of the next page, and null on the last")
        tokens.add(token)
    _judge_pages(talk, entity, pages, ended=not token)


def _judge_pages(talk: Talk, entity: str, pages: list[Rows], ended: bool) -> None:
    key = keys(talk.known.definitions[entity])
    seen = Counter(_identity(row, key) for page in pages for row in page)
    whole = Counter(_identity(row, key) for row in talk.known.rows[entity])
    once = 1 if key else max(whole.values(), default=1)
    if twice := [text for text, times in seen.items() if times > max(once, whole[text])]:
        why = f"{len(twice)} came on several pages, {twice[0][:80]} among them"
        talk.wrong("records", why, "start the next page after the last record: sort by what does not change")
    if not ended:
        talk.remark = f"not followed to the end: {len(pages)} pages of {entity}"
        return
    if lost := list((whole - seen).elements()):
        why = f"{len(lost)} that came at once came on no page, {lost[0][:80]} among them"
        talk.wrong("records", why, "is nextToken given too early, or a record skipped between pages?")
    if len(pages) == 1 and len(talk.known.rows[entity]) > len(pages[0]):
        talk.wrong("nextToken", "is missing on a page that is not the last", "give it until nothing is left")


def _identity(row: dict[str, Any], key: Sequence[str]) -> str:
    told = {name: row[name] for name in key if name in row} or row
    return json.dumps(told, sort_keys=True)


CHECKS: tuple[Check, ...] = (query, one_field, paging)
