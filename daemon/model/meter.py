# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How long a ring has run, per track: so that "not every conversation" can be checked (Dronten 2021, question 6).

Pure. The recorder says how many seconds it has sealed since it started; the counts of two recorders are told apart by
their session, so that a word that comes twice or not at all counts nothing twice and loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hardware.ports import Track


class Meter(Struct, frozen=True):
    """What is counted, and what of it is not in the log yet."""

    session: str = ""
    counted_s: Mapping[Track, float] = {}
    """Of this session, as it was said last."""
    due_s: Mapping[Track, float] = {}
    """Counted since the last line of the log."""


def count(meter: Meter, session: str, seconds: Mapping[Track, float]) -> Meter:
    """The meter after a word of the recorder. A figure that goes back within a session counts nothing."""
    before = meter.counted_s if session == meter.session else {}
    more = {track: max(0.0, seconds[track] - before.get(track, 0.0)) for track in seconds}
    due = {track: meter.due_s.get(track, 0.0) + more.get(track, 0.0) for track in {**meter.due_s, **seconds}}
    top = {track: max(seconds[track], before.get(track, 0.0)) for track in seconds}
    return Meter(session, {**before, **top}, due)
