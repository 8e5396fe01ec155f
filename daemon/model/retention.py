# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""When a track of a recording has to be deleted: pure arithmetic over ages.

Invariant (promises K1, K2, K4): a track is due when its oldest frame is provably as old as its term, by `timeline.py`.
Nothing that is held is deleted. The term is the one under which the recording was made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from daemon.model.timeline import NS, Stamp, Timeline, age_ns
from hardware.ports import ClockReading, Track

PROMISED_NS = 60 * NS
"""A deletion later than this gives the reason (promise K1)."""
LateWhy = Literal["", "off", "clock", "disk", "held", "keeper", "busy"]
"""Why a deletion is late: the unit was off; UTC was not believed yet; the disk refused; it was held until recently; the
keeper was not running; it had too much to delete at once. Empty: it is not late."""


class Kept(Struct, frozen=True):
    """One track of one recording in the store."""

    recording_id: str
    track: Track
    oldest: Stamp
    """When its oldest frame was taken."""
    term_ns: int
    held: bool = False
    purged: bool = False
    """The policy in force switches the track off and has existing recordings purged."""


class Due(Struct, frozen=True):
    """A track that has to be deleted, and since when."""

    kept: Kept
    since_wall_ns: int
    """UTC by the current wall clock, minus the delay."""
    late_ns: int
    """How long ago it became due; for the receipt."""


class Circumstances(Struct, frozen=True):
    """What may have kept a keeper from deleting in time."""

    started_ns: int
    """Boot time at which this keeper had read its clocks and its store."""
    refused: bool = False
    """The disk has refused this deletion before."""
    was_held: bool = False


def due(store: Iterable[Kept], timeline: Timeline, now: ClockReading) -> tuple[Due, ...]:
    """The tracks to delete now, the longest overdue first."""
    late = [(-_wait_ns(kept, timeline, now), kept) for kept in store if not kept.held]
    overdue = [(late_ns, kept) for late_ns, kept in late if late_ns >= 0]
    overdue.sort(key=lambda pair: (-pair[0], pair[1].recording_id, pair[1].track))
    return tuple(Due(kept, now.wall_ns - late_ns, late_ns) for late_ns, kept in overdue)


def next_expiry_ns(store: Iterable[Kept], timeline: Timeline, now: ClockReading) -> int | None:
    """Nanoseconds until the next track is due, 0 if one is; None: nothing is waiting."""
    first = min((_wait_ns(kept, timeline, now) for kept in store if not kept.held), default=None)
    return None if first is None else max(0, first)


def _wait_ns(kept: Kept, timeline: Timeline, now: ClockReading) -> int:
    """How long until a track is due; negative: how long it has been. A purged track is due now."""
    wait_ns = kept.term_ns - age_ns(timeline, kept.oldest, now.boot_ns)
    return min(0, wait_ns) if kept.purged else wait_ns


def late_why(late_ns: int, timeline: Timeline, now: ClockReading, of: Circumstances) -> LateWhy:
    """The reason of a late deletion, the strongest first."""
    fell_due_ns = now.boot_ns - late_ns
    if late_ns <= PROMISED_NS:
        return ""
    if of.was_held:
        return "held"
    if of.refused:
        return "disk"
    if fell_due_ns < 0:
        return "off"  # before this boot; had the unit been on, it would have been deleted then
    if timeline.believed_ns is not None and timeline.believed_ns > fell_due_ns:
        return "clock"
    return "keeper" if of.started_ns > fell_due_ns else "busy"
