import re
from datetime import datetime

import pytest
from calling import calling

from emulator.errors import FileProblem
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

STAMPS = re.compile(r"\d{8}T\d{6}Z")


@pytest.fixture
def calls(inline_rig, write_handler):
    return calling(inline_rig, write_handler)


def minutes(message):
    """Between the first of the times in a message, when the caller signed, and the others."""
    first, *others = (datetime.strptime(stamp, "%Y%m%dT%H%M%SZ") for stamp in STAMPS.findall(message))
    return [round((other - first).total_seconds() / 60) for other in others]


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


SETS_ITS_CLOCK = """
import boto3
import botocore.auth
from botocore.config import Config
from botocore.exceptions import ClientError
from datetime import timedelta
from email.utils import parsedate_to_datetime

now = botocore.auth.get_current_datetime


def handler(event, context):
    client = boto3.Session().client("secretsmanager", config=Config(retries={"total_max_attempts": 1}))
    try:
        return [client.list_secrets() and "ok"]
    except ClientError as error:
        date = parsedate_to_datetime(error.response["ResponseMetadata"]["HTTPHeaders"]["date"])
    ahead = date.replace(tzinfo=None) - now().replace(tzinfo=None)
    botocore.auth.get_current_datetime = lambda *args, **kwargs: now(*args, **kwargs) + ahead
    try:
        return [round(ahead / timedelta(minutes=1)), client.list_secrets() and "ok"]
    finally:
        botocore.auth.get_current_datetime = now
"""


def test_a_client_that_sets_its_clock_by_the_answers_date_succeeds(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(SETS_ITS_CLOCK), "handler.handler", timeout=20)
    with inline_rig.fault("clock_skew", minutes=20):
        assert inline_rig.invoke("crm").payload == [20, "ok"]
    assert inline_rig.invoke("crm").payload == ["ok"]


@pytest.mark.docker
def test_javascripts_sdk_does(tmp_path):
    (tmp_path / "index.mjs").write_text(JAVASCRIPT)
    tmp_path.chmod(0o755)
    with Rig(Settings(engine="docker", manual_clock=True)) as started:
        rig = PytestRig(started)
        rig.function("crm", tmp_path, "index.handler", runtime="nodejs22.x", memory=512, timeout=20)
        with rig.fault("clock_skew"):
            assert rig.invoke("crm").payload == 2
        assert [event.outcome for event in rig.timeline.strikes()] == ["InvalidSignatureException", "200"]


JAVASCRIPT = """
import { SecretsManagerClient, ListSecretsCommand } from "@aws-sdk/client-secrets-manager";
export const handler = async () => (await new SecretsManagerClient().send(new ListSecretsCommand())).$metadata.attempts;
"""


def test_without_authorisation_the_time_is_looked_at_all_the_same(write_handler):
    with Rig(Settings(engine="inline", iam="off")) as started:
        calls = calling(PytestRig(started), write_handler)
        with started.fault("clock_skew"):
            assert calls("secretsmanager", "list_secrets")[0][0] == "InvalidSignatureException"
        assert calls("secretsmanager", "list_secrets") == ["ok"]


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
