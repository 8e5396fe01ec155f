# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How long the ring has run, per track: evidence for "not every conversation" (Dronten 2021, question 6).

Pure. The recorder reports how many seconds it has sealed since it started. Sessions separate the counts of two
recorders, so that a report that comes twice or not at all counts nothing twice and loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hardware.ports import Track


class RingCount(Struct, frozen=True):
    """The count, and the part of it that is not in the log yet."""

    session: str = ""
    counted_s: Mapping[Track, float] = {}
    """The last reported count of this session."""
    due_s: Mapping[Track, float] = {}
    """Seconds since the last line of the log."""


def count(meter: RingCount, session: str, seconds: Mapping[Track, float]) -> RingCount:
    """Take a report of the recorder. A figure that goes back within a session counts nothing."""
    before = meter.counted_s if session == meter.session else {}
    more = {track: max(0.0, seconds[track] - before.get(track, 0.0)) for track in seconds}
    due = {track: meter.due_s.get(track, 0.0) + more.get(track, 0.0) for track in {**meter.due_s, **seconds}}
    top = {track: max(seconds[track], before.get(track, 0.0)) for track in seconds}
    return RingCount(session, {**before, **top}, due)
