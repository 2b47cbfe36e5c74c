"""The shape of the code: who may import whom, how long things may be; every fault is tested and written down."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from faults_page import PAGE, page

ROOT = Path(__file__).parent.parent
PACKAGES = ("emulator", "faults")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
WRITTEN = sorted(path for path in MODULES.values() if path.stat().st_size)
LEVELS = [
    {"emulator.model.passing"},
    {f"emulator.model.{part}" for part in ("aws", "flows", "functions", "hosts", "requests")},
    {"emulator.model", "emulator.errors", "emulator.clock", "emulator.scope"},
    {"emulator.fault", "emulator.timeline", "emulator.visibility", "emulator.rate"},
    {"emulator.fault_check"},
    {"emulator.injector"},
]
MADE_OF = ("fault", "model", "rate", "scope", "socket_fault", "start_fault", "visibility")
FOR_FAULTS = {f"emulator.{name}" for name in MADE_OF}
LINES, FUNCTION_LINES = 400, 40
FAULTS = sorted(point.name for point in importlib.metadata.entry_points(group="lambdarig.faults"))


def tree(path):
    return ast.parse(path.read_text(), str(path))


def imports(path):
    """Every module that a file names in an import, at the top or inside; `from a import b` is a.b if that is one."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide what depends on what"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in inside)


def ours(path):
    return {name for name in imports(path) if name.split(".")[0] in (*PACKAGES, "sample_connectors", "tests")}


def test_there_is_something_to_look_at():
    assert {"emulator.rig", "faults.cold_start", *set.union(*LEVELS)} <= MODULES.keys()


@pytest.mark.parametrize("level", range(len(LEVELS)))
def test_the_core_imports_only_what_is_below_it(level):
    below = set().union(*LEVELS[:level])
    for name in LEVELS[level]:
        assert ours(MODULES[name]) <= below, name


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("faults")])
def test_a_fault_imports_only_what_a_fault_is_made_of(name):
    foreign = {module.split(".")[0] for module in imports(MODULES[name])} - {"emulator", "__future__"}
    assert ours(MODULES[name]) <= FOR_FAULTS
    assert foreign <= sys.stdlib_module_names


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("emulator")])
def test_the_rig_knows_no_fault_and_no_sample(name):
    assert not {module.split(".")[0] for module in ours(MODULES[name])} & {"faults", "sample_connectors", "tests"}


def test_only_the_clock_imports_time():
    timed = {name for name, path in MODULES.items() if {"time", "sched"} & set(imports(path))}
    assert timed == {"emulator.clock"}


def test_nobody_asks_what_a_fault_is():
    """`isinstance(fault, X)` in the core would mean that a hook point is missing."""
    for name in LEVELS[-1] | {"emulator.rig", "emulator.functions.pool", "emulator.relay"}:
        assert not re.search(r"isinstance\([\w.]*fault\b", MODULES[name].read_text()), name


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_are_short(path):
    assert len(path.read_text().splitlines()) <= LINES
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < FUNCTION_LINES, node.name


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for(path):
    assert ast.get_docstring(tree(path)) or path.name == "__main__.py"


def test_no_module_is_for_everything():
    names = {path.stem for path in MODULES.values()}
    assert not names & {"utils", "util", "helpers", "misc", "manager", "factory"}


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_exception_is_swallowed_without_a_word(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler) and [type(part) for part in node.body] == [ast.Pass]:
            assert node.type is not None, f"line {node.lineno}"
            assert ast.unparse(node.type) not in ("Exception", "BaseException"), f"line {node.lineno}"


def test_a_rig_starts_without_what_only_its_work_needs():
    heavy = "boto3 botocore docker flask moto psutil pydantic rich trustme yaml jmespath requests"
    code = (
        "import sys, emulator.cli.up, emulator.control_door, emulator.rig, emulator.functions.engines.docker, "
        f"emulator.functions.engines.process; print(*(name for name in '{heavy}'.split() if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.split() == []


def test_faults_that_are_there_are_installed():
    files = {path.stem for path in (ROOT / "faults").glob("*.py")} - {"__init__"}
    assert files == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_its_tests_and_its_heading(name):
    assert (ROOT / "tests" / "faults" / f"test_{name}.py").is_file()
    assert f"\n## {name}\n" in PAGE.read_text()


def test_the_page_of_the_faults_is_what_the_code_says():
    assert PAGE.read_text() == page(), "python tests/faults_page.py writes it anew"
