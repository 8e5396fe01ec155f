# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whether what is deleted on the store's disk is discarded: until then flash gives deleted blocks and names back.

The law here: nothing is guessed, and only the kernel's and systemd's own files are read. What is not shown is None.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

MOUNTS = "proc/self/mountinfo"
DEVICE, PLACE, OPTIONS = 2, 4, 5
"""Fields of a line of mountinfo, proc(5)."""
TIMER = "etc/systemd/system/timers.target.wants/fstrim.timer"
"""There when the weekly trim is enabled (systemctl enable fstrim.timer), as Debian and Raspberry Pi OS ship it."""


class Discard(msgspec.Struct, frozen=True):
    """What is known of one file system."""

    mount: str
    """Where it is mounted."""
    kind: str
    """ext4, tmpfs and so on."""
    is_mounted_with: bool
    """Mounted with `discard`: each deletion is handed on at once."""
    has_timer: bool
    """fstrim.timer is enabled: once a week."""
    is_possible: bool | None
    """The device takes discards; None: it does not tell."""

    @property
    def is_done(self) -> bool:
        """Whether deleted blocks go within a week. Memory keeps none."""
        return self.kind in {"tmpfs", "ramfs"} or (
            self.is_possible is not False and (self.is_mounted_with or self.has_timer)
        )


def read(path: Path, root: Path = Path("/")) -> Discard | None:
    """What holds of the file system that a directory is on; None where the kernel does not show it.

    `root`: /, but for a simulated board. Raises OSError for a directory that is not there.
    """
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in reversed(_lines(root / MOUNTS)):  # the last mount of a device is the one on top
        fields, _, after = line.partition(" - ")
        parts, (kind, _, options) = fields.split(" "), (*after.split(" "), "", "", "")[:3]
        if parts[DEVICE : DEVICE + 1] == [number] and len(parts) > OPTIONS:
            told = {option.partition("=")[0] for option in f"{parts[OPTIONS]},{options}".split(",")}
            return Discard(parts[PLACE], kind, "discard" in told, (root / TIMER).exists(), _is_possible(root, number))
    return None


def _is_possible(root: Path, number: str) -> bool | None:
    """By the queue of the disk, or of the disk that a partition is on."""
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
