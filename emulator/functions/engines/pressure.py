"""Memory taken from a control group until the kernel kills what is in it.

A process of the rig's goes into the group and writes into memory that has no file behind it: its pages count against
the cap, and the kernel's choice falls on the others, because this one asks to be spared. It ends with the rig, whose
end of its standard input it watches.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from emulator.clock import Clock
from emulator.errors import EngineError

KILL_S = 20.0  # the process starts in 30 ms and fills 1 GB in 300; a machine may be busy
LOOK_S = 0.001
_clock = Clock()
# The piece is made before the cap is the group's, and written, not held: so the group pays for it, and it stays small.
_FILL = """
import os, sys
piece, held = bytes(1 << 20), os.memfd_create("lambdarig")
try:
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("-1000")
except OSError:
    pass  # not allowed: it is small, and the kernel takes the greatest
with open(sys.argv[1], "w") as group:
    group.write(str(os.getpid()))
try:
    for _ in range(int(sys.argv[2])):
        os.write(held, piece)
except OSError:
    pass  # nothing is left to be killed
sys.stdin.read()
"""


def overfill(processes: Path, most_mb: int, gone: Callable[[int], bool]) -> None:
    """Fill the group of this `cgroup.procs` until the kernel has killed what was in it.

    most_mb: its cap. gone: asked again and again whether nothing but the process of this id is left. Raises EngineError
    if the kernel spares them."""
    command = [sys.executable, "-I", "-S", "-c", _FILL, str(processes), str(most_mb)]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    filler = subprocess.Popen(command, cwd="/", stdin=pipe, stdout=null, stderr=pipe)
    until = _clock.monotonic() + KILL_S
    try:
        while not gone(filler.pid):
            # Docker kills whatever is in the group of a container that has ended: this one too.
            if filler.poll() not in (None, -signal.SIGKILL) or _clock.monotonic() > until:
                raise EngineError(f"the kernel killed nothing in {processes.parent}{_said(filler)}")
            _clock.stall(LOOK_S)
    finally:
        filler.kill()
        filler.communicate()


def _said(filler: subprocess.Popen[bytes]) -> str:
    filler.kill()
    last = filler.communicate()[1].decode(errors="replace").strip().rpartition("\n")[2]
    return f": {last}" if last else ""
