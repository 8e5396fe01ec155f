# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The keeper's sense of time: the timeline of `model/timeline.py`, kept across boots and restarts.

Invariant: the audit log is the memory, with a line for each boot and for each believed UTC. `time.json` has how long
the unit has run since the last line; if that file is lost, that much powered-on time is not counted (see
docs/decisions/0009-time-is-what-can-be-proven.md). One thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from daemon import durable, log
from daemon.errors import StoreError
from daemon.keeper.audit import AuditLog
from daemon.keeper.store import Entry, Store, read_record
from daemon.model import acts
from daemon.model import timeline as model
from daemon.model.ledger import Line
from daemon.model.timeline import DAY_NS, NS, Boot, Stamp, Timeline
from hardware.ports import Clock, ClockReading

KEEP_NS = 3600 * NS
"""How often powered-on time is saved while UTC is believed: 9,000 small files a year. UTC replaces what is lost."""
KEEP_EARLY_NS: tuple[int, ...] = tuple(60 * NS * 2**n for n in range(7))
"""Boot times of additional saves, up to beyond an hour: of a boot shorter than two KEEP_NS a power cut then loses at
most half, instead of all."""
KEEP_UNSURE_NS = 900 * NS
"""The same while UTC is not believed: what a power cut loses then is lost. Longer than the ten idle minutes in which a
unit writes nothing (design 8); an empty store is never a reason to write."""
RETRY_NS = 60 * NS
"""After a save that the disk refused: with room again it is no fault for longer, and no hour goes uncounted."""
FUTURE_NS = DAY_NS
"""A recording further in the future than this is not a unit's: power cuts lose hours of the count, not days."""


class Counter(msgspec.Struct, frozen=True):
    """time.json."""

    boot_id: str
    boot_ns: int
    powered_ns: int
    offset_ns: int | None
    clean: bool
    """Written by a keeper that was asked to stop."""
    own_ns: int | None = None
    """The offset as believed in this boot itself; None: an earlier boot's."""


class Timekeeper:
    """Follows the log while it is read, then call `start`, then `look` about once a second."""

    def __init__(self, path: Path, clock: Clock, store: Store) -> None:
        self._path, self._clock, self._store = path, clock, store
        self._past: Timeline | None = None
        self._now: Timeline | None = None
        self._dated: dict[str, int] = {}
        """Dates of recordings, according to the log."""
        self._kept_ns = 0
        self._was_empty = False
        """Whether the store was empty when the count was due to be saved: the first recording then triggers it."""
        self._told: Timeline | None = None
        """The belief that is in the log; None: the current one."""
        self.fault = ""

    @property
    def timeline(self) -> Timeline:
        """The current timeline. Only after `start`."""
        assert self._now is not None  # noqa: S101 - only a bug could break it
        return self._now

    def trusted(self, now: ClockReading) -> ClockReading:
        """The same moment by the UTC believed in this boot; without one, by the clock, as unsynchronised."""
        utc_ns = None
        if self.timeline.believed_ns is not None:
            utc_ns = model.utc_ns(self.timeline, Stamp(self.timeline.boot_id, now.boot_ns))
        if utc_ns is None:
            return ClockReading(now.boot_ns, now.wall_ns, "unsynchronised")
        return ClockReading(now.boot_ns, utc_ns, "synchronised")

    # --- what the log says ------------------------------------------------------------------------------------------

    def follow(self, line: Line) -> None:
        """Take a line of the log; after `start` its content is known already."""
        if self._now is not None or not line.is_signed:
            return
        match line.act:
            case acts.Boot() | acts.YearBegan() as act:
                self._past = self._booted(line, act)
            case acts.Clock(utc_ns=utc_ns, powered_ns=powered_ns):
                if self._past is not None and self._past.boot_id == line.boot_id:
                    self._past = model.believe(self._past, utc_ns - powered_ns, line.at_boot_ns)
            case acts.Adopted(of_boot=boot_id, powered_ns=powered_ns, offset_ns=offset_ns, believed=believed):
                # One in which the unit believed a UTC can date others: the next `keep` knows.
                if self._past is not None and (believed is True or boot_id in self._in_use()):
                    self._past = model.take_adopted(
                        self._past, boot_id, powered_ns, offset_ns, believed=believed is True
                    )
            case acts.Dated(recording_id=name, wall_ns=wall_ns):
                if self._store.is_known(name):
                    self._dated[name] = wall_ns
        if self._past is not None and line.boot_id == self._past.boot_id:  # any line proves that the unit ran then
            self._past = replace(self._past, looked_ns=max(line.at_boot_ns, self._past.looked_ns))

    def _booted(self, line: Line, act: acts.Boot | acts.YearBegan) -> Timeline:
        """A boot begins; or a year in it, whose line counts if the boot's own is not there any more."""
        past = self._past or Timeline("", 0, {})
        if isinstance(act, acts.YearBegan) and past.boot_id == line.boot_id:
            return past
        boots = {**past.boots, line.boot_id: Boot(act.powered_ns)}
        found = model.keep(Timeline(line.boot_id, line.at_boot_ns, boots, past.offset_ns), self._in_use())
        return found if isinstance(act, acts.Boot) else model.believe(found, act.offset_ns, line.at_boot_ns)

    def _in_use(self) -> set[str]:
        return {entry.boot_id for entry in self._store.entries.values()}

    # --- running ----------------------------------------------------------------------------------------------------

    def start(self, audit: AuditLog) -> None:
        """Continue from the log and the counter; log a new boot. Raises StoreError."""
        now, boot_id = self._clock.read(), self._clock.boot_id()
        counter = read_record(self._path, Counter)
        before = _counted(self._past, counter)
        known = [Stamp(entry.boot_id, entry.at_boot_ns) for entry in self._store.entries.values()]
        self._now = model.start(before, boot_id, now.boot_ns, known)
        is_same = counter is not None and counter.boot_id == boot_id
        self._kept_ns = counter.boot_ns if counter is not None and is_same else 0
        if self._past is None or self._past.boot_id != boot_id:
            clean = counter is not None and before is not None and counter.boot_id == before.boot_id and counter.clean
            audit.add(acts.Boot(self._now.boots[boot_id].began_ns, clean))
        if self._past is None and before is not None and before.boot_id != boot_id:
            boot = before.boots[before.boot_id]  # only the counter knows of it, and will soon be overwritten
            audit.add(acts.Adopted(before.boot_id, boot.began_ns, boot.own_ns, believed=boot.own_ns is not None))
        self._past = None

    def look(self, audit: AuditLog) -> ClockReading:
        """Read the clocks, and log a newly believed UTC. Raises StoreError.

        An empty store has nothing to be dated: it is logged when there is something.
        """
        now, before = self._clock.read(), self.timeline
        after = model.look(before, now)
        told = self._told or before
        is_news = after.believed_ns != told.believed_ns
        if is_news and len(self._store):
            self._say_clock(audit, told, after, now)
            is_news = False
        self._now, self._told = after, told if is_news else None
        return now

    def _say_clock(self, audit: AuditLog, before: Timeline, after: Timeline, now: ClockReading) -> None:
        powered_ns = model.powered_ns(after, now.boot_ns)
        act = acts.Clock(powered_ns + (after.offset_ns or 0), powered_ns)
        if before.offset_ns is not None:
            grown_s = round(((after.offset_ns or 0) - before.offset_ns) / NS, 3)
            act = replace(act, step_s=grown_s) if before.believed_ns is not None else replace(act, off_s=grown_s)
        audit.add(act)
        log.event("clock_believed", utc_ns=act.utc_ns, powered_ns=powered_ns)

    def take_up(self, audit: AuditLog) -> None:
        """Place every recording of the store in time, with a line for those whose own date was wrong."""
        for boot_id in self._in_use() - self.timeline.boots.keys():
            self._adopt(boot_id, audit)
        powered_ns = model.powered_ns(self.timeline, self._clock.boot_ns())
        for recording_id, entry in list(self._store.entries.items()):
            ahead_ns = self.timeline.boots[entry.boot_id].began_ns + entry.at_boot_ns - powered_ns
            if ahead_ns > FUTURE_NS:
                self._store.disown(recording_id, f"its begin.json is {ahead_ns // NS} s ahead of the unit's clock")
        self._now = model.keep(self.timeline, self._in_use())
        undated = list(self._undated())
        if undated:
            audit.add_all(undated)
        self._dated |= {one.recording_id: one.wall_ns for one in undated}
        self._dated = {name: wall_ns for name, wall_ns in self._dated.items() if self._store.is_known(name)}

    def _adopt(self, boot_id: str, audit: AuditLog) -> None:
        entries = (entry for entry in self._store.entries.values() if entry.boot_id == boot_id)
        made = [(entry.at_boot_ns, entry.at_wall_ns if entry.trusted else None) for entry in entries]
        newest_ns = max(at_boot_ns for at_boot_ns, _ in made)
        claimed_ns = max((wall_ns - at_boot_ns for at_boot_ns, wall_ns in made if wall_ns is not None), default=None)
        self._now = model.adopt(self.timeline, boot_id, Stamp(boot_id, newest_ns), claimed_ns)
        boot = self._now.boots[boot_id]
        audit.add(acts.Adopted(boot_id, boot.began_ns, boot.own_ns))

    def _undated(self) -> Iterator[acts.Dated]:
        for recording_id, entry in self._store.entries.items():
            wall_ns = model.utc_ns(self.timeline, Stamp(entry.boot_id, entry.at_boot_ns))
            if wall_ns is not None and self._needs_date(recording_id, entry, wall_ns):
                yield acts.Dated(recording_id, entry.at_wall_ns, wall_ns, self.timeline.boots[entry.boot_id].exact)

    def _needs_date(self, recording_id: str, entry: Entry, wall_ns: int) -> bool:
        if recording_id in self._dated:
            return abs(self._dated[recording_id] - wall_ns) > model.DATED_NS
        return not entry.trusted or abs(entry.at_wall_ns - wall_ns) > model.DATED_NS

    def date(self, entry: Entry) -> model.Date:
        """Date of a recording's beginning, for a person."""
        stamp = Stamp(entry.boot_id, entry.at_boot_ns)
        return model.date(self.timeline.boots, stamp, entry.at_wall_ns, trusted=entry.trusted)

    def keep(self, *, stopping: bool = False) -> None:
        """Save how long the unit has run, when it is time. A refusing disk is a fault."""
        boot_ns, now = self._clock.boot_ns(), self.timeline
        was_empty, self._was_empty = self._was_empty, not (len(self._store) or self._store.unaccounted)
        is_first, is_idle = was_empty and not self._was_empty, self._was_empty and not self.fault
        if not stopping and (is_idle or not (is_first or boot_ns >= self._next_ns())):
            return
        self._kept_ns = boot_ns
        own_ns = now.boots[now.boot_id].own_ns
        counter = Counter(now.boot_id, boot_ns, model.powered_ns(now, boot_ns), now.offset_ns, stopping, own_ns)
        try:
            durable.replace(self._path, msgspec.json.encode(counter) + b"\n")
        except StoreError as error:
            if not self.fault:
                log.event("time_not_kept", "warning", why=str(error))
            self.fault = str(error)
        else:
            self.fault = ""

    def _next_ns(self) -> int:
        """Boot time of the next save."""
        if self.fault:
            return self._kept_ns + RETRY_NS
        every_ns = KEEP_UNSURE_NS if self.timeline.believed_ns is None else KEEP_NS
        return min(self._kept_ns + every_ns, *(ns for ns in KEEP_EARLY_NS if ns > self._kept_ns), model.NEVER_NS)


def _counted(past: Timeline | None, counter: Counter | None) -> Timeline | None:
    """The log's timeline, extended by the counter; the counter alone if the log is lost."""
    if counter is None or (past is not None and counter.boot_id not in past.boots):
        return past
    if past is None:
        began_ns, offset_ns, own_ns = counter.powered_ns - counter.boot_ns, counter.offset_ns, counter.own_ns
        earlier = {model.BEFORE: Boot(0, offset_ns, offset_ns)} if offset_ns is not None and own_ns is None else {}
        boots = {**earlier, counter.boot_id: Boot(began_ns, own_ns, own_ns)}
        return Timeline(counter.boot_id, counter.boot_ns, boots, offset_ns)
    if counter.boot_id == past.boot_id:
        return replace(past, looked_ns=max(past.looked_ns, counter.boot_ns))
    return past
