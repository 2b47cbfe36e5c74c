"""A stub of a service with OAuth 2.0: login.example.com gives tokens out, api.example.com takes them.

A test finds it as `sys.modules["lambdarig_stub_oauth_host"]` and may say what is answered next (`NEXT`), how long
tokens live (`LIFE`) and whether a refresh token is good for one time (`ROTATES`).
"""

import json
from base64 import b64decode
from urllib.parse import parse_qs, urlsplit

from emulator.model import UpstreamReply

CLIENT = ("c-1", "s/1")
PEOPLE = [{"Id": str(number), "Name": f"Person {number}"} for number in range(1, 13)]
SEEN, NEXT, TAKEN = [], [], set()
LIFE, ROTATES = {"expires_in": 3600}, [False]
given = [0]


def token(call):
    SEEN.append(call)
    if NEXT:
        return NEXT.pop(0)
    asked = asked_for(call)
    if client_of(call, asked) != CLIENT:
        return reply(401, {"error": "invalid_client"})
    grants = {"authorization_code": {"code": "code-1"}, "client_credentials": {},
              "refresh_token": {"refresh_token": f"refresh-{given[0] if ROTATES[0] else 1}"}}
    wanted = grants[asked["grant_type"]]
    if {name: asked.get(name) for name in wanted} != wanted:
        return reply(400, {"error": "invalid_grant", "error_description": "it is not known or over"})
    given[0] += 1
    TAKEN.add(f"access-{given[0]}")
    said = {"access_token": f"access-{given[0]}", "token_type": "Bearer", **LIFE}
    if ROTATES[0] or asked["grant_type"] == "authorization_code":
        said["refresh_token"] = f"refresh-{given[0]}"
    return reply(200, said)


def asked_for(call):
    if call.headers.get("content-type") == "application/json":
        return json.loads(call.body)
    text = call.body.decode() if call.method == "POST" else urlsplit(call.path).query
    return {name: values[0] for name, values in parse_qs(text).items()}


def client_of(call, asked):
    if basic := call.headers.get("authorization", "").removeprefix("Basic "):
        return tuple(b64decode(basic).decode().replace("%2F", "/").split(":"))
    return asked.get("client_id"), asked.get("client_secret")


def people(call):
    """Four of them a page."""
    if call.headers.get("authorization", "").removeprefix("Bearer ") not in TAKEN:
        return reply(401, {"error": "invalid_token"})
    after = int(parse_qs(urlsplit(call.path).query).get("after", ["0"])[0])
    more = after + 4 if after + 4 < len(PEOPLE) else None
    return reply(200, {"people": PEOPLE[after:after + 4], "next": more})


def reply(status, body):
    return UpstreamReply(status, body=json.dumps(body).encode())


HOSTS = {"login.example.com": token, "api.example.com": people}
