# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The card of a simulated room: ext4 in a file, which can be full, stand still, fail, turn read-only, and lose power.

The law here: a cut of the power loses what was not synced. The file system is shut down under its journal
(EXT4_IOC_SHUTDOWN, without a flush), checked and mounted again, as a boot does after a cut.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.disks import fill

SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN: _IOR('X', 125, __u32)."""
WITHOUT_FLUSH = (2).to_bytes(4, "little")
"""EXT4_GOING_FLAGS_NOLOGFLUSH: not even the file system's journal is written."""
FROZEN_S_MAX = 60
"""A card that stands still is let go after so long, should the tests die meanwhile."""
FREE_S = 20.0
"""A process that was killed gives back its files within a second."""


class Card:
    """Needs root and a loop device."""

    def __init__(self, home: Path, megabytes: int = 64) -> None:
        self._image, self.path = home / "card.img", home / "card"
        self.path.mkdir(parents=True)
        self._watchdog: subprocess.Popen[bytes] | None = None
        _run("truncate", "-s", f"{megabytes}M", str(self._image))
        _run("mke2fs", "-q", "-m", "0", "-t", "ext4", "-e", "remount-ro", str(self._image))
        self._device = self._attached()
        self._mount()

    def fill(self) -> None:
        """To the last byte."""
        fill(self.path)

    def empty(self) -> None:
        """There is room again."""
        with contextlib.suppress(OSError):
            (self.path / "ballast").unlink(missing_ok=True)

    def freeze(self) -> None:
        """Whoever writes or syncs stands still, and cannot even be killed."""
        thaw = f"fsfreeze --unfreeze '{self.path}'"
        self._watchdog = subprocess.Popen(["sh", "-c", f"sleep {FROZEN_S_MAX}; {thaw}"], start_new_session=True)
        _run("fsfreeze", "--freeze", str(self.path))

    def thaw(self) -> None:
        """It goes on; nothing where it does already."""
        if self._watchdog is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._watchdog.pid, signal.SIGKILL)
        self._watchdog.wait()
        self._watchdog = None
        subprocess.run(["fsfreeze", "--unfreeze", str(self.path)], capture_output=True, check=False)

    def fail(self) -> None:
        """Every read and every write is an error from now on."""
        self._shut_down()

    def become_read_only(self) -> None:
        """As ext4 does at an error of the card under whoever has files open."""
        _run("mount", "-o", "remount,abort", str(self.path))

    def lose_power(self) -> None:
        """What was not synced is gone. Nobody may have a file open any more."""
        self.thaw()
        with contextlib.suppress(OSError):  # it had failed already
            self._shut_down()
        until_s = time.monotonic() + FREE_S
        while subprocess.run(["umount", str(self.path)], capture_output=True, check=False).returncode:
            assert time.monotonic() < until_s, "the card is still in use"
            time.sleep(0.05)
        # Another file and device: a process with mounts of its own may still have the old ones, as they failed.
        before = self._image
        self._image = before.with_name(f"card-{time.monotonic_ns()}.img")
        _run("cp", "--sparse=always", str(before), str(self._image))
        before.unlink()
        self._device = self._attached()
        # As a boot with fsck.repair=yes does (docs/guide/install.md): an orphan list can be beyond what -p repairs.
        done = subprocess.run(["e2fsck", "-y", "-f", self._device], capture_output=True, text=True, check=False)
        assert done.returncode in {0, 1}, done.stdout
        self._mount()

    def take_out(self) -> None:
        """For good."""
        self.thaw()
        subprocess.run(["umount", "--lazy", str(self.path)], capture_output=True, check=False)

    def _attached(self) -> str:
        return _run("losetup", "--find", "--show", str(self._image)).strip()

    def _mount(self) -> None:
        """Detached while it is in use: the device goes with its last mount, also when the tests are killed."""
        _run("mount", "-o", "errors=remount-ro", self._device, str(self.path))
        _run("losetup", "--detach", self._device)

    def _shut_down(self) -> None:
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, WITHOUT_FLUSH)
        finally:
            os.close(fd)


@contextlib.contextmanager
def card(home: Path) -> Iterator[Card | None]:
    """A card, or none where nobody may mount one: its faults are not staged then."""
    if os.geteuid():
        yield None
        return
    try:
        found = Card(home)
    except AssertionError:  # no loop device
        yield None
        return
    try:
        yield found
    finally:
        found.take_out()


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()}"
    return done.stdout
