"""QueryData: what must be refused, or borne."""

from __future__ import annotations

from emulator.connector_check.query import KIND, names
from emulator.connector_check.talk import BAD_INPUT, NOTHING_SUCH, Check, Talk, check
from emulator.frontdoors.appflow import query_data


@check("query-unknown-entity", KIND, "refuses an entity that does not exist, with error details", needs="SOURCE")
def unknown_entity(talk: Talk) -> None:
    asked = query_data(talk.context(run=True), "LambdarigNoSuchEntity", ["Id"])
    talk.refusal(asked, "an unknown entity", NOTHING_SUCH)


@check("query-unknown-field", KIND, "bears a field that is gone: records without it, or error details", needs="SOURCE")
def unknown_field(talk: Talk) -> None:
    entity = talk.entity()
    selected = [*names(talk, entity)[:1], "LambdarigNoSuchField"]
    talk.civil(query_data(talk.context(entity, run=True), entity, selected))


@check("query-unknown-token", KIND, "bears a nextToken that it never gave: error details, or no records",
       needs="SOURCE")  # fmt: skip
def unknown_token(talk: Talk) -> None:
    entity = talk.entity()
    talk.civil(query_data(talk.context(entity, run=True), entity, names(talk, entity), "lambdarig-no-such-token"))


@check("query-bad-filter", KIND, "refuses a filter expression that is none, with InvalidArgument", needs="SOURCE")
def bad_filter(talk: Talk) -> None:
    entity = talk.entity()
    if not any(field.filterOperators for field in talk.known.definitions[entity].fields):
        talk.skip(f"no field of {entity} can be filtered by")
    name = names(talk, entity)[0]
    asked = query_data(talk.context(entity, run=True), entity, [name], filtering=f"{name} == ")
    talk.refusal(asked, f"the filter expression `{name} == `", BAD_INPUT)


@check("query-no-definition", KIND, "answers without an entityDefinition in the context", needs="SOURCE")
def no_definition(talk: Talk) -> None:
    entity = talk.entity()
    asked = query_data(talk.context(run=True), entity, names(talk, entity), most=1)
    talk.good(asked, "entityDefinition may be null: describe the entity yourself where it is needed")


@check("query-no-run", KIND, "answers where flowName, connectorProfileLabel and executionId are null or absent",
       needs="SOURCE")  # fmt: skip
def no_run(talk: Talk) -> None:
    entity = talk.entity()
    asked = query_data(talk.context(entity), entity, names(talk, entity), most=1)
    talk.good(asked, "the three are for the log, and null outside a run")
    told = ("flowName", "connectorProfileLabel", "executionId")
    context = {name: value for name, value in asked["connectorContext"].items() if name not in told}
    talk.good({**asked, "connectorContext": context}, "the three may be absent")


CHECKS: tuple[Check, ...] = (unknown_entity, unknown_field, unknown_token, bad_filter, no_definition, no_run)
