"""Lists the first orders, `GET /orders?limit=N`, behind API Gateway with Lambda proxy integration.

Known weakness of `handler`: it takes the client's text for a number. Nobody catches the exception; the client gets 502,
and the stack trace is in the log alone. `careful` answers 400 and says what is wrong.
"""

import json


def handler(event, context):
    limit = int(event["queryStringParameters"]["limit"])
    return answer(200, {"orders": list(range(1, limit + 1))})


def careful(event, context):
    try:
        return handler(event, context)
    except (TypeError, KeyError, ValueError):
        return answer(400, {"message": "limit must be a whole number"})


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
