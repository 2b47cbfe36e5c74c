"""A SaaS host on a free port, past the point `upstream`, on a clock that stands still."""

import socket
import ssl

import urllib3

from emulator import catalogue
from emulator.certificates import Authority
from emulator.clock import Clock
from emulator.injector import Injector
from emulator.saas import SaasHosts
from emulator.timeline import Timeline
from emulator.upstreams import Upstreams

HOST = "api.example.com"
STUB = """
from emulator.model import UpstreamReply

seen = []

def count(call):
    seen.append(call.path)
    return UpstreamReply(200, body=str(len(seen)).encode())

HOSTS = {"api.example.com": count, "other.example.com": count}
"""


class Saas:
    """The host answers how many requests have reached it. Each request is made by a plain client."""

    def __init__(self, folder, seed=0):
        folder.mkdir(exist_ok=True)
        stub = folder / "stub.py"
        stub.write_text(STUB)
        self.clock = Clock(manual=True)
        self.timeline = Timeline(self.clock)
        self.injector = Injector(self.clock, self.timeline, seed)
        secure, plain = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        self.address, self.secure_address = plain.getsockname(), secure.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self.authority = Authority(folder)
        self.hosts = SaasHosts(self.injector)
        self.hosts.add(stub)
        self.upstreams = Upstreams(
            secure, plain, self.authority, self.hosts, lambda ip: ("crm", "crm/inv-1")
        )
        self.upstreams.start()
        self.pool = urllib3.PoolManager()

    def arm(self, name, match=None, when=None, **params):
        (armed,) = self.injector.arm([catalogue.rule_of(name, params, match or {}, when or {})])
        return armed

    def get(self, host=HOST, timeout=5.0, retries=False, headers=None):
        return self.pool.request("GET", f"{self.url}/v1/orders", headers={"Host": host, **(headers or {})},
                                 timeout=timeout, retries=retries)

    def secure(self, host=HOST):
        """A client of its own that believes it talks to https://host."""
        context = ssl.create_default_context(cafile=str(self.authority.bundle()))
        return urllib3.HTTPSConnectionPool(
            *self.secure_address, ssl_context=context, server_hostname=host, assert_hostname=host, retries=False,
            headers={"Host": host}, timeout=5,
        )

    def tls(self, context, host=HOST):
        """A connection, made with what `context` trusts."""
        return context.wrap_socket(socket.create_connection(self.secure_address, 5), server_hostname=host)

    def statuses(self, times, host=HOST):
        return [self.get(host).status for _ in range(times)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.injector.disarm()
        self.pool.clear()
        self.upstreams.close()
