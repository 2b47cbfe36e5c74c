"""The page about AppFlow shows what tasks do, and they do it."""

import json
import re
from pathlib import Path

from emulator.aws.services.appflow.task_rules import problems
from emulator.flows import filters
from emulator.flows.tasks import Tasks

PAGE = (Path(__file__).parents[2] / "docs" / "appflow.md").read_text()
SECTION = PAGE[PAGE.index("## Tasks and filters\n") : PAGE.index("## Files\n")]


def test_the_example_on_the_page():
    tasks, request, given, written = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL))
    steps = Tasks.of(tasks, {})
    assert list(problems(tasks, "CustomConnector", "S3")) == []
    assert {"selectedFieldNames": list(steps.selected), "filterExpression": filters.expression(tasks)} == request
    assert steps.apply(given) == written


def test_the_refusal_on_the_page():
    both = {"taskType": "Filter", "sourceFields": ["Name"], "connectorOperator": {"CustomConnector": "EQUAL_TO"},
            "taskProperties": {"DATA_TYPE": "string", "VALUE": "the \"best\" in '24"}}
    [text] = problems([{"taskType": "Map_all", "sourceFields": []}, both], "CustomConnector", "S3")
    assert f"Create Flow request failed: [{text}]" in SECTION
