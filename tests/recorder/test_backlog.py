# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What waits for the recorder's loop, and what of it is given up (R5)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.recorder.backlog import LATE_NS, LATE_RECORDING_NS, QUEUE_MAX, STUCK_NS, Backlog, Frame
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
    backlog: Backlog, seconds: int, share: float, *, recording: bool = False, held_up_s: int = 0
) -> list[tuple[int, Frame]]:
    """Rounds of a second in which so large a part of what comes is worked off, the first of which comes late; what is
    taken, with how late it was.
    """
    taken, owed = list[tuple[int, Frame]](), 0.0
    for second in range(seconds):
        now_ns = (second + 1) * NS
        for n in range(second * 25, (second + 1) * 25):
            backlog.put(picture(n), n * FRAME_NS)
            backlog.put(block(n), n * FRAME_NS)
        if second < held_up_s:
            continue
        owed += share * 50
        for _ in range(min(int(owed), len(backlog))):
            at_ns, frame = backlog.take()
            taken.append((now_ns - at_ns, frame))
            owed -= 1
        owed = min(owed, 1.0)
        backlog.keep_up(now_ns, recording=recording)
    return taken


@pytest.mark.parametrize(("recording", "late_ns"), [(False, LATE_NS), (True, LATE_RECORDING_NS)])
@given(share=st.floats(0.2, 0.95))
def test_a_machine_that_is_too_slow_keeps_its_part_and_it_is_of_now(
    recording: bool,  # noqa: FBT001 - a case
    late_ns: int,
    share: float,
) -> None:
    """R5: what it works off is never older than so, whatever part of its time a machine has, and nothing of that is
    wasted: it goes on with a key frame.
    """
    backlog = Backlog()
    taken = drive(backlog, 120, share, recording=recording)
    assert max(late for late, _ in taken) <= late_ns + STUCK_NS + 2 * ROUND_NS
    assert len(taken) >= 0.95 * share * 120 * 50 - 50
    images = [frame.pts_ns // FRAME_NS for _, frame in taken if isinstance(frame, VideoPacket)]
    assert all(after == before + 1 or after % 25 == 0 for before, after in itertools.pairwise(images))
    assert backlog.lost == 120 * 50 - len(taken) - len(backlog)


@given(stall_s=st.integers(1, 19), recording=st.booleans())
def test_nothing_is_given_up_that_the_machine_works_off(stall_s: int, recording: bool) -> None:  # noqa: FBT001
    """R5: closing a device held the loop up; it is faster than what comes, so all of it is taken, however late."""
    backlog = Backlog()
    taken = drive(backlog, 90, 1.4, recording=recording, held_up_s=stall_s)
    assert (len(taken), backlog.lost, len(backlog)) == (90 * 50, 0, 0)


def test_a_load_that_passes_costs_a_recording_nothing() -> None:
    """R5: fifteen seconds with half of the time."""
    backlog = Backlog()
    drive(backlog, 15, 0.5, recording=True)
    assert (backlog.lost, len(backlog)) == (0, 375)


COUNT = (LATE_NS + STUCK_NS) // FRAME_NS + 9


def left_of(frames: list[Frame]) -> list[Frame]:
    """What is left of so many, of which none is worked off."""
    backlog = Backlog()
    for n, frame in enumerate(frames):
        backlog.put(frame, n * FRAME_NS)
        backlog.keep_up(n * FRAME_NS, recording=False)
    return pending(backlog)


def test_what_is_left_begins_with_a_key_frame_or_is_the_newest_sound() -> None:
    """R5: a picture without those before it is of no use."""
    images, sounds = [picture(n) for n in range(COUNT)], [block(n) for n in range(COUNT)]
    assert left_of([*images]) == images[150:]
    assert left_of([*sounds]) == sounds[125:]
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
