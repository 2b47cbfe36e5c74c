"""Imports a handler into the rig's own interpreter and leaves no trace of it: fresh at every start.

Its modules are taken out of `sys.modules` and its folder off `sys.path` again, so a function must import its own
modules at module level. One import at a time: code that waits, at import, for another inline function's first start
waits for ever.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Handler = Callable[[Any, Any], Any]
_importing = threading.Lock()


class Unloadable(Exception):
    """A mistake that the runtime client names itself. error_type: as awslambdaric spells it."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def load(code: Path, handler: str) -> Handler:
    """`package/module.function` in the folder `code`, imported anew. Texts and types are awslambdaric's."""
    try:
        module_name, name = handler.rsplit(".", 1)
    except ValueError as problem:
        raise Unloadable("Runtime.MalformedHandlerName", f"Bad handler '{handler}': {problem}") from problem
    if module_name.split(".")[0] in sys.builtin_module_names:
        text = f"Cannot use built-in module {module_name} as a handler module"
        raise Unloadable("Runtime.BuiltInModuleConflict", text)
    try:
        with _importing, _alone(code):
            module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as problem:
        text = f"Unable to import module '{module_name}': {problem}"
        raise Unloadable("Runtime.ImportModuleError", text) from problem
    except SyntaxError as problem:
        text = f"Syntax error in module '{module_name}': {problem}"
        raise Unloadable("Runtime.UserCodeSyntaxError", text) from problem
    try:
        found: Handler = getattr(module, name)
    except AttributeError as problem:
        text = f"Handler '{name}' missing on module '{module_name}'"
        raise Unloadable("Runtime.HandlerNotFound", text) from problem
    return found


@contextmanager
def _alone(code: Path) -> Iterator[None]:
    """The folder first on the path, and no module of its names loaded; all as it was afterwards."""
    names = {path.stem for path in code.iterdir()}
    before = _take_out(names)
    path, compiled = list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, str(code))
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = compiled
        _take_out(names)
        sys.modules.update(before)


def _take_out(names: set[str]) -> dict[str, Any]:
    mine = [name for name in sys.modules if name.split(".")[0] in names]
    return {name: sys.modules.pop(name) for name in mine}
