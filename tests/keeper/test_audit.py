# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The log at the keeper's start: what does not hold together is named and keeps nothing from being deleted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.config import load
from daemon.keeper.audit import AuditLog
from daemon.keeper.process import KeeperProcess
from daemon.model.ledger import START, Walk
from daemon.people import Door
from daemon.records import sha256
from hardware.clock import SystemClock
from hardware.disk import FileSystemDisk
from simulators.state import prepare
from tests.auditlog import act, sample
from tests.auditlog import raw as line_of
from tests.keeper.desks import DAY_NS, NOW_NS, Hands, recorded
from tests.keeper.stores import audit_lines

A = "a" * 32


def keeper(state: Path, clock: Hands) -> KeeperProcess:
    """One start, as far as it can be driven by hand."""
    paths = prepare(state, "heusden-2020", None, ("127.0.0.1", 1))
    return KeeperProcess(load(paths.etc), paths, clock, FileSystemDisk(paths.store), Door({}))


def started(state: Path, clock: Hands) -> KeeperProcess:
    """A start that has swept, signed and ended."""
    process = keeper(state, clock)
    process.begin()
    process._sign(clock.read())
    process.close()
    return process


def change(raw: bytes) -> bytes:
    """A word of the line before the last."""
    lines = raw.splitlines(keepends=True)
    return b"".join([*lines[:-2], lines[-2].replace(b'"event":"', b'"event":"un', 1), lines[-1]])


SPOILT: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "changed": (change, "was changed after line"),
    "removed": (lambda raw: b"".join(raw.splitlines(keepends=True)[1:]), "line 0 is missing"),
    "cut away": (lambda raw: b"".join(raw.splitlines(keepends=True)[:-1]), "is missing, and all after it"),
    "gone": (lambda _: b"", "line 0 is missing, and all after it"),
    "noise": (lambda raw: raw + b"noise\n", "is the last one and is cut off, or is no line"),
    "no newlines": (lambda raw: b"\0" * 3_000_000 + b"\n" + raw, "line 0 is no line of this log"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_log_is_named_and_deletion_goes_on(how: str, tmp_path: Path) -> None:
    """K1, K3: whatever was done to the log while the keeper was away is named in health, what is due goes all the same,
    and what is written from then on is a chain again.
    """
    clock = Hands(NOW_NS)
    process = started(tmp_path, clock)
    path = recorded(prepare(tmp_path, None, None, ("127.0.0.1", 1)), clock, A, 0)
    process = started(tmp_path, clock)
    log = tmp_path / "store" / "audit.jsonl"
    spoil, words = SPOILT[how]
    log.write_bytes(spoil(log.read_bytes()))
    before = log.stat().st_size
    clock.passed_ns += 8 * DAY_NS
    process = keeper(tmp_path, clock)
    process.begin()
    assert words in process._state().faults["audit"]
    assert not (path / "audio").exists()
    process.close()
    written = log.read_bytes()[before:].splitlines(keepends=True)
    heads = [json.loads(raw)["prev"] for raw in written]
    assert [sha256(raw) for raw in written[:-1]] == heads[1:]
    assert {json.loads(raw)["event"] for raw in written} >= {"deleting", "deleted", "head"}


def test_a_whole_log_has_no_fault(tmp_path: Path) -> None:
    """H1: a log that nobody touched is no fault at the next start, nor is one that a power cut tore."""
    clock = Hands(NOW_NS)
    started(tmp_path, clock)
    log = tmp_path / "store" / "audit.jsonl"
    with log.open("ab") as file:
        file.write(b'{"n":3,"at_wall')
    started(tmp_path, clock)
    process = keeper(tmp_path, clock)
    process.begin()
    assert "audit" not in process._state().faults
    process.close()
    walk = Walk()
    for raw in log.read_bytes().splitlines(keepends=True):
        walk.take(raw)
    walk.finish()
    assert walk.faults == []
    assert "torn" in [line["event"] for line in audit_lines(tmp_path / "store") if line]


def test_a_line_that_lost_only_its_newline_counts(tmp_path: Path) -> None:
    """K1, K3: a receipt that is whole but for its newline is one: its deletion is not done again."""
    log = AuditLog(tmp_path / "audit.jsonl", SystemClock()).open()
    log.add(act("deleting", recording_id=A, track="audio"))
    log.add(act("deleted", recording_id=A, track="audio"))
    log.close()
    with (tmp_path / "audit.jsonl").open("r+b") as file:
        file.truncate((tmp_path / "audit.jsonl").stat().st_size - 1)
    again = AuditLog(tmp_path / "audit.jsonl", SystemClock()).open()
    assert (again.unfinished, again.fault) == ({}, "")
    again.close()


MEASURED = """
import resource, sys
from pathlib import Path
from daemon.keeper.audit import AuditLog
from hardware.clock import SystemClock
log = AuditLog(Path(sys.argv[1]), SystemClock()).open()
print(log.lines, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, log.fault)
"""


def test_memory_does_not_grow_with_the_logs_age(tmp_path: Path) -> None:
    """K3: a log of a hundred thousand lines takes no more memory than one of a hundred: under 4 MB more."""
    found = {}
    for count in (100, 100_000):
        head, path = START, tmp_path / f"{count}.jsonl"
        with path.open("wb") as file:
            for n in range(count):
                event = ("deleting", "deleted")[n % 2]
                raw = line_of(n, head, **sample(event, recording_id=f"{n // 2:032x}"))
                head = sha256(raw)
                file.write(raw)
        done = subprocess.run([sys.executable, "-c", MEASURED, path], capture_output=True, text=True, check=True)
        lines, rss_kb, *fault = done.stdout.split()
        assert (int(lines), fault) == (count, [])
        found[count] = int(rss_kb)
    assert found[100_000] - found[100] < 4096
