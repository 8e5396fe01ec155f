# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Small file systems of their own, so that a test can fill one to the last byte."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

PIECES = (65_536, 4096, 512, 1)
"""Sizes of writes by which a disk is filled: each until it takes no more."""


@contextlib.contextmanager
def small_disk(place: Path, megabytes: int, mount: Path | None = None) -> Iterator[Path]:
    """ext4 in a file where there are loop devices; else memory, which fills up the same way. Needs root.

    `mount`: where it is to be found; without it, below `place`.
    """
    image, mount = place / "disk.img", mount or place / "disk"
    place.mkdir(parents=True, exist_ok=True)
    mount.mkdir(parents=True, exist_ok=True)
    subprocess.run(["truncate", "-s", f"{megabytes}M", str(image)], check=True)
    subprocess.run(["mke2fs", "-q", "-m", "0", "-t", "ext4", str(image)], check=True)
    done = subprocess.run(
        ["mount", "-o", "loop,errors=remount-ro", str(image), str(mount)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}M", "none", str(mount)], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def break_(disk: Path) -> bool:
    """Makes ext4 find an error, as a failing card does: it turns read-only under whoever has files open; no way back.

    False where the disk is memory, which has no such thing.
    """
    device = subprocess.run(["findmnt", "-n", "-o", "SOURCE", str(disk)], capture_output=True, text=True, check=True)
    trigger = Path("/sys/fs/ext4") / Path(device.stdout.strip()).name / "trigger_fs_error"
    if not trigger.exists():
        return False
    trigger.write_text("1")
    return True


def fill(disk: Path, leave: int = 0, name: str = "ballast") -> Path:
    """Fills a disk with one file until so many bytes are free, or fewer; with 0, until not one more byte is taken."""
    ballast = disk / name
    with ballast.open("ab", buffering=0) as file:
        if leave:
            with contextlib.suppress(OSError):  # a unit that writes meanwhile may have had the rest
                while (room := shutil.disk_usage(disk).free - leave) > 0:
                    file.write(b"x" * min(room, 1_000_000))
            return ballast
        for size in PIECES:
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
        with contextlib.suppress(OSError):
            os.fsync(file.fileno())
    return ballast
