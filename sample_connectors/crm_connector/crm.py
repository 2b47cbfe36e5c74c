"""A connector for a small CRM, made with AWS's connector SDK: a source of whatever entities the CRM has.

`handler.py` and `hardened.py` are two connectors made of it. They differ in how they read the secret and what they log.
"""

import functools
import json
import logging
import urllib.error
import urllib.parse
import urllib.request

import boto3
from botocore.exceptions import ClientError
from custom_connector_sdk.connector.auth import AuthenticationConfig
from custom_connector_sdk.connector.configuration import ConnectorModes
from custom_connector_sdk.connector.context import Entity, EntityDefinition
from custom_connector_sdk.connector.fields import FieldDataType, FieldDefinition
from custom_connector_sdk.connector.settings import (
    ConnectorRuntimeSetting,
    ConnectorRuntimeSettingDataType,
    ConnectorRuntimeSettingScope,
)
from custom_connector_sdk.lambda_handler import responses
from custom_connector_sdk.lambda_handler.handlers import ConfigurationHandler, MetadataHandler, RecordHandler
from custom_connector_sdk.lambda_handler.lambda_handler import BaseLambdaConnectorHandler
from custom_connector_sdk.lambda_handler.responses import ErrorCode, ErrorDetails

INSTANCE_URL = "instanceUrl"
BY_STATUS = {
    401: ErrorCode.InvalidCredentials,
    403: ErrorCode.AccessDenied,
    404: ErrorCode.ResourceNotFoundError,
    429: ErrorCode.RateLimitExceeded,
    503: ErrorCode.ServiceUnavailable,
}
BY_AWS_CODE = {
    "AccessDeniedException": ErrorCode.AccessDenied,
    "ResourceNotFoundException": ErrorCode.ResourceNotFoundError,
}
SECRETS = boto3.client("secretsmanager")
LOGGER = logging.getLogger()


def read_secret(arn):
    """The profile's credentials, from the secret that AppFlow made for it."""
    return json.loads(SECRETS.get_secret_value(SecretId=arn)["SecretString"])


def connector(read_secret):
    """A connector's lambda_handler. read_secret: secret ARN -> credentials."""
    crm = Crm(read_secret)
    return BaseLambdaConnectorHandler(Metadata(crm), Records(crm), Configuration(crm)).lambda_handler


class Crm:
    """The CRM's API, on behalf of a profile."""

    def __init__(self, read_secret):
        self.read_secret = read_secret

    def get(self, profile, path, **query):
        """profile: a request or ConnectorContext, whichever has the credentials and settings."""
        key = self.read_secret(profile.credentials.secret_arn)["apiKey"]
        url = f"{profile.connector_runtime_settings[INSTANCE_URL]}/v1/{path}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def answered(response):
    """What went wrong becomes an answer with details, which AppFlow passes on in its own error. An exception would end
    in AppFlow's "No valid response and error details found in the connector response", whatever it said."""

    def decorate(act):
        @functools.wraps(act)
        def answer(self, request):
            try:
                return act(self, request)
            except ClientError as error:
                code = BY_AWS_CODE.get(error.response["Error"]["Code"], ErrorCode.UnknownError)
                details = ErrorDetails(code, str(error))
            except urllib.error.HTTPError as error:
                other = ErrorCode.ServerError if error.code >= 500 else ErrorCode.ClientError
                said = f"The CRM answered {error.code} {error.reason}"
                details = ErrorDetails(BY_STATUS.get(error.code, other), said)
            except ValueError as error:
                details = ErrorDetails(ErrorCode.InvalidArgument, str(error))
            LOGGER.error("%s failed: %s", act.__name__, details.error_message)
            return response(is_success=False, error_details=details)

        return answer

    return decorate


class Handler:
    def __init__(self, crm):
        self.crm = crm


class Configuration(Handler, ConfigurationHandler):
    def describe_connector_configuration(self, request):
        instance = ConnectorRuntimeSetting(
            key=INSTANCE_URL,
            data_type=ConnectorRuntimeSettingDataType.String,
            required=True,
            label="Instance URL",
            description="Where your CRM is, as https://emea.crm.example.com",
            scope=ConnectorRuntimeSettingScope.CONNECTOR_PROFILE,
        )
        return responses.DescribeConnectorConfigurationResponse(
            is_success=True,
            connector_owner="lambdarig",
            connector_name="SampleCrmConnector",
            connector_version="1.0",
            connector_modes=[ConnectorModes.SOURCE],
            connector_runtime_setting=[instance],
            authentication_config=AuthenticationConfig(is_api_key_auth_supported=True),
            supported_api_versions=["v1"],
        )

    @answered(responses.ValidateConnectorRuntimeSettingsResponse)
    def validate_connector_runtime_settings(self, request):
        url = (request.connector_runtime_settings or {}).get(INSTANCE_URL, "")
        if request.scope == ConnectorRuntimeSettingScope.CONNECTOR_PROFILE and not url.startswith("https://"):
            raise ValueError(f"{INSTANCE_URL} must be an https URL")
        return responses.ValidateConnectorRuntimeSettingsResponse(is_success=True)

    @answered(responses.ValidateCredentialsResponse)
    def validate_credentials(self, request):
        self.crm.get(request, "me")
        return responses.ValidateCredentialsResponse(is_success=True)


class Metadata(Handler, MetadataHandler):
    @answered(responses.ListEntitiesResponse)
    def list_entities(self, request):
        found = self.crm.get(request.connector_context, "entities")["entities"]
        return responses.ListEntitiesResponse(is_success=True, entities=[entity(said) for said in found])

    @answered(responses.DescribeEntityResponse)
    def describe_entity(self, request):
        said = self.crm.get(request.connector_context, f"entities/{request.entity_identifier}")
        fields = [
            FieldDefinition(field["name"], FieldDataType[field["type"]], label=field["label"], filter_operators=[])
            for field in said["fields"]
        ]
        definition = EntityDefinition(entity(said), fields)
        return responses.DescribeEntityResponse(is_success=True, entity_definition=definition)


def entity(said):
    return Entity(said["name"], has_nested_entities=False, is_writable=False, label=said["label"])


class Records(Handler, RecordHandler):
    @answered(responses.QueryDataResponse)
    def query_data(self, request):
        """One page of the CRM's; AppFlow comes again with its token until there is none."""
        if request.filter_expression:
            raise ValueError("this connector does not filter")
        query = {"fields": ",".join(request.selected_field_names), "limit": request.max_results}
        query |= {"after": request.next_token} if request.next_token else {}
        page = self.crm.get(request.connector_context, f"entities/{request.entity_identifier}/records", **query)
        LOGGER.info("%d records of %s", len(page["records"]), request.entity_identifier)
        records = [json.dumps(record) for record in page["records"]]
        return responses.QueryDataResponse(is_success=True, records=records, next_token=page["next"])

    @answered(responses.RetrieveDataResponse)
    def retrieve_data(self, request):
        raise ValueError("this connector does not look records up by id")

    @answered(responses.WriteDataResponse)
    def write_data(self, request):
        raise ValueError("this connector does not write")
