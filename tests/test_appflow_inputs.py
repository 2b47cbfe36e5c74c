"""Whatever any of AppFlow's 25 operations is sent, the answer is AWS's: inputs from botocore's model, good and spoilt,
and bytes that are no input, on an empty rig and on one with a connector, a profile, a flow and its run."""

import json

import pytest
from appflow_rig import APIKEY, ARN, BASIC, CONFIGURATION, CUSTOM, OAUTH2, OK, config
from botocore.session import get_session
from flow_rig import DEFINITION, flow, paged, to_connector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_inputs import BODIES, JUNK, Inputs, raw, spoilt

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: plain
MODEL = get_session().get_service_model("appflow")
OPERATIONS = MODEL.operation_names
STATUS = {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in MODEL.error_shapes}
STATUS |= {"SerializationException": 400, "UnknownOperationException": 404}
# Beyond the model: input that breaks it; AWS's own answers (terraform-provider-aws #34422, cdk-appflow #21); what the
# rig does not have.
ANY = {"ValidationException", "SerializationException"}
MORE = {"CreateConnectorProfile": {"ConnectorServerException", "ResourceNotFoundException"},
        "UpdateConnectorProfile": {"ConnectorServerException"},
        "CreateFlow": {"UnsupportedOperationException"}, "UpdateFlow": {"UnsupportedOperationException"}}
CODES = {name: {shape.name for shape in MODEL.operation_model(name).error_shapes} | ANY | MORE.get(name, set()) | {""}
         for name in OPERATIONS}
RESOURCES = [f"arn:aws:appflow:us-east-1:123456789012:{name}" for name in
             ("flow/contacts", "connector/crm", "connectorprofile/acme", "flow/nobody")]
KNOWN = {
    "FlowName": ["contacts", "contacts", "to-crm", "nobody"], "ConnectorLabel": ["crm", "crm", "other"],
    "ConnectorProfileName": ["acme", "acme", "nobody"], "ARN": [*RESOURCES, ARN], "BucketName": ["lake", "nowhere"],
    "EntityName": ["Contact", "Nothing"], "ConnectorType": ["CustomConnector", "CustomConnector", "S3", "Slack"],
    "ScheduleExpression": ["rate(5minutes)", "cron(0 12 * * ? *)", "never"], "NextToken": ["abc", "WyJ4Il0="],
    "Name": ["Id", "Name"], "DatetimeTypeFieldName": ["Age", "Id"], "ClientToken": ["once", "twice"],
    "TriggerType": ["OnDemand", "Scheduled", "Event"], "AuthenticationType": ["BASIC", "APIKEY", "CUSTOM", "OAUTH2"],
}
CREDENTIALS = (BASIC, APIKEY, CUSTOM, OAUTH2)
PROFILES = [{"connectorProfileName": "acme", "connectionMode": "Public", "connectorProfileConfig": config(credentials)}
            for credentials in CREDENTIALS]
LAMBDA = {"connectorProvisioningType": "LAMBDA", "connectorProvisioningConfig": {"lambda": {"lambdaArn": ARN}}}
SCHEDULE = {"scheduleExpression": "rate(5minutes)", "dataPullMode": "Complete", "scheduleStartTime": 4102444800}
FLOWS = [flow(), to_connector(), flow(triggerConfig={"triggerType": "Scheduled",
                                                     "triggerProperties": {"Scheduled": SCHEDULE}})]
WHOLE = {
    "RegisterConnector": [{"connectorLabel": "new", **LAMBDA}, LAMBDA],
    "UpdateConnectorRegistration": [{"connectorLabel": "crm", **LAMBDA}], "UpdateConnectorProfile": PROFILES,
    "CreateConnectorProfile": [{**profile, "connectorProfileName": "new", "connectorType": "CustomConnector",
                                "connectorLabel": "crm"} for profile in PROFILES],
    "CreateFlow": [{**made, "flowName": "new"} for made in FLOWS], "UpdateFlow": FLOWS,
    "TagResource": [{"resourceArn": RESOURCES[0], "tags": {"team": "crm"}}],
    "UntagResource": [{"resourceArn": RESOURCES[0], "tagKeys": ["team"]}],
    "ListConnectorEntities": [{"connectorProfileName": "acme", "maxResults": 1, "entitiesPath": "a"}],
    "DescribeConnectorEntity": [{"connectorProfileName": "acme", "connectorEntityName": "Contact"}],
    "CancelFlowExecutions": [{"flowName": "contacts"}], "StartFlow": [{"flowName": "contacts"}],
    "DeleteConnectorProfile": [{"connectorProfileName": "acme", "forceDelete": True}],
    "UnregisterConnector": [{"connectorLabel": "crm", "forceDelete": True}],
    "DeleteFlow": [{"flowName": "contacts", "forceDelete": True}],
}
INPUTS = Inputs(MODEL, KNOWN, WHOLE)
FEW = settings(max_examples=12, deadline=10_000, suppress_health_check=list(HealthCheck), database=None)
CONNECTOR = {
    "DescribeConnectorConfiguration": {**CONFIGURATION, "connectorModes": ["SOURCE", "DESTINATION"]},
    "ValidateCredentials": OK, "ValidateConnectorRuntimeSettings": OK, "DescribeEntity": DEFINITION, "QueryData": paged,
    "ListEntities": {**OK, "entities": [DEFINITION["entityDefinition"]["entity"]], "nextToken": "more"},
    "WriteData": lambda request: {**OK, "writeRecordResults": [{"isSuccess": True} for _ in request["records"]]},
}


def held(answer):
    """200 with an object, or one of AWS's errors as AWS writes it. Gives its code."""
    status, headers, body = answer
    said = json.loads(body)
    assert isinstance(said, dict)
    assert "x-lambdarig-error" not in headers, said
    if status == 200:
        return ""
    code = headers["x-amzn-errortype"]
    assert (STATUS[code], status < 500) == (status, True), said
    assert isinstance(said["message"], str), said
    return code


def filled(rig):
    """A connector, a profile, a bucket, a flow and what they were when they were new."""
    rig.s3.create_bucket(Bucket="lake")
    rig.s3.put_object(Bucket="lake", Key="in/1.csv", Body=b"Id,Name\n1,One\n2,Two\n")
    rig.register()
    rig.profile(credentials=BASIC, properties={"profileProperties": {"instanceUrl": "https://x"}})
    rig.appflow.create_flow(**flow())
    rig.appflow.start_flow(flowName="contacts")
    rig.service.implementation.wait()
    store = rig.service.implementation.store
    return [(kept, dict(kept)) for kept in (store.registrations, store.profiles, store.flows, store.tags)]


def put_back(kept):
    for family, as_it_was in kept:
        family.clear()
        family.update(as_it_was)


@pytest.fixture(params=["empty", "filled"])
def world(bare, request):
    """(rig, puts it back as it was); no run of a flow failed by the rig's own fault."""
    bare.connector.answers = dict(CONNECTOR)
    kept = filled(bare) if request.param == "filled" else []
    yield bare, lambda: put_back(kept)
    assert own_failures(bare) == []


def own_failures(rig):
    rig.service.implementation.wait()
    return [run.message for run in rig.service.implementation.store.executions.values() if "lambdarig" in run.message]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_inputs_of_the_model_are_answered(world, operation):
    rig, again = world

    @FEW
    @given(value=INPUTS.good(operation))
    def answered(value):
        again()
        assert held(raw(rig, *INPUTS.sent(operation, value))) in CODES[operation] - {"SerializationException"}

    answered()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_spoilt_inputs_are_refused_or_answered(world, operation):
    rig, again = world

    @FEW
    @given(value=INPUTS.bad(operation))
    def answered(value):
        again()
        assert held(raw(rig, *INPUTS.sent(operation, value))) in CODES[operation] | {"UnknownOperationException"}

    answered()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_bytes_that_are_no_input_are_refused_or_answered(world, operation):
    rig, again = world
    types = st.sampled_from(["application/json", "", "text/xml", "application/x-www-form-urlencoded", "x" * 300])

    @FEW
    @given(body=BODIES, content_type=types)
    def answered(body, content_type):
        again()
        method, path, query, _ = INPUTS.sent(operation, {"resourceArn": RESOURCES[0]})
        assert held(raw(rig, method, path, query, body, content_type)) in CODES[operation]

    answered()


@pytest.mark.parametrize("world", ["filled"], indirect=True)
def test_a_flow_that_is_taken_can_run(world):
    rig, again = world

    @settings(FEW, max_examples=60)
    @given(value=st.sampled_from(FLOWS), places=st.lists(st.tuples(st.randoms(), JUNK), max_size=2))
    def runs(value, places):
        again()
        made = spoilt(value, places)
        taken = raw(rig, *INPUTS.sent("CreateFlow", {**made, "flowName": "new"} if isinstance(made, dict) else made))
        if held(taken) == "":
            assert held(raw(rig, *INPUTS.sent("StartFlow", {"flowName": "new"}))) == ""
        assert own_failures(rig) == []

    runs()


@pytest.mark.parametrize("world", ["filled"], indirect=True)
def test_operations_one_after_the_other_are_answered_whatever_is_left_of_what_they_need(world):
    """A flow without its profile, a profile without its connector, a run without its flow."""
    rig, again = world
    step = st.one_of([st.tuples(st.just(name), INPUTS.either(name)) for name in OPERATIONS])

    @settings(FEW, max_examples=30)
    @given(steps=st.lists(step, min_size=5, max_size=15))
    def answered(steps):
        again()
        for operation, value in steps:
            assert held(raw(rig, *INPUTS.sent(operation, value))) in CODES[operation]
        assert own_failures(rig) == []

    answered()


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if MODEL.operation_model(name).input_shape
                                       and MODEL.operation_model(name).input_shape.required_members])
def test_each_required_member_that_is_missing_is_named(bare, operation):
    shape = MODEL.operation_model(operation).input_shape
    inside = [name for name in shape.required_members if not shape.members[name].serialization.get("location")]
    method, path, query, _ = INPUTS.sent(operation, {"resourceArn": RESOURCES[0]})
    status, headers, body = raw(bare, method, path, query, b"{}")
    code, message = headers["x-amzn-errortype"], json.loads(body)["message"]
    told = [f"Value null at '{name}' failed to satisfy constraint: Member must not be null" for name in inside]
    if told or operation == "UntagResource":
        assert (status, code) == (400, "ValidationException")
        assert [sentence for sentence in told if sentence not in message] == []
