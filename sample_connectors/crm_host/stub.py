"""An in-memory CRM with two instances, at https://emea.crm.example.com and https://apac.crm.example.com.

GET /v1/me, /v1/entities, /v1/entities/NAME, /v1/entities/NAME/records?fields=A,B&limit=N&after=ID; Bearer
authentication with the instance's API key. At most ten records come in one page, whatever is asked for.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from emulator.model import UpstreamCall, UpstreamReply

MOST = 10
KEYS = {"emea": "crm-key-emea", "apac": "crm-key-apac"}
ENTITIES = {
    "Account": {"Id": "String", "Name": "String", "Employees": "Integer"},
    "Contact": {"Id": "String", "Name": "String", "Email": "String", "CreatedAt": "DateTime"},
}
NAMES = ("Ada", "Alan", "Barbara", "Edsger", "Frances", "Grace", "John", "Katherine", "Ken", "Margaret")


def contact(instance: str, number: int) -> dict:
    name = NAMES[number % len(NAMES)]
    return {
        "Id": f"{instance}-c{number:03}",
        "Name": f"{name} {number}",
        "Email": f"{name.lower()}{number}@{instance}.example.com",
        "CreatedAt": f"2024-01-{number % 28 + 1:02}T09:00:00Z",
    }


def account(instance: str, number: int) -> dict:
    return {"Id": f"{instance}-a{number:03}", "Name": f"Account {number}", "Employees": number * 10}


class Instance:
    def __init__(self, name: str) -> None:
        self.key = KEYS[name]
        self.records = {
            "Account": [account(name, number) for number in range(1, 8)],
            "Contact": [contact(name, number) for number in range(1, 26)],
        }

    def __call__(self, call: UpstreamCall) -> UpstreamReply:
        address = urlsplit(call.path)
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return reply({"error": "the API key is not valid"}, 401)
        match address.path.strip("/").split("/"):
            case ["v1", "me"]:
                return reply({"user": "integration"})
            case ["v1", "entities"]:
                return reply({"entities": [{"name": name, "label": f"{name}s"} for name in ENTITIES]})
            case ["v1", "entities", name] if name in ENTITIES:
                fields = [{"name": field, "type": kind, "label": field} for field, kind in ENTITIES[name].items()]
                return reply({"name": name, "label": f"{name}s", "fields": fields})
            case ["v1", "entities", name, "records"] if name in ENTITIES:
                return reply(self.page(name, {key: value[0] for key, value in parse_qs(address.query).items()}))
        return reply({"error": f"there is nothing at {address.path}"}, 404)

    def page(self, name: str, query: dict) -> dict:
        """The records after the one with the id `after`; `next` is null on the last page."""
        left = [record for record in self.records[name] if record["Id"] > query.get("after", "")]
        wanted, size = query["fields"].split(","), min(int(query["limit"]), MOST)
        found = [{field: record[field] for field in wanted if field in record} for record in left[:size]]
        return {"records": found, "next": left[size - 1]["Id"] if len(left) > size else None}


def reply(body: dict, status: int = 200) -> UpstreamReply:
    return UpstreamReply(status, body=json.dumps(body).encode())


HOSTS = {f"{name}.crm.example.com": Instance(name) for name in KEYS}
