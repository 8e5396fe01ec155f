# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The free space of the store's file system."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.errors import DeviceError
from hardware.ports import DiskSpace


class FileSystemDisk:
    """`hardware.ports.Disk` by statvfs(3). Any thread. Local disks only: a hanging network disk would hang us."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def space(self) -> DiskSpace:
        """Total bytes, and those an unprivileged process may still write: f_bavail, without root's reserve."""
        try:
            found = os.statvfs(self._path)
        except OSError as error:
            raise DeviceError(f"disk of {self._path}: {error.strerror}; expected a directory that is there") from error
        size = found.f_frsize
        used = found.f_blocks - found.f_bfree
        return DiskSpace(total_bytes=found.f_blocks * size, free_bytes=found.f_bavail * size, used_bytes=used * size)
