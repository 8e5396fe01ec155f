# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What this process can reach, tried one by one: `python3 -I probe.py ASKED.json`, in the sandbox of a service.

Prints one JSON object, row to what came of it. It runs as the attacker's own program would, with the standard library
alone, and takes nothing with it that it was not given: ASKED.json names paths, devices, system calls, and the numbers
of the machine's own namespaces. The law here: a row is an act that was tried, not a setting that was read, but for
those rows that are settings of the process itself (limits, capabilities, its turn).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import grp
import json
import mmap
import os
import pwd
import resource
import select
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}
"""The last two every kernel has, and nobody here may."""
RAW = socket.SOCK_RAW
PER_LINUX32, CLONE_NEWUSER = 0x8, 0x1000_0000
IPC_KEY = 0x5350_FFFF
WITH_A_MODE = {
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "creat", "mkdir", "mkdirat", "mknod", "mknodat", "open", "openat"),
    "shmat",
}
"""Calls of which a filter refuses some modes and flags: those have rows of their own."""
NEWER = range(424, 480)
"""The same on every processor."""
HANGS_S = 0.5
"""Of a call that waits: it was taken."""
VARIABLES = ("GLIBC_TUNABLES", "LG_WD", "MALLOC_PERTURB_", "PYTHONMALLOC", "PYTHONSAFEPATH", "PYTHONUNBUFFERED")
LIBC = ctypes.CDLL(None, use_errno=True)
Asked = dict[str, Any]
Rows = Iterator[tuple[str, str]]


def name(number: int) -> str:
    return errno.errorcode.get(number, str(number))


def tried(act: Callable[[], object]) -> str:
    """`done`, or the name of the error."""
    try:
        act()
    except OSError as error:
        return name(error.errno or 0)
    return "done"


def called(number: int, *arguments: int) -> str:
    """As `tried`, for a system call by its number."""
    ctypes.set_errno(0)
    came = LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(one) for one in arguments))
    return name(ctypes.get_errno()) if came == -1 else "done"


def aside(act: Callable[[], str]) -> str:
    """What an act says that is tried in a child: what it changes, or dies of, is the child's."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.setitimer(signal.ITIMER_REAL, HANGS_S)
        try:
            os.write(writes, act().encode())
        finally:
            os._exit(0)
    os.close(writes)
    said = b""
    while select.select([reads], [], [], 2)[0] and (piece := os.read(reads, 4096)):
        said += piece
    os.close(reads)
    code = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(code) and not said:
        number = os.WTERMSIG(code)
        return "hangs" if number == signal.SIGALRM else f"killed by {signal.Signals(number).name}"
    return said.decode()


# --- sockets ---------------------------------------------------------------------------------------------------------


def sockets(asked: Asked) -> Rows:
    for family, number in FAMILIES.items():
        kind = RAW if family in {"AF_NETLINK", "AF_PACKET"} else socket.SOCK_STREAM
        yield f"opens a socket of {family}", tried(lambda kind=kind, number=number: socket.socket(number, kind).close())  # type: ignore[misc]  # mypy does not see defaults
    yield "opens a raw socket", tried(lambda: socket.socket(socket.AF_INET, RAW, 1).close())
    yield "comes to a TCP port of the machine", tried(lambda: _connects(socket.AF_INET, tuple(asked["port"])))
    yield "listens at a TCP port", tried(_listens)
    yield (
        "comes to an abstract socket of the machine",
        tried(lambda: _connects(socket.AF_UNIX, "\0" + asked["abstract"])),
    )


def _connects(family: int, address: Any) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        sock.connect(address)


def _listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(1)


# --- files and devices -----------------------------------------------------------------------------------------------


def files(asked: Asked) -> Rows:
    for path in asked["paths"]:
        yield path, reach(path)


def reach(path: str) -> str:
    """What can be done at a path: `list`, `read`, `write`, with `ro` for a mount that takes nothing; or why not."""
    try:
        kind = os.stat(path).st_mode  # noqa: PTH116 - a path of any kind
    except OSError as error:
        return {errno.ENOENT: "not there", errno.EACCES: "closed"}.get(error.errno or 0, name(error.errno or 0))
    can = [word for word, act in _acts(path, kind) if tried(act) == "done"]
    with contextlib.suppress(OSError):
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            can.append("ro")
    return ", ".join(can) if can and can != ["ro"] else "closed"


def _acts(path: str, kind: int) -> list[tuple[str, Callable[[], object]]]:
    if stat.S_ISDIR(kind):
        return [("list", lambda: os.scandir(path).close()), ("write", lambda: _takes_a_file(path))]
    if stat.S_ISSOCK(kind):
        return [("come to", lambda: _comes(path))]
    return [("read", lambda: _opens(path, os.O_RDONLY)), ("write", lambda: _opens(path, os.O_WRONLY))]


def _takes_a_file(directory: str) -> None:
    """A file without a name, which leaves nothing; where the file system knows none (/proc), the right to."""
    try:
        _opens(directory, os.O_TMPFILE | os.O_WRONLY)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT}:
            raise
        if not os.access(directory, os.W_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, directory) from error


def _opens(path: str, flags: int) -> None:
    os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o600))


def _comes(path: str) -> None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as sock:
            try:
                sock.connect(path)
            except OSError as error:
                if error.errno != errno.EPROTOTYPE:
                    raise
            else:
                return


def devices(asked: Asked) -> Rows:
    """A device without a driver behind it says ENXIO or ENODEV when it is opened: the way to it is open."""
    for path in asked["devices"]:
        came = tried(lambda path=path: _opens(path, os.O_RDWR))  # type: ignore[misc]  # mypy does not see defaults
        yield path, {"ENXIO": "open", "ENODEV": "open", "done": "open", "ENOENT": "not there"}.get(came, "closed")


# --- what is done to a file of one's own -----------------------------------------------------------------------------


def acts(asked: Asked) -> Rows:
    """In a directory of its own, on files of its own: what was put there for it, and nothing of the unit's."""
    own = Path(asked["own"])
    file = own / "file"
    yield "makes a file", tried(lambda: _opens(str(own / "new"), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    yield "gives a file a name", tried(lambda: (own / "linked").hardlink_to(file))
    yield "appends to a file", tried(lambda: _opens(str(file), os.O_WRONLY | os.O_APPEND))
    yield "empties a file by name", tried(lambda: os.truncate(file, 0))
    yield "makes a file writable", tried(lambda: file.chmod(0o666))
    yield "gives a file to its group", tried(lambda: os.chown(file, -1, os.getegid()))
    yield "adds an access list", _but(tried(lambda: os.setxattr(file, "user.x", b"x")), "EOPNOTSUPP")
    yield "makes a directory", tried(lambda: (own / "directory").mkdir(0o770))
    yield "makes a link", tried(lambda: (own / "link").symlink_to("file"))
    yield "makes a pipe", tried(lambda: os.mkfifo(own / "pipe"))
    yield "makes a program that runs as its owner", tried(lambda: _set_user_id(own / "suid"))
    yield "renames a file", tried(lambda: (own / "renamed").rename(own / "elsewhere"))
    yield "deletes a file", tried(file.unlink)
    yield "deletes a directory", tried((own / "empty").rmdir)


def _but(came: str, passes: str) -> str:
    return "done" if came == passes else came


def _set_user_id(path: Path) -> None:
    """By creating it: a recorder may not change a mode."""
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o4755)
    made = os.fstat(fd).st_mode
    os.close(fd)
    if not made & stat.S_ISUID:
        raise PermissionError(errno.EPERM, "it has lost its bit")


# --- system calls ----------------------------------------------------------------------------------------------------


def calls(asked: Asked) -> Rows:
    """Every call that systemd has a name for, with arguments that no call takes: refused, or taken by the kernel."""
    trials = [(number, 0 if call in WITH_A_MODE else -1) for call, number in asked["calls"].items()]
    refused = {call for call, gone in zip(asked["calls"], _are_refused(trials), strict=True) if gone}
    for group, members in asked["groups"].items():
        known = [call for call in members if call in asked["calls"]]
        if known:
            yield group, _summary(known, refused)
    yield "calls that this systemd has no name for", _newer(set(asked["named"]))
    yield "a call that is refused", aside(lambda: called(asked["calls"]["swapoff"], -1))
    if asked["other_abi"]:
        yield "a call of another ABI", aside(lambda: called(asked["other_abi"]))


def _summary(members: list[str], refused: set[str]) -> str:
    gone, there = [m for m in members if m in refused], [m for m in members if m not in refused]
    if not gone:
        return "all taken"
    if not there:
        return "all refused"
    return f"refused: {', '.join(gone)}" if len(gone) <= len(there) else f"taken: {', '.join(there)}"


def _newer(named: set[int]) -> str:
    """Numbers that kernels have given out since: a systemd that does not know one cannot refuse it by its name."""
    numbers = [number for number in NEWER if number not in named]
    taken = [
        str(number) for number, gone in zip(numbers, _are_refused([(n, -1) for n in numbers]), strict=True) if not gone
    ]
    return f"taken: {', '.join(taken)}" if taken else "all refused"


def _are_refused(calls: list[tuple[int, int]]) -> list[bool]:
    """Whether each call is refused, or unknown: its number, and the value of all its arguments but the first. A filter
    may look at one; -1 is every flag at once.

    One child tries many: a call that returns an error has changed nothing in it. After one that came back without, or
    that it did not come back from, there is another child: a fork for each would be most of what all trials take.
    """
    said: list[bool] = []
    while len(said) < len(calls):
        said += _tried_by_one(calls[len(said) :])
    return said


def _tried_by_one(calls: list[tuple[int, int]]) -> list[bool]:
    """At least the first."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        for number, rest in calls:
            signal.setitimer(signal.ITIMER_REAL, HANGS_S)
            came = LIBC.syscall(ctypes.c_long(number), ctypes.c_long(-1), *(ctypes.c_long(rest) for _ in range(5)))
            os.write(writes, b"r" if came == -1 and ctypes.get_errno() in {errno.EPERM, errno.ENOSYS} else b"t")
            if came != -1:
                break
        os._exit(0)
    os.close(writes)
    said: list[bool] = []
    while piece := os.read(reads, 4096):
        said += [answer == ord("r") for answer in piece]
    os.close(reads)
    code = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(code) or not said:
        said.append(os.WIFSIGNALED(code) and os.WTERMSIG(code) == signal.SIGSYS)
    return said


# --- memory, namespaces, the process itself --------------------------------------------------------------------------


def memory(asked: Asked) -> Rows:
    del asked
    yield "a page to write and to run", tried(_writable_code)
    yield "shared memory of the machine", _shared()
    yield "core file, bytes at most", str(resource.getrlimit(resource.RLIMIT_CORE)[1])


def _writable_code() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def _shared() -> str:
    """A segment of mode 0666 that root has made outside."""
    ctypes.set_errno(0)
    return "in sight" if LIBC.shmget(IPC_KEY, 4096, 0) >= 0 else name(ctypes.get_errno())


def spaces(asked: Asked) -> Rows:
    for kind, number in asked["namespaces"].items():
        own = Path(f"/proc/self/ns/{kind}")
        yield f"{kind} namespace", "the machine's" if str(own.readlink()) == number else "its own"
    yield "makes a namespace", aside(lambda: tried(lambda: _checked(LIBC.unshare(CLONE_NEWUSER))))
    yield "takes another personality", aside(lambda: tried(lambda: _checked(LIBC.personality(PER_LINUX32))))
    yield "processes of others in sight", "some" if _others() else "none"


def _checked(came: int) -> None:
    if came == -1:
        raise OSError(ctypes.get_errno(), "refused")


def _others() -> bool:
    """Of the machine's process 1, or of any other user's."""
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if path.stat().st_uid not in {os.getuid(), 65534} or (path.name == "1" and os.getuid() == 0):
                (path / "status").read_text()
                return True
    return False


def self_(asked: Asked) -> Rows:
    del asked
    yield "user", _user(os.getuid())
    yield "group", _group(os.getgid())
    yield "also in", ", ".join(sorted({_group(gid) for gid in os.getgroups()} - {_group(os.getgid())})) or "none"
    yield "becomes root", "it is" if os.getuid() == 0 else aside(lambda: tried(lambda: os.setuid(0)))
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    for field, what in (("CapEff", "capabilities in force"), ("CapBnd", "capabilities it could come to")):
        yield what, "none" if int(status[field], 16) == 0 else "some"
    yield "gains rights by a program", "no" if status["NoNewPrivs"].strip() == "1" else "yes"
    yield "mask of rights", f"{int(status['Umask'], 8):04o}"
    yield "working directory", str(Path.cwd())
    yield "nice", str(os.getpriority(os.PRIO_PROCESS, 0))
    yield "turn at the disk", _turn()
    yield "told by the service", ", ".join(sorted(word for word in VARIABLES if word in os.environ)) or "nothing"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _turn() -> str:
    number = {"x86_64": 252, "aarch64": 31}.get(os.uname().machine)
    came = LIBC.syscall(ctypes.c_long(number), 1, 0) if number else -1
    kinds = ("none", "real time", "best effort", "idle")
    return f"{kinds[came >> 13]} {came & 7}" if came >= 0 else "not known"


PARTS: dict[str, Callable[[Asked], Rows]] = {
    "sockets": sockets, "files": files, "devices": devices, "own files": acts, "system calls": calls,
    "memory": memory, "spaces": spaces, "process": self_,
}  # fmt: skip


def main() -> None:
    """As the file's first line says."""
    asked: Asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    asked["own"] = sys.argv[2]
    said = {f"{part}: {row}": came for part, rows in PARTS.items() for row, came in rows(asked)}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
