# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a recorder that was taken over does to the store: `python -m tests.hostile.vandal RECORDINGS`, in its sandbox.

The attacker comes after the recorder has built its own wall. It says as JSON what came of each attempt, by name.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from daemon.recorder import walls

FS_IOC_SETFLAGS, FS_IMMUTABLE_FL = 0x4008_6602, 0x10
ACL_FOR_ALL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, 7, 0xFFFF_FFFF) for tag in (0x01, 0x04, 0x10, 0x20)
)
"""system.posix_acl_access, version 2: owner, group, mask and others may do everything."""
SPARSE_BYTES = 60 * 2**30


def attempts(recordings: Path, segment: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything that would destroy, replace, open or lock away."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(number: int, *arguments: object) -> None:
        if libc.syscall(number, *arguments) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    yield "unlink", segment.unlink
    yield "rename", lambda: segment.rename(recordings / "other")
    yield "truncate", lambda: os.truncate(segment, 0)
    yield "write", lambda: segment.open("r+b").close()
    yield "chmod", lambda: segment.chmod(0o660)
    yield "access list", lambda: os.setxattr(segment, "system.posix_acl_access", ACL_FOR_ALL)
    yield "access list by descriptor", lambda: _by_descriptor(segment)
    yield "lock the directory", lambda: os.setxattr(segment.parent, "system.posix_acl_access", ACL_FOR_ALL)
    yield "chmod the directory", lambda: segment.parent.chmod(0o700)
    yield "umask", lambda: _closed_by_umask(recordings)
    yield "closed directory", lambda: (recordings / "closed").mkdir(0o700)
    yield "sticky directory", lambda: (recordings / "sticky").mkdir(0o1770)
    yield "immutable", lambda: _immutable(segment)
    yield "symbolic link", lambda: (recordings / "link").symlink_to("/etc/passwd")
    yield "pipe", lambda: os.mkfifo(recordings / "pipe")
    yield "socket", lambda: _bind(recordings / "socket")
    yield "network", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    yield "packets", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    yield "netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
    yield "io_uring", lambda: call(425, 8, ctypes.create_string_buffer(120))
    yield "user namespace", lambda: call(272 if os.uname().machine == "x86_64" else 97, 0x1000_0000)
    yield "ptrace", lambda: call(101 if os.uname().machine == "x86_64" else 117, 16, 1, 0, 0)


def litter(recordings: Path) -> None:
    """What it may make: names, depths and sizes at which others might stumble."""
    deep = recordings / ("d" * 32)
    for path in (deep, *(deep.joinpath(*["x"] * n) for n in range(1, 60)), recordings / "a strange\nname"):
        path.mkdir(0o770)
    for n in range(120):
        (deep / f"{n:03d}{'n' * 240}").touch(0o440)
    (deep / "begin.json").write_bytes(b"[" * 100_000)
    with (deep / "chain.jsonl").open("wb") as chain:
        chain.truncate(SPARSE_BYTES)


def _by_descriptor(segment: Path) -> None:
    fd = os.open(segment, os.O_RDONLY)
    with contextlib.closing(os.fdopen(fd, "rb")):
        os.setxattr(fd, "system.posix_acl_access", ACL_FOR_ALL)


def _closed_by_umask(recordings: Path) -> None:
    before = os.umask(0o777)
    if before == 0o777 or os.umask(0o777) != 0o777:
        raise PermissionError("umask has no effect")
    (recordings / "masked").mkdir(0o770)


def _immutable(segment: Path) -> None:
    with segment.open("rb") as file:
        fcntl.ioctl(file, FS_IOC_SETFLAGS, struct.pack("l", FS_IMMUTABLE_FL))


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def main() -> None:
    """As the file's first line says."""
    walls.keep_directories_open()
    recordings = Path(sys.argv[1])
    segment = next(recordings.glob("*/video/*.ts.age"))
    found = {}
    for name, attempt in attempts(recordings, segment):
        try:
            attempt()
            found[name] = "done"
        except OSError as error:
            found[name] = type(error).__name__
    litter(recordings)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
