# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Log lines about what the keeper sees: recordings that begin and end, and the policy in force.

Invariant: a recording is logged once, whichever process was down when it began or ended: the log shows what has been
logged, and the files are the truth. One thread.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from msgspec import UNSET

from daemon import records
from daemon.config import Settings
from daemon.keeper.audit import AuditLog
from daemon.keeper.listing import became_alarms, chain
from daemon.keeper.store import H_NS, Store, read_record
from daemon.model import acts
from daemon.model.acts import Act, Trigger
from daemon.model.ledger import Line
from daemon.model.policy import TERM_H_MAX
from hardware.ports import ClockReading, Track

LOOK_MAX = 64
"""Recordings logged per look: a tenth of a second on a card. A store whose log was lost takes several looks."""


FORGET_NS = TERM_H_MAX["video"] * H_NS
"""After this time no recording may still exist, and a missing one is not a loss."""


class Known(msgspec.Struct):
    """What the log knows of a recording."""

    tracks: set[Track]
    """Its tracks without a receipt."""
    ended: bool = False
    is_empty: bool = False
    """It has no content: it was closed, and no segment of it was ever durable."""
    began_wall_ns: int | None = None


class Witness:
    """Follows the log, and adds what it lacks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: dict[str, Known] = {}
        """Recordings whose beginning is in the log and whose deletion is not."""
        self._missing: set[str] = set()
        """Those of them that are missing, according to the log."""
        self._policy: acts.Policy | None = None
        self.fault = ""
        """What a hold keeps and is missing, for a person."""

    def follow(self, line: Line) -> None:
        """Take a line of the log."""
        match line.act:
            case acts.RecordingBegan(recording_id=name) as began:
                self._told[name] = Known(set(began.tracks), began_wall_ns=began.began_wall_ns)
            case acts.RecordingEnded(recording_id=name, seconds=seconds):
                known = self._told.setdefault(name, Known(set(seconds)))
                written = {track for track in known.tracks if seconds.get(track)}
                known.ended, known.tracks, known.is_empty = True, written or known.tracks, not written
            case acts.Deleted(recording_id=name) as gone if line.is_signed:
                is_last = not self._store.is_known(name) if gone.last is UNSET else gone.last
                self._deleted(name, gone.track, is_last=is_last)
            case acts.RecordingMissing(recording_id=name) if name in self._told:  # else its beginning went with a year
                self._missing.add(name)
            case acts.RecordingReturned(recording_id=name):
                self._missing.discard(name)
            case acts.Policy():
                self._policy = line.act
            case acts.YearBegan(closed=int()):
                self._policy = None  # each year's file has the policy in force: those before it go sooner

    def known(self) -> Collection[str]:
        """Recordings that the log began, and of which it has no last receipt."""
        return self._told.keys()

    def look(self, audit: AuditLog) -> bool:
        """Log what began and ended since; return whether there is more. Raises StoreError if the log takes no line."""
        entries = self._store.entries
        news = [name for name in entries if not self._is_told(name)]
        said = [act for name in news[:LOOK_MAX] for act in self._news(name)]
        if said:
            audit.add_all(said)
        return len(news) > LOOK_MAX

    def _deleted(self, name: str, track: Track, *, is_last: bool) -> None:
        known = self._told.get(name)
        if known is None:
            return
        known.tracks.discard(track)
        if is_last or not known.tracks:
            del self._told[name]
            self._missing.discard(name)

    def missing(self, audit: AuditLog) -> dict[str, tuple[Track, ...]]:
        """Tracks that the log began and has no receipt for, missing in the store, by recording (promise K7)."""
        found = {}
        for name, known in self._told.items():
            entry = self._store.entries.get(name)
            if entry is None and name in self._store.unaccounted:
                continue  # it exists and cannot be read: that is listed already
            there = entry.there if entry else set()
            if entry and (known.is_empty or not (entry.closed and known.ended)):
                continue
            tracks = [t for t in sorted(known.tracks - there) if (name, t) not in audit.unfinished]
            if tracks:
                found[name] = tuple(tracks)
        return found

    def account(self, audit: AuditLog, held: Mapping[str, str], now: ClockReading) -> None:
        """Log, once each, what is missing and what has come back. Raises StoreError.

        `held`: recordings with a hold, and which. Without a hold it is forgotten when its longest term is over.
        """
        missing = self.missing(audit)
        for name in missing.keys() - held.keys() if now.state == "synchronised" else ():
            began_ns = self._told[name].began_wall_ns
            if began_ns is not None and now.wall_ns - began_ns > FORGET_NS:
                del self._told[name]
                self._missing.discard(name)
        news = sorted(missing.keys() & self._told.keys() - self._missing)
        said: list[Act] = [acts.RecordingMissing(name, missing[name], held.get(name)) for name in news]
        said += [acts.RecordingReturned(name) for name in sorted(self._missing - missing.keys())]
        if said:
            audit.add_all(said)
        about = [name for name in missing if name in held]
        self.fault = ""
        if about:
            hold = f"recording {about[0]}, which hold {held[about[0]]} keeps, is not in the store"
            self.fault = f"{hold}, and no receipt says that it was deleted"

    def _is_told(self, name: str) -> bool:
        known, closed = self._told.get(name), self._store.entries[name].closed
        return known is not None and (known.ended or not closed)

    def _news(self, name: str) -> list[Act]:
        began = [] if name in self._told else self._began(name)
        return began + (self._ended(name) if self._store.entries[name].closed else [])

    def under(self, settings: Settings, audit: AuditLog) -> Line | None:
        """Log the policy in force if it has changed; return the line. Raises StoreError."""
        policy = settings.policy
        since = policy.in_force_from.isoformat()
        said, reviewed = policy.register, policy.register.criteria_reviewed
        criteria = said.criteria or UNSET, said.criteria_by or UNSET, str(reviewed) if reviewed else UNSET
        about = policy.name, settings.policy_sha256, since, tuple(policy.tracks()), policy.zone
        signed = settings.unit.policy.codes() or UNSET, settings.signed_by() or UNSET
        now = acts.Policy(*about, *criteria, policy.fingerprints(), *signed)
        return audit.add(now) if self._policy != now else None

    def _began(self, name: str) -> list[Act]:
        begin = read_record(self._store.path(name) / "begin.json", records.Begin)
        if begin is None:
            return []
        trigger = _trigger(alarm=begin.alarm, test=begin.test)
        about = tuple(begin.tracks), begin.policy_sha256, begin.continues, begin.at_wall_ns
        return [acts.RecordingBegan(name, trigger, *about)]

    def _ended(self, name: str) -> list[Act]:
        path = self._store.path(name)
        end = read_record(path / "end.json", records.End)
        if end is None:
            if name in self._told:  # only its beginning can be logged; `store verify` lists what is wrong
                self._told[name].ended = True
            return []
        seconds: dict[Track, float] = {}
        lines = chain(path)
        for line in lines:
            if isinstance(line, records.SegmentLine):
                seconds[line.track] = seconds.get(line.track, 0.0) + (line.t1_boot_ns - line.t0_boot_ns) / 1e9
        trigger = _trigger(alarm=end.alarm or became_alarms(lines), test=end.test)
        lasted_s = {track: round(length_s, 1) for track, length_s in seconds.items()}
        when = end.at_wall_ns, end.boot_id, end.at_boot_ns
        return [acts.RecordingEnded(name, trigger, end.why, lasted_s, *when)]


def _trigger(*, alarm: bool, test: bool) -> Trigger:
    """Why a recording was begun, or what it was at its end."""
    return "test" if test else "alarm" if alarm else "conversation"
