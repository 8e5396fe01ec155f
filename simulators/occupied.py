# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whether a simulated room runs in a state directory: its process holds a lock there, which the kernel releases."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from daemon.errors import UnitError
from daemon.paths import Paths


class Occupied:
    """Held by the process that runs a room, as long as it lives; taken over from a killed one."""

    def __init__(self, paths: Paths) -> None:
        """Raises UnitError if a room is already running: two would take each other's sockets."""
        paths.run.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(_path(paths), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            whose = os.read(self._fd, 20).decode(errors="replace").strip()
            os.close(self._fd)
            raise UnitError(
                f"{paths.run.parent}: a room runs there already (process {whose}); end it, or name another with --state"
            ) from None
        os.truncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def leave(self) -> None:
        """The room has ended."""
        os.close(self._fd)


def check_runs(paths: Paths) -> None:
    """Raise UnitError if no simulated room runs there. Creates nothing."""
    try:
        fd = os.open(_path(paths), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise _nobody(paths) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return
    finally:
        os.close(fd)
    raise _nobody(paths)


def _nobody(paths: Paths) -> UnitError:
    return UnitError(f"{paths.run.parent}: no simulated room runs there; start one with `spreekkamer-sim run`")


def _path(paths: Paths) -> Path:
    return paths.run / "room.lock"
