"""MOCK integrations of a REST API, as a CORS preflight uses them: static templates and quoted parameters only.

The request template for the Content-Type gives `{"statusCode": N}`; the integration response whose selection pattern
matches N, or the one without a pattern, gives status, headers and body. A template that has to be evaluated is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from emulator.frontdoors.refusals import SERVER_ERROR, not_served
from emulator.frontdoors.rest_api import Integration, MockResponse
from emulator.model import HttpReply

_HEADER = "method.response.header."


def mock_reply(integration: Integration, content_type: str, body: bytes) -> HttpReply:
    """The reply, or AWS's 500 where no status code can be read (it is API Gateway's answer to a wrong template)."""
    template = integration.templates.get(content_type.split(";")[0].strip() or "application/json")
    if template is not None and _is_dynamic(template):
        return not_served("a MOCK request template with expressions")
    status = _status(body.decode("utf-8", "replace") if template is None else template)
    response = _select(integration.responses, status) if status is not None else None
    if response is None:
        return SERVER_ERROR
    text = response.templates.get("application/json") or ""
    if _is_dynamic(text) or not all(_is_static(value) for value in response.parameters.values()):
        return not_served("a MOCK response template or parameter with expressions")
    return HttpReply(response.status, _headers(response.parameters), text.encode())


def _is_dynamic(template: str) -> bool:
    return "$" in template or "#" in template


def _is_static(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] == "'"


def _status(text: str) -> int | None:
    try:
        answer = json.loads(text)
    except ValueError:
        return None  # AWS: "Unable to parse statusCode", a 500 to the client
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    return status if isinstance(status, int) else None


def _select(responses: tuple[MockResponse, ...], status: int) -> MockResponse | None:
    for response in responses:
        if response.pattern and re.fullmatch(response.pattern, str(status)):
            return response
    return next((response for response in responses if not response.pattern), None)


def _headers(parameters: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    given = tuple(
        (name.removeprefix(_HEADER), value[1:-1]) for name, value in parameters.items() if name.startswith(_HEADER)
    )
    if any(name.lower() == "content-type" for name, _ in given):
        return given
    return (("Content-Type", "application/json"), *given)
