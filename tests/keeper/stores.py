# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Stores for tests of the keeper: recordings as the recorder leaves them, a clock that stands still, a start."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daemon import records
from daemon.errors import StoreError
from daemon.keeper.audit import AuditLog
from daemon.keeper.store import Store
from daemon.keeper.sweeper import Sweeper
from daemon.keeper.timekeeper import Timekeeper
from daemon.model.ledger import START, fields
from daemon.model.retention import due
from hardware.ports import ClockReading, ClockState

NS = 1_000_000_000
H_NS = 3600 * NS
WEEK_NS = 168 * H_NS
WALL_NS = 1_800_000_000 * NS
"""Where the clocks of these tests begin."""


class Clock:
    """A clock that stands where a test puts it."""

    def __init__(self, boot_ns: int = 5 * NS, wall_ns: int = WALL_NS, boot: str = "one") -> None:
        self.now_ns, self.wall_ns, self.boot = boot_ns, wall_ns, boot
        self.state: ClockState = "synchronised"

    def boot_ns(self) -> int:
        """Standing."""
        return self.now_ns

    def read(self) -> ClockReading:
        """Both."""
        return ClockReading(self.now_ns, self.wall_ns, self.state)

    def boot_id(self) -> str:
        """Of this boot."""
        return self.boot

    def on(self, ns: int) -> None:
        """Time passes."""
        self.now_ns, self.wall_ns = self.now_ns + ns, self.wall_ns + ns


def name(letter: str) -> str:
    """A recording's id."""
    return letter * 32


def recording(
    store: Path, recording_id: str, *, boot: str = "one", at_boot_ns: int = 0, at_wall_ns: int = WALL_NS,
    clock: ClockState = "synchronised", segments: int = 3, term_h: Sequence[int] = (168, 672), closed: bool = True,
    continues: str | None = None,
) -> Path:  # fmt: skip
    """A recording as the recorder leaves it: two tracks, with segments and an envelope each."""
    path = store / "recordings" / recording_id
    tracks = ("audio", "video")[: len(term_h)]
    for track in tracks:
        (path / track).mkdir(parents=True)
        for n in range(segments):
            (path / track / f"{n:06d}.ts.age").write_bytes(b"sealed")
        (path / f"{track}.0.key.age").write_bytes(b"envelope")
    told = {
        track: records.TrackBegin(at_wall_ns, at_boot_ns, hours) for track, hours in zip(tracks, term_h, strict=True)
    }
    begin = records.Begin(
        recording_id, "unit", "policy", "0" * 64, boot, clock, at_wall_ns, at_boot_ns, at_boot_ns, 30.0, alarm=False,
        continues=continues, tracks=told, groups=(), previous_head="",  # type: ignore[arg-type]  # the keys are tracks
    )  # fmt: skip
    (path / "begin.json").write_bytes(records.encode(begin))
    (path / "chain.jsonl").write_bytes(b"{}\n")
    if closed:
        for file in ("end.json", "SHA256SUMS", "SHA256SUMS.sig"):
            (path / file).write_bytes(b"x")
    return path


class Keeper:
    """One start of the keeper, as far as time and deletion go."""

    def __init__(self, store: Path, clock: Clock) -> None:
        (store / "recordings").mkdir(parents=True, exist_ok=True)
        self.clock, self.store = clock, Store(store / "recordings")
        self.store.refresh()
        self.time = Timekeeper(store / "time.json", clock, self.store)
        self.audit = AuditLog(store / "audit.jsonl", clock).open(self.time.follow)
        self.sweeper = Sweeper(self.store, self.audit)
        try:
            self.time.start(self.audit)
        except StoreError:
            self.audit.close()
            raise

    def sweep(self) -> list[dict[str, Any]]:
        """As the process does it; the receipts."""
        self.store.refresh()
        self.store.look_again()
        self.time.take_up(self.audit)
        receipts = self.sweeper.finish()
        overdue = due(self.store.kept(), self.time.timeline, self.clock.read())
        return [fields(one) for one in (*receipts, *self.sweeper.delete(overdue))]

    def watch(self, seconds: int, step: int = 5) -> None:
        """Time passes, and the keeper looks at its clocks."""
        for _ in range(0, seconds, step):
            self.clock.on(step * NS)
            self.time.look(self.audit)

    def close(self, *, clean: bool = True) -> None:
        """The process ends; unclean as by a cut of the power."""
        if clean:
            self.time.keep(stopping=True)
        self.audit.close()


def sweep(store: Path, clock: Clock) -> list[dict[str, Any]]:
    """A start, a sweep, an end."""
    keeper = Keeper(store, clock)
    try:
        return keeper.sweep()
    finally:
        keeper.close()


def audit_lines(store: Path, *events: str) -> list[dict[str, Any]]:
    """The lines of the log that are whole, or those of some events."""
    lines = []
    for raw in (store / "audit.jsonl").read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            lines.append(json.loads(raw))
    return [line for line in lines if not events or line["event"] in events]


def chained(store: Path) -> bool:
    """Whether every line carries the hash of the one before, a torn one by the line that says so."""
    head, torn = START, False
    for raw in (store / "audit.jsonl").read_bytes().splitlines(keepends=True):
        try:
            line = json.loads(raw)
        except ValueError:
            if torn:
                return False
            torn = True
        else:
            if line["prev"] != head or torn != (line["event"] == "torn"):
                return False
            torn = False
        head = records.sha256(raw)
    return not torn
