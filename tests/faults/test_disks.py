# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A disk that is full, read-only or stands still under the journal: real ones, each a file system in a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.model.mobile import AGAIN
from simulators.link import Link
from tests.faults.house import House, house
from tests.faults.stranger import Stranger
from tests.rooms import wait_for

FROZEN_S_MAX = 90
"""A disk stands still for some seconds here; a process that hangs on one cannot be killed."""
BALLAST_BYTES = 4096
MOBILE = """
[[mobile]]
name = "hall"
topic = "gw/hall"
pressed = ["PRESSED"]
"""


class Disk:
    """A file system of 8 MB of its own: ext4, as on a unit's card. Only root may mount one.

    Where the machine has no loop devices it is in memory; that one can be full, and no more.
    """

    def __init__(self, home: Path) -> None:
        self._image, self.path = home / "disk.img", home / "disk"
        self.path.mkdir()
        _run("truncate", "-s", "8M", str(self._image))
        # No reserve for root, or it would not be full for us; `remount-ro` is what Raspberry Pi OS does at an error.
        _run("mke2fs", "-q", "-m", "0", "-t", "ext4", "-e", "remount-ro", str(self._image))
        self.is_real = _does("mount", "-o", "loop", str(self._image), str(self.path))
        if not self.is_real:
            _run("mount", "-t", "tmpfs", "-o", "size=8M", "none", str(self.path))

    def repair(self) -> None:
        """As at a start after an error: the file system is checked, and mounted again. Exit code 1: it was mended."""
        _run("umount", str(self.path))
        # Another file and device: a process with mounts of its own may still have the old ones, as they failed.
        before, self._image = self._image, self._image.with_name(f"disk-{time.monotonic_ns()}.img")
        _run("cp", "--sparse=always", str(before), str(self._image))
        before.unlink()
        done = subprocess.run(["e2fsck", "-p", str(self._image)], capture_output=True, text=True, check=False)
        assert done.returncode in {0, 1}, done.stdout
        _run("mount", "-o", "loop", str(self._image), str(self.path))

    def fill(self) -> None:
        """To the last block."""
        free = shutil.disk_usage(self.path).free
        with (self.path / "ballast").open(
            "wb", buffering=0
        ) as ballast:  # what a buffer held would be refused at its end
            _run("fallocate", "-l", str(free - BALLAST_BYTES * 8), ballast.name)
            ballast.seek(0, os.SEEK_END)
            with contextlib.suppress(OSError):
                while ballast.write(bytes(BALLAST_BYTES)):
                    pass

    def empty(self) -> None:
        """There is room again."""
        (self.path / "ballast").unlink()

    def fail(self) -> None:
        """What ext4 does when a card gives back nonsense: it becomes read-only under who is writing to it."""
        _run("mount", "-o", "remount,abort", str(self.path))

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Whoever writes or syncs stands still, and cannot even be killed, until the block ends.

        Should these tests die in the middle, a watchdog of their own ends it.
        """
        thaw = f"fsfreeze --unfreeze '{self.path}'"
        watchdog = subprocess.Popen(["sh", "-c", f"sleep {FROZEN_S_MAX}; {thaw}"], start_new_session=True)
        _run("fsfreeze", "--freeze", str(self.path))
        try:
            yield
        finally:
            os.killpg(watchdog.pid, signal.SIGKILL)
            watchdog.wait()
            _run("sh", "-c", thaw)


def _does(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()}"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """Where the journal lies in these tests."""
    if os.geteuid():
        pytest.skip("only root may mount a disk")
    found = Disk(tmp_path_factory.mktemp("disk"))
    yield found
    _run("umount", "--lazy", str(found.path))


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, disk: Disk) -> Iterator[House]:
    """One house for all of them: each fault leaves no trace, and that is checked."""
    home = tmp_path_factory.mktemp("house")
    (home / "unit").mkdir()
    (home / "unit" / "journal").symlink_to(disk.path)
    with house(home, witness=True, more=MOBILE) as it:
        yield it


@pytest.fixture
def it(standing: House) -> Iterator[House]:
    """The house, in which nothing is wrong before, nor after."""
    standing.unit.well()
    yield standing
    standing.ends_well()


@pytest.fixture
def real_disk(disk: Disk) -> Disk:
    """One that can fail and stand still."""
    if not disk.is_real:
        pytest.skip("no loop device here, and a file system in memory neither fails nor stands still")
    return disk


def goes_out(it: House) -> str:
    """Presses; the alarm is at the receiver and shown as stored, whatever the journal does."""
    pressed = it.unit.press()
    it.unit.has_level(pressed, "stored")
    assert it.unit.lines()[pressed]["kept_ms"] is None
    return pressed


def is_kept(it: House, event_id: str) -> None:
    """Waits until the journal has it."""
    wait_for("the journal has it", lambda: it.unit.lines()[event_id]["kept_ms"] is not None)


def test_a_full_disk(it: House, disk: Disk) -> None:
    """A1, A3: with the disk full to the last block alarms go out at once; the fault is told; with room again they are
    in the journal as well.
    """
    disk.fill()
    pressed = goes_out(it)
    it.unit.has_fault("journal", "database or disk is full")
    goes_out(it)
    it.others.add("reset")
    it.unit.reset()
    it.unit.shows("fault")
    disk.empty()
    it.unit.well()
    is_kept(it, pressed)


@pytest.mark.case("alarm 6")
def test_a_wireless_press_on_a_full_disk_and_a_kill(it: House, disk: Disk) -> None:
    """A1: an alarm goes out before the disk has it. With the disk full, and the unit killed before the broker had its
    acknowledgement, the press is delivered again: the unit does not know that it was told, tells it twice, and says so.
    """
    disk.fill()
    with Stranger(it.broker.port) as gateway:
        it.link.becomes(Link.NO_ANSWER)
        gateway.say("gw/hall", b"PRESSED")
        first = it.unit.hears()
        it.receiver.first(first)
        it.unit.kill()
        disk.empty()
        it.link.becomes(Link.WHOLE)
        it.unit.start()
        assert it.unit.hears() != first
    assert [it.receiver.body(event_id).data.detail for event_id in it.unit.pressed[-2:]] == ["", AGAIN]


def test_a_disk_that_stands_still(it: House, real_disk: Disk) -> None:
    """A3: while the disk answers nothing at all alarms go out at once, a commit that hangs is a fault, and what hung is
    kept when the disk goes on.
    """
    with real_disk.frozen():
        pressed = goes_out(it)
        it.unit.has_fault("journal", "the disk has not answered for over 5 s")
        goes_out(it)
    it.unit.well()
    is_kept(it, pressed)


def test_a_disk_that_stands_still_without_a_broker(it: House, real_disk: Disk) -> None:
    """A1, A3: with neither disk nor broker presses are remembered; each arrives when the broker is back, the disk
    still standing still.
    """
    it.broker.kill()
    it.unit.has_fault("broker")
    with real_disk.frozen():
        it.unit.press(3)
        it.unit.shows("raised")
        it.broker.start()
        it.settles()


def test_a_disk_that_becomes_read_only(it: House, real_disk: Disk) -> None:
    """A1, A3: with a card that fails, and a file system that has become read-only for it, alarms go out at once and the
    fault is told; after the repair a start finds the journal as it was, and nothing is sent twice or raised anew.
    """
    kept = it.unit.press()
    it.unit.has_level(kept, "stored")
    is_kept(it, kept)
    it.unit.reset()
    real_disk.fail()
    goes_out(it)
    it.unit.has_fault("journal", "alarms.sqlite3: ")
    it.unit.stop()
    real_disk.repair()
    it.unit.start()
    it.unit.well()
    assert kept in it.unit.lines()
    is_kept(it, it.unit.press())
