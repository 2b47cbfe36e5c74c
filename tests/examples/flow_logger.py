import json
import sys


def handler(event, context):
    print(json.dumps({"flowName": event["flow"], "executionId": event["execution"], "rows": event["rows"]}))
    if not event["rows"]:
        print("WARN nothing to do", file=sys.stderr)
    return event["rows"]
