"""DescribeEntity: the fields that flows are made of."""

from __future__ import annotations

from collections import Counter
from typing import Any

from emulator.connector_check.talk import NOTHING_SUCH, Check, Talk, check
from emulator.frontdoors.appflow import describe_entity

KIND = "DescribeEntity"
MOST = 5  # entities described, where none are named
TIMES = ("Date", "DateTime")


@check("entity", KIND, "describes each entity: fields that can be read or written, each once")
def described(talk: Talk) -> None:
    context = talk.context()
    names = list(talk.known.wanted_entities) or _likely(talk)
    if not names:
        talk.skip("no entities are listed: name one with --entity")
    for name in names:
        heard = talk.ask(describe_entity(context, name))
        if heard.ok:
            talk.known.definitions[name] = heard.answer.entityDefinition
            _judge(talk, name, heard.answer)
        elif heard.refused:
            how = "named by --entity" if name in talk.known.wanted_entities else "listed"
            why = f"{name} is {how}, and refused here: {heard.error_code} {heard.message}"
            talk.wrong("isSuccess", why, "list only what can be described, or name another with --entity")
        else:
            talk.unusable(heard)
    if not talk.known.wanted_entities and len(talk.known.entities) > len(names):
        talk.remark = f"{len(names)} of {len(talk.known.entities)} entities: name others with --entity"


def _likely(talk: Talk) -> list[str]:
    """Those that have nested ones may be nothing but their folder."""
    leaves = [entity for entity in talk.known.entities if not entity.hasNestedEntities]
    found = leaves or talk.known.nested or talk.known.entities
    return [entity.entityIdentifier for entity in found[:MOST]]


def _judge(talk: Talk, name: str, answer: Any) -> None:
    definition, place = answer.entityDefinition, f"{name}: entityDefinition"
    if definition.entity.entityIdentifier != name:
        why = f"is {definition.entity.entityIdentifier!r} where {name!r} was asked for"
        talk.wrong(f"{place}.entity.entityIdentifier", why, "AppFlow finds entities by it: the same as in ListEntities")
    if not definition.fields:
        talk.wrong(f"{place}.fields", "there are none: no flow can be made of it", "list at least one")
    for field, times in Counter(field.fieldName for field in definition.fields).items():
        if times > 1:
            talk.wrong(f"{place}.fields", f"{field} stands there {times} times", "one field, one fieldName")
    for number, field in enumerate(definition.fields):
        _judge_field(talk, field, f"{place}.fields[{number}]")
    if definition.fields and "SOURCE" in talk.known.modes() and not readable(definition):
        talk.wrong(f"{place}.fields", "none isRetrievable, and the connector is a source", "say which can be read")
    if (cache := answer.cacheControl) and cache.timeToLive is not None and cache.timeToLive < 0:
        talk.wrong("cacheControl.timeToLive", f"is {cache.timeToLive}", "a time; without one AppFlow keeps it an hour")


def _judge_field(talk: Talk, field: Any, place: str) -> None:
    if not field.fieldName or len(field.fieldName) > 2048:
        talk.wrong(f"{place}.fieldName", f"{field.fieldName!r} can be no field of a task", "1 to 2048 characters")
    reading = field.readProperties
    if reading and reading.isTimestampFieldForIncrementalQueries and field.dataType not in TIMES:
        why = f"{field.fieldName} is a {field.dataType}: incremental runs need a Date or DateTime"
        talk.wrong(f"{place}.readProperties.isTimestampFieldForIncrementalQueries", why, "say false, or mend dataType")


def readable(definition: Any) -> list[Any]:
    """Fields not said to be unreadable."""
    return [f for f in definition.fields if f.readProperties is None or f.readProperties.isRetrievable is not False]


def keys(definition: Any) -> list[str]:
    """Names of the primary key's fields."""
    return [field.fieldName for field in definition.fields if field.isPrimaryKey]


@check("entity-unknown", KIND, "refuses an entity that does not exist, with error details")
def unknown(talk: Talk) -> None:
    talk.refusal(describe_entity(talk.context(), "LambdarigNoSuchEntity"), "an unknown entity", NOTHING_SUCH)


CHECKS: tuple[Check, ...] = (described, unknown)
