"""What the connector answers AppFlow and API Gateway, as little as they take."""

import json

CONFIGURATION = {
    "connectorOwner": "sample",
    "connectorName": "slow-start",
    "connectorVersion": "1.0",
    "connectorModes": ["SOURCE"],
    "authenticationConfig": {"isBasicAuthSupported": True},
    "supportedApiVersions": ["v61.0"],
    "supportedTriggerTypes": ["ONDEMAND"],
}


def appflow(event):
    """DescribeConnectorConfiguration's answer is the configuration; the validations have nothing against anything."""
    asked = event["type"] == "DescribeConnectorConfigurationRequest"
    return {"isSuccess": True, **(CONFIGURATION if asked else {})}


def query(event, format_soql):
    """The SOQL for `?name=`, safely quoted."""
    name = (event.get("queryStringParameters") or {}).get("name", "")
    soql = format_soql("SELECT Id FROM Account WHERE Name = {}", name)
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps({"soql": soql})}
