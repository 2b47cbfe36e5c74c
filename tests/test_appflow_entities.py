"""AppFlow's entities and its cache of them, through boto3."""

import pytest
from appflow_rig import BASIC, CACHED, DEFINED, OK, awss, error_of, failure, update

pytest_plugins = ["appflow_rig"]  # fixtures: bare, plain, rig


def test_entities_and_fields_are_as_aws_expects_of_its_example(plain):
    entities = awss("list-entities")["connectorEntityMap"]["Objects"]
    [field] = awss("describe-connector-entity")["connectorEntityFields"]
    to_connector = {"name": "entityIdentifier"}
    plain.connector.answers["ListEntities"] = {**OK, "entities": [
        {to_connector.get(key, key): value for key, value in entity.items()} for entity in entities
    ]}
    v1 = field["supportedFieldTypeDetails"]["v1"]
    plain.connector.answers["DescribeEntity"] = {**OK, "entityDefinition": {
        "entity": {"entityIdentifier": "Account", "hasNestedEntities": False},
        "fields": [{
            "fieldName": "Id", "dataType": "String", "label": field["label"], "description": field["description"],
            "isPrimaryKey": False, "filterOperators": v1["filterOperators"], "constraints": None, "isDeprecated": None,
            "defaultValue": None, "customProperties": None,
            "readProperties": {"isRetrievable": True, "isQueryable": True, "isNullable": None,
                               "isTimestampFieldForIncrementalQueries": None},
            "writeProperties": {"isCreatable": False, "isUpdatable": False, "isNullable": False, "isUpsertable": None,
                                "isDefaultedOnCreate": True,
                                "supportedWriteOperations": ["UPSERT", "UPDATE", "INSERT"]},
        }],
    }}
    plain.register()
    plain.profile(credentials=BASIC)
    listed = plain.appflow.list_connector_entities(connectorProfileName="acme", connectorType="CustomConnector")
    assert listed["connectorEntityMap"] == {"Objects": entities}
    described = plain.appflow.describe_connector_entity(connectorProfileName="acme", connectorEntityName="Account")
    assert described["connectorEntityFields"] == [field]


def with_profile(rig, **answers):
    rig.connector.answers.update(answers)
    rig.register()
    rig.profile(credentials=BASIC)
    rig.connector.requests.clear()
    return rig


def names_of(said):
    return [entity["name"] for entity in said["connectorEntityMap"]["Objects"]]


def test_the_example_connector_lists_and_describes(rig):
    rig.register()
    rig.profile()
    listed = rig.appflow.list_connector_entities(connectorProfileName="acme", apiVersion="v51.0")
    assert listed["connectorEntityMap"]["Objects"][0] == {
        "name": "account", "label": "Account", "hasNestedEntities": False
    }
    asked = {"connectorProfileName": "acme", "connectorEntityName": "account", "apiVersion": "v51.0"}
    [field] = rig.appflow.describe_connector_entity(**asked)["connectorEntityFields"]
    assert (field["identifier"], field["supportedFieldTypeDetails"]["v1"]["fieldType"]) == ("Id", "String")
    request = rig.connector.requests[-1]
    assert request["connectorContext"]["credentials"]["authenticationType"] == "OAuth2"
    assert request["connectorContext"]["apiVersion"] == "v51.0"


def test_without_an_api_version_the_connectors_first_is_sent(plain):
    with_profile(plain, ListEntities=CACHED).appflow.list_connector_entities(connectorProfileName="acme")
    assert plain.connector.requests[0]["connectorContext"]["apiVersion"] == "v1"


def listings(rig, **params):
    before = len(rig.connector.requests)
    rig.appflow.list_connector_entities(connectorProfileName="acme", **params)
    return len(rig.connector.requests) - before


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        (None, 3600),
        ({"timeToLive": None, "timeToLiveUnit": None}, 3600),
        ({"timeToLive": 2, "timeToLiveUnit": "MINUTES"}, 120),
        ({"timeToLive": 1, "timeToLiveUnit": "DAYS"}, 86400),
        ({"timeToLive": 60, "timeToLiveUnit": None}, 60),
    ],
)
def test_a_list_is_kept_as_long_as_the_connector_says(plain, control, seconds):
    with_profile(plain, ListEntities={**CACHED, "cacheControl": control})
    assert (listings(plain), listings(plain)) == (1, 0)
    plain.clock.advance(seconds - 1)
    assert listings(plain) == 0
    plain.clock.advance(1)
    assert listings(plain) == 1


def test_a_time_to_live_of_nothing_keeps_nothing(plain):
    with_profile(plain, ListEntities={**CACHED, "cacheControl": {"timeToLive": 0, "timeToLiveUnit": "SECONDS"}})
    assert (listings(plain), listings(plain)) == (1, 1)


def test_the_cache_is_by_version_path_and_page(plain):
    with_profile(plain, ListEntities=CACHED)
    for params in ({}, {"apiVersion": "v2"}, {"entitiesPath": "a"}, {"maxResults": 2}):
        assert (listings(plain, **params), listings(plain, **params)) == (1, 0)


def test_failures_are_not_kept(plain):
    with_profile(plain, ListEntities=failure("RateLimitExceeded", "slow down"))
    listing = plain.appflow.list_connector_entities
    assert error_of(listing, connectorProfileName="acme") == (
        "ConnectorServerException", 400, "Error while communicating to connector: slow down"
    )
    plain.connector.answers["ListEntities"] = CACHED
    assert names_of(listing(connectorProfileName="acme")) == ["a", "b", "c"]


def test_expired_credentials_at_metadata_calls_are_an_authentication_error(plain):
    with_profile(plain, ListEntities=failure("InvalidCredentials", "expired"))
    assert error_of(plain.appflow.list_connector_entities, connectorProfileName="acme") == (
        "ConnectorAuthenticationException", 401, "Error authenticating to connector: expired"
    )


def test_the_connectors_own_pages_are_followed_by_token(plain):
    def paged(request):
        page = int(request["nextToken"] or 0)
        entity = {"entityIdentifier": f"e{page}", "hasNestedEntities": False}
        return {**OK, "entities": [entity], "nextToken": None if page == 2 else f"{page + 1}"}

    with_profile(plain, ListEntities=paged)
    seen, more = [], {}
    while more is not None:
        said = plain.appflow.list_connector_entities(connectorProfileName="acme", maxResults=5, **more)
        seen += names_of(said)
        more = {"nextToken": said["nextToken"]} if "nextToken" in said else None
    assert seen == ["e0", "e1", "e2"]
    assert [request["maxResult"] for request in plain.connector.requests] == [5, 5, 5]


def test_a_connector_that_ignores_max_results_is_paged_from_the_cache(plain):
    with_profile(plain, ListEntities=CACHED)
    listing = plain.appflow.list_connector_entities
    first = listing(connectorProfileName="acme", maxResults=2)
    second = listing(connectorProfileName="acme", maxResults=2, nextToken=first["nextToken"])
    assert (names_of(first), names_of(second), "nextToken" in second) == (["a", "b"], ["c"], False)
    assert len(plain.connector.requests) == 1


@pytest.mark.parametrize("token", ["x", "eyJhIjoxfQ==", "bnVsbA==", "WzEsMl0="])
def test_a_token_we_did_not_give_is_refused(plain, token):
    with_profile(plain, ListEntities=CACHED)
    listing = plain.appflow.list_connector_entities
    assert error_of(listing, connectorProfileName="acme", nextToken=token)[:2] == ("ValidationException", 400)


def test_metadata_needs_a_profile_that_exists(plain):
    listing = plain.appflow.list_connector_entities
    assert error_of(listing)[0] == "ValidationException"
    assert error_of(listing, connectorType="S3")[0] == "ValidationException"
    assert error_of(listing, connectorProfileName="x") == (
        "ResourceNotFoundException", 404, "Connector Profile with name x does not exist."
    )


def test_resetting_drops_names_or_one_entitys_details(plain):
    with_profile(plain, ListEntities=CACHED, DescribeEntity=DEFINED)
    reset = plain.appflow.reset_connector_metadata_cache

    def asked():
        plain.connector.requests.clear()
        plain.appflow.list_connector_entities(connectorProfileName="acme")
        for entity in "ab":
            plain.appflow.describe_connector_entity(connectorProfileName="acme", connectorEntityName=entity)
        return [request.get("entityIdentifier", "names") for request in plain.connector.requests]

    assert (asked(), asked()) == (["names", "a", "b"], [])
    reset(connectorProfileName="acme")
    assert asked() == ["names"]
    reset(connectorProfileName="acme", connectorEntityName="b")
    assert asked() == ["b"]
    reset(connectorProfileName="acme", apiVersion="v9")
    assert asked() == []
    assert error_of(reset)[0] == "ValidationException"
    assert error_of(reset, connectorProfileName="x")[0] == "ResourceNotFoundException"


def test_a_changed_profile_or_connector_has_no_old_metadata(plain):
    with_profile(plain, ListEntities=CACHED)
    assert listings(plain) == 1
    update(plain, BASIC)
    assert listings(plain) == 1
    plain.appflow.update_connector_registration(connectorLabel="crm")
    assert listings(plain) == 1


def test_constraints_and_custom_properties_reach_the_api(plain):
    field = {"fieldName": "n", "dataType": "Integer", "customProperties": {"k": "v"}, "constraints": {
        "allowedValueRange": {"minRange": 1, "maxRange": 9.5}, "allowedLengthRange": {"minRange": 0, "maxRange": 3},
        "allowedValues": ["1", 2], "allowedValuesRegexPattern": "[0-9]", "allowedDateFormat": "yyyy"}}
    with_profile(plain, DescribeEntity={**OK, "entityDefinition": {**DEFINED["entityDefinition"], "fields": [field]}})
    [said] = plain.appflow.describe_connector_entity(connectorProfileName="acme", connectorEntityName="a")[
        "connectorEntityFields"
    ]
    assert said["supportedFieldTypeDetails"]["v1"] == {
        "fieldType": "Integer", "filterOperators": [], "supportedValues": ["1", "2"], "valueRegexPattern": "[0-9]",
        "supportedDateFormat": "yyyy", "fieldValueRange": {"maximum": 9.5, "minimum": 1.0},
        "fieldLengthRange": {"maximum": 3.0, "minimum": 0.0},
    }
    assert said["customProperties"] == {"k": "v"}
