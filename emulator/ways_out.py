"""The ways out of an environment: the AWS endpoint, SaaS hosts and REST APIs by name, databases and others by relays.

Opened with the engine, on addresses that its sandboxes reach; what else they try to reach is refused, and named.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from emulator.certificates import Authority
from emulator.errors import EngineError, UsageError
from emulator.frontdoors.apigateway import ApiGateway
from emulator.functions.engines.protocol import Engine
from emulator.functions.starting import Surroundings
from emulator.http_connection import Application
from emulator.injector import Injector
from emulator.names import Lookups, Names
from emulator.relay import Relay
from emulator.saas import SaasHosts
from emulator.server import Server
from emulator.upstreams import Apis, Upstreams

LOG = logging.getLogger(__name__)
Attribute = Callable[[str], tuple[str, str]]


class WaysOut:
    """app: the AWS endpoint as sandboxes see it. threads: for its server. attribute: peer -> (function, invocation).
    gateway: knows the names of REST APIs, which `app` answers for too. hosts: SaaS hosts, whose names lead here."""

    def __init__(
        self, engine: Engine, app: Application, threads: int, injector: Injector, state_dir: Path, attribute: Attribute,
        gateway: ApiGateway, hosts: SaasHosts,
    ) -> None:
        self._engine, self._app, self._threads, self._injector = engine, app, threads, injector
        self._attribute, self._authority, self._gateway = attribute, Authority(state_dir), gateway
        self._hosts, self._lock = hosts, threading.RLock()
        self._server: Server | None = None
        self._endpoint = ""
        self._names: Names | None = None
        self._upstreams: Upstreams | None = None
        self._relays: dict[str, tuple[Relay, int]] = {}
        self._unknown: set[str] = set()
        self._apis_unreachable = False

    def open(self) -> None:
        """Prepare the engine and listen where its sandboxes will knock. Once; later calls return at once."""
        with self._lock:
            if self._server is not None:
                return
            self._engine.open()
            listener = self._engine.listen(0)
            self._endpoint = f"http://{self._engine.host()}:{self._engine.port_of(listener)}"
            self._open_names()
            self._server = Server(self._app, listener, self._threads)

    def surroundings(self) -> Surroundings:
        """What an environment started now is offered. Only one that can meet the rig's certificates gets to know them:
        the variables that say so are none of Lambda's."""
        self.open()
        if self._upstreams is None and self._gateway.serves():
            self._open_door_for_apis()
        bundle = self._authority.bundle() if self._upstreams else None
        return Surroundings(self._endpoint, self._in_hosts_file(), bundle)

    def _in_hosts_file(self) -> tuple[str, ...]:
        """Names that an environment must know by itself: none where it can ask the rig's DNS, which rules can reach.
        Raises EngineError where they cannot, and one would."""
        if self._names is not None or self._upstreams is None:
            return ()
        if self._injector.hooked("resolve"):
            raise EngineError(
                f"port 53 is not the {self._engine.name} engine's to take: names of SaaS hosts stand in a hosts file, "
                "where no lookup can fail",
                "end what listens at port 53 (lambdarig doctor), or use the process engine",
            )
        return self._hosts.names()

    def add_upstreams(self, file: Path) -> None:
        """Answer for the hosts of a stub file. Raises FileProblem, EngineError (port 443 is not ours to take)."""
        with self._lock:
            self.open()
            self._open_door()
            self._hosts.add(file)

    def _open_door(self) -> Upstreams:
        """Listen on 443 and 80, once. Raises EngineError."""
        with self._lock:
            if self._upstreams is None:
                secure, plain = self._listen_where_names_lead()
                apis = Apis(self._gateway.resolves, self._app)
                self._upstreams = Upstreams(secure, plain, self._authority, self._hosts, self._attribute, apis)
                self._upstreams.start()
            return self._upstreams

    def _listen_where_names_lead(self) -> tuple[socket.socket, socket.socket]:
        secure = self._engine.listen(443)
        try:
            if self._engine.port_of(secure) != 443:
                raise EngineError(
                    "this engine cannot lead SaaS names to the rig, so nothing would reach the stubs",
                    "use the docker engine, or the process engine with namespaces: lambdarig doctor",
                )
            return secure, self._engine.listen(80)
        except EngineError:
            secure.close()
            raise

    def _open_door_for_apis(self) -> None:
        """A function need not call an API: one that does where this fails is told by its own client."""
        if self._apis_unreachable:
            return
        try:
            self._open_door()
        except EngineError as error:
            self._apis_unreachable = True
            LOG.info("functions cannot reach REST APIs by their names: %s", error)

    def relays(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._relays)

    def add_relay(self, name: str, target: tuple[str, int]) -> tuple[str, int]:
        """Relay to a database or another host; gives the address by which sandboxes reach it."""
        with self._lock:
            self.open()
            if name in self._relays:
                raise UsageError(f"there is a relay named {name!r} already")
            listener = self._engine.listen(0)
            port = self._engine.port_of(listener)
            relay = Relay(name, listener, target, self._injector, self._attribute, self._engine.origin)
            relay.start()
            self._relays[name] = (relay, port)
            return self._engine.host(), port

    def resume(self, environment: str, invocation: str, idle_s: float) -> None:
        """An environment that was frozen for so many rig seconds goes on, for this invocation, when this returns."""
        if self._relays and self._injector.hooked("resume"):
            for relay, _ in list(self._relays.values()):
                relay.resume(environment, invocation, idle_s)

    def reset(self) -> None:
        """Stubs forget, counts begin again; what listens goes on listening."""
        with self._lock:
            self._unknown.clear()
            self._hosts.reset()
            for relay, _ in self._relays.values():
                relay.reset()

    def close(self) -> None:
        """Stop listening everywhere."""
        with self._lock:
            for relay, _ in self._relays.values():
                relay.close()
            for part in (self._upstreams, self._names, self._server):
                if part is not None:
                    part.close()
            self._relays.clear()
            self._upstreams = self._names = self._server = None

    def _open_names(self) -> None:
        try:
            sock: socket.socket | None = self._engine.listen_udp(53)
        except EngineError as error:
            LOG.warning("names: unknown hosts cannot be named in the log, and REST APIs have no names: %s", error)
            sock = None
        if sock is not None:
            lookups = Lookups(self._injector, self._attribute)
            self._names = Names(sock, self._leads_here, self._engine.host(), self._refused, lookups)
            self._names.start()

    def _leads_here(self, name: str) -> bool:
        return (self._upstreams is not None and name in self._hosts) or self._gateway.resolves(name)

    def _refused(self, name: str, peer_ip: str) -> None:
        """A name nobody here answers for: said once for each invocation that asks, however often its resolver does."""
        function, invocation = self._attribute(peer_ip)
        subject = f"{invocation or 'names'}/{name}"
        with self._lock:
            known = subject in self._unknown
            self._unknown.add(subject)
        if not known:
            who = f"function {function}, {invocation}" if function else f"asked from {peer_ip}"
            LOG.warning("refused: no upstream answers for %s (%s)", name, who)
            self._injector.timeline.record(subject, "name", "", "refused", who)
