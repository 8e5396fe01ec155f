# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The store's disk of a simulated room, which can be full, read-only or slow, as its processes see it.

The unit writes by a few calls of `os`, all in `daemon/durable.py` and beside it. Here a layer is placed between them
and the kernel: on a full or read-only disk they fail with the kernel's errors, on a slow one they take their time. The
alarm's journal belongs to SQLite and stays well: a completely broken card has to be tried with a real one.
"""

from __future__ import annotations

import errno
import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from daemon.paths import Paths
from hardware.disk import FileSystemDisk
from hardware.ports import DiskSpace
from simulators.pace import obey_faults
from simulators.places import faults_path

SLOW_S = 2.0
"""How long a sync takes on a slow disk: a segment of a second needs several, so that a recording falls behind."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class FaultyDisk(FileSystemDisk):
    """`hardware.ports.Disk`, and the layer between its process and the kernel. One per process; any thread."""

    fault_names = ("full", "readonly", "slow")

    def __init__(self, paths: Paths) -> None:
        super().__init__(paths.store)
        self.faults: frozenset[str] = frozenset()
        self._below = str(paths.store)
        obey_faults(self, "disk", faults_path(paths))

    def fault(self, name: str, *, on: bool = True) -> None:
        """Make or mend one of `fault_names`."""
        self.faults = self.faults | {name} if on else self.faults - {name}

    def space(self) -> DiskSpace:
        """As measured; a full one has no free byte."""
        found = super().space()
        return replace(found, free_bytes=0, used_bytes=found.total_bytes) if "full" in self.faults else found

    def stand_between(self) -> FaultyDisk:
        """From now on this process's writes below the store meet this disk."""
        for name in ("mkdir", "unlink", "rename", "link"):
            self._put_before(name, self._changes)
        self._put_before("open", self._opens)
        self._put_before("write", self._writes)
        self._put_before("fsync", self._syncs)
        return self

    def _put_before(self, name: str, check: Callable[..., None]) -> None:
        real = getattr(os, name)

        @functools.wraps(real)
        def call(*args: Any, **more: Any) -> Any:
            if self.faults:
                check(*args, **more)
            return real(*args, **more)

        setattr(os, name, call)

    def _changes(self, path: Any, *others: Any, **more: Any) -> None:
        directory = more.get("dst_dir_fd", more.get("dir_fd"))
        target = others[0] if "dst_dir_fd" in more else path  # link(2) by descriptors: the new name, not its source
        if not self._is_here(target, directory):
            return
        if "readonly" in self.faults:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(target))

    def _opens(self, path: Any, flags: int = 0, *_: Any, **more: Any) -> None:
        if "readonly" in self.faults and flags & WRITES and self._is_here(path, more.get("dir_fd")):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def _writes(self, fd: int, _: Any) -> None:
        for fault, number in (("readonly", errno.EROFS), ("full", errno.ENOSPC)):
            if fault in self.faults and self._is_here("", fd):
                raise OSError(number, os.strerror(number))

    def _syncs(self, fd: int) -> None:
        if "slow" in self.faults and self._is_here("", fd):
            time.sleep(SLOW_S)

    def _is_here(self, path: Any, directory: int | None) -> bool:
        """Whether a path, below an open directory if one is given, belongs to the store."""
        base = Path.cwd() if directory is None else Path(os.readlink(f"/proc/self/fd/{directory}"))  # noqa: PTH115 - its text
        return str(base / os.fspath(path)).startswith(self._below)
