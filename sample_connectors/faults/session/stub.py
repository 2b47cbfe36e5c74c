"""A SaaS host that gives out access tokens, and asks for one."""

import json

from emulator.model import UpstreamReply

given = []


def login(call):
    given.append(f"token-{len(given) + 1}")
    return UpstreamReply(200, body=json.dumps({"access_token": given[-1], "token_type": "Bearer"}).encode())


def tickets(call):
    known = call.headers.get("authorization", "").removeprefix("Bearer ") in given
    return UpstreamReply(200 if known else 403, body=b'{"tickets": [1, 2]}')


HOSTS = {"login.desk.example.com": login, "desk.example.com": tickets}
