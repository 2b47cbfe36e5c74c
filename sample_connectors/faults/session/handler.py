"""Keeps its access token while the environment is warm, as connectors do: one gets another when it is refused."""

import json
import urllib.error
import urllib.request

session = {"logins": 0}


def handler(event, context):
    answer = ask()
    if answer["status"] == 401:
        del session["token"]
        answer = ask()
    return answer


def forgetful(event, context):
    return ask()


def ask():
    if "token" not in session:
        with urllib.request.urlopen("https://login.desk.example.com/oauth/token", data=b"") as answer:
            session["token"] = json.load(answer)["access_token"]
        session["logins"] += 1
    request = urllib.request.Request("https://desk.example.com/v1/tickets")
    request.add_header("Authorization", f"Bearer {session['token']}")
    try:
        with urllib.request.urlopen(request) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    return {"status": status, "logins": session["logins"]}
