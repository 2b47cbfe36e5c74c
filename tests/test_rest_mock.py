"""MOCK integrations, as CORS preflights use them."""

from __future__ import annotations

import pytest

pytest_plugins = ["rest_gateway"]  # fixtures: mended, gateway, orders


def preflight(gateway, template='{"statusCode": 200}', origin="'*'", body=None):
    gateway.route("OPTIONS", "/", type="MOCK", uri=None, integrationHttpMethod=None,
                  requestTemplates={"application/json": template})
    at = {"restApiId": gateway.api, "resourceId": gateway.paths["/"], "httpMethod": "OPTIONS", "statusCode": "204"}
    header = "method.response.header.Access-Control-Allow-Origin"
    gateway.aws.put_method_response(**at, responseParameters={header: True})
    gateway.aws.put_integration_response(
        **at, responseParameters={header: origin}, responseTemplates={"application/json": body or ""},
    )
    gateway.deploy()
    return gateway.send("/dev", "OPTIONS")


def test_a_preflight_is_answered_by_a_mock(gateway):
    reply = preflight(gateway)
    assert (reply.status_code, reply.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert gateway.invoker.calls == []


def test_a_mock_without_a_status_code_is_500(gateway):
    assert preflight(gateway, template="{}").status_code == 500


@pytest.mark.parametrize("broken", [
    {"template": '#set($x = 1){"statusCode": 200}'}, {"origin": "context.requestId"}, {"body": "$context.requestId"},
])
def test_a_mock_that_has_to_be_evaluated_says_so(gateway, broken):
    assert "MOCK" in preflight(gateway, **broken).headers["x-lambdarig-error"]
