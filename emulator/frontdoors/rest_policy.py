"""A REST API's resource policy."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from emulator.aws.iam.policy import Policy, parse

_SHORT = "execute-api:/"


@lru_cache(maxsize=256)
def resource_policy(text: str, region: str, account: str, api: str) -> Policy:
    """An API's policy with its short resources, `execute-api:/STAGE/METHOD/path`, written out. Raises PolicyError."""
    here = f"arn:aws:execute-api:{region}:{account}:{api}/"

    def whole(value: Any) -> Any:
        if isinstance(value, list):
            return [whole(one) for one in value]
        return here + value.removeprefix(_SHORT) if isinstance(value, str) and value.startswith(_SHORT) else value

    document = json.loads(text)
    if isinstance(document, dict):
        given = document.get("Statement", [])
        document["Statement"] = [
            {key: whole(value) if key in ("Resource", "NotResource") else value for key, value in statement.items()}
            if isinstance(statement, dict) else statement  # `parse` refuses it
            for statement in (given if isinstance(given, list) else [given])
        ]
    return parse(json.dumps(document), f"execute-api_{api}")
