# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Where a copy may go: not on the unit itself, where nothing would delete it (promise K1).

Invariant: the unit's own file systems are the store's, the system's, any on the same disk as either, and those in
memory. Any other is a medium.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

MEMORY = frozenset({"tmpfs", "ramfs", "overlay"})
"""File systems in the unit's memory or on top of its own disk."""
MOUNTS = Path("/proc/self/mountinfo")
DEVICES = Path("/sys/dev/block")


def of_the_unit(target: os.stat_result, store_device: int) -> str:
    """Why a copy there would stay on the unit; empty: it would not. `store_device`: the store's `st_dev`."""
    if not (stat.S_ISDIR(target.st_mode) or stat.S_ISREG(target.st_mode)):
        return ""  # a pipe: its other end is unknown
    if target.st_dev == store_device:
        return "the file system of the store"
    kinds = _kinds()
    if kinds.get(target.st_dev) in MEMORY:
        return f"a file system of the unit itself ({kinds[target.st_dev]})"
    root = Path("/").stat().st_dev
    if target.st_dev == root or (_disk(target.st_dev) and _disk(target.st_dev) in {_disk(root), _disk(store_device)}):
        return "the disk of the unit itself"
    return ""


def _disk(device: int) -> str:
    """The whole disk of a partition; empty: it is not on one."""
    try:
        path = (DEVICES / f"{os.major(device)}:{os.minor(device)}").resolve(strict=True)
    except OSError:
        return ""
    return str(path.parent if (path / "partition").exists() else path)


def _kinds() -> dict[int, str]:
    """Type of the file system behind each device number; empty if the platform does not tell."""
    found = {}
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    for line in lines:
        before, _, after = line.partition(" - ")
        if len(words := before.split()) > 2 and after:  # noqa: PLR2004 - the third is the device (proc(5))
            major, _, minor = words[2].partition(":")
            found[os.makedev(int(major), int(minor))] = after.split()[0]
    return found
