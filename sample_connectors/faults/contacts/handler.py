"""A connector without an SDK: the contacts of a CRM whose rows are in DynamoDB. PAGE: how many come at once.

INSERT makes a new row each time, whatever it is asked for twice; UPSERT finds the row by its id.
"""

import json
import os
import uuid

import boto3

OK = {"isSuccess": True}
CONFIGURATION = {
    **OK, "connectorOwner": "lambdarig", "connectorName": "Contacts", "connectorVersion": "1.0",
    "connectorModes": ["SOURCE", "DESTINATION"], "supportedApiVersions": ["v1"],
    "supportedWriteOperations": ["INSERT", "UPSERT"], "authenticationConfig": {"isApiKeyAuthSupported": True},
}  # fmt: skip
TYPES = {"Id": "String", "Name": "String", "Age": "Long"}
FIELDS = [{"fieldName": name, "dataType": kind} for name, kind in TYPES.items()]
ENTITY = {"entityIdentifier": "Contact", "hasNestedEntities": False, "isWritable": True, "label": "Contact"}
CONTACTS = [
    {"Id": f"c{number}", "Name": name, "Age": 30 + number}
    for number, name in enumerate(("Ada", "Alan", "Barbara", "Edsger", "Frances", "Grace"), 1)
]


def describe(request):
    return {**OK, "entityDefinition": {"entity": ENTITY, "fields": FIELDS}}


def query(request):
    """A token says how many came before."""
    begin, size = int(request["nextToken"] or 0), int(os.environ.get("PAGE", "2"))
    names = request["selectedFieldNames"] or TYPES
    records = [json.dumps({name: one[name] for name in names}) for one in CONTACTS[begin : begin + size]]
    more = {"nextToken": str(begin + size)} if begin + size < len(CONTACTS) else {}
    return {**OK, "records": records, **more}


def write(request):
    results = [saved(json.loads(record), request["operation"]) for record in request["records"]]
    return {**OK, "writeRecordResults": [{"isSuccess": True, "recordId": row} for row in results]}


def saved(record, operation):
    """The row's id."""
    row = record["Id"] if operation == "UPSERT" else str(uuid.uuid4())
    item = {"row": {"S": row}, **{name: {"S": str(value)} for name, value in record.items()}}
    boto3.client("dynamodb").put_item(TableName="contacts", Item=item)
    return row


ACTS = {"DescribeEntity": describe, "QueryData": query, "WriteData": write}


def handler(event, context):
    kind = event["type"].removesuffix("Request")
    if kind == "DescribeConnectorConfiguration":
        return CONFIGURATION
    return ACTS.get(kind, lambda request: OK)(event)
