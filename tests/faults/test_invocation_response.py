import pytest

from emulator.fault import parameters
from faults.invocation_response import InvocationResponse

pytest_plugins = ["api_fixtures"]  # fixtures: shop
HANDLER = """import json
runs = []
def handler(event, context):
    runs.append(1)
    return {"statusCode": 201, "body": json.dumps(len(runs))}
"""


@pytest.fixture
def rig(inline_rig, write_handler):
    inline_rig.function("shop", write_handler(HANDLER), "handler.handler")
    return inline_rig


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(InvocationResponse).items()}
    assert defaults == {"status": 500, "content_type": "application/json", "body": "", "prevent_execution": False}


@pytest.mark.parametrize(("prevent", "runs"), [(False, "2"), (True, "1")])
def test_it_answers_whether_or_not_the_handler_ran(real_rig, write_handler, prevent, runs):
    real_rig.function("shop", write_handler(HANDLER), "handler.handler")
    with real_rig.fault("invocation_response", status=503, body="{}", prevent_execution=prevent):
        struck = real_rig.invoke("shop")
    headers = {"Content-Type": "application/json"}
    assert (struck.error, struck.payload) == ("", {"statusCode": 503, "headers": headers, "body": "{}"})
    assert real_rig.invoke("shop").payload == {"statusCode": 201, "body": runs}


def test_api_gateway_gives_it_to_the_client(shop):
    shop.make("GET /orders")
    with shop.rig.fault("invocation_response", status=418, content_type="text/plain", body="teapot"):
        answer = shop.send("/dev/orders")
    assert (answer.status, answer.headers["content-type"], answer.data) == (418, "text/plain", b"teapot")
    assert shop.send("/dev/orders").status == 201


def test_a_status_that_http_does_not_know_is_malformed_for_api_gateway(shop):
    shop.make("GET /orders")
    with shop.rig.fault("invocation_response", status=7):
        answer = shop.send("/dev/orders")
    assert (answer.status, answer.json()) == (502, {"message": "Internal server error"})


def test_only_the_function_it_is_aimed_at_answers_so(rig):
    with rig.fault("invocation_response", match={"function": "crm"}, optional=True):
        assert rig.invoke("shop").payload["statusCode"] == 201


@pytest.mark.parametrize("wrong", [{"status": 1000}, {"content_type": "text/plain\r\nX: y"}])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        InvocationResponse(**wrong)
