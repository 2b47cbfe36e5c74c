"""Wires the parts; start, stop, reset, inject. Holds no behaviour of its own."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator import catalogue, reaper, relay
from emulator.aws.attribution import Attribution
from emulator.aws.authentication import Authentication
from emulator.aws.authorization import Authorization
from emulator.aws.backend import Backend
from emulator.aws.consistency import Consistency
from emulator.aws.credentials import Keyring
from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.services.logs import LogStore
from emulator.clock import Clock
from emulator.errors import RigError, UsageError, Verdict
from emulator.fault import Rule
from emulator.frontdoors.apigateway import ApiGateway
from emulator.frontdoors.rest_authorization import RestAuthorization
from emulator.functions.engines import choose
from emulator.functions.events import EventQueue
from emulator.functions.hot_reload import HotReload
from emulator.functions.pool import Pool
from emulator.functions.registry import Registry
from emulator.functions.service import Functions
from emulator.functions.starting import Starting
from emulator.http_connection import Application
from emulator.injector import Armed, Injector, Passage
from emulator.missed import why
from emulator.model import Function
from emulator.saas import SaasHosts
from emulator.server import Front, Server, listen
from emulator.services import implementation, own_services, schedule_of
from emulator.settings import Settings
from emulator.timeline import Timeline
from emulator.ways_out import WaysOut

if TYPE_CHECKING:
    from emulator.aws.services.appflow.kept.restoring import Restored
    from emulator.aws.services.appflow.kept.state import State

PREPARED_S = 30.0  # what is still being made ready takes a second, on a busy machine several
ENDED_S = 30.0  # a fault that really stalls is waited for
SPARE_THREADS = 32  # for calls that run no function


class Rig:
    """A whole rig: `with Rig(Settings(engine="docker")) as rig: ...`. Everything it started is gone afterwards."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        s = self.settings
        self.id = secrets.token_hex(4)
        self.clock = Clock(manual=s.manual_clock)
        self.timeline = Timeline(self.clock)
        self.injector = Injector(self.clock, self.timeline, s.seed, s.without)
        self.saas = SaasHosts(self.injector)
        self.registry = Registry(s.account, s.region)
        self.attribution = Attribution(s.seed, s.account)
        self.backend = Backend(s.seed, s.account)
        self.keyring = Keyring(self.backend, self.attribution, self.clock)
        self.authentication = Authentication(self.keyring, self.clock, on=s.iam != "off")
        self.logs = LogStore(self.backend, s.account)
        self._server: Server | None = None
        self._watchman: reaper.Reaper | None = None
        self._databases: dict[str, Any] = {}
        self._preparing: list[threading.Thread] = []
        with contextlib.ExitStack() as undo:
            self.state = _state(s, self.backend)
            if self.state is not None:
                undo.callback(self.state.close)
            self.state_dir = _state_dir(s.state_dir)
            undo.callback(self._forget_folder)
            self.engine = choose(s.engine, self.id, self.state_dir, self.clock)
            self._wire()
            undo.pop_all()
        self.restored = self._restore()

    def _restore(self) -> Restored | None:
        try:
            restored: Restored | None = self.appflow.restore()
        except BaseException:
            self.close()
            raise
        return restored

    def _forget_folder(self) -> None:
        """Only one that the rig made itself."""
        if self.settings.state_dir is None:
            shutil.rmtree(self.state_dir, ignore_errors=True)

    def _wire(self) -> None:
        s = self.settings
        threads = s.account_limit + SPARE_THREADS
        starting = Starting(
            self.engine,
            self.attribution,
            self.clock,
            lambda: self.ways_out.surroundings(),
            s.seed,
            {reaper.OWNER_LABEL: reaper.owner()} if self.engine.name == "docker" else {},
        )
        self.pool = Pool(
            starting,
            self._log,
            self.injector,
            self.clock,
            account_limit=s.account_limit,
            idle_s=s.idle_s,
            freeze=s.freeze,
            resume=lambda *which: self.ways_out.resume(*which),
        )
        self.functions = Functions(self.registry, self.pool, s.seed)
        self.hot_reload = HotReload(self._folder_changed)
        self.endpoint = AwsEndpoint(
            self.injector, self.attribution, self.backend, {}, authenticator=self.authentication
        )
        self.events = EventQueue(self.functions, self.clock, self.timeline, self._deliver)
        self.authorization = Authorization(
            self.backend, self.keyring, self.registry, self.clock, s.iam, s.account, self.injector
        )
        self.endpoint.authorizer = self.authorization
        self.gateway = self._api_gateway()
        self.consistency = Consistency(self.backend, self.injector, self.attribution, self.clock)
        self.endpoint.consistency, self.authorization.gather = self.consistency, self.consistency.gather
        self.attribution.moment = self.consistency.moment
        self._wire_services()
        sandbox_side = Front(self.endpoint, self.gateway, self.gateway.handles)
        self.ways_out = WaysOut(
            self.engine, sandbox_side, threads, self.injector, self.state_dir, self._attribute, self.gateway, self.saas
        )

    def _wire_services(self) -> None:
        self.schedule = schedule_of(self)
        self.endpoint.services = own_services(self)
        self.appflow = implementation(self.endpoint.services, "appflow")
        self.fis = implementation(self.endpoint.services, "fis")
        self.background = [self.pool.busy, self.pool.provisioned.busy, self.events.busy, self.appflow.busy]

    def _api_gateway(self) -> ApiGateway:
        access = RestAuthorization(self.authentication, self.authorization, self.clock)
        return ApiGateway(
            self.backend.models,
            self.functions,
            self.injector,
            self.clock,
            self.settings.account,
            timeout_of=self.functions.timeout_of,
            regions=(self.settings.region,),
            access=access,
            permits=access.permits,
            append=self.logs.append,
            entered=self.backend.entered,
        )

    # --- life ---

    def start(self, control: Application | None = None) -> Rig:
        """Listen; the engine and moto are made ready behind the scenes. control: what answers under /_rig/."""
        threads = self.settings.account_limit + SPARE_THREADS
        front = Front(self.endpoint, self.gateway, self.gateway.handles, control)
        listener = listen(self.settings.host, self.settings.port)
        self._watchman = reaper.Reaper(self.id, self.state_dir, containers=self.engine.name == "docker")
        self._server = Server(front, listener, threads)
        return self

    def prepare(self) -> None:
        """Make the engine and moto ready in the background, so that the first call need not."""
        opening = threading.Thread(target=self._open_quietly, name="engine-preload", daemon=True)
        opening.start()
        self._preparing = [opening, self.backend.preload()]

    def _open_quietly(self) -> None:
        with contextlib.suppress(Exception):  # whoever needs it first meets the error and can tell it
            self.ways_out.open()

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL should be for a client of this rig."""
        assert self._server is not None, "the rig is not started"
        host, port = self._server.address
        return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"

    def settle(self, limit_s: float = 60.0) -> None:
        """Wait until nothing runs any more behind what was answered: functions whose caller has given up, asynchronous
        invocations, flows. What waits for rig time to pass is not waited for. Raises RigError past limit_s machine
        seconds."""
        end = self.clock.monotonic() + limit_s
        while any(busy() for busy in self.background):
            if self.clock.monotonic() > end:
                raise RigError(f"something still runs after {limit_s:g} s: {', '.join(self._running())}")
            self.clock.stall(0.002)

    def _running(self) -> list[str]:
        working = [e.invocation_id or e.id for e, state in self.pool.environments() if state == "busy"]
        return working or ["an event or a flow"]

    def reset(self) -> None:
        """As if just started: no rules, functions, AWS state, environments or record. What runs is ended. Databases,
        relays and SaaS hosts stay. Raises RigError where something would not end."""
        self.injector.disarm()
        self.schedule.clear()
        self._end_work()
        self.pool.reset()
        self.backend.reset()
        cleared = (self.events, self.registry, self.logs, self.appflow, self.fis, self.keyring, self.authorization)
        for part in (*cleared, self.consistency, self.hot_reload):
            part.clear()
        for counting in (self.attribution.restart, self.gateway.reset, self.ways_out.reset):
            counting()
        self.clock.restart()
        self.timeline.clear()

    def _end_work(self) -> None:
        """What still ran would tell its end to those who come after."""
        for part in (self.events, self.appflow):
            part.clear()  # nothing begins anew
        end = self.clock.monotonic() + ENDED_S
        while any(busy() for busy in self.background):
            if self.clock.monotonic() > end:
                raise RigError(f"a reset could not end what runs within {ENDED_S:g} s: {', '.join(self._running())}")
            self.pool.halt()
            self.clock.stall(0.002)

    def close(self) -> None:
        """Stop everything and leave nothing: containers, networks, processes, folders."""
        with contextlib.ExitStack() as stack:
            if self._watchman is not None:
                stack.callback(self._watchman.stand_down)
            stack.callback(self._forget_folder)
            for database in self._databases.values():
                stack.callback(database.stop)
            stack.callback(self.backend.close)
            stack.callback(self.engine.close)
            stack.callback(self.ways_out.close)
            stack.callback(self.appflow.close)  # when the functions that runs wait for are dead
            stack.callback(self.pool.close)
            stack.callback(self.appflow.stop)
            stack.callback(self.events.close)
            stack.callback(self.schedule.close)
            stack.callback(self.hot_reload.close)
            stack.callback(self.injector.disarm)
            for preparing in self._preparing:  # an interpreter that ends while a thread loads native modules aborts
                stack.callback(preparing.join, PREPARED_S)
            if self._server is not None:
                stack.callback(self._server.close)

    def __enter__(self) -> Rig:
        try:
            return self if self._server is not None else self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- faults ---

    @contextlib.contextmanager
    def fault(
        self,
        name: str | Rule,
        *,
        match: dict[str, Any] | None = None,
        when: dict[str, Any] | None = None,
        optional: bool = False,
        label: str = "",
        **params: Any,
    ) -> Iterator[Armed]:
        """Arm a fault for a `with` block; a rule that never struck fails the block (Verdict) unless `optional`. label:
        what the record calls it, else the fault's name."""
        written = {"fault": name, "name": label, "with": params, "match": match or {}, "when": when or {}}
        rule = name if isinstance(name, Rule) else catalogue.rule(written | {"optional": optional}, f"fault {name}")
        (armed,) = self.injector.arm([rule])
        try:
            yield armed
        finally:
            self.injector.disarm([armed])
        if armed.missed:
            raise Verdict(f"the rule {rule.label!r} never struck: {why(armed, self.timeline)}")

    def pass_through(self, point: str, subject: Any, proceed: Callable[[Any], Any]) -> Passage[Any]:
        """Take something past a point that a fault brings (`Fault.own_points`), as `Injector.pass_through` does."""
        return self.injector.pass_through(point, subject, proceed)

    # --- the rest of the world ---

    def client(self, service: str) -> Any:
        """A boto3 client of this rig, as any outside program would make it, whatever AWS configuration, profile or
        proxy this machine has."""
        from emulator.aws.sessions import outside_client

        return outside_client(service, self.url, self.settings.region)

    def database(self, name: str, kind: str = "embedded") -> str:
        """A PostgreSQL behind a relay named `name`: embedded, or an existing one by URL. Gives the functions' URL."""
        from emulator import postgres

        self._check_free(name)
        server = postgres.embedded(self.state_dir / "postgres") if kind == "embedded" else postgres.existing(kind)
        self._databases[name] = server
        return server.url_at(*self.ways_out.add_relay(name, (server.host, server.port)))

    def relay(self, name: str, address: str) -> str:
        """Any host, as `host:port`, behind a relay named `name`. Gives the address for functions, written so too."""
        self._check_free(name)
        host, port = self.ways_out.add_relay(name, relay.address(address))
        return f"{host}:{port}"

    def _check_free(self, name: str) -> None:
        """One name is one relay, whatever is behind it: faults strike it by its name. Raises UsageError."""
        if name in self.ways_out.relays():
            kind = "database" if name in self._databases else "relay"
            raise UsageError(f"there is a {kind} named {name!r} already")

    # --- glue ---

    def _log(self, function: Function, stream: str, events: list[tuple[int, str]]) -> None:
        self.logs.append(function.log_group, stream, events)

    def _deliver(self, arn: str, body: Any, attributes: Any) -> None:
        from emulator.aws.internal import client
        from emulator.aws.services.lambda_api.destinations import Destinations

        Destinations(lambda service: client(self.endpoint, service, "lambda.amazonaws.com"))(arn, body, attributes)

    def _attribute(self, peer_ip: str) -> tuple[str, str]:
        return self.pool.behind(self.engine.origin(peer_ip))

    def _folder_changed(self, folder: Path) -> None:
        """A local folder's functions get a new revision; their warm environments end."""
        with self.registry.lock:
            for entry in self.registry.entries.values():
                function = entry.latest.function
                if function.code == folder:
                    changed = replace(function, revision=f"{function.revision}+")
                    entry.latest = replace(entry.latest, function=changed)
        self.pool.retire(lambda e: e.function.code == folder and not self.registry.holds(e.function))


def _state(settings: Settings, backend: Backend) -> State | None:
    """Without one, none of it is loaded."""
    if settings.state is None:
        return None
    from emulator.aws.services.appflow.kept.state import State

    return State(settings.state, backend, settings.account, settings.region)


def _state_dir(given: Path | None) -> Path:
    """The rig's folder, which sandboxes' users must be able to enter. Only one it made bears the reaper's mark."""
    if given is None:
        path = Path(tempfile.mkdtemp(prefix="lambdarig-"))
        (path / ".lambdarig-state").touch()
    else:
        path = given.absolute()
        path.mkdir(parents=True, exist_ok=True)
    path.chmod(path.stat().st_mode | 0o555)
    return path
