"""Asks a SaaS host for its tickets, and tells what it answered."""

import urllib.error
import urllib.request


def handler(event, context):
    try:
        with urllib.request.urlopen("https://api.example.com/v1/tickets") as answer:
            return {"status": answer.status, "body": answer.read().decode()}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read().decode(), "retry_after": error.headers["retry-after"]}
