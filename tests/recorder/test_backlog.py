# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What waits for the recorder's loop, and what of it is given up (R5)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.recorder.backlog import LATE_NS, QUEUE_MAX, STUCK_NS, Backlog, Frame
from hardware.ports import DeviceLost, PcmBlock, VideoPacket

NS = 1_000_000_000
FRAME_NS = NS // 25
ROUND_NS = NS
GONE = DeviceLost("video", "unplugged", 0)


def picture(n: int, every: int = 25) -> VideoPacket:
    """The n-th of a camera with a key frame now and then."""
    return VideoPacket(b"", n * FRAME_NS, key=n % every == 0)


def block(n: int) -> PcmBlock:
    """Sound of the same time."""
    return PcmBlock(b"", 0, n * FRAME_NS, overflow=False)


def pending(backlog: Backlog) -> list[Frame]:
    """All that waits."""
    return [backlog.take()[1] for _ in range(len(backlog))]


def drive(
    backlog: Backlog, seconds: int, share: float, *, held_up: Callable[[int], bool] = lambda _: False
) -> list[tuple[int, Frame]]:
    """Rounds of a second in which so large a part of what comes is worked off, and seconds in which the loop stands
    still; what is taken, with how late it was.
    """
    taken, owed = list[tuple[int, Frame]](), 0.0
    for second in range(seconds):
        now_ns = (second + 1) * NS
        for n in range(second * 25, (second + 1) * 25):
            backlog.put(picture(n), n * FRAME_NS)
            backlog.put(block(n), n * FRAME_NS)
        if held_up(second):
            continue
        owed += share * 50
        for _ in range(min(int(owed), len(backlog))):
            at_ns, frame = backlog.take()
            taken.append((now_ns - at_ns, frame))
            owed -= 1
        owed = min(owed, 1.0)
        backlog.keep_up(now_ns)
    return taken


@given(share=st.floats(0.2, 0.95))
def test_a_machine_that_is_too_slow_keeps_its_part_whole(share: float) -> None:
    """R5: what it works off is never older than so, whatever part of its time a machine has, and nothing of that is
    wasted: it goes on with a key frame.
    """
    backlog = Backlog()
    taken = drive(backlog, 120, share)
    assert max(late for late, _ in taken) <= LATE_NS + STUCK_NS + 2 * NS
    assert len(taken) >= 0.95 * share * 120 * 50 - 50
    images = [frame.pts_ns // FRAME_NS for _, frame in taken if isinstance(frame, VideoPacket)]
    assert all(after == before + 1 or after % 25 == 0 for before, after in itertools.pairwise(images))
    assert backlog.lost == 120 * 50 - len(taken) - len(backlog)


@given(stalls=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 2)), max_size=3), share=st.floats(1.4, 4))
def test_nothing_is_given_up_that_the_machine_works_off(stalls: list[tuple[int, int]], share: float) -> None:
    """R5, R8: closing and opening a device hold the loop up, one after the other: it is faster than what comes, so all
    of it is taken, however late, as long as it can wait.
    """
    still, at = set[int](), 20
    for lasts_s, then_s in stalls:
        still |= set(range(at, at + lasts_s))
        at += lasts_s + then_s
    backlog = Backlog()
    taken = drive(backlog, 150, share, held_up=still.__contains__)
    assert (len(taken), backlog.lost, len(backlog)) == (150 * 50, 0, 0)


@given(share=st.floats(0.5, 0.9), slow_s=st.integers(1, 14))
def test_a_load_that_passes_costs_nothing(share: float, slow_s: int) -> None:
    """R5, A3: for fourteen seconds half of the time is enough, whether somebody has pressed or does then."""
    backlog = Backlog()
    taken = drive(backlog, slow_s, share)
    assert (len(taken) + len(backlog), backlog.lost) == (slow_s * 50, 0)


def test_each_time_that_it_is_late_is_a_new_one() -> None:
    """R5: late once, and long afterwards again: nothing is known of that yet."""
    backlog, n = Backlog(), itertools.count()

    def late(now_ns: int) -> int:
        for _ in range(60):
            backlog.put(picture(next(n)), now_ns - LATE_NS)
        return backlog.keep_up(now_ns)

    assert not late(20 * NS)
    pending(backlog)
    assert not backlog.keep_up(21 * NS)
    assert not late(30 * NS), "it was not late between them"
    assert [late(second * NS) > 0 for second in (31, 32, 33)] == [False, False, True]
    assert not late(34 * NS), "given up is not late"


COUNT = (LATE_NS + STUCK_NS) // FRAME_NS + 9


def left_of(frames: list[Frame]) -> list[Frame]:
    """What is left of so many, of which none is worked off."""
    backlog = Backlog()
    for n, frame in enumerate(frames):
        backlog.put(frame, n * FRAME_NS)
        backlog.keep_up(n * FRAME_NS)
    return pending(backlog)


def test_what_is_left_begins_with_a_key_frame_or_is_the_newest_sound() -> None:
    """R5: a picture without those before it is of no use."""
    images, sounds = [picture(n) for n in range(COUNT)], [block(n) for n in range(COUNT)]
    assert left_of([*images]) == images[COUNT // 25 * 25 :]
    assert left_of([*sounds]) == sounds[-(25 + 9) :]
    without = [picture(n, COUNT) for n in range(COUNT)]
    assert left_of([*without]) == without, "nothing to go on with: its one key frame is the oldest"


@pytest.mark.parametrize("place", [0, 10, 60, COUNT - 1])
def test_the_news_that_a_device_is_lost_is_never_given_up(place: int) -> None:
    """R5, A2: it has its hole and its restart, also behind a backlog, and where the queue is full."""
    frames: list[Frame] = [picture(n) for n in range(COUNT)]
    frames[place] = GONE
    assert GONE in left_of(frames)
    backlog = Backlog()
    for n in range(QUEUE_MAX + 5):
        backlog.put(block(n), 0)
    backlog.put(GONE, 0)
    assert (len(backlog), backlog.lost, pending(backlog)[-1]) == (QUEUE_MAX + 1, 5, GONE)
