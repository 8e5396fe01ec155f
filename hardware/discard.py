# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whether deleted blocks on the store's disk are discarded: until then flash still returns their data and names.

Invariant: nothing is guessed, and only files of the kernel and systemd are read. An unknown value is None.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

MOUNTS = "proc/self/mountinfo"
DEVICE, PLACE, OPTIONS = 2, 4, 5
"""Fields of a line of mountinfo, proc(5)."""
TIMER = "etc/systemd/system/timers.target.wants/fstrim.timer"
"""Exists if the weekly trim is enabled (systemctl enable fstrim.timer), as shipped by Debian and Raspberry Pi OS."""


class Discard(msgspec.Struct, frozen=True):
    """Discard settings of one file system."""

    mount: str
    """Where it is mounted."""
    kind: str
    """ext4, tmpfs and so on."""
    is_mounted_with: bool
    """Mounted with `discard`: each deletion is passed on at once."""
    has_timer: bool
    """fstrim.timer is enabled: once a week."""
    is_possible: bool | None
    """The device accepts discards; None: it does not tell."""

    @property
    def is_done(self) -> bool:
        """Whether deleted blocks are discarded within a week. Memory keeps none."""
        return self.kind in {"tmpfs", "ramfs"} or (
            self.is_possible is not False and (self.is_mounted_with or self.has_timer)
        )


def read(path: Path, root: Path = Path("/")) -> Discard | None:
    """The settings of a directory's file system; None: the kernel does not show it.

    `root`: /, except for a simulated board. Raises OSError for a missing directory.
    """
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in reversed(_lines(root / MOUNTS)):  # of a device, the last mount is on top
        fields, _, after = line.partition(" - ")
        parts, (kind, _, options) = fields.split(" "), (*after.split(" "), "", "", "")[:3]
        if parts[DEVICE : DEVICE + 1] == [number] and len(parts) > OPTIONS:
            told = {option.partition("=")[0] for option in f"{parts[OPTIONS]},{options}".split(",")}
            return Discard(parts[PLACE], kind, "discard" in told, (root / TIMER).exists(), _is_possible(root, number))
    return None


def _is_possible(root: Path, number: str) -> bool | None:
    """By the queue of the disk, or of the partition's disk."""
    block = root / "sys/dev/block" / number
    for queue in (block / "queue", block.resolve().parent / "queue"):
        lines = _lines(queue / "discard_max_bytes")
        if lines:
            return lines[0].strip() != "0"
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
