# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Deletions that come late say how late, and why; seen through the whole keeper, a turn at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.config import load
from daemon.keeper.process import KeeperProcess
from daemon.paths import Paths
from daemon.people import Door
from hardware.disk import FileSystemDisk
from simulators.state import prepare
from tests.keeper.stores import H_NS, NS, Clock, audit_lines, name, recording

A = name("a")
DAY_NS = 24 * H_NS
WEEK_NS = 7 * DAY_NS


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A unit's directory, and a loop that does not wait."""
    monkeypatch.setattr("daemon.keeper.process.WAIT_MAX_S", 0.0)
    return prepare(tmp_path / "unit", "heusden-2020", None, ("127.0.0.1", 1))


def begun(paths: Paths, clock: Clock) -> KeeperProcess:
    """A start, as far as READY."""
    process = KeeperProcess(load(paths.etc), paths, clock, FileSystemDisk(paths.store), Door({}))
    process.begin()
    return process


def turns(process: KeeperProcess, clock: Clock, seconds: int, step_s: int = 5) -> None:
    """Time passes, and the loop turns."""
    for _ in range(0, seconds, step_s):
        clock.on(step_s * NS)
        process._turn()


def told(paths: Paths) -> tuple[int, str]:
    """Of the one deletion."""
    (line,) = audit_lines(paths.store, "deleting")
    return line["late_s"], line["late_why"]


def test_in_time(paths: Paths) -> None:
    """K1: within the minute, and no excuse, with the power on all the time."""
    clock = Clock()
    recording(paths.store, A, at_boot_ns=clock.now_ns)
    process = begun(paths, clock)
    clock.on(WEEK_NS - 10 * NS)
    turns(process, clock, 60)
    process.close()
    assert told(paths) == (0, "")


def test_a_track_that_came_after_its_recording_was_seen(paths: Paths) -> None:
    """K1: a microphone that comes back in the middle of a recording: its sound goes at its own term, in time, and not
    with whatever the keeper sweeps next (found by `make together`).
    """
    clock = Clock()
    path = recording(paths.store, A, at_boot_ns=clock.now_ns, closed=False)
    away = paths.store / "sound"
    (path / "audio").rename(away)
    (path / "audio.0.key.age").unlink()
    process = begun(paths, clock)
    turns(process, clock, 10)
    away.rename(path / "audio")
    for file in ("end.json", "SHA256SUMS", "SHA256SUMS.sig"):
        (path / file).write_bytes(b"{}")
    turns(process, clock, 30)
    clock.on(WEEK_NS - 60 * NS)
    turns(process, clock, 60)
    process.close()
    assert [line["track"] for line in audit_lines(paths.store, "deleting")] == ["audio"]
    assert told(paths) == (0, "")


def test_the_unit_was_off(paths: Paths) -> None:
    """K1, K4: off for ten days with two left to go: it goes when its clock has stood for ten minutes, eight days late,
    because the unit was off.
    """
    clock = Clock()
    recording(paths.store, A, at_boot_ns=clock.now_ns - 5 * DAY_NS)
    process = begun(paths, clock)
    turns(process, clock, 700)
    process._time.keep(stopping=True)
    process.close()
    later = Clock(10 * NS, clock.wall_ns + 10 * DAY_NS, "two")
    process = begun(paths, later)
    turns(process, later, 590)
    assert audit_lines(paths.store, "deleting") == []
    turns(process, later, 30)
    process.close()
    late_s, why = told(paths)
    assert why == "off"
    assert late_s == pytest.approx(8 * 86_400, abs=2000)


def test_the_clock_was_not_trusted(paths: Paths) -> None:
    """K1, K4: it fell due in this boot, while no UTC was believed: late by the time that it took to be."""
    clock = Clock()
    recording(paths.store, A, at_boot_ns=clock.now_ns - WEEK_NS + 2 * H_NS)
    process = begun(paths, clock)
    turns(process, clock, 700)
    process._time.keep(stopping=True)
    process.close()
    later = Clock(10 * NS, clock.wall_ns + H_NS, "two")
    later.state = "unsynchronised"
    process = begun(paths, later)
    later.on(50 * 60 * NS)  # an hour off, 12 minutes before it, and 50 minutes on: two hours and two minutes
    process._turn()
    assert audit_lines(paths.store, "deleting") == []
    later.state = "synchronised"
    turns(process, later, 180)
    process.close()
    late_s, why = told(paths)
    assert why == "clock"
    assert 60 < late_s < 300


def test_the_disk_refused(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """K1: refused for five minutes and tried each half: gone within half a minute of the disk's coming back, with one
    line that was in time, and named as a fault in between.
    """
    clock, really = Clock(), os.unlink
    recording(paths.store, A, at_boot_ns=clock.now_ns)
    process = begun(paths, clock)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "unlink", refuse)
    clock.on(WEEK_NS)
    turns(process, clock, 300)
    assert "Input/output error" in process._state().faults["keeper"]
    monkeypatch.setattr(os, "unlink", really)
    turns(process, clock, 35)
    process.close()
    assert len(audit_lines(paths.store, "deleted")) == 1
    assert told(paths) == (5, "")
    (receipt,) = audit_lines(paths.store, "deleted")
    assert (receipt["finished_later"], receipt["late_why"]) == (True, "disk")
    assert receipt["late_s"] == pytest.approx(310, abs=30)


def test_the_keeper_was_not_running(paths: Paths) -> None:
    """K1: a keeper that was down when it fell due deletes at its start, and says so."""
    clock = Clock()
    recording(paths.store, A, at_boot_ns=clock.now_ns)
    process = begun(paths, clock)
    process.close()
    clock.on(WEEK_NS + 10 * 60 * NS)
    begun(paths, clock).close()
    assert told(paths) == (600, "keeper")
