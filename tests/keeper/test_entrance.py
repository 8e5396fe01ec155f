# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A store that cannot be used is told of and waited for; a second keeper is turned away."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import link, wire
from daemon.config import load
from daemon.keeper import entrance
from daemon.keeper.entrance import Entrance
from daemon.keeper.process import KeeperProcess
from hardware.disk import FileSystemDisk
from simulators.clock import SimClock
from simulators.places import clock_path
from simulators.state import prepare
from tests.disks import break_, small_disk
from tests.keeper.stores import name, recording
from tests.rooms import wait_for
from tests.waiting import PATIENCE_S


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that can become read-only."""
    with small_disk(tmp_path / "small", 24) as found:
        yield found


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def test_a_read_only_store_is_named_and_waited_for(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3, H1: a keeper that starts on a read-only disk says so to the alarm process, deletes nothing, does not say that
    it is ready, and begins by itself when the disk can be written again.
    """
    monkeypatch.setattr(entrance, "WAIT_S", 0.2)
    paths = prepare(tmp_path / "unit", "heusden-2020", None, ("127.0.0.1", 1))._replace(store=disk / "store")
    said: list[wire.KeeperState] = []
    alarm = link.Server(
        paths.unit_socket, lambda _, word: said.append(word) if isinstance(word, wire.KeeperState) else None
    )
    alarm.start()
    remount(disk, "ro")
    clock = SimClock(clock_path(paths))
    door = Entrance(paths, lambda: KeeperProcess(load(paths.etc), paths, clock, FileSystemDisk(disk)))
    thread = threading.Thread(target=door.run)
    thread.start()
    wait_for("what is wrong", lambda: said)
    assert "Read-only file system" in said[0].faults["keeper"]
    assert not paths.keeper_socket.exists(), "it is not ready"
    remount(disk, "rw")
    wait_for("the keeper", paths.keeper_socket.exists)
    wait_for("a keeper that is well", lambda: "keeper" not in said[-1].faults)
    door.stop()
    thread.join()
    alarm.close()


def test_what_a_cut_left_of_a_write_goes_at_the_start(tmp_path: Path) -> None:
    """H1, K7: power is cut while the keeper writes a small file of its own. What was never in force goes at the next
    start, or the daily walk would name it as a fault; a file that is not ours stays for a person to look at.
    """
    paths = prepare(tmp_path / "unit", "heusden-2020", None, ("127.0.0.1", 1))
    left = [path.with_name(path.name + ".new") for path in (paths.time, paths.ring_time, paths.audit_head)]
    for path in (*left, paths.store / "notes.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{")
    (paths.store / "somebodys.new").mkdir()  # and it keeps no keeper from starting
    process = KeeperProcess(load(paths.etc), paths, SimClock(clock_path(paths)), FileSystemDisk(tmp_path))
    try:
        process.begin()
    finally:
        process.close()
    assert not [path for path in left if path.exists()]
    assert (paths.store / "notes.txt").exists()
    assert (paths.store / "somebodys.new").is_dir()


def test_a_disk_that_becomes_read_only_is_named(disk: Path, tmp_path: Path) -> None:
    """K1, H1: a card that fails while the unit runs is a fault in the keeper's own words; nothing is taken for deleted,
    and the keeper goes on.
    """
    paths = prepare(tmp_path / "unit", "heusden-2020", None, ("127.0.0.1", 1))._replace(store=disk / "store")
    clock = SimClock(clock_path(paths))
    process = KeeperProcess(load(paths.etc), paths, clock, FileSystemDisk(disk))
    try:
        process.begin()
        path = recording(disk / "store", name("a"), boot=clock.boot_id(), at_boot_ns=clock.boot_ns())
        process._turn()
        if not break_(disk):
            pytest.skip("memory in a disk's place cannot fail: no loop devices here")
        clock.advance(168 * 3600)
        for _ in range(3):
            process._turn()
        assert "Read-only file system" in process._state().faults["keeper"]
        assert (path / "audio").is_dir()
        assert process._state().oldest_audio_h == 168.0
    finally:
        process.close()


def test_a_second_keeper_is_turned_away(tmp_path: Path) -> None:
    """K3: two keepers at once: the second ends with one clear text and its own exit code, and harms nothing; the first
    keeps its socket and its log.
    """
    state = tmp_path / "unit"
    paths = prepare(state, "heusden-2020", None, ("127.0.0.1", 1))
    process = KeeperProcess(load(paths.etc), paths, SimClock(clock_path(paths)), FileSystemDisk(paths.store))
    thread = threading.Thread(target=process.run)
    thread.start()
    wait_for("the first", paths.keeper_socket.exists)
    log = paths.audit_log.read_bytes()
    command = [sys.executable, "-m", "simulators.unit", "keeper", "--state", str(state)]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S, cwd=Path.cwd())
    assert second.returncode == 5
    assert "another keeper has this store" in second.stderr
    assert "Traceback" not in second.stderr
    assert link.ask(paths.keeper_socket, "state")["recordings"] == 0
    assert paths.audit_log.read_bytes().startswith(log)
    process.stop()
    thread.join()
