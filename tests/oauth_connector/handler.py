"""A connector for a service with OAuth 2.0. Without an instanceUrl its one record is the token that it was given."""

import json
import urllib.error
import urllib.request

import boto3
from botocore.exceptions import ClientError

SECRETS = boto3.client("secretsmanager")
ENTITY = {"entityIdentifier": "Person", "hasNestedEntities": False}
FIELDS = [{"fieldName": name, "dataType": "String"} for name in ("Id", "Name")]
CODES = {"AccessDeniedException": "AccessDenied", "ResourceNotFoundException": "ResourceNotFoundError"}
OAUTH2 = {"tokenURL": ["https://login.example.com/token"], "oAuthScopes": ["read", "write"],
          "oAuth2GrantTypesSupported": ["AUTHORIZATION_CODE", "CLIENT_CREDENTIALS"]}
CONFIGURATION = {
    "connectorOwner": "o", "connectorName": "People", "connectorVersion": "1.0", "connectorModes": ["SOURCE"],
    "supportedApiVersions": ["v1"], "isSuccess": True,
    "authenticationConfig": {"isOAuth2Supported": True, "oAuth2Defaults": OAUTH2},
}


def handler(event, context):
    try:
        return {
            "DescribeConnectorConfigurationRequest": lambda event: CONFIGURATION,
            "ValidateConnectorRuntimeSettingsRequest": lambda event: {"isSuccess": True},
            "ValidateCredentialsRequest": lambda event: {"isSuccess": bool(token_of(event["credentials"]))},
            "DescribeEntityRequest": described,
            "QueryDataRequest": queried,
        }[event["type"]](event)
    except ClientError as error:
        return failed(CODES.get(error.response["Error"]["Code"], "UnknownError"), str(error))
    except urllib.error.HTTPError as error:
        code = "InvalidCredentials" if error.code == 401 else "ServerError"
        return failed(code, f"the service answered {error.code}")


def token_of(credentials):
    return json.loads(SECRETS.get_secret_value(SecretId=credentials["secretArn"])["SecretString"])["accessToken"]


def described(event):
    return {"isSuccess": True, "entityDefinition": {"entity": ENTITY, "fields": FIELDS}}


def queried(event):
    told = event["connectorContext"]
    token, url = token_of(told["credentials"]), told["connectorRuntimeSettings"].get("instanceUrl")
    if not url:
        return {"isSuccess": True, "records": [json.dumps({"Id": "1", "Name": token})]}
    address = f"{url}/people?after={event['nextToken'] or 0}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        page = json.load(answer)
    more = {"nextToken": str(page["next"])} if page["next"] else {}
    return {"isSuccess": True, "records": [json.dumps(one) for one in page["people"]], **more}


def failed(code, message):
    return {"isSuccess": False, "errorDetails": {"errorCode": code, "errorMessage": message}}
