# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The file system of the store, asked how much room it has."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.errors import DeviceError
from hardware.ports import DiskSpace


class FileSystemDisk:
    """`hardware.ports.Disk` by statvfs(3). Any thread. Local disks only: a network disk that hangs would hang us."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def space(self) -> DiskSpace:
        """Bytes in all, and what an unprivileged process may still write: f_bavail, root's reserve is not ours."""
        try:
            found = os.statvfs(self._path)
        except OSError as error:
            raise DeviceError(f"disk of {self._path}: {error.strerror}; expected a directory that is there") from error
        size = found.f_frsize
        used = found.f_blocks - found.f_bfree
        return DiskSpace(total_bytes=found.f_blocks * size, free_bytes=found.f_bavail * size, used_bytes=used * size)
