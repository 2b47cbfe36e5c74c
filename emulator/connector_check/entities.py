"""ListEntities: what ListConnectorEntities and the console show."""

from __future__ import annotations

from collections import Counter
from typing import Any

from emulator.connector_check.talk import Check, Talk, check
from emulator.frontdoors.appflow import PAGE, list_entities

KIND = "ListEntities"


@check("entities", KIND, "lists entities, each once, with names that AppFlow can use")
def listed(talk: Talk) -> None:
    found = talk.good(list_entities(talk.context())).entities
    talk.known.entities = list(found)
    if not found:
        talk.stop("entities", "there are none: no flow can be made", "list at least one")
    for number, entity in enumerate(found):
        name = entity.entityIdentifier
        if not name or len(name) > 1024 or any(letter.isspace() for letter in name):
            why = f"{name!r} can be no entityName of AppFlow's API: 1 to 1024 characters, no spaces"
            talk.wrong(f"entities[{number}].entityIdentifier", why, "use the technical name; the label may be any text")
    for name, times in Counter(entity.entityIdentifier for entity in found).items():
        if times > 1:
            talk.wrong("entities", f"{name} is listed {times} times", "one entity, one identifier")
    for name in talk.known.wanted_entities:
        if name not in {entity.entityIdentifier for entity in found} and not any(e.hasNestedEntities for e in found):
            talk.wrong("entities", f"{name}, which was named with --entity, is not listed", "list it")


@check("entities-paging", KIND, "pages by maxResult and nextToken to the end, each entity once")
def paging(talk: Talk) -> None:
    if len(talk.known.entities) < 2:
        talk.skip("fewer than two entities are listed")
    context, size = talk.context(), max(1, len(talk.known.entities) // 3)
    seen, tokens, token = list[str](), set[str](), None
    for _ in range(talk.known.most_pages * 10):
        page = talk.good(list_entities(context, token=token, most=size))
        if len(page.entities) > size:
            _overfull(talk, page, size)
            return
        seen += [entity.entityIdentifier for entity in page.entities]
        token = page.nextToken
        if not token:
            break
        if token in tokens:
            talk.stop("nextToken", f"{token!r} came a second time: AppFlow would ask for ever", "give null at the end")
        tokens.add(token)
    else:
        talk.remark = f"not followed to the end: {len(seen)} entities so far"
        return
    _same(talk, seen)


def _overfull(talk: Talk, page: Any, size: int) -> None:
    """All at once is borne, as AWS's own example does it, while they are fewer than AppFlow asks for at once."""
    came = len(page.entities)
    if page.nextToken or came > PAGE:
        why = f"{came} entities came where maxResult was {size}"
        talk.stop("entities", why, "give as many as are asked for, and a nextToken for the rest")
    talk.remark = f"maxResult is not kept: all {came} come at once"


def _same(talk: Talk, seen: list[str]) -> None:
    whole = {entity.entityIdentifier for entity in talk.known.entities}
    if twice := sorted(name for name, times in Counter(seen).items() if times > 1):
        talk.wrong("entities", f"on several pages: {', '.join(twice[:5])}", "start the next page after the last one")
    if lost := sorted(whole - set(seen)):
        talk.wrong("entities", f"listed at once but on no page: {', '.join(lost[:5])}", "is nextToken given too early?")


@check("entities-nested", KIND, "lists what is below an entity that has nested ones (entitiesPath)")
def nested(talk: Talk) -> None:
    context = talk.context()
    above: list[Any] = [entity for entity in talk.known.entities if entity.hasNestedEntities]
    if not above:
        talk.skip("no entity has nested ones")
    path = above[0].entityIdentifier
    found = talk.good(list_entities(context, path), "hasNestedEntities is true of it").entities
    talk.known.nested = list(found)
    if not found:
        talk.wrong("entities", f"nothing is below {path}, which hasNestedEntities", "say false, or list them")


@check("entities-path-unknown", KIND, "answers an unknown entitiesPath, with none or with error details")
def unknown_path(talk: Talk) -> None:
    talk.civil(list_entities(talk.context(), "LambdarigNoSuchPath"))


CHECKS: tuple[Check, ...] = (listed, paging, nested, unknown_path)
