"""A connector without fault, in this process, to be broken in one place; and what the checks say of it."""

import json

from emulator.clock import Clock
from emulator.connector_check.hearing import Hearing
from emulator.connector_check.running import run
from emulator.connector_check.talk import Known
from emulator.model import Outcome

ARN = "arn:aws:lambda:us-east-1:123456789012:function:crm"
SETTINGS = {"instanceUrl": "https://a.example", "retries": "3", "region": "emea", "view": "all", "batch": "10"}
SECRET = json.dumps({"apiKey": "right"})
OK = {"isSuccess": True, "errorDetails": None}
TRACE = (
    "[ERROR]\t2024-01-01T00:00:00.000Z\tr-1\tlambda_handler: Completed with an exception\n"
    'Traceback (most recent call last):\n  File "/var/task/custom_connector_sdk/lambda_handler.py", line 5, in run\n'
    '    x()\n  File "/var/task/crm.py", line 42, in get\n    y()\nKeyError: \'apiKey\'\n'
    "[ERROR] RuntimeError: Exception while processing the request\nTraceback (most recent call last):\n"
    '\xa0\xa0File "/var/task/handler.py", line 1, in handler\nRuntimeError: Exception while processing the request\n'
)


def failure(code, message, **more):
    details = {"errorCode": code, "errorMessage": message, "retryAfterSeconds": None}
    return {"isSuccess": False, "errorDetails": details, **more}


def setting(key, scope, kind="String", required=True, options=None):
    return {"key": key, "dataType": kind, "required": required, "label": key, "description": f"The {key}",
            "scope": scope, "connectorSuppliedValueOptions": options}


def field(name, kind="String", key=False, creatable=True, operators=("EQUAL_TO",)):
    return {"fieldName": name, "dataType": kind, "isPrimaryKey": key, "filterOperators": list(operators),
            "readProperties": {"isRetrievable": True}, "writeProperties": {"isCreatable": creatable}}


SINCE = {"isRetrievable": True, "isTimestampFieldForIncrementalQueries": True}
FIELDS = [
    field("Id", key=True, creatable=False), field("Name", operators=["EQUAL_TO", "CONTAINS"]),
    field("Size", "Integer", operators=["EQUAL_TO", "GREATER_THAN"]),
    {**field("Since", "DateTime", operators=["LESS_THAN_OR_EQUAL_TO"]), "readProperties": SINCE},
]  # fmt: skip
SIGNS = {  # over a field and a literal
    "=": lambda found, text: json.dumps(found) == text, "contains": lambda found, text: text[1:-1] in found,
    ">": lambda found, text: str(found) > text, "<=": lambda found, text: str(found) <= text,
}  # fmt: skip
ENTITIES = [{"entityIdentifier": name, "hasNestedEntities": name == "Account", "isWritable": True}
            for name in ("Account", "Contact", "Lead")]  # fmt: skip


class Crm:
    """Methods are kinds of requests. `broken`: kind -> (request, the right answer) -> another answer;
    `fails`: an answer, where there is no right one."""

    def __init__(self, **broken):
        self.broken, self.secrets, self.requests = broken, {}, []
        self.rows = {e["entityIdentifier"]: [self.row(number) for number in range(1, 8)] for e in ENTITIES}

    @staticmethod
    def row(number):
        since = f"2024-01-0{number}T00:00:00.000Z"
        return {"Id": f"r{number}", "Name": f"N {number % 3}", "Size": number, "Since": since}

    def invoke(self, function, payload, origin, **more):
        request = json.loads(payload)
        self.requests.append(request)
        kind = request["type"].removesuffix("Request")
        try:
            right = getattr(self, kind)(request)
            said = self.broken[kind](request, right) if kind in self.broken else right
        except (AttributeError, KeyError, TypeError):
            said = self.broken["fails"] if "fails" in self.broken else fails()
        return said if isinstance(said, Outcome) else Outcome("ok", json.dumps(said).encode(), log=report())

    def DescribeConnectorConfiguration(self, request):
        settings = [setting("instanceUrl", "CONNECTOR_PROFILE"), setting("retries", "CONNECTOR_PROFILE", "Integer"),
                    setting("region", "SOURCE", options=["emea", "apac"]), setting("view", "SOURCE", required=False),
                    setting("batch", "DESTINATION", "Long")]
        return {**OK, "connectorOwner": "o", "connectorName": "crm", "connectorVersion": "1",
                "connectorModes": ["SOURCE", "DESTINATION"], "supportedApiVersions": ["v1"],
                "authenticationConfig": {"isApiKeyAuthSupported": True}, "connectorRuntimeSetting": settings}

    def ValidateConnectorRuntimeSettings(self, request):
        given, kinds = request["connectorRuntimeSettings"], {"retries": str.isdigit, "batch": str.isdigit}
        kinds["region"] = ["emea", "apac"].__contains__
        for declared in self.DescribeConnectorConfiguration(request)["connectorRuntimeSetting"]:
            key = declared["key"]
            if declared["scope"] != request["scope"]:
                continue
            if key not in given and declared["required"]:
                return failure("InvalidArgument", f"{key} is missing")
            if key in given and not kinds.get(key, bool)(given[key]):
                return {"isSuccess": False, "errorDetails": None, "errorsByInputField": {key: "it cannot be that"}}
        return OK

    def refused(self, credentials):
        if credentials["secretArn"] not in self.secrets:
            return failure("ResourceNotFoundError", "there is no such secret")
        right = json.loads(self.secrets[credentials["secretArn"]]).get("apiKey") == "right"
        return None if right else failure("InvalidCredentials", "the key is not valid")

    def ValidateCredentials(self, request):
        return self.refused(request["credentials"]) or OK

    def asked(self, request):
        context = request["connectorContext"]
        if not context["connectorRuntimeSettings"].get("instanceUrl"):
            return failure("InvalidArgument", "instanceUrl is missing")
        return self.refused(context["credentials"])

    def ListEntities(self, request):
        if refused := self.asked(request):
            return refused
        path = request.get("entitiesPath")
        found = ENTITIES if not path else [{"entityIdentifier": f"{path}/a", "hasNestedEntities": False}]
        found, token = page(found, request.get("nextToken"), request.get("maxResult", 1000))
        return {**OK, "entities": found, "nextToken": token}

    def DescribeEntity(self, request):
        name = request["entityIdentifier"]
        if name not in self.rows:
            return failure("ResourceNotFoundError", f"no {name}")
        entity = next(entity for entity in ENTITIES if entity["entityIdentifier"] == name)
        return self.asked(request) or {**OK, "entityDefinition": {"entity": entity, "fields": FIELDS}}

    def QueryData(self, request):
        name, expression = request["entityIdentifier"], request["filterExpression"]
        if name not in self.rows:
            return failure("ResourceNotFoundError", f"no {name}")
        rows = self.rows[name]
        if expression:
            parts = [part.split(" ", 2) for part in expression.strip("()").split(" and ")]
            if any(part[1] not in SIGNS or not part[2] for part in parts):
                return failure("InvalidArgument", "no filter expression")
            rows = [row for row in rows if all(SIGNS[sign](row[key], value) for key, sign, value in parts)]
        if request["nextToken"] and not request["nextToken"].isdecimal():
            return failure("InvalidArgument", "no such token")
        rows, token = page(rows, request["nextToken"], request["maxResults"])
        return self.asked(request) or {**OK, "records": texts(rows, request), "nextToken": token}

    def RetrieveData(self, request):
        rows = [row for row in self.rows[request["entityIdentifier"]] if row["Id"] in request["ids"]]
        return {**OK, "records": texts(rows, request)}

    def WriteData(self, request):
        if request["entityIdentifier"] not in self.rows:
            return failure("ResourceNotFoundError", "no such entity")
        results = []
        for text in request["records"]:
            results.append(self.written(text, request["operation"], self.rows[request["entityIdentifier"]]))
            if request["allOrNone"] and not results[-1]["isSuccess"]:
                return failure("PartialWriteFailure", "one was bad", writeRecordResults=results)
        return {**OK, "writeRecordResults": results}

    def written(self, text, operation, rows):
        try:
            row = json.loads(text)
        except ValueError:
            return {"isSuccess": False, "recordId": None, "errorMessage": "no JSON"}
        if row.keys() - {f["fieldName"] for f in FIELDS}:
            return {"isSuccess": False, "recordId": None, "errorMessage": "an unknown field"}
        if operation == "INSERT":
            rows.append({**row, "Id": f"r{len(rows) + 1}"})
            return {"isSuccess": True, "recordId": rows[-1]["Id"], "errorMessage": None}
        there = any(one["Id"] == row["Id"] for one in rows)
        return {"isSuccess": there, "recordId": row["Id"], "errorMessage": None if there else "no such record"}


def page(rows, token, size):
    start = int(token or 0)
    return rows[start : start + size], str(start + size) if start + size < len(rows) else None


def texts(rows, request):
    wanted = request["selectedFieldNames"]
    return [json.dumps({name: value for name, value in row.items() if name in wanted}) for row in rows]


def fails():
    """As a function made with the SDK for Python does."""
    said = {"errorMessage": "Exception while processing the request", "errorType": "RuntimeError"}
    return Outcome("error", json.dumps(said).encode(), "Unhandled", log=TRACE.encode() + report())


def report(init=""):
    return f"REPORT RequestId: r-1\tDuration: 5.00 ms\tBilled Duration: 6 ms{init}\t\n".encode()


def checked(crm, write=True, only=(), without=(), data_limit_s=30.0, clock=None, **known):
    """id -> result, of all checks of a connector."""
    def make_secret(text):
        arn = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:s-{len(crm.secrets)}"
        crm.secrets[arn] = text
        return arn

    given = {"settings": SETTINGS, "secret": SECRET, "make_secret": make_secret, "permitted": True, **known}
    hearing = Hearing(crm, clock or Clock(), ARN, data_limit_s=data_limit_s)
    return {result.check.id: result for result in run(hearing, Known(**given), write, only, without)}
