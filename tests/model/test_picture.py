# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""When a picture's figures are a fault."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.model.picture import LASTS_NS, WORDS, Doubt, Flaw, JumpFinder, Limits, judge, offset_ns
from hardware.ports import PictureFigures, VideoPacket

NS = 1_000_000_000
LIMITS = Limits(dark_below_pct=4, blurred_below_pct=35)
GOOD = PictureFigures(NS, 40.0, 90, 0.0)
DARK = PictureFigures(NS, 1.0, None, 30.0)
FROZEN = PictureFigures(NS, 40.0, 90, 10.0)
BLURRED = PictureFigures(NS, 40.0, 20, 0.0)


@pytest.mark.parametrize(
    ("figures", "flaw", "lasts_s"), [(DARK, "dark", 10), (FROZEN, "frozen", 0), (BLURRED, "blurred", 60)]
)
def test_a_flaw_is_said_when_it_has_lasted(figures: PictureFigures, flaw: Flaw, lasts_s: int) -> None:
    """H1: a dark picture is a fault after ten seconds, one out of focus after a minute, a still one is counted."""
    doubt = judge(None, figures, LIMITS, NS)
    assert doubt == Doubt(flaw, NS)
    assert not lasts_s or doubt.words(NS + lasts_s * NS - 1) == ""
    assert doubt.words(NS + lasts_s * NS) == WORDS[flaw]
    assert judge(doubt, GOOD, LIMITS, NS) is None


@pytest.mark.parametrize("figures", [None, PictureFigures(NS, 40.0, 90, 0.0)])
def test_a_picture_that_nobody_has_looked_at_is_a_flaw_too(figures: PictureFigures | None) -> None:
    """H1: no figures, or old ones, from a camera that delivers: what is not measured is not called good."""
    doubt = judge(None, figures, LIMITS, 60 * NS)
    assert doubt == Doubt("unseen", 60 * NS)
    assert doubt.words(69 * NS) == ""
    assert doubt.words(70 * NS) == WORDS["unseen"]


def test_a_bound_is_not_below_itself() -> None:
    """H1: a picture at the engineer's bounds is good, and its figures hold for less than five seconds."""
    at_bounds = PictureFigures(NS, 4.0, 35, 9.9)
    assert judge(None, at_bounds, LIMITS, 6 * NS - 1) is None
    assert judge(None, at_bounds, LIMITS, 6 * NS) == Doubt("unseen", 6 * NS)


def test_nought_switches_a_bound_off() -> None:
    """H1: an engineer can say that dark, or soft, is how this room is."""
    off = Limits(dark_below_pct=0, blurred_below_pct=0)
    assert judge(None, BLURRED, off, NS) is None
    assert judge(None, PictureFigures(NS, 0.0, None, 0.0), off, NS) is None


@given(st.lists(st.sampled_from([GOOD, DARK, FROZEN, BLURRED, None]), max_size=30))
def test_a_doubt_is_as_old_as_the_flaw(story: list[PictureFigures | None]) -> None:
    """H1: whatever came before, a doubt bears the flaw of the last picture and the time of the first of its kind."""
    doubt, since_ns, before = None, 0, None
    for n, figures in enumerate(story):
        at = msgspec.structs.replace(figures, at_ns=n * NS) if figures else None
        doubt = judge(doubt, at, LIMITS, n * NS)
        flaw = {GOOD: None, DARK: "dark", FROZEN: "frozen", BLURRED: "blurred", None: "unseen"}[figures]
        since_ns = since_ns if flaw == before else n * NS
        before = flaw
        assert doubt == (Doubt(flaw, since_ns) if flaw else None)  # type: ignore[arg-type]  # one of the four


def test_every_flaw_has_words_and_a_time() -> None:
    """H1: nothing is a fault without a text."""
    assert set(WORDS) == set(LASTS_NS)


def film(jumps: set[int], usual: int = 800) -> list[VideoPacket]:
    """Four seconds of encoded pictures, a key frame each second; in some the image jumps."""
    sizes = {n: 60_000 if n % 25 == 0 else 9_000 if n in jumps else usual + n % 7 * 50 for n in range(100)}
    return [VideoPacket(bytes(size), n * 40_000_000, n % 25 == 0) for n, size in sizes.items()]


def jumps_in(packets: list[VideoPacket]) -> list[int]:
    finder = JumpFinder()
    return [found // 40_000_000 for packet in packets if (found := finder.feed(packet)) is not None]


def test_a_jump_of_the_image_is_found_at_its_picture() -> None:
    """H1: a hand or a lamp before the lens is found to the picture, key frames and noise are not."""
    assert jumps_in(film({40, 41, 42, 70})) == [40, 70]
    assert jumps_in(film(set())) == []
    assert jumps_in(film({5})) == []  # what is usual is not known yet


STILL = [500] * 25


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ([*STILL, 2000], [25]), ([*STILL, 1999], []), ([*STILL[1:], 2000], []),
        ([*[300] * 25, 1500], [25]), ([*[300] * 25, 1499], []),
        ([*STILL, *[1000] * 75, 2400, 4400], [101]),
        ([*STILL, 9000, *[500] * 4, 9000], [25, 30]), ([*STILL, 9000, *[500] * 3, 9000], [25]),
    ],
)  # fmt: skip
def test_a_jump_is_four_times_the_usual_size_and_more_than_noise(sizes: list[int], found: list[int]) -> None:
    """H1: known after twenty-five pictures, followed as it changes, and half a second after the last jump."""
    finder = JumpFinder()
    jumps = [finder.feed(VideoPacket(bytes(size), n * NS // 10, key=False)) for n, size in enumerate(sizes)]
    assert [at_ns for at_ns in jumps if at_ns is not None] == [n * NS // 10 for n in found]


@pytest.mark.parametrize(
    ("heard_ms", "seen_ms", "off_ms"),
    [
        ([400], [0], 400), ([401], [0], None), ([0], [400], -400),
        ([50, 250, 450, 650], [0, 200, 400, 600], 50),
        ([1100, 2200, 3300, 4400, 5000], [1000, 2000, 3000, 4000, 5000], 200),
    ],
)  # fmt: skip
def test_a_clap_is_heard_within_four_tenths_of_a_second(
    heard_ms: list[int], seen_ms: list[int], off_ms: int | None
) -> None:
    """R5: the nearest one that was seen; of several offsets the middle one."""
    found = offset_ns(tuple(ms * 1_000_000 for ms in heard_ms), tuple(ms * 1_000_000 for ms in seen_ms))
    assert found == (None if off_ms is None else off_ms * 1_000_000)


@given(st.lists(st.integers(0, 60), min_size=3, max_size=9, unique=True), st.integers(-399, 399))
def test_sound_against_image_by_the_middle_clap(seconds: list[int], off_ms: int) -> None:
    """R5: an offset up to 0.4 s is found exactly by claps a second apart; one that was not seen changes nothing."""
    seen = tuple(second * NS for second in seconds)
    heard = tuple(at + off_ms * 1_000_000 for at in seen)
    assert offset_ns(heard, seen) == off_ms * 1_000_000
    assert offset_ns((*heard, 3600 * NS), seen) == off_ms * 1_000_000
    assert offset_ns(heard, ()) is None
    assert offset_ns((3600 * NS,), seen) is None
