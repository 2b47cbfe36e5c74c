"""moto's state, once for each rig: what moto keeps by service is the process's, and a rig must share it with nobody.

A world is one rig's. Inside it (`entered`) every one of moto's tables of backends is that world's own; outside of all
worlds they are the tables that `mock_aws` and moto's own servers use, as if there were no rig in the process. A thread
that moto starts in a world (Step Functions' executions) stays in it.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_OUTSIDE = object()
_entered: ContextVar[Any] = ContextVar("lambdarig-world", default=_OUTSIDE)
_live: weakref.WeakSet[World] = weakref.WeakSet()
_installing = threading.Lock()
_ROUTED = (
    "__getitem__", "__setitem__", "__delitem__", "__iter__", "__len__", "__contains__", "keys", "values", "items",
    "get", "pop", "clear",
)


class World:
    """One rig's part of moto. It is there until `end`."""

    def __init__(self) -> None:
        self.tables: dict[int, Any] = {}
        self.tracked: list[Any] = []  # what has files open
        self._lock = threading.Lock()
        _live.add(self)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """In this thread moto's state is this world's."""
        before = _entered.set(self)
        try:
            yield
        finally:
            _entered.reset(before)

    def table(self, shared: Any) -> Any:
        """This world's table of a service's backends."""
        found = self.tables.get(id(shared))
        if found is None:
            with self._lock:
                found = self.tables.get(id(shared)) or self._made(shared)
                self.tables[id(shared)] = found
        return found

    def _made(self, shared: Any) -> Any:
        kind = type(shared)
        with _nowhere():  # its own attributes are set, and not routed to yet another
            made = kind(shared.backend, shared.service_name, shared._use_boto3_regions, shared._additional_regions)
        made.shared = shared
        for name in vars(made).keys() - _PLAIN_ATTRIBUTES:  # S3's bucket names, Organizations' master accounts
            if not isinstance(getattr(kind, name, None), property):
                setattr(kind, name, _routed_attribute(name))
        return made

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            tables, self.tables = self.tables, {}
            tracked, self.tracked = self.tracked, []
        with self.entered():
            for table in tables.values():
                for backend in (backend for regions in table.values() for backend in regions.values()):
                    _stop(backend)
            for one in tracked:
                if hasattr(one, "dispose"):
                    one.dispose()

    def end(self) -> None:
        """Forget everything, and be no world any more."""
        self.clear()
        _live.discard(self)


_PLAIN_ATTRIBUTES = {"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id", "shared"}


@contextmanager
def _nowhere() -> Iterator[None]:
    """In this thread moto's state is no rig's."""
    before = _entered.set(None)
    try:
        yield
    finally:
        _entered.reset(before)


def current() -> World | None:
    """The world in which moto is asked now; None for what is no rig's."""
    found = _entered.get()
    return None if found is _OUTSIDE else found


def _stop(backend: Any) -> None:
    """What a backend does of its own when it is reset: it ends threads and containers. S3's closes others' files."""
    from moto.core.base_backend import BaseBackend

    if type(backend).reset is not BaseBackend.reset and not type(backend).__module__.startswith("moto.s3"):
        backend.reset()


def install() -> None:
    """Teach moto about worlds; again is free."""
    from moto.core.base_backend import AccountSpecificBackend, BackendDict
    from moto.core.common_models import BaseModel
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    with _installing:
        table: Any = BackendDict
        if hasattr(table, "shared"):
            return
        table.shared = None
        for name in _ROUTED:
            setattr(table, name, _routed(getattr(table, name)))
        table._create_account_specific_backend = _creating(table._create_account_specific_backend)
        table.reset = _resetting(table.reset, table)
        model: Any = BaseModel
        model.__new__ = _tracking(model.__new__)
        regional: Any = AccountSpecificBackend
        regional.get_session = staticmethod(_session)  # only to list regions: a wrong AWS_PROFILE must not end that
        thread: Any = threading.Thread
        thread.start = _starting(thread.start)
        server: Any = DomainDispatcherApplication
        server.__call__ = _outside(server.__call__)


def _session() -> Any:
    from emulator.aws.sessions import session

    return session()


def _own(table: Any) -> Any:
    """The table meant where `table` is named."""
    world = current() if table.shared is None else None
    return table if world is None else world.table(table)


def _routed(plain: Any) -> Any:
    def routed(self: Any, *args: Any, **kwargs: Any) -> Any:
        return plain(_own(self), *args, **kwargs)

    return routed


def _routed_attribute(name: str) -> property:
    def read(self: Any) -> Any:
        return vars(_own(self))[name]

    def write(self: Any, value: Any) -> None:
        vars(_own(self))[name] = value

    return property(read, write)


def _creating(plain: Any) -> Any:
    """moto lists the tables that are in use; a world's own are not for `mock_aws` to clear."""

    def create(self: Any, account: str) -> None:
        from moto.core.base_backend import AccountSpecificBackend, backend_lock

        own = _own(self)
        if own.shared is None:
            plain(own, account)
            return
        with backend_lock:
            if account not in list(own.keys()):
                own[account] = AccountSpecificBackend(
                    own.service_name, account, own.backend, own._use_boto3_regions, own._additional_regions
                )
            _list(own)

    return create


def _list(own: Any) -> None:
    """moto's tagging API goes through the tables in use."""
    if not any(one is own.shared for one in type(own)._instances):
        type(own)._instances.append(own.shared)


def _resetting(plain: Any, table: Any) -> Any:
    """In a world it is the world that is cleared; `mock_aws` clears what is in none."""

    def reset(cls: Any) -> None:
        if isinstance(_entered.get(), World):
            _entered.get().clear()
            return
        with _nowhere():
            plain()
        for world in list(_live):
            for own in list(world.tables.values()):
                _list(own)

    return classmethod(reset)


def _tracking(plain: Any) -> Any:
    """moto keeps every object ever made for a dashboard: in a world only those that have files to close."""

    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        world = current()
        if world is None:
            return plain(cls, *args, **kwargs)
        instance = object.__new__(cls)
        if cls.__module__.startswith("moto.s3."):
            world.tracked.append(instance)
        return instance

    return staticmethod(new)


def _starting(plain: Any) -> Any:
    """moto's own threads belong to the world they were started in."""

    def start(self: threading.Thread) -> None:
        world = _entered.get()
        if isinstance(world, World) and sys._getframe(1).f_globals.get("__name__", "").startswith("moto."):
            self.run = _inside(world, self.run)  # type: ignore[method-assign]
        plain(self)

    return start


def _inside(world: World, run: Any) -> Any:
    def running() -> None:
        with world.entered():
            run()

    return running


def _outside(plain: Any) -> Any:
    """A server of moto's own, in a thread of its own, is in no world."""

    def call(self: Any, environ: Any, start_response: Any) -> Any:
        if _entered.get() is not _OUTSIDE:
            return plain(self, environ, start_response)
        with _nowhere():
            return plain(self, environ, start_response)

    return call
