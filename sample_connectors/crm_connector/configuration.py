"""What the connector is, and whether a profile is good."""

from answers import told
from custom_connector_sdk.connector.auth import AuthenticationConfig, OAuth2Defaults, OAuth2GrantType
from custom_connector_sdk.connector.configuration import ConnectorModes
from custom_connector_sdk.connector.settings import (
    ConnectorRuntimeSetting,
    ConnectorRuntimeSettingDataType,
    ConnectorRuntimeSettingScope,
)
from custom_connector_sdk.lambda_handler import responses
from custom_connector_sdk.lambda_handler.handlers import ConfigurationHandler

INSTANCE_URL = "instanceUrl"
TOKEN_URL = "https://login.crm.example.com/token"


class Configuration(ConfigurationHandler):
    """crm: `session(profile)` gives the CRM's API on behalf of a profile."""

    def __init__(self, crm):
        self.crm = crm

    def describe_connector_configuration(self, request):
        instance = ConnectorRuntimeSetting(
            key=INSTANCE_URL,
            data_type=ConnectorRuntimeSettingDataType.String,
            required=True,
            label="Instance URL",
            description="Where your CRM is, as https://emea.crm.example.com",
            scope=ConnectorRuntimeSettingScope.CONNECTOR_PROFILE,
        )
        oauth2 = OAuth2Defaults(
            token_url=[TOKEN_URL],
            auth_url=[],
            o_auth_2_grant_types_supported=[OAuth2GrantType.CLIENT_CREDENTIALS],
            o_auth_scopes=[],
            o_auth_2_custom_parameters=[],
        )
        authentication = AuthenticationConfig(
            is_api_key_auth_supported=True, is_oauth_2_supported=True, o_auth_2_defaults=oauth2
        )
        return responses.DescribeConnectorConfigurationResponse(
            is_success=True,
            connector_owner="lambdarig",
            connector_name="SampleCrmConnector",
            connector_version="1.0",
            connector_modes=[ConnectorModes.SOURCE, ConnectorModes.DESTINATION],
            connector_runtime_setting=[instance],
            authentication_config=authentication,
            supported_api_versions=["v1"],
        )

    @told(responses.ValidateConnectorRuntimeSettingsResponse)
    def validate_connector_runtime_settings(self, request):
        url = (request.connector_runtime_settings or {}).get(INSTANCE_URL, "")
        if request.scope == ConnectorRuntimeSettingScope.CONNECTOR_PROFILE and not url.startswith("https://"):
            raise ValueError(f"{INSTANCE_URL} must be an https URL")
        return responses.ValidateConnectorRuntimeSettingsResponse(is_success=True)

    @told(responses.ValidateCredentialsResponse)
    def validate_credentials(self, request):
        self.crm.session(request).get("me")
        return responses.ValidateCredentialsResponse(is_success=True)
