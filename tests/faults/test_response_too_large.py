import pytest

from emulator.fault import parameters
from faults.response_too_large import ResponseTooLarge

ECHO = "def handler(event, context):\n    print('done')\n    return event if event != 'raise' else 1 / 0\n"
TEXT = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
REFUSED = {"errorMessage": TEXT, "errorType": "Function.ResponseSizeTooLarge"}


@pytest.fixture
def inline(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(ECHO), "handler.handler")
    return inline_rig


def test_its_parameters():
    assert {name: row["default"] for name, row in parameters(ResponseTooLarge).items()} == {"limit_kb": 0}


def test_the_handler_has_done_its_work_and_the_answer_is_refused(real_rig, write_handler):
    real_rig.function("crm", write_handler(ECHO), "handler.handler", memory=512, timeout=20)
    with real_rig.fault("response_too_large") as armed:
        refused = real_rig.invoke("crm", "order")
    assert (refused.error, refused.payload) == ("Unhandled", REFUSED)
    assert "done\n" in refused.log
    assert 'response code: 413. {"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).' in refused.log
    assert armed.strikes == 1
    assert real_rig.invoke("crm", "order").payload == "order"


def test_an_answer_within_the_limit_is_taken(inline):
    with inline.fault("response_too_large", limit_kb=2):
        assert inline.invoke("crm", "x" * 2000).payload == "x" * 2000
        assert inline.invoke("crm", "x" * 3000).payload == REFUSED


def test_an_error_of_the_handlers_is_an_answer_too(inline):
    with inline.fault("response_too_large"):
        assert inline.invoke("crm", "raise").payload == REFUSED


def test_times_and_scope(inline):
    with (
        inline.fault("response_too_large", when={"after": 1, "times": 1}),
        inline.fault("response_too_large", match={"function": "other"}, label="elsewhere", optional=True),
    ):
        assert [inline.invoke("crm", 1).payload for _ in range(3)] == [1, REFUSED, 1]
