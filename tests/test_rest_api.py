"""A stage serves the API as it was deployed."""

from __future__ import annotations

pytest_plugins = ["rest_gateway"]  # fixtures: mended, gateway, orders


def test_what_is_changed_after_a_deployment_waits_for_the_next(orders):
    orders.route("DELETE", "/orders/{id}")
    orders.route("GET", "/orders/{id}", type="MOCK", uri=None, integrationHttpMethod=None)
    assert orders.send("/dev/orders/7", "DELETE").status_code == 403
    assert orders.send("/dev/orders/7").status_code == 200
    orders.deploy()
    assert orders.send("/dev/orders/7", "DELETE").status_code == 200
    assert orders.send("/dev/orders/7").status_code == 500


def test_a_stage_serves_the_deployment_it_points_to(orders):
    first = orders.aws.get_stage(restApiId=orders.api, stageName="dev")["deploymentId"]
    orders.route("GET", "/new")
    second = orders.deploy()
    assert orders.send("/dev/new").status_code == 200
    assert orders.invoker.event["requestContext"]["deploymentId"] == second
    back = [{"op": "replace", "path": "/deploymentId", "value": first}]
    orders.aws.update_stage(restApiId=orders.api, stageName="dev", patchOperations=back)
    assert orders.send("/dev/new").status_code == 403


def test_deploying_again_keeps_the_stages_variables(gateway):
    gateway.route("GET", "/")
    gateway.deploy(variables={"table": "orders"})
    gateway.deploy()
    gateway.send("/dev")
    assert gateway.invoker.event["stageVariables"] == {"table": "orders"}


def test_stage_variables_change_without_a_deployment(orders):
    patch = [{"op": "replace", "path": "/variables/table", "value": "other"}]
    orders.aws.update_stage(restApiId=orders.api, stageName="dev", patchOperations=patch)
    orders.send("/dev/orders/7")
    assert orders.invoker.event["stageVariables"] == {"table": "other"}


def test_a_deployment_and_a_stage_can_be_made_apart(gateway):
    gateway.route("GET", "/")
    deployment = gateway.aws.create_deployment(restApiId=gateway.api)["id"]
    gateway.aws.create_stage(restApiId=gateway.api, stageName="prod", deploymentId=deployment, variables={"a": "b"})
    assert gateway.send("/prod").status_code == 200
    assert gateway.invoker.event["stageVariables"] == {"a": "b"}
