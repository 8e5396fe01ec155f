# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Sealed tracks whose begin.json cannot be read: their term is unknown, and they are deleted all the same.

Invariant (promise K1): their age is the powered-on time since the log first named the recording in a signed line; their
term is the longest that a unit can give. A held track is not deleted.
"""

from __future__ import annotations

from daemon.keeper.audit import AuditLog
from daemon.keeper.store import H_NS, TERM_H, Store
from daemon.model import acts
from daemon.model.ledger import Line
from daemon.model.retention import Due, Kept
from daemon.model.timeline import NS, Stamp, Timeline, powered_ns
from hardware.ports import ClockReading

LOOK_MAX = 64
"""Recordings logged at once."""
WAIT_NS = 600 * NS
"""A recording that is just being begun has its begin.json within a second; ten minutes, as for a directory that stays
empty."""


class Unread:
    """A follower of the log. One thread: the keeper's."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._boot: tuple[str, int] = ("", 0)
        """The log's newest boot, and the powered-on time at its start."""
        self._since_ns: dict[str, int] = {}
        """Powered-on time at which the log first knew of a recording that still exists."""
        self._told: set[str] = set()
        """Those that are unreadable according to the log."""
        self._continues: dict[str, str] = {}
        """According to the log, which is the only one that still knows."""
        self._found_ns: dict[str, int] = {}
        """Boot time at which this keeper found them."""

    def follow(self, line: Line) -> None:
        """Take a line of the log."""
        if not line.is_signed:
            return
        match line.act:
            case acts.Boot(powered_ns=powered_ns) | acts.YearBegan(powered_ns=powered_ns):
                self._boot = (line.boot_id, powered_ns)
            case acts.RecordingBegan(recording_id=name) | acts.Unreadable(recording_id=name) as act:
                if line.boot_id == self._boot[0]:
                    self._since_ns.setdefault(name, self._boot[1] + line.at_boot_ns)
                    if isinstance(act, acts.Unreadable):
                        self._told.add(name)
                    elif act.continues is not None:
                        self._continues[name] = act.continues
            case acts.Deleted(recording_id=name, last=True):
                self._since_ns.pop(name, None)
                self._told.discard(name)
                self._continues.pop(name, None)

    def look(self, audit: AuditLog, boot_ns: int) -> None:
        """Log unreadable recordings, once each. Raises StoreError."""
        found = self._store.unreadable()
        self._found_ns = {name: self._found_ns.get(name, boot_ns) for name in found}
        news = [n for n in sorted(found) if n not in self._told and boot_ns - self._found_ns[n] >= WAIT_NS][:LOOK_MAX]
        if news:
            audit.add_all(acts.Unreadable(name, tuple(sorted(found[name]))) for name in news)

    def event(self, recording_id: str) -> set[str]:
        """The recordings that are one event with it, by the log and by the store."""
        found, left = set[str](), {recording_id}
        while left:
            one = left.pop()
            found.add(one)
            near = {name for name, before in self._continues.items() if before == one} | self._store.whole(one)
            left |= (near | {self._continues.get(one, one)}) - found
        return found

    def due(self, timeline: Timeline, now: ClockReading) -> list[Due]:
        """The tracks whose longest term is over, held or not."""
        found = []
        for name, tracks in self._store.unreadable().items():
            if name not in self._told or name not in self._since_ns:
                continue
            age_ns = powered_ns(timeline, now.boot_ns) - self._since_ns[name]
            for track in sorted(tracks):
                if (late_ns := age_ns - TERM_H[track] * H_NS) >= 0:
                    kept = Kept(name, track, Stamp(timeline.boot_id, now.boot_ns - age_ns), TERM_H[track] * H_NS)
                    found.append(Due(kept, now.wall_ns - late_ns, late_ns))
        return found
