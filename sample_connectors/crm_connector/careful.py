"""The CRM's API as it is asked with care: by a secret read anew for each request of AppFlow's, again after trouble that
may pass, and only as often as AppFlow has time for."""

import json
import os
import time
from urllib.parse import urlencode

import boto3
import urllib3
from answers import Refused, refused
from botocore.exceptions import ClientError
from configuration import INSTANCE_URL
from custom_connector_sdk.lambda_handler.responses import ErrorCode

# Three times 2.5 s fit into the 10 s that AppFlow waits for metadata and validation.
TIMEOUT_S = float(os.environ.get("CRM_TIMEOUT_S", "2.5"))
# Short, so that it is quickly tried: there is room for more.
PAUSES_S = (0.05, 0.1, 0.2)
LATE_S = 5  # when AppFlow is to come again after trouble that did not pass
NOT_YET = ("ResourceNotFoundException", "AccessDeniedException")
TROUBLE = (500, 502, 503, 504)
SECRETS = boto3.client("secretsmanager")
POOL = urllib3.PoolManager(retries=False, timeout=TIMEOUT_S)


def read_secret(arn):
    """A secret that AppFlow has just made may be unknown for a moment, and so may the permission to read it: ask again.
    What is still so after that, and any other refusal, stands."""
    for pause in PAUSES_S:
        try:
            return _read(arn)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NOT_YET:
                raise
            time.sleep(pause)
    return _read(arn)


def _read(arn):
    secret = json.loads(SECRETS.get_secret_value(SecretId=arn)["SecretString"])
    key = secret.get("apiKey") or secret.get("accessToken")
    if not key:
        raise Refused(0, "The secret has neither apiKey nor accessToken", code=ErrorCode.InvalidCredentials)
    return key


class Crm:
    def session(self, profile):
        """profile: a request or ConnectorContext, whichever has the credentials and settings."""
        url = (profile.connector_runtime_settings or {}).get(INSTANCE_URL)
        if not url:
            raise ValueError(f"{INSTANCE_URL} is missing")
        return Session(profile.credentials.secret_arn, url)


class Session:
    """One request of AppFlow's; it reads the secret once, and again when the CRM does not take what it says."""

    def __init__(self, arn, url):
        self.arn, self.url, self.key = arn, url, None

    def get(self, path, **query):
        return self.send("GET", f"{path}?{urlencode(query)}")

    def send(self, method, path, body=None, once=""):
        """once: an Idempotency-Key, by which the CRM does what it is asked twice only once."""
        for pause in PAUSES_S:
            self.key = self.key or read_secret(self.arn)
            try:
                return self._ask(method, path, body, once)
            except Refused as error:
                if error.status != 401:
                    raise
            time.sleep(pause)
            self.key = read_secret(self.arn)  # renewed meanwhile; the old one may be seen for a moment
        return self._ask(method, path, body, once)

    def _ask(self, method, path, body, once):
        """Raises Refused. Trouble is tried again where that does nothing twice."""
        pauses = PAUSES_S[:2] if method == "GET" or once else ()
        for pause in pauses:
            try:
                return self._answer(method, path, body, once)
            except Refused as error:
                if error.status and error.status not in TROUBLE:
                    raise
                time.sleep(pause)
        return self._answer(method, path, body, once)

    def _answer(self, method, path, body, once):
        headers = {"Authorization": f"Bearer {self.key}", **({"Idempotency-Key": once} if once else {})}
        text = None if body is None else json.dumps(body).encode()
        try:
            answer = POOL.request(method, f"{self.url}/v1/{path}", body=text, headers=headers)
            if answer.status < 300:
                return json.loads(answer.data)
        except urllib3.exceptions.TimeoutError as error:
            raise Refused(0, f"The CRM did not answer in time: {error}", LATE_S, ErrorCode.RequestTimeout) from error
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            said = f"The CRM cannot be understood or reached: {error}"
            raise Refused(0, said, LATE_S, ErrorCode.ServiceUnavailable) from error
        raise refused(answer.status, answer.reason, answer.data, _again(answer))


def _again(answer):
    """Seconds, where the CRM says them, or where AppFlow comes again only if somebody does."""
    said = answer.headers.get("Retry-After", "")
    return int(said) if said.isdigit() else LATE_S if answer.status in (429, 503) else None
