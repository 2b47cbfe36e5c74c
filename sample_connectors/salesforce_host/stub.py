"""An in-memory Salesforce: enough of OAuth, sobjects and SOQL for AWS's example connector. See README.md."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import soql

from emulator.model import UpstreamCall, UpstreamReply

INSTANCE = "https://example.my.salesforce.com"
ACCESS_TOKEN = "00D000000000001!lambdarig.access.token"
REFRESH_TOKEN = "5Aep861.lambdarig.refresh.token"
AUTH_CODE = "aPrx.lambdarig.auth.code"
CLIENT_ID = "3MVG9.lambdarig.client"
CLIENT_SECRET = "lambdarig-client-secret"
PASSWORD = ("user@example.com", "lambdarig-password")

FIELD_DEFAULTS = {
    "createable": True, "updateable": True, "nillable": True, "filterable": True, "idLookup": False,
    "externalId": False, "unique": False, "defaultedOnCreate": False, "defaultValue": None,
}
SQL_TYPES = {"boolean": "integer", "int": "integer", "double": "real", "currency": "real"}

# Objects that AWS's own suite looks for besides those with records (list-entities-validation-file.json).
EMPTY_OBJECTS = {
    "AIApplication": "AI Application", "AIApplicationConfig": "AI Application config",
    "AIInsightAction": "AI Insight Action", "AIInsightFeedback": "AI Insight Feedback",
    "AIInsightReason": "AI Insight Reason", "AIInsightValue": "AI Insight Value",
    "AIPredictionEvent": "AI Prediction Event", "AIRecordInsight": "AI Record Insight",
    "AcceptedEventRelation": "Accepted Event Relation", "AccountChangeEvent": "Account Change Event",
}


class Refusal(Exception):
    """Salesforce says no: its status, error code and message."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.body = [{"message": message, "errorCode": code, **({"fields": list(fields)} if fields else {})}]


def _now() -> str:
    return soql.written_time(datetime.now(timezone.utc))


class SObject:
    """One kind of object: its description, and its records in a table of the same name."""

    def __init__(self, name: str, label: str, key_prefix: str | None = None, fields: list[dict] | None = None) -> None:
        self.name, self.label, self.key_prefix = name, label, key_prefix
        self.fields = {field["name"]: {**FIELD_DEFAULTS, **field} for field in fields or []}
        self._by_lower = {name.lower(): name for name in self.fields}

    def field(self, name: str) -> dict:
        """A field by name in any case, as Salesforce takes it."""
        if name.lower() not in self._by_lower:
            message = f"No such column '{name}' on entity '{self.name}'. If you are attempting to use a custom field, "
            raise Refusal(400, "INVALID_FIELD", message + "be sure to append the '__c' after the custom field name.")
        return self.fields[self._by_lower[name.lower()]]

    def summary(self, version: str) -> dict:
        base = f"/services/data/{version}/sobjects/{self.name}"
        return {
            "name": self.name, "label": self.label, "keyPrefix": self.key_prefix, "createable": bool(self.fields),
            "updateable": bool(self.fields), "deletable": bool(self.fields), "queryable": bool(self.fields),
            "custom": False, "hasSubtypes": False, "urls": {"sobject": base, "describe": f"{base}/describe"},
        }

    def check_writable(self, record: dict, flag: str) -> None:
        for name, value in record.items():
            if isinstance(value, (dict, list)):
                raise Refusal(400, "JSON_PARSER_ERROR", f"Cannot deserialize the value of {name}")
            if not self.field(name)[flag]:
                message = f"Unable to create/update fields: {name}. Please check the security settings of this field "
                message += "and verify that it is read/write for your profile or permission set."
                raise Refusal(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, (name,))

    def to_json(self, name: str, value: object) -> object:
        return bool(value) if self.fields[name]["type"] == "boolean" and value is not None else value


class Salesforce:
    """One organisation: its objects, records and tokens. It answers one call at a time."""

    def __init__(self) -> None:
        self.tokens = {ACCESS_TOKEN}
        self.objects: dict[str, SObject] = {}
        self._lock = threading.Lock()
        self._created = 0
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        for name, told in json.loads(Path(__file__).with_name("objects.json").read_text()).items():
            self._add(SObject(name, told["label"], told["keyPrefix"], told["fields"]), told["records"])
        for name, label in EMPTY_OBJECTS.items():
            self.objects[name.lower()] = SObject(name, label)

    def login(self, call: UpstreamCall) -> UpstreamReply:
        """https://login.salesforce.com"""
        return self._guarded(LOGIN_ROUTES, call)

    def instance(self, call: UpstreamCall) -> UpstreamReply:
        """https://example.my.salesforce.com, which answers the OAuth routes as well."""
        return self._guarded(DATA_ROUTES + LOGIN_ROUTES, call)

    def _guarded(self, routes: tuple, call: UpstreamCall) -> UpstreamReply:
        address = urlsplit(call.path)
        try:
            for method, pattern, answer in routes:
                found = pattern.fullmatch(address.path)
                if found and method == call.method:
                    with self._lock:
                        return answer(self, call, *(unquote(part) for part in found.groups()))
        except Refusal as refusal:
            return _json(refusal.status, refusal.body)
        return _json(404, Refusal(404, "NOT_FOUND", "The requested resource does not exist").body)

    def _add(self, kind: SObject, records: list[dict]) -> None:
        self.objects[kind.name.lower()] = kind
        columns = (f"{f['name']} {SQL_TYPES.get(f['type'], 'text collate nocase')}" for f in kind.fields.values())
        self._database.execute(f"create table {kind.name} ({', '.join(columns)}, primary key (Id))")
        for record in records:
            self._write(kind, record)

    def _write(self, kind: SObject, record: dict) -> None:
        marks = ", ".join("?" for _ in record)
        statement = f"insert into {kind.name} ({', '.join(record)}) values ({marks})"
        self._database.execute(statement, tuple(record.values()))

    def _authorised(self, call: UpstreamCall) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "oauth") or token not in self.tokens:
            raise Refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def _kind(self, name: str) -> SObject:
        kind = self.objects.get(name.lower())
        if kind is None:
            raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
        return kind

    def userinfo(self, call: UpstreamCall) -> UpstreamReply:
        self._authorised(call)
        user, organisation = "005000000000001AAA", "00D000000000001AAA"
        return _json(200, {
            "sub": f"https://login.salesforce.com/id/{organisation}/{user}", "user_id": user,
            "organization_id": organisation, "preferred_username": PASSWORD[0], "name": "Example User",
            "email": PASSWORD[0], "email_verified": True, "active": True,
        })

    def token(self, call: UpstreamCall) -> UpstreamReply:
        form = {key: value[0] for key, value in parse_qs(call.body.decode()).items()}
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return _oauth_error("invalid_client", "invalid client credentials")
        grants = {
            "client_credentials": lambda: True,
            "refresh_token": lambda: form.get("refresh_token") == REFRESH_TOKEN,
            "authorization_code": lambda: form.get("code") == AUTH_CODE,
            "password": lambda: (form.get("username"), form.get("password")) == PASSWORD,
        }
        if form.get("grant_type") not in grants:
            return _oauth_error("unsupported_grant_type", "grant type not supported")
        if not grants[form["grant_type"]]():
            return _oauth_error("invalid_grant", "authentication failure")
        issued = f"{ACCESS_TOKEN}.{len(self.tokens)}"
        self.tokens.add(issued)
        reply = {
            "access_token": issued, "instance_url": INSTANCE, "token_type": "Bearer", "scope": "api refresh_token",
            "id": "https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA", "issued_at": "1700000000000",
        }
        if form["grant_type"] == "authorization_code":
            reply["refresh_token"] = REFRESH_TOKEN
        return _json(200, reply)

    def list_objects(self, call: UpstreamCall, version: str) -> UpstreamReply:
        self._authorised(call)
        kinds = sorted(self.objects.values(), key=lambda kind: kind.name)
        return _json(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [k.summary(version) for k in kinds]})

    def object_info(self, call: UpstreamCall, version: str, name: str) -> UpstreamReply:
        self._authorised(call)
        return _json(200, {"objectDescribe": self._kind(name).summary(version), "recentItems": []})

    def describe(self, call: UpstreamCall, version: str, name: str) -> UpstreamReply:
        self._authorised(call)
        kind = self._kind(name)
        body = {**kind.summary(version), "childRelationships": [], "fields": list(kind.fields.values())}
        return _json(200, body)

    def query(self, call: UpstreamCall, version: str) -> UpstreamReply:
        self._authorised(call)
        try:
            query = soql.parse(parse_qs(urlsplit(call.path).query).get("q", [""])[0])
            kind = self.objects.get(query.object.lower())
            if kind is None or not kind.fields:
                raise Refusal(400, "INVALID_TYPE", f"sObject type '{query.object}' is not supported.")
            names = [kind.field(name)["name"] for name in query.fields]
            clauses, values = soql.to_sql(query, kind.field)
        except soql.SoqlError as error:
            raise Refusal(400, error.code, str(error)) from error
        columns = ", ".join(dict.fromkeys(["Id", *names]))
        rows = self._database.execute(f"select {columns} from {kind.name} where IsDeleted = 0 {clauses}", values)
        records = [self._record(kind, version, row, names) for row in rows.fetchall()]
        return _json(200, {"totalSize": len(records), "done": True, "records": records})

    def _record(self, kind: SObject, version: str, row: sqlite3.Row, names: list[str]) -> dict:
        url = f"/services/data/{version}/sobjects/{kind.name}/{row['Id']}"
        return {"attributes": {"type": kind.name, "url": url}, **{n: kind.to_json(n, row[n]) for n in names}}

    def _find(self, kind: SObject, key: str, value: str) -> sqlite3.Row | None:
        statement = f"select * from {kind.name} where {key} = ? and IsDeleted = 0"
        return self._database.execute(statement, (value,)).fetchone()

    def _existing(self, kind: SObject, record_id: str) -> sqlite3.Row:
        row = self._find(kind, "Id", record_id) if kind.fields else None
        if row is None:
            raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
        return row

    def read(self, call: UpstreamCall, version: str, name: str, record_id: str) -> UpstreamReply:
        self._authorised(call)
        kind = self._kind(name)
        return _json(200, self._record(kind, version, self._existing(kind, record_id), list(kind.fields)))

    def create(self, call: UpstreamCall, version: str, name: str) -> UpstreamReply:
        self._authorised(call)
        return _json(201, self._insert(self._kind(name), _body(call)))

    def _insert(self, kind: SObject, record: dict) -> dict:
        kind.check_writable(record, "createable")
        given = {kind.field(name)["name"]: value for name, value in record.items()}
        required = (f["name"] for f in kind.fields.values() if f["createable"] and not f["nillable"])
        missing = [name for name in required if given.get(name) in (None, "")]
        if missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            raise Refusal(400, "REQUIRED_FIELD_MISSING", message, tuple(missing))
        self._check_unique(kind, given)
        self._created += 1
        record_id, now = f"{kind.key_prefix}1{self._created:011}AAA", _now()
        stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), now)
        self._write(kind, {"Id": record_id, "IsDeleted": 0, **given, **stamps})
        return {"id": record_id, "success": True, "errors": []}

    def _check_unique(self, kind: SObject, given: dict, own_id: str = "") -> None:
        for name in (name for name in given if kind.fields[name]["unique"]):
            other = self._find(kind, name, given[name])
            if other is not None and other["Id"] != own_id:
                message = f"duplicate value found: {name} duplicates value on record with id: {other['Id']}"
                raise Refusal(400, "DUPLICATE_VALUE", message)

    def update(self, call: UpstreamCall, version: str, name: str, record_id: str) -> UpstreamReply:
        self._authorised(call)
        kind = self._kind(name)
        self._existing(kind, record_id)
        self._change(kind, record_id, _body(call))
        return UpstreamReply(204, ())

    def _change(self, kind: SObject, record_id: str, record: dict) -> None:
        kind.check_writable(record, "updateable")
        given = {kind.field(name)["name"]: value for name, value in record.items()}
        self._check_unique(kind, given, record_id)
        changes = {**given, **dict.fromkeys(("LastModifiedDate", "SystemModstamp"), _now())}
        assignments = ", ".join(f"{name} = ?" for name in changes)
        self._database.execute(f"update {kind.name} set {assignments} where Id = ?", (*changes.values(), record_id))

    def upsert(self, call: UpstreamCall, version: str, name: str, key: str, value: str) -> UpstreamReply:
        """Since v46.0 an update by external id answers 200 with a body, an insert 201."""
        self._authorised(call)
        kind = self._kind(name)
        field, record = kind.field(key), _body(call)
        if not (field["externalId"] or field["name"] == "Id"):
            message = f"Provided external ID field does not exist or is not accessible: {key}"
            raise Refusal(400, "INVALID_FIELD", message)
        row = self._find(kind, field["name"], value)
        if row is not None:
            self._change(kind, row["Id"], record)
            return _json(200, {"id": row["Id"], "success": True, "errors": [], "created": False})
        if field["name"] == "Id":
            raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
        return _json(201, {**self._insert(kind, {**record, field["name"]: value}), "created": True})

    def delete(self, call: UpstreamCall, version: str, name: str, record_id: str) -> UpstreamReply:
        self._authorised(call)
        kind = self._kind(name)
        self._existing(kind, record_id)
        self._database.execute(f"update {kind.name} set IsDeleted = 1 where Id = ?", (record_id,))
        return UpstreamReply(204, ())


def _body(call: UpstreamCall) -> dict:
    try:
        record = json.loads(call.body)
    except ValueError as error:
        raise Refusal(400, "JSON_PARSER_ERROR", f"the request body is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise Refusal(400, "JSON_PARSER_ERROR", "the request body is not a JSON object")
    return record


def _json(status: int, body: object) -> UpstreamReply:
    headers = (("content-type", "application/json;charset=UTF-8"),)
    return UpstreamReply(status, headers, json.dumps(body, ensure_ascii=False).encode())


def _oauth_error(code: str, description: str) -> UpstreamReply:
    return _json(400, {"error": code, "error_description": description})


def _route(method: str, path: str, answer) -> tuple:
    """`{v}` is a version such as v51.0, `{}` a segment."""
    return method, re.compile(path.replace("{v}", r"(v\d+\.0)").replace("{}", "([^/]+)")), answer


LOGIN_ROUTES = (
    _route("GET", "/services/oauth2/userinfo", Salesforce.userinfo),
    _route("POST", "/services/oauth2/userinfo", Salesforce.userinfo),
    _route("POST", "/services/oauth2/token", Salesforce.token),
)
DATA_ROUTES = (
    _route("GET", "/services/data/{v}/query/?", Salesforce.query),
    _route("GET", "/services/data/{v}/sobjects/?", Salesforce.list_objects),
    _route("GET", "/services/data/{v}/sobjects/{}", Salesforce.object_info),
    _route("POST", "/services/data/{v}/sobjects/{}/?", Salesforce.create),
    _route("GET", "/services/data/{v}/sobjects/{}/describe/?", Salesforce.describe),
    _route("GET", "/services/data/{v}/sobjects/{}/{}", Salesforce.read),
    _route("PATCH", "/services/data/{v}/sobjects/{}/{}", Salesforce.update),
    _route("DELETE", "/services/data/{v}/sobjects/{}/{}", Salesforce.delete),
    _route("PATCH", "/services/data/{v}/sobjects/{}/{}/{}", Salesforce.upsert),
)

ORGANISATION = Salesforce()
HOSTS = {
    "login.salesforce.com": ORGANISATION.login,
    "test.salesforce.com": ORGANISATION.login,
    "example.my.salesforce.com": ORGANISATION.instance,
}
