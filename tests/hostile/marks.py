# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Leaves a mark wherever this process can, then looks for the marks of others: `python marks.py NAME GO`.

Runs in the sandbox of a service, as the attacker's own program, together with two others. Between the two halves it
waits until the file GO is there. What it says is one JSON object: `left`, `found`, `spoke`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

GO_S = 120.0
KEY = 0x5350_0000
"""Of System V shared memory; each name has one."""
NAMES = ("alarm", "recorder", "keeper")
SKIPPED = ("/proc", "/sys/kernel/debug")
"""/proc is looked into by name: what it shows of others is `processes`."""
KNOWN = [Path("/var/lib/spreekkamer/store", name) for name in ("recordings", "holds")]
KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)
IPC_CREAT = 0o1000


def places() -> list[Path]:
    """Every directory that can be walked to, and those known ones above which nothing can be listed."""
    found = [path for path in KNOWN if not os.access(path.parent, os.R_OK)]
    for top, below, _ in os.walk("/"):
        below[:] = [name for name in below if os.path.join(top, name) not in SKIPPED]  # noqa: PTH118
        found.append(Path(top))
    return found


def leave(name: str, directories: list[Path]) -> list[str]:
    """A file of mode 0666 in every directory that takes one, and shared memory."""
    left = []
    for directory in directories:
        try:
            fd = os.open(directory / f"mark-{name}", os.O_CREAT | os.O_WRONLY, 0o666)
        except OSError:
            continue
        with contextlib.suppress(OSError):  # the recorder may not
            os.fchmod(fd, 0o666)
        os.write(fd, name.encode())
        os.close(fd)
        left.append(str(directory))
    if _shared_memory(name, IPC_CREAT | 0o666) >= 0:
        left.append("System V shared memory")
    return left


def find(name: str) -> list[str]:
    """Marks of others that can be read, as NAME:PLACE."""
    found = []
    for directory in places():
        for other in NAMES:
            with contextlib.suppress(OSError):
                if other != name and (directory / f"mark-{other}").read_text() == other:
                    found.append(f"{other}:{directory}")
    found += [f"{other}:System V shared memory" for other in NAMES if other != name and _shared_memory(other, 0) >= 0]
    return found


def sockets() -> list[str]:
    """Every socket that lets this process connect, by its path, and every abstract one."""
    found = []
    for directory in places():
        with contextlib.suppress(OSError):
            for path in directory.iterdir():
                with contextlib.suppress(OSError):
                    if stat.S_ISSOCK(path.lstat().st_mode) and _connects(str(path)):
                        found.append(str(path))
    abstract = {line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines() if "@" in line}
    return found + sorted(name for name in abstract if _connects("\0" + name[1:]))


def processes() -> list[str]:
    """Other users' processes that can be seen."""
    own = os.getuid()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if path.stat().st_uid not in {own, 65534}:
                found.append(path.name)
    return found


def _connects(address: str) -> bool:
    for kind in KINDS:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as sock:
            sock.connect(address)
            return True
    return False


def _shared_memory(name: str, flags: int) -> int:
    shmget: Callable[[int, int, int], int] = ctypes.CDLL(None).shmget
    return shmget(KEY + NAMES.index(name), 4096, flags)


def main() -> None:
    """As the file's first line says."""
    name, go = sys.argv[1], Path(sys.argv[2])
    left = leave(name, places())
    until_s = time.monotonic() + GO_S
    sys.stderr.write("left\n")
    while not go.exists():
        if time.monotonic() > until_s:
            raise SystemExit("nobody said go")
        time.sleep(0.1)
    said = {"left": left, "found": find(name), "spoke": sockets(), "processes": processes()}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
