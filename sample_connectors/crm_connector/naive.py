"""The CRM's API and its records as they are written first. README.md says what is wrong with it."""

import functools
import http.client
import json
import logging
import os
from urllib.parse import urlencode, urlsplit

import boto3
from answers import Refused, refused, told
from configuration import INSTANCE_URL
from custom_connector_sdk.lambda_handler import responses
from records import Records, change, path_of, query_of

TIMEOUT_S = float(os.environ.get("CRM_TIMEOUT_S", "10"))
PAGE = 10
SECRETS = boto3.client("secretsmanager")
CONNECTIONS, READ = {}, {}
LOGGER = logging.getLogger()


@functools.cache
def read_secret(arn):
    """The profile's credentials, from the secret that AppFlow made for it."""
    return json.loads(SECRETS.get_secret_value(SecretId=arn)["SecretString"])


class Crm:
    def session(self, profile):
        """profile: a request or ConnectorContext, whichever has the credentials and settings."""
        return Session(profile.credentials.secret_arn, profile.connector_runtime_settings[INSTANCE_URL])


class Session:
    def __init__(self, arn, url):
        self.arn, self.url = arn, url

    def get(self, path, **query):
        return self.send("GET", f"{path}?{urlencode(query)}")

    def send(self, method, path, body=None):
        secret = read_secret(self.arn)
        key = secret["apiKey"] if "apiKey" in secret else secret["accessToken"]
        host = urlsplit(self.url).netloc
        connection = CONNECTIONS.setdefault(host, http.client.HTTPSConnection(host, timeout=TIMEOUT_S))
        text = None if body is None else json.dumps(body)
        connection.request(method, f"/v1/{path}", text, {"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise refused(answer.status, answer.reason, said)
        return json.loads(said)


class NaiveRecords(Records):
    @told(responses.QueryDataResponse)
    def query_data(self, request):
        session, begin = self.crm.session(request.connector_context), int(request.next_token or 0)
        found = self.read(session, path_of(request), query_of(request))
        more = str(begin + PAGE) if len(found) > begin + PAGE else None
        records = [json.dumps(record) for record in found[begin : begin + PAGE]]
        return responses.QueryDataResponse(is_success=True, records=records, next_token=more)

    def read(self, session, path, query):
        """Everything at once: the next pages are there already when they are asked for."""
        key = (session.url, path, *query.values())
        if key in READ:
            return READ[key]
        found, after = [], ""
        while after is not None:
            try:
                page = session.get(path, limit=PAGE, after=after, **query)
            except Refused as error:
                if error.status < 500:
                    raise
                LOGGER.exception("the CRM has trouble: going on with what came so far")
                break
            found += page["records"]
            after = page["next"]
        READ[key] = found
        return found

    @told(responses.WriteDataResponse)
    def write_data(self, request):
        session = self.crm.session(request.connector_context)
        for text in request.records:
            try:
                session.send(*change(request, json.loads(text)))
            except Refused:
                LOGGER.exception("a record was not written")
        return responses.WriteDataResponse(is_success=True)
