"""An in-memory CRM with three instances, https://NAME.crm.example.com, and its login, https://login.crm.example.com.

emea and apac have Accounts and Contacts, archive has Documents of 700 KB. README.md says what it answers. Whatever was
written, all is as at first when the rig resets.
"""

from __future__ import annotations

import itertools
import json
import threading
from urllib.parse import parse_qsl, unquote, urlsplit

from filtering import passes
from records import ENTITIES, Bad, Table, account, contact, document

from emulator.model import UpstreamCall, UpstreamReply

MOST = 10
KEYS = {name: f"crm-key-{name}" for name in ("emea", "apac", "archive")}
CLIENT, SECRET, LIFE_S = "crm-client", "crm-client-secret", 3600
REFUSED = {"error": "invalid_client"}
ROWS = {
    "Account": [account, 7],
    "Contact": [contact, 25],
    "Document": [document, 30],
}


class Login:
    """Tokens for a client; a new one ends the one before."""

    def __init__(self) -> None:
        self.token, self._numbers = "", itertools.count(1)

    def __call__(self, call: UpstreamCall) -> UpstreamReply:
        asked = dict(parse_qsl(call.body.decode()))
        if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT, SECRET):
            return reply(REFUSED, 401)
        self.token = f"crm-token-{next(self._numbers)}"
        return reply({"access_token": self.token, "token_type": "Bearer", "expires_in": LIFE_S})


class Instance:
    """One customer's records. It remembers its answers by Idempotency-Key, and gives them again."""

    def __init__(self, name: str, entities: tuple[str, ...], login: Login) -> None:
        self.key, self.login, self.answers = KEYS[name], login, dict[str, UpstreamReply]()
        self.tables = {}
        for entity in entities:
            make, count = ROWS[entity]
            self.tables[entity] = Table(name, entity, [make(name, number) for number in range(1, count + 1)])
        self._lock = threading.Lock()

    def __call__(self, call: UpstreamCall) -> UpstreamReply:
        if call.headers.get("authorization") not in (f"Bearer {self.key}", f"Bearer {self.login.token or self.key}"):
            return reply({"error": "the API key or token is not valid"}, 401)
        once = call.headers.get("idempotency-key", "")
        with self._lock:
            if once in self.answers:
                return self.answers[once]
            try:
                said = self.answer(call)
            except Bad as problem:
                said = reply({"error": str(problem)}, problem.status)
            if once:
                self.answers[once] = said
            return said

    def answer(self, call: UpstreamCall) -> UpstreamReply:
        address = urlsplit(call.path)
        query = dict(parse_qsl(address.query))
        match [unquote(part) for part in address.path.strip("/").split("/")]:
            case ["v1", "me"]:
                return reply({"user": "integration"})
            case ["v1", "entities"]:
                return reply({"entities": [{"name": name, "label": f"{name}s"} for name in self.tables]})
            case ["v1", "entities", name] if name in self.tables:
                fields = [{"name": field, "label": field, **about} for field, about in ENTITIES[name].items()]
                return reply({"name": name, "label": f"{name}s", "fields": fields})
            case ["v1", "entities", name, "records"] if name in self.tables and call.method == "GET":
                return reply(page(self.tables[name], query))
            case ["v1", "entities", name, "records"] if name in self.tables and call.method == "POST":
                return reply({"id": self.tables[name].insert(written(call))}, 201)
            case ["v1", "entities", name, "records", field, value] if name in self.tables:
                return one(self.tables[name], call, field, value)
        return reply({"error": f"there is nothing at {address.path}"}, 404)


def page(table: Table, query: dict) -> dict:
    """The records after the one with the id `after`; `next` is null on the last page."""
    said = json.loads(query["filter"]) if "filter" in query else ["and"]
    left = [
        row for row in table.rows.values() if row["Id"] > query.get("after", "") and passes(row, said, table.fields)
    ]
    size = max(1, min(int(query.get("limit", MOST)), MOST))
    wanted = query["fields"].split(",") if query.get("fields") else list(table.fields)
    found = [{field: row[field] for field in wanted if field in row} for row in left[:size]]
    return {"records": found, "next": left[size - 1]["Id"] if len(left) > size else None}


def one(table: Table, call: UpstreamCall, field: str, value: str) -> UpstreamReply:
    """GET, PATCH (update), PUT (update or insert) and DELETE of the record that a field tells."""
    try:
        row = table.find(field, value)
    except Bad as problem:
        if call.method != "PUT" or problem.status != 404:
            raise
        return reply({"id": table.insert({field: value, **written(call)})}, 201)
    if call.method == "GET":
        return reply(row)
    if call.method == "DELETE":
        del table.rows[row["Id"]]
        return reply({"id": row["Id"]})
    return reply({"id": table.update(row, written(call))})


def written(call: UpstreamCall) -> dict:
    try:
        said = json.loads(call.body)
    except ValueError:
        raise Bad(400, "the body is no JSON") from None
    if not isinstance(said, dict):
        raise Bad(400, "a record is a JSON object")
    return said


def reply(body: dict, status: int = 200) -> UpstreamReply:
    return UpstreamReply(status, (("content-type", "application/json"),), json.dumps(body).encode())


LOGIN = Login()
HOSTS = {
    "login.crm.example.com": LOGIN,
    "emea.crm.example.com": Instance("emea", ("Account", "Contact"), LOGIN),
    "apac.crm.example.com": Instance("apac", ("Account", "Contact"), LOGIN),
    "archive.crm.example.com": Instance("archive", ("Document",), LOGIN),
}
