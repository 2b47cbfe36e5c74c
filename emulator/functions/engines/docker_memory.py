"""A container's memory as the daemon tells of it and sets it: for a rig that does not see the control groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines.docker_daemon import answering

if TYPE_CHECKING:
    from docker import APIClient

MB = 1 << 20
LEAST = 6 * MB  # the daemon sets no lower cap
SLACK = 2 * MB  # between its look at what is in use and its setting of the cap
KILL_S, LOOK_S = 20.0, 0.01
SPARED = (0, 126, 127)  # it has filled all there was; it cannot be run, or is not there
# Its own memory grows to the cap, which is less than the runtime has: the kernel takes the greater one.
_FILL = "x=$(head -c {} /dev/zero | tr '\\0' x)"
_clock = Clock()


def measure(api: APIClient, container: str) -> tuple[int, int]:
    """(bytes in use that the kernel could not take back, the peak). The peak is that since the start under control
    groups version 1, what is in use now under version 2."""
    with answering(f"measuring {container}"):
        memory = api.stats(container, stream=False, one_shot=True).get("memory_stats", {})
    usage, kinds = memory.get("usage", 0), memory.get("stats", {})
    on_disk = sum(kinds.get(f"total_{name}", kinds.get(name, 0)) for name in ("active_file", "inactive_file"))
    return max(0, usage - on_disk), memory.get("max_usage") or usage


def set_cap(api: APIClient, container: str, size: int) -> None:
    with answering(f"setting the memory of {container}"):
        api.update_container(container, mem_limit=size, memswap_limit=size)


def squeeze(api: APIClient, container: str, size: int) -> int:
    """Lower the cap to `size` bytes, or as far as the daemon goes; gives what it is now. Where more is in use, a shell
    inside takes the rest until the kernel has killed. Raises EngineError, too for an image without one."""
    used = measure(api, container)[0]
    cap = max(size, used + SLACK, LEAST)
    set_cap(api, container, cap)
    if size < used:
        _overfill(api, container, cap)
    return cap


def _overfill(api: APIClient, container: str, size: int) -> None:
    with answering(f"filling the memory of {container}"):
        shell = api.exec_create(container, ["sh", "-c", _FILL.format(size)])["Id"]
        api.exec_start(shell, detach=True)
        until = _clock.monotonic() + KILL_S
        while api.inspect_container(container)["State"]["Running"]:
            # One that was killed went with the container, whose end is told a moment later.
            if api.exec_inspect(shell)["ExitCode"] in SPARED or _clock.monotonic() > until:
                raise EngineError(f"the kernel killed nothing in {container}: its shell could not fill its memory",
                                  "run the rig where it sees the containers' control groups")
            _clock.stall(LOOK_S)
