"""Lines of a function and lines of JSON, and what a query of Logs Insights finds in them."""

import json

from emulator.aws.services.logs.insights.query import Query
from emulator.aws.services.logs.insights.records import Record
from emulator.aws.services.logs.reading import Event

T0 = 1_767_323_045_678  # 2026-01-02 03:04:05.678
GROUP, STREAM = "/aws/lambda/crm", "2026/01/02/[$LATEST]0123456789abcdef0123456789abcdef"
ONE, TWO = "8476a536-e9f4-41e8-9739-2dfe598c3fcd", "b86c93c6-e1d0-41e7-955b-539d8b965ff9"
SIZE = "Memory Size: 128 MB\tMax Memory Used: "
END = "\tInit Duration: 100.10 ms\t\nXRAY TraceId: 1-5e34-aa\tSegmentId: 3bc1\tSampled: true\n"
LAMBDA = [
    "INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:aa\n",
    f"START RequestId: {ONE} Version: $LATEST\n",
    f'[INFO]\t2026-01-02T03:04:05.678Z\t{ONE}\tgot {{"flowName": "nightly", "rows": [{{"id": 7}}], "ok": true}}\n',
    f"END RequestId: {ONE}\n",
    f"REPORT RequestId: {ONE}\tDuration: 12.34 ms\tBilled Duration: 113 ms\t{SIZE}57 MB{END}",
    f"2026-01-02T03:04:06.000Z {TWO} Task timed out after 3.00 seconds\n",
    f"REPORT RequestId: {TWO}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t{SIZE}61 MB\tStatus: timeout\n",
]
JSON = [
    json.dumps({"f1": "an Exception", "duration": 2500, "statusCode": 200, "Type": "foo", "srcAddr": "192.0.2.7"}),
    json.dumps({"f1": "an exception", "duration": 100, "statusCode": "301", "Type": "1", "srcAddr": "10.0.0.1"}),
    json.dumps({"f1": "Exception", "duration": 0.5, "statusCode": 500, "f3": 26, "srcAddr": "2001:db8::1"}),
    json.dumps({"userIdentity": {"type": "IAMUser"}, "items": [{"instanceId": "i-abc"}], "foo-bar": 3, "@x": 1}),
]


def ask(query, messages, limit=1000, step=1000, now_s=0):
    """Rows without @ptr, each a dict."""
    rows = [Event(T0 + number * step, number, T0, message, STREAM) for number, message in enumerate(messages)]
    answer = Query(query, now_s).run([Record(f"123456789012:{GROUP}", event) for event in reversed(rows)], limit)
    return [{name: value for name, value in row if name != "@ptr"} for row in answer.rows]


def column(query, messages, **options):
    return [next(iter(row.values()), None) for row in ask(query, messages, **options)]
