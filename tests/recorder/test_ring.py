# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The pre-event ring: bounded in seconds and bytes, whatever comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.recorder.cutter import Hole
from daemon.recorder.ring import Ring, Sealed
from daemon.recorder.seal import Key

NS = 1_000_000_000
KEY = Key("age1", b"envelope")


def segment(n: int, size: int = 100) -> Sealed:
    return Sealed("video", n * NS, (n + 1) * NS, n * NS, "synchronised", 25, b"x" * size, KEY)


@given(st.lists(st.integers(0, 5000), max_size=60), st.integers(0, 30), st.integers(1, 20_000))
def test_the_ring_holds_the_pre_event_time_and_no_more(sizes: list[int], pre_event_s: int, bytes_max: int) -> None:
    """R2: whatever sizes come, the ring never holds more bytes than it may, nothing that ended before the pre-event
    time began, and everything younger unless the bytes forbid it.
    """
    ring = Ring(pre_event_s * NS, bytes_max)
    for n, size in enumerate(sizes):
        ring.add(segment(n, size), now_ns=(n + 1) * NS)
        held = [item for item in ring.since("video", 0) if isinstance(item, Sealed)]
        assert ring.bytes == sum(len(item.data) for item in held) <= bytes_max
        assert all(item.t1_ns > (n + 1 - pre_event_s) * NS for item in held)
        if not ring.dropped_for_space:
            assert len(held) == min(n + 1, pre_event_s)


def test_since_returns_the_segment_that_contains_the_moment() -> None:
    """R5: what is asked for from a moment on begins with the whole segment that contains it, never after it."""
    ring = Ring(30 * NS, 10**6)
    for n in range(10):
        ring.add(segment(n), now_ns=10 * NS)
    found = ring.since("video", 3 * NS + NS // 2)
    assert [item.t0_ns // NS for item in found if isinstance(item, Sealed)] == [3, 4, 5, 6, 7, 8, 9]
    assert ring.since("audio", 0) == []


def test_holes_are_kept_in_their_place_and_go_with_their_time() -> None:
    """R5: a gap in the pre-event seconds is part of a recording that begins with them; later it is forgotten."""
    ring = Ring(10 * NS, 10**6)
    ring.add(segment(0), now_ns=NS)
    ring.add(Hole("video", NS, 4 * NS, "the cable was pulled"), now_ns=4 * NS)
    ring.add(segment(4), now_ns=5 * NS)
    assert [type(item) for item in ring.since("video", 0)] == [Sealed, Hole, Sealed]
    assert ring.seconds("video") == 1.0, "how far back without a hole"
    ring.trim(14 * NS + 1)
    assert [type(item) for item in ring.since("video", 0)] == [Sealed]
    ring.forget()
    assert (len(ring), ring.bytes) == (0, 0)
