"""What the page on searching logs shows is what comes out."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from emulator.cli.logs import logs
from emulator.server import Server, listen

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "logs.md"
HANDLER = (ROOT / "tests" / "examples" / "flow_logger.py").read_text()
SHOWN = re.findall(r"^```console\n\$ lambdarig logs (.*?)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
RUNS = [("nightly", "5f0c-1", 25), ("hourly", "5f0c-2", 3), ("nightly", "5f0c-3", 0), ("nightly", "5f0c-4", 7)]


@pytest.fixture
def port(inline_rig, write_handler):
    inline_rig.function("flows", write_handler(HANDLER), handler="handler.handler")
    for flow, execution, rows in RUNS:
        inline_rig.invoke("flows", {"flow": flow, "execution": execution, "rows": rows})
    listener = listen("127.0.0.1", 0)
    server = Server(inline_rig.endpoint, listener, threads=2)
    yield str(listener.getsockname()[1])
    server.close()


def run(command, port):
    """A command of the page; `| wc -l` is counted here."""
    arguments, _, counted = command.partition(" | wc -l")
    done = CliRunner().invoke(logs, [*shlex.split(arguments), "--port", port], catch_exceptions=False)
    assert done.exit_code == 0
    return f"{len(done.output.splitlines())}\n" if counted or command.endswith("wc -l") else done.output


def test_every_command_shows_what_the_page_shows(port):
    assert len(SHOWN) == 8
    assert {command: run(command, port) for command, _ in SHOWN} == dict(SHOWN)


def test_the_function_of_the_page_is_the_one_that_ran():
    assert f"```python\n{HANDLER}```" in PAGE.read_text()
