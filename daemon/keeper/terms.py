# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Deletion at the end of a term: when the next sweep is, what it may take, and what happens when the disk refuses.

Invariant (promises K1, K2): each sweep asks for the holds. A deletion that the disk refused is tried again within the
minute, and reported until it is done. One thread: the keeper's.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from daemon import log
from daemon.errors import StoreError
from daemon.keeper.archive import Archive
from daemon.keeper.audit import Begun, Key
from daemon.keeper.holds import Everything
from daemon.keeper.store import has_envelope
from daemon.keeper.sweeper import BATCH_MAX, May, Sweeper, fault_of
from daemon.keeper.trials import Trials
from daemon.keeper.unread import Unread
from daemon.model.ledger import Line
from daemon.model.policy import TrackPolicy
from daemon.model.retention import Circumstances, Due, Kept, LateWhy, due, late_why, next_expiry_ns
from daemon.model.timeline import NS, Stamp, age_ns
from hardware.ports import ClockReading, Track

RETRY_NS = 30 * NS
"""After a deletion that the disk refused: within the minute that promise K1 allows."""


class Terms:
    """One thread: the keeper's."""

    def __init__(self, archive: Archive, trials: Trials, unread: Unread) -> None:
        self._store, self._holds, self._audit, self._time, self._clock, _, self._settings = archive
        self._trials, self._unread = trials, unread
        self._sweeper = Sweeper(self._store, self._audit)
        self._started_ns = self._clock.boot_ns()
        self._due_ns: int | None = None
        """Boot time of the next expiry, by the UTC believed when it was computed."""
        self._believed_ns: int | None = None
        self.fault = ""
        """What the disk refuses, for a person; empty: nothing."""

    def is_due(self, now: ClockReading) -> bool:
        """Whether the next expiry has come, or another UTC is believed than when it was computed."""
        believed = self._time.timeline.believed_ns != self._believed_ns
        return believed or (self._due_ns is not None and now.boot_ns >= self._due_ns)

    def sweep(self, tracks_max: int | None = BATCH_MAX) -> list[Line]:
        """Delete up to `tracks_max` due tracks and return the receipts; what the disk refuses waits."""
        receipts: list[Line] = []
        try:
            self._time.take_up(self._audit)
            self._believed_ns = self._time.timeline.believed_ns
            self._trials.look()
            overdue = due(self.kept(), self._time.timeline, self._clock.read())
            if self._audit.unfinished:
                receipts = self._sweeper.finish(self._since, self._may_finish(overdue))
                overdue = due(self.kept(), self._time.timeline, self._clock.read())
            receipts += self._sweeper.delete(overdue[:tracks_max], self._late_why)
        except StoreError as error:
            self.refuse(error)
        else:
            self.fault = fault_of(self._sweeper.refused)
            self._due_ns = self._next_ns()
            if self.fault and self._due_ns is not None:
                self._due_ns = self._clock.boot_ns() + RETRY_NS
        return receipts

    def look_again(self) -> None:
        """Compute the next expiry anew: a recording may have got a track since the last sweep."""
        if not self.fault:
            self._due_ns = self._next_ns()

    def _next_ns(self) -> int | None:
        now = self._clock.read()
        wait_ns = next_expiry_ns(self.kept(), self._time.timeline, now)
        return None if wait_ns is None else now.boot_ns + wait_ns

    def end_unread(self) -> None:
        """Delete unreadable recordings without a hold, after the longest term that they can have."""
        held, now = self._holds.held(), self._clock.read()
        try:
            self._unread.look(self._audit, now.boot_ns)
            overdue = [
                one
                for one in self._unread.due(self._time.timeline, now)
                if not any((name, one.kept.track) in held for name in self._unread.event(one.kept.recording_id))
            ]
            self._sweeper.delete(overdue[:BATCH_MAX], self._late_why, "unreadable")
        except StoreError as error:
            log.event("unread_not_ended", "warning", why=str(error))  # tried again at the next look

    def refuse(self, error: StoreError) -> None:
        """The disk refuses something essential: the log, or the store's own directory."""
        if not self.fault:
            log.event("sweep_failed", "error", why=str(error))
        self.fault, self._due_ns = str(error), self._clock.boot_ns() + RETRY_NS

    def kept(self) -> tuple[Kept, ...]:
        """Every existing track: which are held, which the policy purges, and which were an engineer's test."""
        kept, purged, passed = self._store.kept(self._holds.held()), self.purged(), self._trials.passed
        if not purged and not passed:
            return tuple(kept)
        # An open recording is closed by its recorder first, which ends under the same policy.
        closed = {name for name, entry in self._store.entries.items() if entry.closed} if purged else set[str]()
        return tuple(
            replace(one, purged=True)
            if one.recording_id in passed or (one.track in purged and one.recording_id in closed)
            else one
            for one in kept
        )

    def purged(self) -> frozenset[Track]:
        """Tracks that may not exist under the policy, by a believed UTC (promise K4)."""
        now = self._time.trusted(self._clock.read())
        if now.state != "synchronised":
            return frozenset()
        policy = self._settings.at(now).policy
        both: tuple[tuple[Track, TrackPolicy], ...] = (("audio", policy.audio), ("video", policy.video))
        return frozenset(name for name, track in both if not track.record and track.existing == "purge")

    def _may_finish(self, overdue: Sequence[Due]) -> May:
        """A deletion that was begun is finished if it is due by now, or if its key is gone.

        A held track is never deleted, whoever wrote the line.
        """
        held, late = self._holds.held(), {(one.kept.recording_id, one.kept.track) for one in overdue}

        def may(key: Key, begun: Begun) -> bool | None:
            if isinstance(held, Everything):
                return None
            if key in held or key in late:
                return key not in held
            return not self._store.has(*key) or (begun.is_signed and not has_envelope(self._store.path(key[0]), key[1]))

        return may

    def _since(self, stamp: Stamp) -> int:
        return age_ns(self._time.timeline, stamp, self._clock.boot_ns())

    def _late_why(self, late: Due, refused: bool) -> LateWhy:  # noqa: FBT001 - the sweeper's own seam
        was_held = self._holds.was_held(late.kept.recording_id, late.kept.track)
        of = Circumstances(self._started_ns, refused=refused, was_held=was_held)
        return late_why(late.late_ns, self._time.timeline, self._clock.read(), of)
