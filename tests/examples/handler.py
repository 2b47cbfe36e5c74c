import json

import boto3


def handler(event, context):
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=event["secret"])
    return {"user": json.loads(secret["SecretString"])["user"]}
