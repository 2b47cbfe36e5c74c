"""SOQL as Salesforce's query route takes it, turned into SQL with bound values:

SELECT fields FROM object [WHERE conditions] [ORDER BY fields] [LIMIT n]; no functions, relationships or sub-selects.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

import pyparsing as pp

KEYWORDS = ("SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "LIMIT", "ORDER", "BY", "ASC", "DESC")
LITERALS = {
    "string": r"'(?:[^'\\]|\\.)*'",
    "dateTime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)",
    "date": r"\d{4}-\d\d-\d\d",
    "number": r"[+-]?\d+(?:\.\d+)?",
    "boolean": r"(?i:true|false)\b",
    "null": r"(?i:null)\b",
}
LITERAL_OF_TYPE = {
    "datetime": "dateTime", "date": "date", "boolean": "boolean", "int": "number", "double": "number",
    "currency": "number",
}


class SoqlError(Exception):
    """A query Salesforce refuses, with its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Name:
    """A field in a condition."""

    text: str


@dataclass(frozen=True)
class Literal:
    """A value in a condition. kind: a key of LITERALS."""

    kind: str
    value: object


@dataclass(frozen=True)
class Query:
    """What was asked. where: nested tokens. order: (field, ASC or DESC). limit: -1 for none."""

    object: str
    fields: tuple[str, ...]
    where: pp.ParseResults | None
    order: tuple[tuple[str, str], ...]
    limit: int


def written_time(moment: datetime) -> str:
    """As the REST API writes times: 2021-04-20T10:30:35.000+0000."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _read_time(text: str) -> str:
    form = "%Y-%m-%dT%H:%M:%S.%f%z" if "." in text else "%Y-%m-%dT%H:%M:%S%z"
    return written_time(datetime.strptime(text, form))


READERS: dict[str, Callable[[str], object]] = {
    "string": lambda text: re.sub(r"\\(.)", r"\1", text[1:-1]), "dateTime": _read_time, "date": str,
    "number": float, "boolean": lambda text: int(text.lower() == "true"), "null": lambda _: None,
}


def _literal(kind: str) -> pp.ParserElement:
    return pp.Regex(LITERALS[kind]).set_parse_action(lambda tokens: Literal(kind, READERS[kind](tokens[0])))


def _grammar() -> pp.ParserElement:
    word = {keyword: pp.CaselessKeyword(keyword) for keyword in KEYWORDS}
    name = pp.Regex(rf"(?i)(?!(?:{'|'.join(KEYWORDS)})\b)[a-z]\w*")
    literal = pp.MatchFirst(_literal(kind) for kind in LITERALS)
    field = name.copy().add_parse_action(lambda tokens: Name(tokens[0]))
    within = word["IN"] | pp.Combine(word["NOT"] + word["IN"], adjacent=False, join_string=" ")
    values = pp.Group(pp.Suppress("(") + pp.DelimitedList(literal) + pp.Suppress(")"))
    operator = pp.one_of("= != <> <= >= < >") | word["LIKE"]
    condition = pp.Forward()
    single = pp.Group(field + (operator + literal | within + values)) | pp.Group(
        pp.Suppress("(") + condition + pp.Suppress(")")
    )
    single = pp.Group(word["NOT"] + single) | single
    # AND and OR mix only with parentheses: "unexpected token: OR" otherwise, as Salesforce says.
    condition <<= single + (pp.OneOrMore(word["AND"] + single) | pp.ZeroOrMore(word["OR"] + single))
    order = pp.Group(name + pp.Optional(word["ASC"] | word["DESC"], default="ASC"))
    return (
        word["SELECT"] + pp.Group(pp.DelimitedList(name))("fields") + word["FROM"] + name("object")
        + pp.Optional(word["WHERE"] + pp.Group(condition)("where"))
        + pp.Optional(word["ORDER"] + word["BY"] + pp.Group(pp.DelimitedList(order))("order"))
        + pp.Optional(word["LIMIT"] + pp.Regex(r"\d+")("limit"))
    )


SOQL = _grammar()


def parse(query: str) -> Query:
    """Raises SoqlError MALFORMED_QUERY with Salesforce's text."""
    try:
        found = SOQL.parse_string(query, parse_all=True)
    except (pp.ParseException, ValueError) as error:
        at = error.loc if isinstance(error, pp.ParseException) else 0
        token = (query[at:].split() or ["<EOF>"])[0]
        place = f"ERROR at Row:1:Column:{at + 1}"
        raise SoqlError("MALFORMED_QUERY", f"\n{query}\n^\n{place}\nunexpected token: '{token}'") from error
    order = tuple((name, way) for name, way in found.get("order", ()))
    return Query(found["object"], tuple(found["fields"]), found.get("where"), order, int(found.get("limit", -1)))


def to_sql(query: Query, describe: Callable[[str], dict]) -> tuple[str, list[object]]:
    """What follows an SQL `where` of its own, and its values. describe: field name -> its description."""
    values: list[object] = []
    where = f"and ({_condition(query.where, describe, values)})" if query.where else ""
    order = ", ".join(f"{_column(describe(name))} {way}" for name, way in query.order) or "Id"
    return f"{where} order by {order} limit {query.limit}", values


def _condition(tokens: pp.ParseResults, describe: Callable[[str], dict], values: list[object]) -> str:
    if isinstance(tokens[0], Name):
        return _comparison(describe(tokens[0].text), tokens[1], tokens[2], values)
    parts = (token if isinstance(token, str) else f"({_condition(token, describe, values)})" for token in tokens)
    return " ".join(parts)


def _comparison(field: dict, operator: str, operand: object, values: list[object]) -> str:
    literals = [operand] if isinstance(operand, Literal) else list(operand)
    for literal in literals:
        _check(field, literal)
        values.append(literal.value)
    marks = "?" if isinstance(operand, Literal) else f"({', '.join('?' for _ in literals)})"
    operator = {"=": "is", "!=": "is not", "<>": "is not"}.get(operator, operator)  # null is a value in SOQL
    return f"{_column(field)} {operator} {marks}"


def _column(field: dict) -> str:
    if not field["filterable"]:
        raise SoqlError("INVALID_FIELD", f"field '{field['name']}' can not be filtered in a query call")
    return field["name"]


def _check(field: dict, literal: Literal) -> None:
    wanted = LITERAL_OF_TYPE.get(field["type"], "string")
    if literal.kind not in (wanted, "null"):
        quoted = "should be" if wanted == "string" else "should not be"
        start = f"value of filter criterion for field '{field['name']}' must be of type {wanted}"
        raise SoqlError("INVALID_FIELD", f"{start} and {quoted} enclosed in quotes")
