"""The smallest API there is: `handler` answers GET /hello. `client_handler` calls whatever URL its event names.

Known weakness: the client has the API's address in its configuration, and nobody checks it before the first call.
"""

import json
import urllib.error
import urllib.request

TIMEOUT_S = 5


def handler(event, context):
    """Behind API Gateway, Lambda proxy integration."""
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps({"hello": "world"})}


def client_handler(event, context):
    """GET event["url"]; gives status, error_type (x-amzn-ErrorType) and body, or what kept it from getting there."""
    try:
        with urllib.request.urlopen(event["url"], timeout=TIMEOUT_S) as answer:
            return told(answer)
    except urllib.error.HTTPError as refusal:
        return told(refusal)
    except urllib.error.URLError as error:
        return {"status": None, "error": str(error.reason)}


def told(answer):
    return {
        "status": answer.status,
        "error_type": answer.headers.get("x-amzn-ErrorType"),
        "body": answer.read().decode(),
    }
