"""AppFlow's state in a folder: what is kept of everything that the store remembers."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import datetime, timezone

import pytest
from appflow_rig import BASIC, CONFIGURATION, OK, Connector
from appflow_rig import Rig as Bare
from flow_rig import DEFINITION, files, flow, paged, projected, records, run, scheduled, to_connector
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws import internal
from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.object_bytes import Kept
from emulator.aws.services.appflow import appflow_service
from emulator.aws.services.appflow.kept import objects as objects_module
from emulator.aws.services.appflow.kept.aws_side import pieces
from emulator.aws.services.appflow.kept.folder import FILE
from emulator.aws.services.appflow.kept.state import State
from emulator.aws.services.appflow.kept.texts import KINDS, from_text, to_text
from emulator.aws.services.appflow.store import Execution, Flow, Profile, Registration, Store
from emulator.clock import Clock
from emulator.frontdoors.connector_contract import Configuration
from emulator.rig import Rig
from emulator.settings import Settings

MOMENTS = st.datetimes(timezones=st.just(timezone.utc))
TEXTS = st.text(max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | MOMENTS
KEYS = TEXTS | st.sampled_from(["$", "$time"])
GIVEN = st.dictionaries(
    KEYS, st.recursive(SCALARS, lambda more: st.lists(more, max_size=3) | st.dictionaries(KEYS, more, max_size=3))
)
CONFIGURATIONS = st.just(Configuration.model_validate(CONFIGURATION)) | st.builds(
    Configuration.model_validate, st.builds(lambda name: {**CONFIGURATION, "connectorName": name}, st.text(min_size=1))
)
VALUES = {
    "registrations": st.builds(
        Registration, TEXTS, TEXTS, TEXTS, TEXTS, CONFIGURATIONS, MOMENTS
    ),
    "profiles": st.builds(
        Profile, TEXTS, TEXTS, TEXTS, TEXTS, GIVEN, TEXTS, TEXTS, MOMENTS, MOMENTS, st.none() | st.floats(0, 1e12)
    ),
    "flows": st.builds(
        Flow, TEXTS, TEXTS, GIVEN, TEXTS, st.integers(), MOMENTS, MOMENTS, TEXTS, TEXTS,
        activated_at=st.none() | MOMENTS,
    ),
    "executions": st.builds(
        Execution, TEXTS, TEXTS, st.integers(), TEXTS, MOMENTS, MOMENTS, message=TEXTS, records=st.integers(),
        pulled=st.none() | st.tuples(st.none() | MOMENTS, MOMENTS),
    ),
    "tags": st.dictionaries(KEYS, TEXTS),
    "runs": st.integers(),
}


def test_every_family_of_the_store_is_kept():
    assert set(Store("1", "r", Clock()).families()) == set(KINDS) == set(VALUES)


@pytest.mark.parametrize("family", VALUES)
@given(data=st.data())
def test_what_is_kept_is_what_there_was(family, data):
    value = data.draw(VALUES[family])
    again = from_text(family, to_text(family, value))
    assert again == value
    assert type(again) is type(value)


def test_a_field_that_an_older_rig_did_not_have_has_its_default():
    moment = '{"$time": "2026-01-02T03:04:05+00:00"}'
    text = f'{{"id": "i", "flow": "f", "number": 1, "status": "Error", "started_at": {moment}, "updated_at": {moment}}}'
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert from_text("executions", text) == Execution("i", "f", 1, "Error", when, when)


# --- a rig in this process ---


class Stateful(Bare):
    """AppFlow in front of a fake connector, with its state in a folder."""

    def __init__(self, folder):
        super().__init__()
        self.connector = Connector()
        self.backend.close()
        self.backend = Backend()
        self.state = State(folder, self.backend, "123456789012", "us-east-1")
        self.service = appflow_service(
            self.connector, lambda service, place="": self.client(service, "appflow.amazonaws.com", place),
            self.injector, "123456789012", "us-east-1", hosts=self.hosts, state=self.state,
        )
        self.endpoint = AwsEndpoint(self.injector, Attribution(), self.backend, {"appflow": self.service})
        self.appflow, self.secrets, self.s3 = map(self.client, ("appflow", "secretsmanager", "s3"))
        self.connector.answers = {
            "DescribeConnectorConfiguration": {**CONFIGURATION, "connectorModes": ["SOURCE", "DESTINATION"]},
            "ValidateCredentials": OK, "ValidateConnectorRuntimeSettings": OK, "DescribeEntity": DEFINITION,
            "QueryData": paged,
        }
        self.restored = self.service.implementation.restore()

    def furnish(self):
        self.s3.create_bucket(Bucket="lake")
        self.register()
        self.profile(credentials=BASIC, properties={"profileProperties": {}})


@contextmanager
def stateful(folder):
    rig = Stateful(folder)
    try:
        yield rig
    finally:
        implementation = rig.service.implementation
        implementation.stop()
        implementation.close()
        rig.backend.close()


def test_a_bucket_comes_back_with_its_policy_though_nothing_was_written(tmp_path):
    policy = '{"Version": "2012-10-17", "Statement": []}'
    with stateful(tmp_path) as rig:
        rig.furnish()
        rig.s3.put_bucket_policy(Bucket="lake", Policy=policy)
        rig.appflow.create_flow(**flow())
    with stateful(tmp_path) as rig:
        assert rig.s3.get_bucket_policy(Bucket="lake")["Policy"] == policy
        assert files(rig) == {}
        assert run(rig)["executionStatus"] == "Successful"


def test_an_object_comes_back_in_many_pieces_with_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr(objects_module, "PIECE", 7)
    with stateful(tmp_path) as rig:
        rig.furnish()
        rig.appflow.create_flow(**flow(prefix="../a", output={"aggregationConfig": {"aggregationType": "SingleFile"}}))
        run(rig)
        before, [listed] = files(rig), rig.s3.list_objects_v2(Bucket="lake")["Contents"]
    with stateful(tmp_path) as rig:
        assert files(rig) == before
        [again] = rig.s3.list_objects_v2(Bucket="lake")["Contents"]
        assert (again["Key"], again["ETag"], again["Size"]) == (listed["Key"], listed["ETag"], listed["Size"])
        assert abs((again["LastModified"] - listed["LastModified"]).total_seconds()) <= 1


def test_what_a_connector_refused_is_kept_with_its_bucket(tmp_path):
    said = {"recordId": "1", "isSuccess": False, "errorMessage": "taken"}
    with stateful(tmp_path) as rig:
        rig.furnish()
        rig.s3.create_bucket(Bucket="bad")
        rig.s3.put_object(Bucket="lake", Key="in/1", Body=b"Id,Name\n1,Ann\n")
        rig.connector.answers["WriteData"] = {**OK, "writeRecordResults": [said]}
        rig.appflow.create_flow(**to_connector(errorHandlingConfig={"bucketName": "bad"}))
        assert run(rig)["executionResult"]["errorInfo"]["putFailuresCount"] == 1
        [key] = [item["Key"] for item in rig.s3.list_objects_v2(Bucket="bad")["Contents"]]
    with stateful(tmp_path) as rig:
        assert b"taken" in rig.s3.get_object(Bucket="bad", Key=key)["Body"].read()
        assert files(rig) == {}, "what others put is not kept"


def test_what_is_deleted_stays_deleted(tmp_path):
    with stateful(tmp_path) as rig:
        rig.furnish()
        rig.appflow.create_flow(**flow(tags={"a": "b"}))
        run(rig)
        rig.appflow.delete_flow(flowName="contacts", forceDelete=True)
        rig.appflow.delete_connector_profile(connectorProfileName="acme")
        rig.appflow.unregister_connector(connectorLabel="crm")
    with stateful(tmp_path) as rig:
        assert (rig.restored.connectors, rig.restored.profiles, rig.restored.flows, rig.restored.runs) == (0, 0, 0, 0)
        assert len(files(rig)) == 3, "the objects are the bucket's"
        assert rig.secrets.list_secrets()["SecretList"] == []
        rig.register()
        rig.profile(credentials=BASIC, properties={"profileProperties": {}})
        rig.appflow.create_flow(**flow())
        assert rig.appflow.list_tags_for_resource(resourceArn=rig.service.implementation.store.arn("flow", "contacts"))[
            "tags"] == {}
        run(rig)
        assert len(files(rig)) == 6, "a new flow of the same name does not take the old one's keys"


def test_changed_credentials_are_the_ones_that_come_back(tmp_path):
    new = {"authenticationType": "BASIC", "basic": {"username": "bob", "password": "q"}}
    with stateful(tmp_path) as rig:
        rig.furnish()
        rig.appflow.update_connector_profile(
            connectorProfileName="acme", connectionMode="Public",
            connectorProfileConfig={"connectorProfileProperties": {"CustomConnector": {}},
                                    "connectorProfileCredentials": {"CustomConnector": new}},
        )
        arn = rig.secrets.list_secrets()["SecretList"][0]["ARN"]
    with stateful(tmp_path) as rig:
        assert rig.secret(arn) == {"username": "bob", "password": "q"}
        previous = rig.secrets.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")["SecretString"]
        assert "ann" not in previous
        assert '"u"' in previous


def test_a_secret_whose_profile_was_never_made_is_gone(tmp_path):
    with stateful(tmp_path) as rig:
        rig.register()
        made = rig.secrets.create_secret(Name="appflow!123456789012-crm-acme", SecretString="x")["ARN"]
        rig.state.secret(made)
    with stateful(tmp_path) as rig:
        assert rig.secrets.list_secrets()["SecretList"] == []
        rig.profile(credentials=BASIC, properties={"profileProperties": {}})


def test_a_connector_whose_function_is_gone_gives_appflows_error(tmp_path):
    with stateful(tmp_path) as rig:
        rig.furnish()
        rig.appflow.create_flow(**flow())
    with Rig(Settings(engine="inline", state=tmp_path)) as rig:
        appflow = internal.client(rig.endpoint, "appflow")
        appflow.start_flow(flowName="contacts")
        rig.settle()
        [record] = appflow.describe_flow_execution_records(flowName="contacts")["flowExecutions"]
        assert record["executionStatus"] == "Error"
        assert "function:crm" in record["executionResult"]["errorInfo"]["executionMessage"]


def test_a_state_that_cannot_be_written_ends_the_run_and_says_so(tmp_path):
    with stateful(tmp_path) as rig:
        rig.furnish()
        rig.appflow.create_flow(**flow(tasks=projected("Id")))

        def answer(request):
            if request["nextToken"]:
                with closing(sqlite3.connect(tmp_path / FILE)) as other:
                    other.execute("drop table pages")
            return paged(request)

        rig.connector.answers["QueryData"] = answer
        record = run(rig)
    assert record["executionStatus"] == "Error"
    assert "cannot be written: no such table: pages" in record["executionResult"]["errorInfo"]["executionMessage"]


def test_without_a_state_nothing_of_it_is_loaded():
    code = (
        "import sys; from emulator.rig import Rig; from emulator.settings import Settings\n"
        "with Rig(Settings(engine='inline')) as rig: assert rig.state is rig.restored is None\n"
        "print([name for name in sys.modules if '.kept' in name or name == 'sqlite3'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_part_of_an_object_is_read_wherever_others_read():
    kept = Kept()
    for body in (b"0123456789", b"x" * 5000):
        kept.write(body)
        kept.seek(3)
        assert b"".join(pieces(kept, 4)) == body
        assert kept.read() == body[3:]


def test_a_file_that_was_uploaded_in_parts_keeps_its_etag(tmp_path):
    row = json.dumps({"Id": "1", "Name": "x" * 5_000_000})
    with stateful(tmp_path) as rig:
        rig.furnish()
        rig.connector.answers["QueryData"] = lambda request: {
            **OK, "records": [row], "nextToken": None if request["nextToken"] else "2"
        }
        rig.appflow.create_flow(**flow(output={"aggregationConfig": {"aggregationType": "SingleFile"}}))
        run(rig)
        [before] = rig.s3.list_objects_v2(Bucket="lake")["Contents"]
        assert before["ETag"].endswith('-2"')
    with stateful(tmp_path) as rig:
        [again] = rig.s3.list_objects_v2(Bucket="lake")["Contents"]
        assert (again["ETag"], again["Size"]) == (before["ETag"], before["Size"])
        assert rig.s3.get_object(Bucket="lake", Key=again["Key"])["Body"].read().count(b"x") == 10_000_000


def test_an_active_schedule_goes_on(tmp_path):
    hourly = scheduled("rate(1hours)", scheduleStartTime=datetime(2026, 1, 1, tzinfo=timezone.utc))
    with stateful(tmp_path) as rig:
        rig.furnish()
        rig.appflow.create_flow(**flow(triggerConfig=hourly))
        rig.appflow.create_flow(**flow("draft", triggerConfig=hourly))
        rig.appflow.start_flow(flowName="contacts")
        told = rig.appflow.describe_flow(flowName="contacts")["triggerConfig"]
    with stateful(tmp_path) as rig:
        assert rig.appflow.describe_flow(flowName="contacts")["triggerConfig"] == told
        rig.clock.advance(7200)
        assert [record["executionStatus"] for record in records(rig)] == ["Successful"] * 2
        assert records(rig, "draft") == []


def test_a_flow_that_is_reset_while_it_runs_leaves_nothing(tmp_path):
    with stateful(tmp_path) as rig:
        rig.furnish()

        def answer(request):
            rig.service.implementation.clear()
            return paged(request)

        rig.connector.answers["QueryData"] = answer
        rig.appflow.create_flow(**flow())
        rig.appflow.start_flow(flowName="contacts")
        rig.service.implementation.wait()
        rig.service.implementation.clear()
    with stateful(tmp_path) as rig:
        assert set(vars(rig.restored).values()) == {0}
