import re
from datetime import datetime

import pytest
from calling import calling

from emulator.errors import FileProblem

STAMPS = re.compile(r"\d{8}T\d{6}Z")


@pytest.fixture
def calls(inline_rig, write_handler):
    return calling(inline_rig, write_handler)


def minutes(message):
    """Between the first of the times in a message and the others."""
    first, *others = (datetime.strptime(stamp, "%Y%m%dT%H%M%SZ") for stamp in STAMPS.findall(message))
    return [(other - first).total_seconds() / 60 for other in others]


@pytest.mark.parametrize(("service", "call", "code", "status"), [
    ("secretsmanager", "list_secrets", "InvalidSignatureException", 400),
    ("lambda", "list_functions", "InvalidSignatureException", 403),
    ("sts", "get_caller_identity", "SignatureDoesNotMatch", 403),
])  # fmt: skip
def test_a_clock_that_is_behind(inline_rig, calls, service, call, code, status):
    with inline_rig.fault("clock_skew"):
        ((seen, message, answered),) = calls(service, call)
    assert (seen, answered) == (code, status)
    form = r"Signature expired: \S+ is now earlier than \S+ \(\S+ - 5 min\.\)"
    assert re.fullmatch(form, message)
    assert minutes(message) == [5, 10]


def test_a_clock_that_is_ahead(inline_rig, calls):
    with inline_rig.fault("clock_skew", minutes=-7):
        ((_, message, _),) = calls("secretsmanager", "list_secrets")
    assert re.fullmatch(r"Signature not yet current: \S+ is still later than \S+ \(\S+ \+ 5 min\.\)", message)
    assert minutes(message) == [-2, -7]


def test_s3_allows_a_quarter_of_an_hour(inline_rig, calls):
    with inline_rig.fault("clock_skew", optional=True) as armed:
        assert calls("s3", "list_buckets") == ["ok"]
    assert armed.strikes == 0
    with inline_rig.fault("clock_skew", minutes=16):
        said = "The difference between the request time and the current time is too large."
        assert calls("s3", "list_buckets") == [["RequestTimeTooSkewed", said, 403]]


def test_once_and_off_means_off(inline_rig, calls):
    with inline_rig.fault("clock_skew", when={"times": 1}) as armed:
        found = calls("secretsmanager", "list_secrets", times=2)
    assert ([one == "ok" for one in found], armed.strikes) == ([False, True], 1)


def test_what_aws_allows_is_refused(inline_rig):
    with pytest.raises(FileProblem, match="minutes: AWS allows 5, so 5 would strike nothing"), \
            inline_rig.fault("clock_skew", minutes=5):
        pass


def test_a_handlers_own_boto3_is_refused(real_rig, write_handler):
    calls = calling(real_rig, write_handler, memory=512)
    with real_rig.fault("clock_skew"):
        ((code, message, status),) = calls("secretsmanager", "list_secrets")
    assert (code, status, minutes(message)) == ("InvalidSignatureException", 400, [5, 10])
    assert calls("secretsmanager", "list_secrets") == ["ok"]
