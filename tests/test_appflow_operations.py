"""What AppFlow's operations have in common, through boto3: paging, client tokens, what is not there, one at a time."""

import base64
import json
import threading

import pytest
from appflow_rig import APIKEY, ARN, BASIC, CACHED, CONFIGURATION, OK, PROPERTIES, config, error_of
from flow_rig import DEFINITION, flow, run, to_connector
from model_inputs import raw

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: plain, crm
LAMBDA = {"lambda": {"lambdaArn": ARN}}
PAGED = {  # operation: (parameters, where the items are, an item's name)
    "list_connectors": ({}, "connectors", "connectorLabel"),
    "describe_connectors": ({}, "connectors", "connectorLabel"),
    "describe_connector_profiles": ({}, "connectorProfileDetails", "connectorProfileName"),
    "list_flows": ({}, "flows", "flowName"),
    "describe_flow_execution_records": ({"flowName": "contacts"}, "flowExecutions", "executionId"),
}


@pytest.fixture
def three(crm):
    """Three of everything that is listed."""
    for name in ("crm2", "crm3"):
        crm.register(name)
    for name in ("acme2", "acme3"):
        crm.profile(name=name, credentials=BASIC)
    for name in ("contacts", "contacts2", "contacts3"):
        crm.appflow.create_flow(**flow(name))
    for _ in range(3):
        run(crm)
    crm.connector.answers["ListEntities"] = CACHED
    return crm


def test_each_list_is_paged_to_its_end(three):
    for operation, (params, place, name) in PAGED.items():
        act, names, more = getattr(three.appflow, operation), [], {}
        while more is not None:
            said = act(maxResults=1, **params, **more)
            names += [item[name] for item in said[place]]
            more = {"nextToken": said["nextToken"]} if "nextToken" in said else None
        assert names == [item[name] for item in act(**params)[place]], operation
        assert (len(names), len(set(names))) == (3, 3), operation


def test_a_token_leads_on_only_in_its_own_list(three):
    listing = {name: (getattr(three.appflow, name), params) for name, (params, _, _) in PAGED.items()}
    listing["list_connector_entities"] = three.appflow.list_connector_entities, {"connectorProfileName": "acme"}
    listing["of_another_profile"] = three.appflow.list_connector_entities, {"connectorProfileName": "acme2"}
    tokens = {name: act(maxResults=1, **params)["nextToken"] for name, (act, params) in listing.items()}
    same = {"list_connectors", "describe_connectors"}  # of one list
    for given, token in tokens.items():
        assert base64.urlsafe_b64decode(token)
        for name, (act, params) in listing.items():
            if name == given or {name, given} == same:
                act(nextToken=token, **params)
            else:
                said = error_of(act, nextToken=token, **params)
                assert said == ("ValidationException", 400, "The nextToken is invalid."), (given, name)


@pytest.mark.parametrize(
    ("operation", "most"), [*((name, 100) for name in PAGED), ("list_connector_entities", 10_000)]
)
def test_a_page_has_1_to_100_items_and_one_of_entities_10000(three, operation, most):
    """boto3 itself refuses less than one."""
    params = {"connectorProfileName": "acme"} if operation == "list_connector_entities" else PAGED[operation][0]
    path, sentence = f"/{operation.replace('_', '-')}", "1 validation error detected: Value '{}' at 'maxResults' "
    sentence += "failed to satisfy constraint: Member must have value {} than or equal to {}"
    for size, words in ((0, ("greater", 1)), (most + 1, ("less", most))):
        status, headers, body = raw(three, "POST", path, body=json.dumps({**params, "maxResults": size}).encode())
        assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")
        assert json.loads(body)["message"] == sentence.format(size, *words)
    getattr(three.appflow, operation)(maxResults=most, **params)


def profile_of(name, credentials):
    return {"connectorProfileName": name, "connectionMode": "Public",
            "connectorProfileConfig": config(credentials, PROPERTIES)}


TOKENED = {  # operation: (parameters, others, what the connector is asked for it)
    "register_connector": (
        {"connectorLabel": "new", "connectorProvisioningConfig": LAMBDA},
        {"connectorLabel": "newer", "connectorProvisioningConfig": LAMBDA}, "DescribeConnectorConfiguration"),
    "update_connector_registration": (
        {"connectorLabel": "crm", "description": "a"}, {"connectorLabel": "crm", "description": "b"},
        "DescribeConnectorConfiguration"),
    "create_connector_profile": (
        {**profile_of("new", BASIC), "connectorType": "CustomConnector", "connectorLabel": "crm"},
        {**profile_of("new", APIKEY), "connectorType": "CustomConnector", "connectorLabel": "crm"},
        "ValidateCredentials"),
    "update_connector_profile": (profile_of("acme", BASIC), profile_of("acme", APIKEY), "ValidateCredentials"),
    "create_flow": (flow("new"), flow("newer"), "DescribeEntity"),
    "update_flow": (flow(custom={"a": "b"}), flow(custom={"a": "c"}), "ValidateConnectorRuntimeSettings"),
}


@pytest.mark.parametrize("operation", TOKENED)
def test_a_client_token_is_one_act_for_eight_hours(crm, operation):
    crm.appflow.create_flow(**flow())
    crm.connector.requests.clear()
    act, (given, other, asked) = getattr(crm.appflow, operation), TOKENED[operation]
    first = act(clientToken="t", **given)
    first.pop("ResponseMetadata")
    calls = crm.connector.asked().count(asked)
    again = act(clientToken="t", **given)
    again.pop("ResponseMetadata")
    assert (again, crm.connector.asked().count(asked)) == (first, calls)
    said = error_of(act, clientToken="t", **other)
    assert said == (
        "ConflictException", 409, "The clientToken t was already used with different input parameters."
    )
    crm.clock.advance(8 * 3600)
    if operation.startswith("update"):
        act(clientToken="t", **other)
    else:
        assert error_of(act, clientToken="t", **given)[2].endswith("already exists.")


def test_a_client_token_is_forgotten_with_what_it_is_about(crm):
    """Updated, deleted, made again: the update with the same token is one of another flow."""
    for described in ("first", "second"):
        crm.appflow.create_flow(**flow())
        crm.appflow.update_flow(**flow(custom={"a": "b"}), description="updated", clientToken="t")
        assert crm.appflow.describe_flow(flowName=flow()["flowName"])["description"] == "updated", described
        crm.appflow.delete_flow(flowName=flow()["flowName"])


def test_half_a_surrogate_pair_is_a_question_mark(crm):
    """In what botocore sends as an escape."""
    crm.appflow.create_flow(**flow(custom={"a": "x\ud800\U0001f600"}))
    source = crm.appflow.describe_flow(flowName=flow()["flowName"])["sourceFlowConfig"]["sourceConnectorProperties"]
    assert source["CustomConnector"]["customProperties"] == {"a": "x?\U0001f600"}


NOBODY = {  # operation: parameters that name what is not there, AWS's sentence as far as it is known
    "update_connector_registration": ({"connectorLabel": "x1"}, "Connector:x1 is not registered."),
    "unregister_connector": ({"connectorLabel": "x1"}, "Connector:x1 is not registered."),
    "describe_connector": ({"connectorType": "CustomConnector", "connectorLabel": "x1"},
                           "Connector:x1 is not registered."),
    "update_connector_profile": (profile_of("x1", BASIC), "Connector Profile with name x1 does not exist."),
    "delete_connector_profile": ({"connectorProfileName": "x1"}, "Connector Profile with name x1 does not exist."),
    "list_connector_entities": ({"connectorProfileName": "x1"}, "Connector Profile with name x1 does not exist."),
    "describe_connector_entity": ({"connectorProfileName": "x1", "connectorEntityName": "e"},
                                  "Connector Profile with name x1 does not exist."),
    "reset_connector_metadata_cache": ({"connectorProfileName": "x1"},
                                       "Connector Profile with name x1 does not exist."),
    "update_flow": (flow("x1"), "Flow with name x1 does not exist."),
    "describe_flow": ({"flowName": "x1"}, "Flow with name x1 does not exist."),
    "delete_flow": ({"flowName": "x1"}, "Flow with name x1 does not exist."),
    "start_flow": ({"flowName": "x1"}, "Flow with name x1 does not exist."),
    "stop_flow": ({"flowName": "x1"}, "Flow with name x1 does not exist."),
    "cancel_flow_executions": ({"flowName": "x1"}, "Flow with name x1 does not exist."),
    "describe_flow_execution_records": ({"flowName": "x1"}, "Flow with name x1 does not exist."),
    "list_tags_for_resource": ({"resourceArn": "arn:aws:appflow:us-east-1:123456789012:flow/x1"},
                               "Resource with ARN arn:aws:appflow:us-east-1:123456789012:flow/x1 does not exist."),
    "tag_resource": ({"resourceArn": "arn:aws:appflow:us-east-1:123456789012:connector/x1", "tags": {"a": "b"}},
                     "Resource with ARN arn:aws:appflow:us-east-1:123456789012:connector/x1 does not exist."),
    "untag_resource": ({"resourceArn": "arn:aws:appflow:us-west-2:123456789012:connector/crm", "tagKeys": ["a"]},
                       "Resource with ARN arn:aws:appflow:us-west-2:123456789012:connector/crm does not exist."),
}


@pytest.mark.parametrize("operation", NOBODY)
def test_what_is_not_there_is_not_found(crm, operation):
    params, message = NOBODY[operation]
    assert error_of(getattr(crm.appflow, operation), **params) == ("ResourceNotFoundException", 404, message)


def test_what_is_there_is_left_by_what_was_refused(crm):
    crm.appflow.create_flow(**flow())
    before = crm.appflow.describe_flow(flowName="contacts")
    for wrong in ({"tasks": []}, {"triggerConfig": {"triggerType": "Event"}}, {"destinationFlowConfigList": []}):
        assert error_of(crm.appflow.update_flow, **{**flow(), **wrong})[0] == "ValidationException"
    after = crm.appflow.describe_flow(flowName="contacts")
    assert {**before, "ResponseMetadata": None} == {**after, "ResponseMetadata": None}


AT_ONCE = {  # operation: (parameters, the question in which the first call waits, others that then meet a conflict)
    "register_connector": ({"connectorLabel": "new", "connectorProvisioningConfig": LAMBDA},
                           "DescribeConnectorConfiguration", {}),
    "update_connector_registration": ({"connectorLabel": "crm"}, "DescribeConnectorConfiguration",
                                      {"unregister_connector": {"connectorLabel": "crm"}}),
    "update_connector_profile": (profile_of("acme", BASIC), "ValidateCredentials",
                                 {"delete_connector_profile": {"connectorProfileName": "acme"}}),
    "create_flow": (flow("new"), "DescribeEntity", {}),
    "update_flow": (flow(custom={"a": "b"}), "ValidateConnectorRuntimeSettings",
                    {"delete_flow": {"flowName": "contacts"}}),
}


@pytest.mark.parametrize("operation", AT_ONCE)
def test_one_operation_at_a_time_on_a_name(crm, operation):
    params, waits, others = AT_ONCE[operation]
    crm.appflow.create_flow(**flow())
    crm.appflow.reset_connector_metadata_cache(connectorProfileName="acme", connectorEntityName="Contact")
    entered, go, act = threading.Event(), threading.Event(), getattr(crm.appflow, operation)
    said = {"DescribeConnectorConfiguration": CONFIGURATION, "DescribeEntity": DEFINITION}.get(waits, OK)

    def slow(request):
        entered.set()
        assert go.wait(30)
        return said

    crm.connector.answers[waits] = slow
    first = threading.Thread(target=lambda: act(**params))
    first.start()
    assert entered.wait(30)
    for name, given in {operation: params, **others}.items():
        assert error_of(getattr(crm.appflow, name), **given)[:2] == ("ConflictException", 409), name
    go.set()
    first.join()


def test_one_client_makes_all_that_awss_own_suite_makes_and_takes_it_away_again(crm_both):
    appflow = crm_both.appflow
    arns = [appflow.create_flow(**flow("out"))["flowArn"], appflow.create_flow(**to_connector("in"))["flowArn"]]
    assert arns == [f"arn:aws:appflow:us-east-1:123456789012:flow/{name}" for name in ("out", "in")]
    assert error_of(appflow.unregister_connector, connectorLabel="crm")[:2] == ("ConflictException", 409)
    assert error_of(appflow.delete_connector_profile, connectorProfileName="acme")[:2] == ("ConflictException", 409)
    for name in ("out", "in"):
        appflow.delete_flow(flowName=name)
    appflow.delete_connector_profile(connectorProfileName="acme")
    appflow.unregister_connector(connectorLabel="crm")
    assert appflow.list_connectors()["connectors"] == []
