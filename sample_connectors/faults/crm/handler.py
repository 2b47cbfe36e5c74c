"""Reads its token from Secrets Manager at every event, as a connector does."""

import boto3


def handler(event, context):
    secret = boto3.client("secretsmanager").get_secret_value(SecretId="crm-token")
    return {"token": secret["SecretString"]}
