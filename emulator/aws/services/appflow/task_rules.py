"""What a flow's tasks must be. Only the sentence about the projection is recorded on AWS; the others are ours, in its
form, for what no run could do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from emulator.flows import merging, partitions, task_parts
from emulator.flows.arithmetic import OPERATIONS, order_of
from emulator.flows.columns import BOOLEAN
from emulator.flows.filter_grammar import Unwritable
from emulator.flows.filters import BETWEEN, SIGNS, Condition, texts_of
from emulator.flows.task_parts import Task, given
from emulator.flows.validation import ACTIONS, CHECKS

PREFIX = "Task Validation Error: "
# Recorded on AWS: terraform-provider-awscc #338, terraform-provider-aws #34508.
NO_PROJECTION = f"{PREFIX}You must specify a projection task or a MAP_ALL task"
_NOTHING = ("", "NO_OP")
_COMPARISONS = (*SIGNS, BETWEEN)


@dataclass(frozen=True)
class Rule:
    """operators: that a task of a type may have, "" for none. fields: how few and how many source fields. more: what
    else is wrong with one, and where it goes."""

    operators: tuple[str, ...]
    fields: tuple[int, int] = (1, 1)
    destination: bool = False
    more: Callable[[Task], Iterator[str]] = lambda task: iter(())


def problems(tasks: Sequence[Task], source_type: str, destination_type: str) -> Iterator[str]:
    """Each as `Task Validation Error: ...`. source_type, destination_type: connectorType of either side."""
    if not any(_takes(task) for task in tasks):
        yield NO_PROJECTION
    for task in tasks:
        for said in chain(_connector(task, source_type, destination_type), _task(task, source_type)):
            yield PREFIX + said
        if task_parts.kind(task) == "Partition" and destination_type != "S3":
            yield f"{PREFIX}A Partition task needs S3 as the destination, not {destination_type}"


def _takes(task: Task) -> bool:
    kind = task_parts.kind(task)
    return kind == "Map_all" or (kind == "Filter" and task_parts.operator(task) == "PROJECTION")


def _connector(task: Task, source_type: str, destination_type: str) -> Iterator[str]:
    """AWS's own test suite gives the Map of a custom source the operator of its S3 destination."""
    named = list(task.get("connectorOperator") or {})
    if len(named) > 1:
        yield f"{_called(task)} has one connectorOperator, not {len(named)}"
    for name in named:
        if name not in (source_type, destination_type):
            yield f"{_called(task)} has an operator of {name} in a flow from {source_type} to {destination_type}"


def _task(task: Task, source_type: str) -> Iterator[str]:
    rule, operator = _RULES[task_parts.kind(task)], task_parts.operator(task)
    if operator not in rule.operators:
        had = f"cannot have the operator {operator}, only" if operator else "needs an operator:"
        yield f"{_called(task)} {had} {', '.join(filter(None, rule.operators))}"
        return
    if task_parts.kind(task) == "Filter" and operator != "PROJECTION":
        yield from _fields(task, 1, 1) or _filter(task, source_type)
        return
    yield from _fields(task, *rule.fields)
    if rule.destination and not task_parts.destination(task):
        yield f"{_called(task)} needs a destinationField"
    yield from rule.more(task)


def _fields(task: Task, least: int, most: int) -> list[str]:
    count = len(task_parts.sources(task))
    if least <= count <= most:
        return []
    wanted = "one source field" if most == 1 else f"at least {least} source field{'s' * (least > 1)}"
    return [f"{_called(task)} needs {wanted}, not {count}"]


def _called(task: Task) -> str:
    """`A Map task`, `An Arithmetic task`"""
    kind = task_parts.kind(task)
    return f"{'An' if kind[0] in 'AEIOU' else 'A'} {kind} task"


def _filter(task: Task, source_type: str) -> Iterator[str]:
    """Also whether the connector could be told: its grammar does not hold everything."""
    operator, field = task_parts.operator(task), task_parts.sources(task)[0]
    needed = ("LOWER_BOUND", "UPPER_BOUND") if operator == BETWEEN else ("VALUE",)
    if not texts_of(task) or not all(texts_of(task)):
        yield f"A Filter task with the operator {operator} needs the taskProperties {' and '.join(needed)}"
        return
    if operator == "CONTAINS" and source_type == "S3":
        yield "S3 has no operator CONTAINS"
        return
    try:
        condition = Condition.of(task, {})
        if source_type != "S3":
            condition.expression()
    except Unwritable as error:
        yield f"The filter on {field} cannot be given to the connector, whose filter grammar cannot hold {error}"
    except ValueError as error:
        yield f"The filter on {field} has the DATA_TYPE {given(task, 'DATA_TYPE')}, and its value {error}"
    else:
        if condition.kind == BOOLEAN and operator not in ("EQUAL_TO", "NOT_EQUAL_TO"):
            yield f"The filter on {field} compares true or false, which the operator {operator} cannot"


def _length(key: str) -> Callable[[Task], Iterator[str]]:
    def wrong(task: Task) -> Iterator[str]:
        try:
            task_parts.counted(given(task, key))
        except ValueError:
            yield f"{_called(task)} needs {key} in its taskProperties, a positive whole number"

    return wrong


def _mask(task: Task) -> Iterator[str]:
    if task_parts.operator(task) != "MASK_ALL":
        yield from _length("MASK_LENGTH")(task)
    if len(given(task, "MASK_VALUE")) > 1:
        yield "MASK_VALUE is one character"


def _merge(task: Task) -> Iterator[str]:
    if not given(task, "CONCAT_FORMAT"):
        yield "A Merge task needs CONCAT_FORMAT in its taskProperties"
    for name in merging.strangers(task):
        yield f"CONCAT_FORMAT names {name}, which is none of the task's source fields"


def _arithmetic(task: Task) -> Iterator[str]:
    if sorted(order_of(task)) != sorted(task_parts.sources(task)):
        yield "MATH_OPERATION_FIELDS_ORDER names the task's source fields, each once"


def _validate(task: Task) -> Iterator[str]:
    if given(task, "VALIDATION_ACTION") not in ACTIONS:
        yield f"A Validate task needs VALIDATION_ACTION in its taskProperties, {' or '.join(ACTIONS)}"


def _partition(task: Task) -> Iterator[str]:
    if not partitions.fields_of(task):
        yield "A Partition task needs ORDERED_PARTITION_KEYS_LIST in its taskProperties"


_ANY = 2048
_RULES = {
    "Filter": Rule(("PROJECTION", *_COMPARISONS), (1, _ANY)),
    "Map": Rule(_NOTHING, destination=True),
    "Map_all": Rule(_NOTHING, (0, _ANY)),
    "Passthrough": Rule(_NOTHING, (0, _ANY)),
    "Mask": Rule(("MASK_ALL", "MASK_FIRST_N", "MASK_LAST_N"), (1, _ANY), more=_mask),
    "Truncate": Rule(_NOTHING, (1, _ANY), more=_length("TRUNCATE_LENGTH")),
    "Merge": Rule(_NOTHING, (2, _ANY), more=_merge),
    "Arithmetic": Rule(tuple(OPERATIONS), (2, _ANY), more=_arithmetic),
    "Validate": Rule(tuple(CHECKS), (1, _ANY), more=_validate),
    "Partition": Rule(_NOTHING, (0, _ANY), more=_partition),
}
