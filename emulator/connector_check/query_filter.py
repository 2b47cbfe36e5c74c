"""QueryData with filters, as a flow's Filter tasks and incremental runs write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from emulator.connector_check.definitions import readable
from emulator.connector_check.query import KIND, Rows, fullest, names, rows_of
from emulator.connector_check.talk import Check, Talk, check
from emulator.flows.columns import DATE, READ, TEXT, kind_of, moment_of, text_of
from emulator.flows.filters import BETWEEN, SIGNS, Condition, Window
from emulator.frontdoors.appflow import query_data

ORDERS = (BETWEEN, *(name for name in SIGNS if "THAN" in name))  # of texts each system has its own


@dataclass(frozen=True)
class _Asked:
    """A condition on a field of records that came."""

    condition: Condition
    expression: str

    def keeps(self, row: dict[str, Any]) -> bool:
        """Whether it lets a row through, where the case of letters does not matter; one without a value it may."""
        found, values = row.get(self.condition.field), self.condition.values
        if found is None or found == "" or self.condition.passes(row):
            return True
        folded = tuple(value.lower() if isinstance(value, str) else value for value in values)
        lower = {self.condition.field: found.lower() if isinstance(found, str) else found}
        return self.condition.kind == TEXT and replace(self.condition, values=folded).passes(lower)


    def surely(self, row: dict[str, Any]) -> bool:
        """Whether everybody would let it through: whether BETWEEN's bounds are within is not documented."""
        condition = self.condition
        if condition.operator != BETWEEN or not condition.passes(row):
            return condition.passes(row)
        return READ[condition.kind](row[condition.field]) not in condition.values


@check("query-filter", KIND, "gives the records that a filter lets through and no others, by each operator named",
       needs="SOURCE")  # fmt: skip
def filtering(talk: Talk) -> None:
    entity = fullest(talk)
    tried = []
    for asked in _conditions(talk, entity):
        tried.append(asked.condition.operator)
        rows = _filtered(talk, entity, asked.expression, asked.condition.operator, asked.condition.field)
        if rows is None:
            continue
        if wrong := [row for row in rows if not asked.keeps(row)]:
            name = asked.condition.field
            _too_many(talk, asked.expression, f"{name}={text_of(wrong[0].get(name))}")
        _too_few(talk, entity, asked.expression, rows, sum(map(asked.surely, talk.known.rows[entity])))
    if not tried:
        talk.skip(f"no field of {entity} with a value has a filter operator")
    talk.remark = f"of {entity}, by {', '.join(tried)}"


def _conditions(talk: Talk, entity: str) -> Iterator[_Asked]:
    """One for each operator that a field names, with a value of the records."""
    for operator in (*SIGNS, BETWEEN):
        fields = [field for field in readable(talk.known.definitions[entity]) if operator in field.filterOperators]
        found = (one for field in fields for one in _conditions_of(operator, field, talk.known.rows[entity]))
        if one := next(found, None):
            yield one


def _conditions_of(operator: str, field: Any, rows: Rows) -> Iterator[_Asked]:
    kind = kind_of(field.dataType)
    if not kind or (kind == TEXT and operator in ORDERS):
        return
    texts = [text_of(value) for row in rows if (value := row.get(field.fieldName)) not in (None, "")]
    for text in texts:
        given = {"VALUE": text[:3] if operator == "CONTAINS" else text}
        if operator == BETWEEN:
            given = {"LOWER_BOUND": min(texts, key=_order(kind)), "UPPER_BOUND": max(texts, key=_order(kind))}
        task = {"taskType": "Filter", "connectorOperator": {"CustomConnector": operator},
                "sourceFields": [field.fieldName], "taskProperties": {**given, "DATA_TYPE": field.dataType}}
        try:
            condition = Condition.of(task, {})
            yield _Asked(condition, f"({condition.expression()})")
        except ValueError:  # no value of its type, or none that the grammar can hold
            continue


def _order(kind: str) -> Callable[[str], Any]:
    """Of texts of a kind; what is none of it comes first."""
    def order(text: str) -> Any:
        try:
            return True, READ[kind](text)
        except ValueError:
            return (False,)

    return order


def _filtered(talk: Talk, entity: str, expression: str, operator: str, name: str) -> Rows | None:
    """None where it was no success, which is told."""
    selected = names(talk, entity)
    heard = talk.ask(query_data(talk.context(entity, run=True), entity, selected, filtering=expression))
    if heard.refused:
        mend = f"filterOperators of {name} has {operator}: filter, or take it out"
        talk.wrong("isSuccess", f"{expression} is refused: {heard.error_code} {heard.message}", mend)
    elif not heard.ok:
        talk.unusable(heard)
    return rows_of(talk, entity, heard.answer.records, selected) if heard.ok else None


def _too_many(talk: Talk, expression: str, which: str) -> None:
    why = f"{expression} let through {which}"
    talk.wrong("records", why, "AppFlow does not filter again: what comes is what the flow writes")


def _too_few(talk: Talk, entity: str, expression: str, rows: Rows, wanted: int) -> None:
    if len(rows) < wanted and not talk.heard[-1].answer.nextToken:
        why = f"{len(rows)} came for {expression}, of at least {wanted} that there are"
        talk.wrong("records", why, "is the expression parsed by the SDK's grammar?")


@check("query-incremental", KIND, "gives the records of a span of time, as incremental runs ask for them",
       needs="SOURCE")  # fmt: skip
def incremental(talk: Talk) -> None:
    entity = fullest(talk)
    stamps = [field for field in readable(talk.known.definitions[entity])
              if field.readProperties and field.readProperties.isTimestampFieldForIncrementalQueries]
    if not stamps:
        talk.skip(f"no field of {entity} isTimestampFieldForIncrementalQueries: its flows cannot be incremental")
    name, data_type = stamps[0].fieldName, stamps[0].dataType
    moments = sorted({moment for row in talk.known.rows[entity] if (moment := _moment(row.get(name)))})
    if not moments:
        talk.skip(f"no record of {entity} came with a {name}")
    step = timedelta(days=1) if kind_of(data_type) == DATE else timedelta(seconds=1)
    window = Window(name, moments[0] - step, moments[len(moments) // 2], data_type)
    rows = _filtered(talk, entity, window.expression(), "GREATER_THAN and LESS_THAN_OR_EQUAL_TO", name)
    if rows is None:
        return
    late = [row for row in rows if (moment := _moment(row.get(name))) and moment > window.end + step]
    if late:
        _too_many(talk, window.expression(), f"{name}={late[0][name]}")
    wanted = [row for row in talk.known.rows[entity] if (moment := _moment(row.get(name))) and moment < window.end]
    _too_few(talk, entity, window.expression(), rows, len(wanted))


def _moment(value: Any) -> datetime | None:
    try:
        return None if value is None else moment_of(value)
    except ValueError:
        return None


CHECKS: tuple[Check, ...] = (filtering, incremental)
