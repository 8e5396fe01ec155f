# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whether deleted blocks are discarded, by what the kernel and systemd show."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hardware import discard


def machine(root: Path, store: Path, options: str = "rw,relatime", **shown: str) -> Path:
    """A machine's files, for the device that a directory is really on."""
    device = store.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    lines = [
        "20 1 0:19 / /proc rw - proc proc rw",
        f"26 1 {number} / /old rw - ext4 /dev/x rw",
        f"27 1 {number} / / {options} shared:1 - ext4 /dev/mmcblk0p2 rw,errors=remount-ro",
    ]
    files = {"proc/self/mountinfo": "\n".join(lines) + "\n"}
    if "maximum" in shown:
        files[f"sys/dev/block/{number}/queue/discard_max_bytes"] = shown["maximum"] + "\n"
    if "timer" in shown:
        files[discard.TIMER] = ""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("options", "shown", "is_done"),
    [
        ("rw,relatime,discard", {"maximum": "4194304"}, True),
        ("rw,relatime", {"maximum": "4194304", "timer": "enabled"}, True),
        ("rw,relatime", {"maximum": "4194304"}, False),
        ("rw,discard", {"maximum": "0", "timer": "enabled"}, False),
        ("rw,discard", {}, True),
        ("rw,nodiscard", {}, False),
    ],
)
def test_discard_is_an_option_or_a_timer(tmp_path: Path, options: str, shown: dict[str, str], *, is_done: bool) -> None:
    """K1: what is deleted is gone from flash by the mount option or the weekly timer, where the disk takes discards."""
    found = discard.read(tmp_path, machine(tmp_path / "root", tmp_path, options, **shown))
    assert found is not None
    assert (found.mount, found.is_done) == ("/", is_done)


def test_a_machine_that_shows_nothing_tells_nothing(tmp_path: Path) -> None:
    """H1: without the kernel's list of mounts the answer is that nobody knows."""
    assert discard.read(tmp_path, tmp_path / "root") is None
    with pytest.raises(FileNotFoundError):
        discard.read(tmp_path / "gone")


def test_memory_keeps_nothing(tmp_path: Path) -> None:
    """K1: a store in memory has nothing to discard; the machine itself is asked, by a mount that is really there."""
    place = tmp_path / "memory"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "none", str(place)], check=True)
    try:
        found = discard.read(place)
        assert found is not None
        assert (found.mount, found.kind, found.is_done) == (str(place), "tmpfs", True)
    finally:
        subprocess.run(["umount", str(place)], check=True)
