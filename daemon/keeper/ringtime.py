# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Ring time in the log, daily and at a stop; in between hourly in a file, for a unit that is unplugged at night.

Invariant: a line has the seconds since the last line of its kind, so that their sum is the total; `ring.json` counts
only if it was written after that line. An idle unit writes forty bytes an hour, and nothing while no ring is filled.
One thread.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec
from msgspec import UNSET

from daemon import durable, log
from daemon.errors import StoreError
from daemon.keeper.audit import AuditLog
from daemon.model import acts
from daemon.model.ledger import Line
from daemon.model.ringcount import RingCount, count
from daemon.times import local
from daemon.wire import RingTime
from hardware.ports import ClockReading

NS = 1_000_000_000
KEEP_NS = 3600 * NS
"""Maximum ring time lost at a power cut; longer than the ten idle minutes without a write (design 8)."""
LEAST_S = 1.0
"""Less than this gets no line."""


class Kept(msgspec.Struct, frozen=True):
    """ring.json."""

    after: int
    """Number of the log's last `ring_time` line when this was written; -1: there was none."""
    meter: RingCount


class RingCounter:
    """Follows the log, and counts."""

    def __init__(self, path: Path, zone: datetime.tzinfo) -> None:
        """`zone`: of the policy's days."""
        self._path, self._zone = path, zone
        self._meter = RingCount()
        self._after = -1
        self._kept_ns: int | None = None
        self._day = ""

    def follow(self, line: Line) -> None:
        """Take a line of the log."""
        if isinstance(line.act, acts.RingTime):
            self._after, self._meter = line.n, RingCount(line.act.session, line.act.counted_s)

    def start(self, now: ClockReading) -> None:
        """Continue an earlier keeper's count."""
        self._day = self._day_of(now)
        self._kept_ns = now.boot_ns
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            log.event("ring_time_unreadable", "warning", why=str(error))
            return
        if kept.after == self._after:
            self._meter = kept.meter

    def heard(self, word: RingTime) -> None:
        """The recorder has reported its count."""
        self._meter = count(self._meter, word.session, word.seconds)

    def tick(self, audit: AuditLog, now: ClockReading, *, stopping: bool = False) -> None:
        """Write a line at the end of a day and at a stop, the file once an hour. What the disk refuses waits."""
        day = self._day_of(now)
        try:
            if (stopping or day != self._day) and sum(self._meter.due_s.values()) >= LEAST_S:
                self._tell(audit)
            elif self._kept_ns is None or now.boot_ns - self._kept_ns >= KEEP_NS:
                self._keep(now)
        except StoreError as error:
            log.event("ring_time_not_written", "warning", why=str(error))
            self._kept_ns = now.boot_ns
        self._day = day

    def _day_of(self, now: ClockReading) -> str:
        return local(now.wall_ns, self._zone)[:10]

    def _tell(self, audit: AuditLog) -> None:
        meter = self._meter
        due_s = {track: round(seconds, 1) for track, seconds in meter.due_s.items()}
        audio_s, video_s = due_s.get("audio", UNSET), due_s.get("video", UNSET)
        audit.add(acts.RingTime(audio_s, video_s, meter.session, meter.counted_s))  # `follow` takes it

    def _keep(self, now: ClockReading) -> None:
        self._kept_ns = now.boot_ns
        if sum(self._meter.due_s.values()) >= LEAST_S:
            durable.replace(self._path, msgspec.json.encode(Kept(self._after, self._meter)))
