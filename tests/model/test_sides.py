# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The sides of a call: figures of each, and which one was not heard in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from daemon.model.sound import CLIPPED_S, HEARD_S, USE_S, Side, Sides
from hardware.ports import PcmBlock

RATE_HZ, BLOCK = 8_000, 160
NAMES = ("medewerker", "beller")
FEW = 4
Wave = NDArray[np.float64]


def talk(seconds: float, loudness: float, *, turns_s: float = 2.0, first: bool = True) -> Wave:
    """Bursts of noise, each as long as the pause after it: whoever is not first talks in the other's pauses."""
    noise = np.random.default_rng(round(seconds) + first).normal(0, loudness, round(seconds * RATE_HZ))
    at_s = np.arange(len(noise)) / RATE_HZ
    return np.where((at_s // turns_s % 2 == 0) == first, noise, 0.0)


def hiss(seconds: float, rms: float) -> Wave:
    return np.random.default_rng(9).normal(0, rms, round(seconds * RATE_HZ))


def hear(sides: Sides, left: Wave, right: Wave) -> None:
    """A converter takes both channels."""
    both = np.stack([left, right], axis=1)
    samples = np.clip(np.round(both * 32_768), -32_768, 32_767).astype("<i2")
    for at in range(0, len(samples) - BLOCK + 1, BLOCK):
        sides.feed(PcmBlock(samples[at : at + BLOCK].tobytes(), BLOCK, 0, overflow=False), RATE_HZ)


def silent(sides: Sides) -> list[str]:
    return [name for name, side in sides.take().items() if side.silent]


def called(left: Wave, right: Wave) -> Sides:
    """A whole call."""
    sides = Sides(NAMES)
    sides.use(in_use=True)
    hear(sides, left, right)
    sides.use(in_use=False)
    return sides


LONG_S = USE_S + 1
SILENCE = np.zeros(round(LONG_S * RATE_HZ))


def test_each_side_has_its_own_figures() -> None:
    """H1: level, peak and clipping are of one channel; another is as it is."""
    sides = Sides(NAMES)
    at_s = np.arange(RATE_HZ) / RATE_HZ
    hear(sides, 0.1 * np.sin(2 * np.pi * 400 * at_s), np.clip(4 * np.sin(2 * np.pi * 400 * at_s), -1, 1))
    staff, caller = sides.take().values()
    assert staff.peak_dbfs == pytest.approx(-20, abs=0.1)
    assert staff.level_dbfs == pytest.approx(-23, abs=0.1)
    assert staff.clipped_pct == 0
    assert caller.peak_dbfs == pytest.approx(0, abs=0.1)
    assert caller.clipped_pct > 50
    assert {side.level_dbfs for side in sides.take().values()} == {None}, "figures are taken once"


def test_the_side_that_is_overdriven_is_named() -> None:
    """H1: ten seconds at full scale on one channel are a fault with that side's name; a loud word is none."""
    loud, quiet = np.sign(np.sin(np.arange(round((CLIPPED_S + 1) * RATE_HZ)))), talk(CLIPPED_S + 1, 0.05)
    sides = Sides(NAMES)
    hear(sides, quiet, loud)
    assert sides.trouble == "microphone: beller is overdriven for 10 s; expected a lower gain"
    hear(sides, quiet, quiet)
    assert sides.trouble == ""


@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        (talk(LONG_S, 0.05), talk(LONG_S, 0.02, first=False), []),
        (talk(LONG_S, 0.05), SILENCE, ["beller"]),
        (SILENCE, talk(LONG_S, 0.05), ["medewerker"]),
        (SILENCE, SILENCE, ["medewerker", "beller"]),
        (talk(LONG_S, 0.05), hiss(LONG_S, 0.0003), ["beller"]),
        (talk(LONG_S, 0.05), 0.2 * talk(LONG_S, 0.05), ["beller"]),
        (talk(LONG_S, 0.05), 0.2 * talk(LONG_S, 0.05) + talk(LONG_S, 0.01, first=False), []),
        (talk(LONG_S, 0.05), np.where(np.arange(len(SILENCE)) < RATE_HZ // 5, 0.9, 0.0), ["beller"]),
        (talk(USE_S - 2, 0.05), SILENCE[: round((USE_S - 2) * RATE_HZ)], []),
    ],
    ids=["both", "no caller", "no staff", "nobody", "a hiss", "an echo", "an echo and a caller", "a click", "short"],
)
def test_a_side_that_was_silent_through_a_whole_call_is_named(left: Wave, right: Wave, found: list[str]) -> None:
    """H1: digital silence, the hiss of a plug that is out, the other side's echo and a click are no voice; a call in
    which both were heard, or that was over before anybody could speak, is no fault.
    """
    assert silent(called(left, right)) == found


def test_it_is_over_as_soon_as_the_side_is_heard() -> None:
    """H1: a fault of a side ends with a second of its voice, in any call or between two; not with less."""
    sides = called(talk(LONG_S, 0.05), SILENCE)
    hear(sides, SILENCE[: RATE_HZ // 2], talk(0.5, 0.05))
    assert silent(sides) == ["beller"]
    sides.use(in_use=True)
    hear(sides, talk(4, 0.05), talk(4, 0.05, first=False))
    assert silent(sides) == []


def test_a_call_whose_beginning_or_end_nobody_saw_is_not_judged() -> None:
    """H1: after a restart, or while the contact has a fault, nothing is said of a call."""
    sides = Sides(NAMES)
    hear(sides, talk(LONG_S, 0.05), SILENCE)
    sides.use(in_use=False)
    assert silent(sides) == []
    sides.use(in_use=True)
    hear(sides, talk(LONG_S, 0.05), SILENCE)
    sides.use(in_use=None)
    sides.use(in_use=False)
    assert silent(sides) == []


@given(
    st.lists(st.tuples(st.sampled_from([True, False, None]), st.integers(0, 3), st.integers(0, 3)), max_size=12),
)
def test_any_day_of_calls_names_who_was_not_heard_in_the_last_whole_one(
    day: list[tuple[bool | None, int, int]],
) -> None:
    """H1: whatever a day brings, a side is silent when, and only when, a whole call of thirty seconds or more had less
    than a second of it, and it was not heard for a second since then or within a use.
    """
    sides, heard, wanted, since_s, began = Sides(NAMES), [0.0, 0.0], [False, False], 0.0, False
    for says, left, right in day:
        if says is False and began and since_s >= USE_S:
            wanted = [one < HEARD_S for one in heard]
        sides.use(says)
        heard, since_s, began = [0.0, 0.0], 0.0, says is True
        for n in range(16 * (left + right)):
            speaks = (left > 0 and n % 2 == 0, right > 0 and n % 2 == 1)
            data = np.array([[2_000 * speaks[0], 2_000 * speaks[1]]] * FEW, "<i2").tobytes()
            sides.feed(PcmBlock(data, FEW, 0, overflow=False), FEW)  # a second, of few samples
            heard = [one + spoken for one, spoken in zip(heard, speaks, strict=True)]
            since_s += 1
            wanted = [one and before < HEARD_S for one, before in zip(wanted, heard, strict=True)]
    assert silent(sides) == [name for name, one in zip(NAMES, wanted, strict=True) if one]


# --- at the bounds ----------------------------------------------------------------------------------------------------

SLOW_HZ = 100
Frame = tuple[int, int]


def given_to(sides: Sides, seconds: float, *frames: Frame) -> Sides:
    """So many seconds of these frames, over and over, in blocks of half a second."""
    for block in np.split(np.resize(np.array(frames, "<i2"), (round(seconds * SLOW_HZ), 2)), round(2 * seconds)):
        sides.feed(PcmBlock(block.tobytes(), len(block), 0, overflow=False), SLOW_HZ)
    return sides


@pytest.mark.parametrize(
    ("seconds", "frames", "named"),
    [
        (9, [(32_700, 9), (-32_700, 9)], ""), (10, [(32_700, 9), (-32_700, 9)], "medewerker"),
        (10, [(9, 32_700), (9, -32_700)], "beller"), (20, [(32_699, 9), (-32_699, 9)], ""),
        (20, [(32_700, 9)] + [(9, 9)] * 19, ""), (10, [(32_700, 9)] * 3 + [(9, 9)] * 47, "medewerker"),
        (10, [(32_700, 32_700)], "medewerker"),
    ],
)  # fmt: skip
def test_a_side_is_overdriven_at_its_bounds(seconds: float, frames: list[Frame], named: str) -> None:
    """H1: ten whole seconds in a row, each with more than a twentieth at full scale; the first of two is named."""
    sides = given_to(Sides(NAMES), seconds, *frames)
    words = f"microphone: {named} is overdriven for 10 s; expected a lower gain"
    assert sides.trouble == (words if named else "")
    given_to(sides, 1, (9, 9))
    assert sides.trouble == ""
    given_to(sides, 9, *frames)
    assert sides.trouble == ""


def test_ten_seconds_of_a_side_are_whole_ones() -> None:
    """H1: the last of them is over with its last sample."""
    sides, loud = Sides(NAMES), np.resize(np.array([32_700, 0], "<i2"), (SLOW_HZ, 2))
    for frames in (SLOW_HZ - 1, *[SLOW_HZ] * 10):
        assert sides.trouble == ""
        sides.feed(PcmBlock(loud[:frames].tobytes(), frames, 0, overflow=False), SLOW_HZ)
    assert "medewerker" in sides.trouble


def test_figures_of_a_side_are_those_of_all_that_came() -> None:
    """H1: level, peak and share at full scale, each rounded once; nothing is a null, and silence the floor."""
    sides = Sides(NAMES)
    assert sides.take() == dict.fromkeys(NAMES, Side(None, None, 0.0, silent=False))
    given_to(sides, 1, (3_277, 0))
    given_to(sides, 0.5, (-328, 32_700), (-328, 0), (-328, 0))
    assert sides.take() == {
        "medewerker": Side(-21.7, -20.0, 0.0, silent=False), "beller": Side(-9.5, -0.0, 11.3, silent=False),
    }  # fmt: skip
    given_to(sides, 1, (0, 1))
    assert sides.take() == {
        "medewerker": Side(-96.0, -96.0, 0.0, silent=False), "beller": Side(-90.3, -90.3, 0.0, silent=False),
    }  # fmt: skip
    given_to(sides, 1, *[(0, 1)] * 1, *[(0, 0)] * 49)
    assert sides.take()["beller"] == Side(-96.0, -90.3, 0.0, silent=False)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([(30, (64, 0))], ["beller"]), ([(29.5, (64, 0))], []), ([(30, (63, -64))], ["medewerker"]),
        ([(30, (64, 256))], []), ([(30, (64, 257))], ["medewerker"]),
        ([(29, (64, 0)), (1, (0, 64))], []), ([(29.5, (64, 0)), (0.5, (0, 64))], ["beller"]),
        ([(29, (64, 0)), (0.5, (0, 64)), (0.5, (64, 0)), (0.5, (0, 64))], []),
    ],
)  # fmt: skip
def test_a_side_is_silent_at_its_bounds(parts: list[tuple[float, Frame]], found: list[str]) -> None:
    """H1: in a call of thirty seconds, below 64 steps, below a quarter of the other, for all but less than a second;
    what was said before the call does not count.
    """
    sides = given_to(Sides(NAMES), 40, (500, 500))
    sides.use(in_use=True)
    for seconds, frame in parts:
        given_to(sides, seconds, frame)
    sides.use(in_use=False)
    assert silent(sides) == found
    given_to(sides, 1, (500, 500))
    assert silent(sides) == []


def test_a_call_that_begins_anew_is_another() -> None:
    """H1: neither its seconds nor what was heard in it count for the next."""
    sides = Sides(NAMES)
    sides.use(in_use=True)
    given_to(sides, 29, (64, 64))
    sides.use(in_use=True)
    given_to(sides, 29, (64, 0))
    sides.use(in_use=False)
    assert silent(sides) == []
    sides.use(in_use=True)
    given_to(sides, 30, (64, 0))
    sides.use(in_use=True)
    assert silent(sides) == []
