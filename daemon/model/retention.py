"""When a track of a recording has to go: pure arithmetic over ages.

The law here (promises K1, K2, K4): an age is the larger of what a trusted wall clock says and what the powered-on
clock of the same boot says; nothing that is held goes; what cannot be dated is named and not touched.
"""

from __future__ import annotations

from msgspec import Struct

from hardware.ports import ClockReading, Track


class Kept(Struct, frozen=True):
    """One track of one recording in the store."""

    recording_id: str
    track: Track
    oldest_wall_ns: int
    """UTC of its oldest frame, as the unit knew it when it recorded."""
    oldest_boot_ns: int
    boot_id: str
    clock_trusted: bool
    """Whether the wall clock followed a reference when it recorded."""
    term_ns: int
    held: bool = False


class Due(Struct, frozen=True):
    """A track that has to be deleted, and since when."""

    kept: Kept
    since_wall_ns: int
    late_ns: int
    """How long ago it fell due; the receipt says so."""


def age_ns(kept: Kept, now: ClockReading, boot_id: str) -> int:
    """How old the oldest frame is at least known to be; 0 when neither clock can tell."""
    ages = [0]
    if kept.clock_trusted and now.state == "synchronised":
        ages.append(now.wall_ns - kept.oldest_wall_ns)
    if kept.boot_id == boot_id:
        ages.append(now.boot_ns - kept.oldest_boot_ns)
    return max(ages)


def due(store: tuple[Kept, ...], now: ClockReading, boot_id: str) -> tuple[Due, ...]:
    """What has to go now, the longest overdue first."""
    late = [(age_ns(kept, now, boot_id) - kept.term_ns, kept) for kept in store if not kept.held]
    return tuple(
        Due(kept, now.wall_ns - late_ns, late_ns)
        for late_ns, kept in sorted(late, key=lambda pair: (-pair[0], pair[1].recording_id, pair[1].track))
        if late_ns >= 0
    )


def next_expiry_ns(store: tuple[Kept, ...], now: ClockReading, boot_id: str) -> int | None:
    """Nanoseconds until the next track falls due, 0 when one is due; None when nothing is waiting."""
    waits = [kept.term_ns - age_ns(kept, now, boot_id) for kept in store if not kept.held]
    return max(0, min(waits)) if waits else None
