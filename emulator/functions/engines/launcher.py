"""What stands between the rig and a runtime: builds the sandbox out of Linux namespaces, then is its process 1.

Called by `python -I -S` with three descriptors, CONTROL LIFELINE LOG; imports little, since every start waits for it.
CONTROL and LIFELINE are of kind SOCK_SEQPACKET. The rig sends a marshalled dict over CONTROL; what goes back begins
with one letter:

    I  from process 1      R  from the runtime-to-be, which waits for one byte before it executes
    P  (a probe went well)  E text (it did not work)      X status (the runtime ended; a wait status)

The kernel stamps each message with its sender's process id as the rig sees it. Over LIFELINE the rig asks for sockets
inside, one (kind, address) each, and gets S with the descriptor, or E text. When LIFELINE hangs up, because the rig
wants it or has died in any way, everything inside is killed.
"""

from __future__ import annotations

import _socket
import _thread
import ctypes
import fcntl
import marshal
import os
import resource
import struct
import sys

TYPE_CHECKING = False  # as mypy knows it: importing typing takes 9 ms
if TYPE_CHECKING:
    from typing import Any, NoReturn

LIBC = ctypes.PyDLL(None, use_errno=True)  # PyDLL: keeps the interpreter's lock, so that a clone inside is safe
NR_CLONE, NR_PIVOT_ROOT = {"x86_64": (56, 155), "aarch64": (220, 41)}.get(os.uname().machine, (-1, -1))
NR_MOUNT_SETATTR = 442
CLONE_PARENT, SIGCHLD, SIGINT, SIGKILL, SIGPIPE, SIGXFSZ = 0x8000, 17, 2, 9, 13, 25
NEW_NS, NEW_UTS, NEW_IPC, NEW_USER, NEW_PID, NEW_NET = (
    0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 2, -100, 0x8000, 1
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP_RUNNING = 0x8914, 0x8916, 0x891C, 0x41
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")  # no /dev/shm: Lambda has none
DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}


def call(what: str, result: int) -> int:
    """The result of a C call, or an OSError that says what was tried."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    encoded = (source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags))
    call(f"mount {source} on {target}", LIBC.mount(*encoded, options.encode() or None))


def main() -> None:
    """Namespaces, then process 1."""
    control, lifeline = (_socket.socket(fileno=int(fd)) for fd in sys.argv[1:3])
    LIBC.signal(SIGINT, None)  # Python's handler would let a function interrupt process 1
    try:
        spec = marshal.loads(control.recv(1 << 20))
        log = int(sys.argv[3])
        for fd in (control.fileno(), lifeline.fileno(), log, *spec["groups"], *spec["thaw"]):
            os.set_inheritable(fd, False)
        if not spec["bare"]:
            enter_namespaces(spec)
            raise_loopback(spec["host"])
            if clone_sibling():
                os._exit(0)
        control.send(b"I")
        be_init(spec, control, lifeline, log)
    except Exception as problem:
        control.send(b"E" + f"{problem}".encode())
        os._exit(1)


def enter_namespaces(spec: dict[str, Any]) -> None:
    """Always a user namespace, for root too: inside, the rig's user is shown as uid 993 gid 990, as on Lambda.

    So the runtime can read what the rig can (an interpreter below a /root of mode 700), and owns no capability.
    """
    flags = NEW_USER | NEW_NS | NEW_PID | NEW_NET | NEW_IPC | NEW_UTS
    call("unshare", LIBC.unshare(flags))
    for file, text in (
        ("setgroups", "deny"), ("uid_map", f"993 {spec['uid']} 1"), ("gid_map", f"990 {spec['gid']} 1"),
    ):
        with open(f"/proc/self/{file}", "w") as stream:
            stream.write(text)
    call("sethostname", LIBC.sethostname(b"localhost", 9))


def raise_loopback(host: str) -> None:
    """`lo` up, with a second address that stands for the rig: localhost stays the function's own."""
    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    fcntl.ioctl(sock.fileno(), SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_RUNNING))
    for request, address in ((SIOCSIFADDR, host), (SIOCSIFNETMASK, "255.255.255.255")):
        name_and_address = struct.pack("16sHH4s8x", b"lo:0", _socket.AF_INET, 0, _socket.inet_aton(address))
        fcntl.ioctl(sock.fileno(), request, name_and_address)
    sock.close()


def open_socket(kind: str, address: tuple[str, int]) -> _socket.socket:
    """One the rig will use: a socket stays in the network it was made in, whoever holds it."""
    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM if kind == "tcp" else _socket.SOCK_DGRAM)
    sock.bind(address)
    if kind == "tcp":
        sock.listen(128)
    return sock


def clone_sibling() -> int:
    """fork(), but the new process is the rig's child and not this one's: no second launcher has to stay."""
    ctypes.pythonapi.PyOS_BeforeFork()
    pid: int = LIBC.syscall(NR_CLONE, CLONE_PARENT | SIGCHLD, None, None, None, None)
    ctypes.pythonapi.PyOS_AfterFork_Parent() if pid else ctypes.pythonapi.PyOS_AfterFork_Child()
    return call("clone", pid)


def be_init(spec: dict[str, Any], control: _socket.socket, lifeline: _socket.socket, log: int) -> NoReturn:
    """Build the file system, fork the runtime, reap until it ends, report how."""
    if spec["bare"]:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    else:
        build_root(spec)
    if spec["probe"]:
        control.send(b"P")
        os._exit(0)
    runtime = os.fork()
    if not runtime:
        become_runtime(spec, control, log)
    os.close(log)  # the log's hang-up must mean that the runtime and its children are gone
    _thread.start_new_thread(serve_rig, (spec, runtime, lifeline))
    while True:
        pid, status = os.wait()
        if pid == runtime:
            if spec["bare"]:
                kill_descendants()
            control.send(b"X%d" % status)
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def serve_rig(spec: dict[str, Any], runtime: int, lifeline: _socket.socket) -> None:
    """Open sockets as asked; end with the rig. A frozen process must be thawed to die (cgroup v1)."""
    while request := receive(lifeline):
        try:
            sock = open_socket(*marshal.loads(request))
            lifeline.sendmsg([b"S"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("i", sock.fileno()))])
            sock.close()
        except OSError as problem:
            lifeline.send(b"E" + f"{problem}".encode())
    os.kill(runtime, SIGKILL)
    for freezer in spec["thaw"]:
        os.write(freezer, b"THAWED")
    if spec["bare"]:
        kill_descendants()
    os._exit(128 + SIGKILL)  # as process 1 of its namespace it takes every other process with it


def receive(lifeline: _socket.socket) -> bytes:
    try:
        return lifeline.recv(1 << 12)
    except ConnectionResetError:  # the rig died with something unread
        return b""


def kill_descendants() -> None:
    """Without a process namespace: orphans become this process's children (subreaper), so ask until there are none."""
    while pids := [pid for task in os.listdir("/proc/self/task") for pid in children(task)]:
        for pid in pids:
            try:
                os.kill(int(pid), SIGKILL)
                os.waitpid(int(pid), 0)
            except (ProcessLookupError, ChildProcessError):
                continue  # the other thread has reaped it


def children(task: str) -> list[str]:
    with open(f"/proc/self/task/{task}/children") as stream:
        return stream.read().split()


# --- the file system ------------------------------------------------------------------------------------


def build_root(spec: dict[str, Any]) -> None:
    """A new root of bind mounts; all of it read-only but /tmp. Nothing of the host's is changed or written."""
    root = spec["root"]
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m")
    for source, target in spec["binds"]:
        bind(source, root + target)
    for target in spec["masks"]:
        mount("tmpfs", root + target, "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "mode=755,size=4k")
    for target in spec["folders"]:
        os.makedirs(root + target, exist_ok=True)
    for target, where in spec["links"]:
        os.symlink(where, root + target)
    for target, text in spec["files"].items():
        write(root + target, text)
    make_devices(root)
    # Read-only too: the rig's user may be root outside, whom /proc/sys would obey even without capabilities.
    mount("proc", root + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    pivot(root)
    read_only("/")
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, f"mode=1777,size={spec['tmp_kb']}k")


def bind(source: str, target: str) -> None:
    """Read-only from the first moment, so that nothing done here can write to the host."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        write(target, "")
    mount(source, target, None, MS_BIND | MS_REC)
    read_only(target)


def read_only(point: str) -> None:
    """With every mount below it; before Linux 5.12, which cannot do that, alone."""
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    size = ctypes.c_size_t(len(attributes))
    if LIBC.syscall(NR_MOUNT_SETATTR, AT_FDCWD, point.encode(), AT_RECURSIVE, attributes, size) == 0:
        return
    # A remount must keep the flags that this namespace may not take off.
    kept = os.statvfs(point).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("none", point, None, MS_BIND | MS_REMOUNT | MS_RDONLY | kept)


def write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as stream:
        stream.write(text)


def make_devices(root: str) -> None:
    """Only harmless ones: the rig's user may be root outside, and would be let into a disk's device."""
    for name in DEVICES:
        bind(f"/dev/{name}", f"{root}/dev/{name}")
    for name, where in DEVICE_LINKS.items():
        os.symlink(where, f"{root}/dev/{name}")


def pivot(root: str) -> None:
    os.chdir(root)
    call("pivot_root", LIBC.syscall(NR_PIVOT_ROOT, b".", b"."))
    call("umount", LIBC.umount2(b".", MNT_DETACH))
    os.chdir("/")


# --- the runtime ----------------------------------------------------------------------------------------


def become_runtime(spec: dict[str, Any], control: _socket.socket, log: int) -> NoReturn:
    """Give up every right, wait for the go-ahead, execute."""
    try:
        os.setsid()
        os.umask(0o022)
        os.chdir(spec["cwd"])
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for group in spec["groups"]:
            os.write(group, b"0")
        restrict(spec)
        control.send(b"R")
        if control.recv(1) != b"G":
            os._exit(1)
    except Exception as problem:
        control.send(b"E" + f"{problem}".encode())
        os._exit(1)
    execute(spec["argv"], spec["env"])


def restrict(spec: dict[str, Any]) -> None:
    for name, limit in spec["limits"].items():
        hard = resource.getrlimit(getattr(resource, name))[1]
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(getattr(resource, name), (value, value))
    for number in (SIGPIPE, SIGXFSZ):
        LIBC.signal(number, None)  # Python ignores these two; a runtime begins with the defaults
    if spec["bare"]:
        LIBC.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    else:
        capability = 0
        while LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
            capability += 1
    call("no_new_privs", LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def execute(argv: list[str], env: dict[str, str]) -> NoReturn:
    """As AWS's bootstrap: a wrapper that cannot run is said in the log, and ends in 127 or 126."""
    try:
        os.execve(argv[0], argv, env)
    except FileNotFoundError:
        os.write(2, f"{argv[0]}: does not exist\n".encode())
        os._exit(127)
    except OSError:
        os.write(2, f"{argv[0]}: is not an executable\n".encode())
        os._exit(126)


if __name__ == "__main__":
    main()
