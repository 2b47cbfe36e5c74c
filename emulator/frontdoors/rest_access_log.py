"""A request's line in the access log of a REST API: a format with `$context` variables, unset ones `-`.

Source: AWS, variables for access logging (REST). Values stand as they are: nothing is quoted or escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from emulator.frontdoors.refusals import Refusal
from emulator.frontdoors.rest_event import Arrived, clf, epoch_ms, identity, trace_root
from emulator.frontdoors.rest_trail import Check, Trail
from emulator.model import HttpReply

_VARIABLE = re.compile(r"\$context((?:\.\w+)+)")
Values = Mapping[str, object]


def line(format: str, trail: Trail, reply: HttpReply, account: str, latency_ms: int) -> str:
    """The format with everything filled in, without a final newline. latency_ms: from the request to its reply."""
    values = variables(trail, reply, account, latency_ms)
    return _VARIABLE.sub(lambda found: _shown(values.get(found[1][1:])), format).rstrip("\n")


def variables(trail: Trail, reply: HttpReply, account: str, latency_ms: int) -> Values:
    """Name without `$context.` -> value. Of an unknown path there is neither resource nor identity."""
    arrived, routed = trail.arrived, trail.routed
    known = {
        **_request(arrived, account),
        "identity.sourceIp": arrived.request.source_ip,
        "identity.userAgent": arrived.request.by_name.get("user-agent"),
        **_checked("authenticate", trail.authenticate),
        **_checked("authorize", trail.authorize),
        **_integration(trail, reply),
        **_response(reply, latency_ms),
    }
    if routed is None:
        return known
    who = {f"identity.{name}": value for name, value in identity(routed).items()}
    return {**known, **who, "resourceId": routed.route.resource_id, "resourcePath": routed.route.resource}


def _shown(value: object) -> str:
    return "-" if value is None or value == "" else str(value)


def _request(arrived: Arrived, account: str) -> Values:
    stage, request = arrived.stage, arrived.request
    return {
        "accountId": account,
        "apiId": stage.api.id,
        "deploymentId": stage.api.deployment,
        "domainName": arrived.domain,
        "domainPrefix": stage.api.id,
        "extendedRequestId": arrived.ids.extended,
        "httpMethod": request.method,
        "path": arrived.full_path,
        "protocol": "HTTP/1.1",
        "requestId": arrived.ids.request,
        "requestTime": clf(arrived.at),
        "requestTimeEpoch": epoch_ms(arrived.at),
        "stage": stage.name,
        "xrayTraceId": trace_root(arrived),
    }


def _checked(name: str, check: Check | None) -> Values:
    if check is None:
        return {}
    return {f"{name}.status": check.status, f"{name}.latency": check.latency_ms, f"{name}.error": check.error}


def _integration(trail: Trail, reply: HttpReply) -> Values:
    """integrationStatus is Lambda's own, integration.status the one that the handler returned."""
    endpoint = trail.endpoint
    if endpoint is None:
        return {}
    outcome, refused = endpoint.outcome, isinstance(reply, Refusal)
    error = reply.said[-1] if isinstance(reply, Refusal) and reply.said else None
    request_id = outcome.request_id if outcome else None
    return {
        "awsEndpointRequestId": request_id,
        "integration.error": error,
        "integration.integrationStatus": endpoint.status,
        "integration.latency": endpoint.latency_ms,
        "integration.requestId": request_id,
        "integration.status": None if refused or outcome is None else reply.status,
        "integrationErrorMessage": error,
        "integrationLatency": endpoint.latency_ms,
        "integrationStatus": endpoint.status,
    }


def _response(reply: HttpReply, latency_ms: int) -> Values:
    told = {"status": reply.status, "responseLength": len(reply.body), "responseLatency": latency_ms}
    if not isinstance(reply, Refusal):
        return told
    return {
        **told,
        "error.message": reply.message,
        "error.messageString": json.dumps(reply.message, ensure_ascii=False),
        "error.responseType": reply.response_type,
    }
