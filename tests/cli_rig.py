"""`lambdarig up` in a process of its own, for the tests of the command line."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

LAMBDARIG = (sys.executable, "-m", "emulator.cli")
PATIENCE_S = 60
HANDLER = """
def handler(event, context):
    print("seen", event)
    if event == "fail":
        raise ValueError("wanted")
    return {"got": event}
"""
RIG = """
functions:
  crm: {folder: code, handler: handler.handler, timeout: 30}
  closed: {folder: code, handler: handler.handler, reserved_concurrency: 0}
secrets: {token: abc}
"""


def shell() -> dict[str, str]:
    """The variables of a person's shell: without the engine that these tests are run with."""
    return {name: value for name, value in os.environ.items() if name not in ("LAMBDARIG_ENGINE", "LAMBDARIG_PORT")}


def hears_hangups() -> None:
    """In the child: a SIGHUP ignored by whoever runs the tests (nohup) would stay ignored."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Home:
    """A folder with everything that a command may leave on a machine."""

    def __init__(self, folder: Path) -> None:
        self.work, self.temporary, self.runtime = (folder / name for name in ("work", "temporary", "runtime"))
        for part in (self.work, self.temporary, self.runtime):
            part.mkdir(parents=True, mode=0o755)
        folder.chmod(0o755)

    @property
    def variables(self) -> dict[str, str]:
        return {"TMPDIR": str(self.temporary), "XDG_RUNTIME_DIR": str(self.runtime)}

    def left(self) -> list[str]:
        """Folders of rigs, and files that say which run."""
        return [str(path) for path in (*self.temporary.glob("lambdarig-*"), *self.runtime.rglob("*.json"))]

    def call(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """A command, run to its end."""
        return subprocess.run(
            (*LAMBDARIG, *arguments), capture_output=True, text=True, cwd=self.work, timeout=PATIENCE_S,
            env={**shell(), **self.variables}, **options,
        )  # fmt: skip


def furnished(home: Home) -> Home:
    """With a function's folder and a rig.yaml in its work folder."""
    (home.work / "code").mkdir()
    (home.work / "code" / "handler.py").write_text(HANDLER)
    (home.work / "rig.yaml").write_text(RIG)
    return home


class Up:
    """`lambdarig up --port 0 --json ...`, from when it has said that it is up."""

    def __init__(self, home: Home, *arguments: str, wait: bool = True) -> None:
        self.home = home
        self.process = subprocess.Popen(
            (*LAMBDARIG, "up", "--port", "0", "--json", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=home.work, env={**shell(), **home.variables}, preexec_fn=hears_hangups,
        )  # fmt: skip
        self.said = self._announced() if wait else {}
        self.port = self.said["url"].rpartition(":")[2] if wait else ""

    def _announced(self) -> dict[str, Any]:
        text = ""
        while not text.endswith("\n}\n"):
            line = self.process.stdout.readline()
            assert line, f"it ended: {self.process.stderr.read()}"
            text += line
        return dict(json.loads(text))

    def call(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Another command for this rig."""
        return self.home.call(*arguments, "--port", self.port, **options)

    def wait_for(self, text: str) -> None:
        """Until a line on stderr holds `text`."""
        while select.select([self.process.stderr], [], [], PATIENCE_S)[0]:
            line = self.process.stderr.readline()
            assert line, "it ended"
            if text in line:
                return
        raise AssertionError(f"{text!r} never came")

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Its exit status, and what else it said on stderr. Safe to call twice."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said
