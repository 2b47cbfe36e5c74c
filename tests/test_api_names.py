"""Addresses of REST APIs: which have a name, and what is behind it - for functions too, by TLS, as on AWS."""

from __future__ import annotations

import json
import logging
import socket

import pytest
import urllib3
from api_rig import REGION, Api

from emulator.certificates import Authority
from emulator.clock import Clock
from emulator.frontdoors.apigateway import ApiGateway
from emulator.injector import Injector
from emulator.names import Names
from emulator.rig import Rig
from emulator.saas import SaasHosts
from emulator.settings import Settings
from emulator.timeline import Timeline
from emulator.upstreams import Apis, Upstreams

pytest_plugins = ["api_fixtures"]  # fixtures: shop

CALLER = """
import json
import urllib.error
import urllib.request

def handler(event, context):
    try:
        with urllib.request.urlopen(event["url"], timeout=10) as reply:
            return {"status": reply.status, "body": json.loads(reply.read())}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "type": error.headers["x-amzn-ErrorType"]}
    except urllib.error.URLError as error:
        return {"error": str(error.reason)}
"""


@pytest.mark.parametrize(("host", "known"), [
    ("API.execute-api.us-east-1.amazonaws.com", True),
    ("API.execute-api.us-east-1.amazonaws.com.", True),
    ("API.Execute-Api.US-east-1.AmazonAWS.com", True),
    ("abcde12345.execute-api.us-east-1.amazonaws.com", False),
    ("API.execute-api.eu-west-1.amazonaws.com", False),
    ("API.execute-api.zz-nowhere-9.amazonaws.com", False),
    ("API.execute-api.us-east-1.localhost", False),
    ("x.API.execute-api.us-east-1.amazonaws.com", False),
    ("execute-api.us-east-1.amazonaws.com", False),
    ("secretsmanager.us-east-1.amazonaws.com", False),
    ("", False),
])
def test_an_api_has_a_name_in_its_own_region(shop, host, known):
    shop.make()
    assert shop.rig.gateway.resolves(host.replace("API", shop.id)) is known


def test_a_deleted_api_has_no_name_any_more(shop):
    shop.make()
    shop.aws("apigateway").delete_rest_api(restApiId=shop.id)
    assert not shop.rig.gateway.resolves(shop.host)
    assert not shop.rig.gateway.serves()


def test_an_api_in_another_region_is_served_at_its_name(shop):
    shop.make()
    far = shop.aws("apigateway", "eu-west-1").create_rest_api(name="far")["id"]
    shop.aws("apigateway").delete_rest_api(restApiId=shop.id)
    assert shop.rig.gateway.serves()
    assert shop.rig.gateway.resolves(f"{far}.execute-api.eu-west-1.amazonaws.com")


@pytest.mark.parametrize("host", ["abcde12345.execute-api.us-east-1", "API.execute-api.eu-west-1"])
def test_who_comes_here_all_the_same_is_forbidden(shop, host):
    shop.make()
    reply = shop.send("/dev/orders/7", host=host.replace("API", shop.id) + ".amazonaws.com")
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (403, "ForbiddenException")
    assert reply.data == b'{"message":"Forbidden"}'


def test_names_asks_for_every_query():
    apis, unknown = set(), []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        names = Names(sock, apis.__contains__, "10.1.2.3", lambda name, peer: unknown.append(name))
        from dnslib import RCODE, DNSRecord

        host = f"abc.execute-api.{REGION}.amazonaws.com"
        asked = DNSRecord.question(host).pack()
        assert DNSRecord.parse(names.answer(asked, "10.9.9.9")).header.rcode == RCODE.NXDOMAIN
        apis.add(host)
        assert str(DNSRecord.parse(names.answer(asked, "10.9.9.9")).rr[0].rdata) == "10.1.2.3"
        names.close()
    assert unknown == [host]


class Door:
    """Upstreams with APIs behind: one name, one application that tells what it was asked."""

    def __init__(self, folder):
        clock = Clock()
        timeline, self.authority = Timeline(clock), Authority(folder)
        secure, plain = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        self.port, self.plain = secure.getsockname()[1], plain.getsockname()[1]
        self.upstreams = Upstreams(
            secure, plain, self.authority, SaasHosts(Injector(clock, timeline)), lambda ip: ("f", "f/inv-1"),
            Apis("abc.execute-api.us-east-1.amazonaws.com".__eq__, self.answer),
        )
        self.upstreams.start()

    @staticmethod
    def answer(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        names = ("HTTP_HOST", "REQUEST_URI", "SERVER_PORT", "wsgi.url_scheme", "REMOTE_ADDR")
        return [json.dumps({name: environ[name] for name in names}).encode()]

    def get(self, name, host=""):
        pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1", self.port, server_hostname=name, assert_hostname=name, retries=False,
            ca_certs=str(self.authority.bundle()),
        )
        return pool.request("GET", "/dev/x?q=1", headers={"Host": host or name})


@pytest.fixture
def door(tmp_path):
    made = Door(tmp_path)
    yield made
    made.upstreams.close()


def test_an_apis_name_is_answered_by_tls(door):
    name = "abc.execute-api.us-east-1.amazonaws.com"
    assert json.loads(door.get(name).data) == {
        "HTTP_HOST": name, "REQUEST_URI": "/dev/x?q=1", "SERVER_PORT": "443", "wsgi.url_scheme": "https",
        "REMOTE_ADDR": "127.0.0.1",
    }


def test_a_host_header_of_another_api_comes_to_api_gateway_too(door):
    other = "other.execute-api.us-east-1.amazonaws.com"
    assert json.loads(door.get("abc.execute-api.us-east-1.amazonaws.com", other).data)["HTTP_HOST"] == other


def test_an_api_without_a_name_is_refused_in_the_handshake(door):
    with pytest.raises(urllib3.exceptions.SSLError):
        door.get("zzz.execute-api.us-east-1.amazonaws.com")


def test_api_gateway_does_not_speak_plain_http(door):
    with pytest.raises((urllib3.exceptions.ProtocolError, ConnectionError)):
        urllib3.request("GET", f"http://127.0.0.1:{door.plain}/dev", retries=False,
                        headers={"Host": "abc.execute-api.us-east-1.amazonaws.com"})


@pytest.fixture
def called(real_engine, tmp_path):
    """An API and a function that calls addresses, on each engine that leads names to the rig."""
    for name, code in (("orders", "def handler(event, context):\n    return {'body': '[1]'}\n"), ("caller", CALLER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "handler.py").write_text(code)
        (tmp_path / name).chmod(0o755)
    tmp_path.chmod(0o755)
    with Rig(Settings(engine=real_engine)) as rig:
        shop = Api(rig, str(tmp_path / "orders")).make("GET /orders")
        shop.aws("lambda").create_function(
            FunctionName="caller", Runtime="python3.11", Role="arn:aws:iam::123456789012:role/caller", Timeout=30,
            Handler="handler.handler", Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path / "caller")},
        )
        yield shop


def call(shop, url):
    answer = shop.aws("lambda").invoke(FunctionName="caller", Payload=json.dumps({"url": url}))
    return json.loads(answer["Payload"].read())


def test_a_function_calls_an_api_by_its_address(called, caplog):
    caplog.set_level(logging.INFO)
    answer = call(called, f"https://{called.host}/dev/orders")
    if "functions cannot reach REST APIs" in caplog.text:  # an engine without namespaces: names are the machine's
        assert "error" in answer
        return
    assert answer == {"status": 200, "body": [1]}
    assert call(called, f"https://{called.host}/dev/nope") == {
        "status": 403, "type": "MissingAuthenticationTokenException",
    }
    for wrong in (f"abcde12345.execute-api.{REGION}", f"{called.id}.execute-api.eu-west-1"):
        assert "error" in call(called, f"https://{wrong}.amazonaws.com/dev/orders")


def test_no_api_no_name_and_moto_stays_where_it_is(monkeypatch):
    def never(*_):
        raise AssertionError("moto is asked")

    monkeypatch.setattr("emulator.frontdoors.apigateway.any_apis", lambda account: False)
    clock = Clock()
    gateway = ApiGateway(never, None, Injector(clock, Timeline(clock)), clock)
    assert not gateway.resolves(f"abc.execute-api.{REGION}.amazonaws.com")
    assert not gateway.serves()
