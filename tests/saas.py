"""A SaaS host on a free port, past the point `upstream`, on a clock that stands still."""

import socket

import urllib3

from emulator import catalogue
from emulator.certificates import Authority
from emulator.clock import Clock
from emulator.injector import Injector
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
        self.url = f"http://127.0.0.1:{plain.getsockname()[1]}"
        self.upstreams = Upstreams(
            secure, plain, Authority(folder), self.injector, self.timeline, lambda ip: ("crm", "crm/inv-1")
        )
        self.upstreams.add(stub)
        self.upstreams.start()
        self.pool = urllib3.PoolManager()

    def arm(self, name, match=None, when=None, **params):
        (armed,) = self.injector.arm([catalogue.rule_of(name, params, match or {}, when or {})])
        return armed

    def get(self, host=HOST, timeout=5.0, retries=False):
        return self.pool.request("GET", f"{self.url}/v1/orders", headers={"Host": host}, timeout=timeout,
                                 retries=retries)

    def statuses(self, times, host=HOST):
        return [self.get(host).status for _ in range(times)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.injector.disarm()
        self.pool.clear()
        self.upstreams.close()
