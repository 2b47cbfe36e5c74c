"""AppFlow's limits, in its model's figures and sentences, through boto3: names, lengths, tags."""

import pytest
from appflow_rig import ARN, error_of
from flow_rig import flow, to_connector

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: plain, crm
LAMBDA = {"lambda": {"lambdaArn": ARN}}
PATTERN = "Member must satisfy regular expression pattern: "


def scheduled(**more):
    properties = {"Scheduled": {"scheduleExpression": "rate(5minutes)", **more}}
    return flow(triggerConfig={"triggerType": "Scheduled", "triggerProperties": properties})


def labelled(label, **more):
    return {"connectorLabel": label, "connectorProvisioningConfig": LAMBDA, **more}


@pytest.mark.parametrize(
    ("operation", "given", "place", "sentence"),
    [
        ("create_flow", flow("a"), "flowName", PATTERN + r"[a-zA-Z0-9][\w!@#.-]+"),
        ("create_flow", flow("-flow"), "flowName", PATTERN + r"[a-zA-Z0-9][\w!@#.-]+"),
        ("create_flow", flow("all contacts"), "flowName", PATTERN + r"[a-zA-Z0-9][\w!@#.-]+"),
        ("create_flow", flow("größe"), "flowName", PATTERN + r"[a-zA-Z0-9][\w!@#.-]+"),
        ("create_flow", flow("f" * 257), "flowName", "Member must have length less than or equal to 256"),
        ("create_flow", flow(description="d" * 2049), "description",
         "Member must have length less than or equal to 2048"),
        ("create_flow", flow(description="a: b"), "description", PATTERN + r"[\w!@#\-.?,\s]*"),
        ("create_flow", flow(tags={f"k{n}": "v" for n in range(51)}), "tags",
         "Member must have length less than or equal to 50"),
        ("create_flow", flow(tags={"aws:team": "v"}), "tags.key", PATTERN + "^(?!aws:)[a-zA-Z+-=._:/]+$"),
        ("create_flow", flow(clientToken="t" * 257), "clientToken",
         "Member must have length less than or equal to 256"),
        ("create_flow", to_connector(idFieldNames=["has space"]),
         "destinationFlowConfigList.1.member.destinationConnectorProperties.customConnector.idFieldNames.1.member",
         PATTERN + r"\S+"),
        ("create_flow", to_connector(customProperties={f"k{n}": "v" for n in range(51)}),
         "destinationFlowConfigList.1.member.destinationConnectorProperties.customConnector.customProperties",
         "Member must have length less than or equal to 50"),
        ("create_flow", to_connector(writeOperationType="MERGE"),
         "destinationFlowConfigList.1.member.destinationConnectorProperties.customConnector.writeOperationType",
         "Member must satisfy enum value set: [INSERT, UPSERT, UPDATE, DELETE]"),
        ("create_flow", scheduled(scheduleOffset=36_001), "triggerConfig.triggerProperties.scheduled.scheduleOffset",
         "Member must have value less than or equal to 36000"),
        ("create_flow", scheduled(flowErrorDeactivationThreshold=101),
         "triggerConfig.triggerProperties.scheduled.flowErrorDeactivationThreshold",
         "Member must have value less than or equal to 100"),
        ("create_flow", scheduled(dataPullMode="Partial"), "triggerConfig.triggerProperties.scheduled.dataPullMode",
         "Member must satisfy enum value set: [Incremental, Complete]"),
        ("register_connector", labelled("c"), "connectorLabel", PATTERN + r"[a-zA-Z0-9][\w!@#.-]+"),
        ("register_connector", labelled("crm2", description="a?"), "description", PATTERN + r"[\s\w/!@#+=.-]*"),
        ("register_connector", labelled("crm2", connectorProvisioningType="EC2"), "connectorProvisioningType",
         "Member must satisfy enum value set: [LAMBDA]"),
        ("delete_connector_profile", {"connectorProfileName": "a b"}, "connectorProfileName",
         PATTERN + r"[\w/!@#+=.-]+"),
        ("describe_connector", {"connectorType": "Crm"}, "connectorType", "Member must satisfy enum value set: ["),
        ("list_flows", {"nextToken": "a b"}, "nextToken", PATTERN + r"\S+"),
        ("list_flows", {"nextToken": "t" * 2049}, "nextToken", "Member must have length less than or equal to 2048"),
        ("describe_connector_entity", {"connectorProfileName": "acme", "connectorEntityName": "a b"},
         "connectorEntityName", PATTERN + r"\S+"),
        ("tag_resource", {"resourceArn": "crm", "tags": {"a": "b"}}, "resourceArn",
         PATTERN + "arn:aws:.*:.*:[0-9]+:.*"),
        ("untag_resource", {"resourceArn": "arn:aws:appflow:us-east-1:123456789012:connector/crm",
                            "tagKeys": ["aws:x"]}, "tagKeys.1.member", PATTERN + "^(?!aws:)[a-zA-Z+-=._:/]+$"),
    ],
)
def test_what_the_model_does_not_allow_is_refused_in_its_words(crm_both, operation, given, place, sentence):
    code, status, message = error_of(getattr(crm_both.appflow, operation), **given)
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith("1 validation error detected: Value ")
    assert f" at '{place}' failed to satisfy constraint: {sentence}" in message


@pytest.mark.parametrize("name", ["f1", "a!@#.-_Z", "f" * 256])
def test_names_at_their_limits_are_taken(crm, name):
    arn = crm.appflow.create_flow(**flow(name))["flowArn"]
    assert arn == f"arn:aws:appflow:us-east-1:123456789012:flow/{name}"
    crm.appflow.tag_resource(resourceArn=arn, tags={"a": "b"})
    assert crm.appflow.describe_flow(flowName=name)["tags"] == {"a": "b"}


def test_a_resource_has_up_to_50_tags(crm):
    crm.appflow.create_flow(**flow(tags={"k0": "v"}))
    arns = [f"arn:aws:appflow:us-east-1:123456789012:{name}" for name in
            ("flow/contacts", "connectorprofile/acme", "connector/crm")]
    for arn in arns:
        crm.appflow.tag_resource(resourceArn=arn, tags={f"k{n}": "v" for n in range(50)})
        crm.appflow.tag_resource(resourceArn=arn, tags={"k49": "other"})
        said = error_of(crm.appflow.tag_resource, resourceArn=arn, tags={"k50": "v"})
        assert said == ("ValidationException", 400, "A resource can have at most 50 tags.")
        crm.appflow.untag_resource(resourceArn=arn, tagKeys=["k0", "nobody"])
        tags = crm.appflow.list_tags_for_resource(resourceArn=arn)["tags"]
        assert (len(tags), tags["k49"], "k0" in tags) == (49, "other", False)


def test_a_key_of_ones_own_is_kept_through_an_update(crm):
    key = "arn:aws:kms:us-east-1:123456789012:key/k-1"
    crm.appflow.create_flow(**flow(kmsArn=key))
    crm.appflow.update_flow(**flow(description="again"))
    assert crm.appflow.describe_flow(flowName="contacts")["kmsArn"] == key
