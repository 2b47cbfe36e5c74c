"""OAuth 2.0 on whole rigs: faults of Secrets Manager at the connector's own reads, and tokens that end in a run."""

import json

import pytest
from appflow_rig import config, error_of
from oauth_rig import CLIENT, CODE, CONNECTOR, STUB, host, oauth2, properties

from emulator.aws import internal
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

READ = {"operation": "GetSecretValue"}


class World:
    """A rig with the connector as a real function, its host's stub, and a bucket."""

    def __init__(self, rig):
        self.rig = rig
        rig.reset()
        services = ("appflow", "s3", "secretsmanager")
        self.appflow, self.s3, self.secrets = (internal.client(rig.endpoint, service) for service in services)
        self.s3.create_bucket(Bucket="lake")
        arn = rig.function("people", CONNECTOR, "handler.handler", memory=512, timeout=30)
        self.appflow.register_connector(
            connectorLabel="people", connectorProvisioningType="LAMBDA",
            connectorProvisioningConfig={"lambda": {"lambdaArn": arn}},
        )

    def profile(self, url=None):
        settings = {"instanceUrl": url} if url else {}
        self.appflow.create_connector_profile(
            connectorProfileName="acme", connectorType="CustomConnector", connectorLabel="people",
            connectionMode="Public",
            connectorProfileConfig=config(oauth2(**CLIENT, **CODE), properties(settings=settings)),
        )

    def flow(self):
        tasks = [{"taskType": "Map_all", "sourceFields": [], "taskProperties": {"EXCLUDE_SOURCE_FIELDS_LIST": "[]"}}]
        s3 = {"bucketName": "lake", "s3OutputFormatConfig": {"fileType": "JSON"}}
        self.appflow.create_flow(
            flowName="people", triggerConfig={"triggerType": "OnDemand"}, tasks=tasks,
            sourceFlowConfig={"connectorType": "CustomConnector", "connectorProfileName": "acme", "apiVersion": "v1",
                              "sourceConnectorProperties": {"CustomConnector": {"entityName": "Person"}}},
            destinationFlowConfigList=[{"connectorType": "S3", "destinationConnectorProperties": {"S3": s3}}],
        )

    def run(self):
        """The execution record of one whole run."""
        self.appflow.start_flow(flowName="people")
        self.rig.appflow.wait()
        return self.appflow.describe_flow_execution_records(flowName="people")["flowExecutions"][0]

    def rows(self):
        keys = [item["Key"] for item in self.s3.list_objects_v2(Bucket="lake").get("Contents", [])]
        bodies = [self.s3.get_object(Bucket="lake", Key=key)["Body"].read().decode() for key in keys]
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    def token(self):
        [secret] = self.secrets.list_secrets()["SecretList"]
        return json.loads(self.secrets.get_secret_value(SecretId=secret["ARN"])["SecretString"])["accessToken"]


@pytest.fixture(scope="module")
def _inline():
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        rig.saas.add(STUB)
        yield PytestRig(rig)


@pytest.fixture(scope="module")
def _process():
    with Rig(Settings(engine="process", manual_clock=True)) as rig:
        made = PytestRig(rig)
        made.upstreams(STUB)
        yield made


@pytest.fixture
def world(_inline):
    """Its connector's one record is the token that it was given."""
    yield World(_inline)
    _inline.injector.disarm()


@pytest.fixture
def real(_process):
    """Its connector is a process of its own, that asks https://api.example.com for twelve people, four a page."""
    yield World(_process)
    _process.injector.disarm()


def strikes(world, label):
    return [event.subject for event in world.rig.timeline.strikes(label)]


def test_a_new_secret_that_is_not_visible_yet_fails_the_profile_and_a_second_try_succeeds(world):
    with world.rig.fault("secret_visibility_delay", seconds=5):
        code, status, message = error_of(world.profile)
        assert (code, status) == ("ConnectorServerException", 400)
        assert "Secrets Manager can't find the specified secret." in message
        assert world.secrets.list_secrets()["SecretList"] == []
    world.profile()
    assert (world.token(), len(host().SEEN)) == ("access-2", 2)


def test_a_connector_that_may_not_read_its_secret_is_told_so_and_appflow_still_may(world):
    world.profile()
    world.flow()
    world.rig.clock.advance(3600)
    with world.rig.fault("aws_denied", match=READ):
        record = world.run()
    assert record["executionStatus"] == "Error"
    assert "not authorized to perform: secretsmanager:GetSecretValue" in (
        record["executionResult"]["errorInfo"]["executionMessage"])
    assert world.token() == "access-2"


def test_a_denial_while_the_profile_is_made_leaves_nothing(world):
    with world.rig.fault("aws_denied", match=READ):
        assert error_of(world.profile)[0] == "ConnectorServerException"
    assert world.secrets.list_secrets()["SecretList"] == []


def test_a_key_that_the_connector_may_not_use_fails_the_profile(world):
    with world.rig.fault("kms_denied"):
        code, _, message = error_of(world.profile)
    assert (code, "Access to KMS is not allowed" in message) == ("ConnectorServerException", True)
    assert world.secrets.list_secrets()["SecretList"] == []


def test_secrets_manager_failing_appflow_itself_ends_the_run_with_a_sentence(world):
    world.profile()
    world.flow()
    world.rig.clock.advance(3600)
    appflow = {"caller": "appflow.amazonaws.com", "operation": "PutSecretValue", "origin": "client"}
    with world.rig.fault("aws_response_lost", match=appflow):
        record = world.run()
    assert record["executionStatus"] == "Error"
    assert "Secrets Manager gave no answer" in record["executionResult"]["errorInfo"]["executionMessage"]
    assert (world.token(), world.run()["executionStatus"], world.token()) == ("access-2", "Successful", "access-3")


def test_after_a_refresh_the_connector_may_read_the_old_token_for_a_while(world):
    world.profile()
    world.flow()
    assert world.run()["executionStatus"] == "Successful"
    world.rig.clock.advance(3600)
    with world.rig.fault("secret_stale", seconds=5):
        world.run()
        world.rig.clock.advance(5)
        world.run()
    assert [row["Name"] for row in world.rows()] == ["access-1", "access-1", "access-2"]


@pytest.mark.parametrize("struck", [{"uses": 2}, {}])
def test_a_token_that_ends_in_the_middle_of_a_run_is_replaced_and_every_record_comes_once(real, struck):
    real.profile("https://api.example.com")
    real.flow()
    when = {} if struck else {"after": 1, "times": 1}
    with real.rig.fault("oauth_token_expired", match={"host": "*.example.com"}, when=when, **struck):
        record = real.run()
    assert record["executionStatus"] == "Successful"
    assert (record["executionResult"]["recordsProcessed"], real.token()) == (12, "access-2")
    assert [row["Id"] for row in real.rows()] == [str(number) for number in range(1, 13)]
    renewed = [e.subject for e in real.rig.timeline.events() if e.outcome == "credentials_renewed"]
    assert renewed in (["people/run-1/page-2"], ["people/run-1/page-3"])
    assert [host().asked_for(call)["grant_type"] for call in host().SEEN] == ["authorization_code", "refresh_token"]


def test_a_refresh_that_is_refused_ends_the_run_with_the_endpoints_words(real):
    real.profile("https://api.example.com")
    real.flow()
    host().TAKEN.clear()
    host().NEXT.append(host().reply(400, {"error": "invalid_grant"}))
    record = real.run()
    assert record["executionStatus"] == "Error"
    message = record["executionResult"]["errorInfo"]["executionMessage"]
    assert message.startswith("Error authenticating to connector: Failed to validate Connection while attempting ")
    assert '"RefreshToken with CustomConnector" with connector failure invalid_grant (Service: null; ' in message
    assert real.rows() == []


def test_a_stale_token_right_after_the_refresh_ends_the_run_in_the_connectors_words(real):
    real.profile("https://api.example.com")
    real.flow()
    assert real.run()["executionStatus"] == "Successful"
    host().TAKEN.clear()
    with real.rig.fault("secret_stale", seconds=5):
        record = real.run()
        assert record["executionResult"]["errorInfo"]["executionMessage"] == (
            "Error authenticating to connector: the service answered 401")
        real.rig.clock.advance(5)
        assert real.run()["executionStatus"] == "Successful"


def test_the_same_run_twice_has_one_fingerprint(real):
    prints = set()
    for _ in range(2):
        again = World(real.rig)
        again.profile("https://api.example.com")
        again.flow()
        with again.rig.fault("oauth_token_expired", match={"host": "api.example.com"}, uses=1):
            assert again.run()["executionStatus"] == "Successful"
        prints.add(again.rig.timeline.fingerprint())
    assert len(prints) == 1
