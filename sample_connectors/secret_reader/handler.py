"""A connector's way to its credentials: it reads the secret whose ARN it is given, at every call.

Known weakness: it asks once. A refusal that would be gone a moment later goes straight to the caller; `patient_handler`
asks again.
"""

import time

import boto3
from botocore.exceptions import ClientError

PASSING = ("AccessDeniedException", "ResourceNotFoundException")  # what eventual consistency looks like
PAUSES_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)

secrets = boto3.client("secretsmanager")


def handler(event, context):
    """Gives the length of the secret named in the event, so that no secret gets into an answer."""
    return {"length": len(secrets.get_secret_value(SecretId=event["secretArn"])["SecretString"])}


def patient_handler(event, context):
    """The same, by a client that retries: with growing pauses, and at last with the error itself."""
    for pause in PAUSES_S:
        try:
            return handler(event, context)
        except ClientError as error:
            if error.response["Error"]["Code"] not in PASSING:
                raise
            print(f"{error.response['Error']['Code']}: asking again")
            time.sleep(pause)
    return handler(event, context)
