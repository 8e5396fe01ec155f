# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room's clock: one time for all its processes, moved from any of them, never read half."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from daemon.errors import DeviceError
from simulators import clock as clocks
from simulators.clock import SimClock

DAY_S, NS = 86_400, 1_000_000_000


class Own:
    """The machine's own time since then: a room's clock goes on with it."""

    def __init__(self) -> None:
        self._began_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def passed_ns(self) -> int:
        """So far."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._began_ns


def test_time_that_passes_moves_both_clocks(clock: SimClock) -> None:
    """K4: when time passes, boot time and wall time move by the same, at once, for everybody."""
    other, own = SimClock(clock._path), Own()
    before = clock.read()
    clock.advance(10 * DAY_S)
    after = other.read()
    assert 10 * DAY_S * NS <= after.boot_ns - before.boot_ns <= 10 * DAY_S * NS + own.passed_ns()
    assert after.wall_ns - before.wall_ns == after.boot_ns - before.boot_ns


def test_the_wall_clock_steps_alone(clock: SimClock) -> None:
    """K4: the wall clock may be set to any time, and the boot clock does not notice."""
    own = Own()
    before_ns = clock.boot_ns()
    clock.set_wall(0)
    assert 0 <= clock.read().wall_ns <= own.passed_ns()
    assert clock.boot_ns() - before_ns <= own.passed_ns()
    assert clock.read().state == "synchronised"
    clock.set_synchronised(False)
    assert clock.read().state == "unsynchronised"
    assert clock.read().wall_ns <= own.passed_ns()


def test_a_boot_clock_never_goes_back(clock: SimClock) -> None:
    """A4: a step back is refused, and changes nothing."""
    before_ns = clock.boot_ns()
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(-1)
    assert clock.boot_ns() >= before_ns


def test_each_room_boots_by_itself(clock: SimClock, tmp_path: Path) -> None:
    """A4: who opens a room's clock sees its boot; another room has another one."""
    assert SimClock(clock._path).boot_id() == clock.boot_id()
    assert SimClock.create(tmp_path / "other").boot_id() != clock.boot_id()


def test_another_process_moves_it_too(clock: SimClock) -> None:
    """K4: the time is the file's: a process that moves it moves it here."""
    code = "import pathlib, sys; from simulators.clock import SimClock; SimClock(pathlib.Path(sys.argv[1])).set_wall(0)"
    home, own = {"PYTHONPATH": str(Path(__file__).parents[2])}, Own()
    subprocess.run([sys.executable, "-c", code, clock._path], check=True, env=home)
    assert clock.read().wall_ns <= own.passed_ns()


def test_writers_at_once_lose_nothing_and_readers_see_no_half(clock: SimClock) -> None:
    """K4: every step of every writer counts, and no reading is from between two of them."""
    before = clock.read()

    def write() -> None:
        mine = SimClock(clock._path)
        for _ in range(150):
            mine.advance(1)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    seen = [before]
    while any(writer.is_alive() for writer in writers):
        seen.append(clock.read())
    assert clock.boot_ns() - before.boot_ns == pytest.approx(450 * 1e9, abs=5e9)
    assert all(one.boot_ns <= two.boot_ns for one, two in pairwise(seen))
    assert {one.wall_ns - one.boot_ns for one in seen} == {before.wall_ns - before.boot_ns}


def test_a_writer_that_was_killed_halfway_has_changed_nothing(clock: SimClock) -> None:
    """K4: a record that is half written is not believed, and the next writer puts a whole one there."""
    clock.advance(5)
    own = Own()
    before_ns = clock.boot_ns()
    spare = clocks.RECORDS_AT  # the record with an even number: 0; the one in force is 1
    clock._map[spare : spare + clocks.FIELDS.size] = clocks.FIELDS.pack(2, 1 << 60, 1 << 60, True)
    assert clock.boot_ns() - before_ns <= own.passed_ns()
    SimClock(clock._path).advance(7)
    assert 7 * NS <= clock.boot_ns() - before_ns <= 7 * NS + own.passed_ns()


def test_what_is_no_clock_is_refused(tmp_path: Path) -> None:
    """A4: a missing, short or foreign file is an error that names it."""
    with pytest.raises(DeviceError, match=r"missing: .*No such file"):
        SimClock(tmp_path / "missing")
    for content in (b"", b"x" * 1000):
        (tmp_path / "foreign").write_bytes(content)
        with pytest.raises(DeviceError, match=r"clock .*foreign: .*; expected"):
            SimClock(tmp_path / "foreign")
