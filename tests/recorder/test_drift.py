# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The microphone's clock beside the unit's: places follow, jitter stays out, losses are told, the grid is even."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.recorder.drift import Drift, Lost, Placed
from daemon.recorder.even import EvenSound
from hardware.ports import AudioFormat, PcmBlock

NS = 1_000_000_000
START_NS = 3_000 * NS
RATE_HZ, BLOCK = 48_000, 960
FORMAT = AudioFormat(RATE_HZ, 1)


def block(at_s: float, *, frames: int = BLOCK, overflow: bool = False) -> PcmBlock:
    return PcmBlock(bytes(2 * frames), frames, START_NS + round(at_s * NS), overflow)


def crystal(seconds: float, ppm: float = 0.0, late_s: Iterable[float] = ()) -> Iterator[PcmBlock]:
    """Blocks from a converter whose crystal is off, each stamp late by what is given, round and round."""
    late = list(late_s) or [0.0]
    for n in range(round(seconds * RATE_HZ / BLOCK)):
        yield block(n * BLOCK / RATE_HZ / (1 + ppm / 1e6) + late[n % len(late)])


def run(drift: Drift, source: Iterable[PcmBlock]) -> list[Placed]:
    return [placed for one in source for placed in drift.place(one)]


def off_ms(placed: Placed, true_s: float) -> float:
    return (placed.start_ns - START_NS) / 1e6 - true_s * 1e3


def losses(found: Iterable[Placed]) -> list[Lost]:
    return [placed.lost for placed in found if placed.lost is not None]


@given(
    ppm=st.floats(-300, 300),
    late_ms=st.lists(st.floats(0, 12), min_size=1, max_size=40),
)
def test_places_follow_any_crystal_and_any_jitter(ppm: float, late_ms: list[float]) -> None:
    """R5: whatever the crystal is off and however the stamps jitter, each block stands once, in order, within the
    stamps' own spread of the truth; the places never turn, and nothing counts as lost.
    """
    found = run(Drift(RATE_HZ), crystal(20, ppm, [ms / 1e3 for ms in late_ms]))
    assert [placed.block.pts_ns for placed in found] == [b.pts_ns for b in crystal(20, ppm, [m / 1e3 for m in late_ms])]
    assert all(a.start_ns < b.start_ns for a, b in pairwise(found))
    assert losses(found) == []
    for n, placed in enumerate(found[100:], 100):
        assert -2 < off_ms(placed, n * 0.02 / (1 + ppm / 1e6)) < 14


def test_jitter_stays_out() -> None:
    """R5: stamps that are off by up to 8 ms at random move the places by under 1 ms once the loop is locked."""
    dice = np.random.default_rng(1)
    found = run(Drift(RATE_HZ), crystal(120, 150, dice.uniform(0, 0.008, 6000)))
    off = [off_ms(placed, n * 0.02 / (1 + 150 / 1e6)) for n, placed in enumerate(found)][1500:]
    assert max(off) - min(off) < 1.0
    seconds = np.diff([placed.start_ns for placed in found[1500::50]]) / 1e9 * (1 + 150 / 1e6) - 1
    assert np.abs(seconds).max() < 0.0005, "over a second, which the filter needs to follow, the pitch stays"


@pytest.mark.parametrize("ppm", [-250.0, -20.0, 0.0, 180.0])
def test_drift_is_measured(ppm: float) -> None:
    """H1: after a minute the figure is within 15 parts a million of the truth; before ten seconds there is none."""
    drift = Drift(RATE_HZ)
    dice = np.random.default_rng(2)
    run(drift, crystal(5, ppm))
    assert drift.ppm is None
    drift = Drift(RATE_HZ)
    run(drift, crystal(90, ppm, dice.uniform(0, 0.004, 4500)))
    assert drift.ppm == pytest.approx(ppm, abs=15)


def test_a_late_stamp_is_no_loss() -> None:
    """R5: one block that a busy machine stamped 150 ms late has lost nothing, and moves the times by nothing."""
    source = list(crystal(10))
    for n in (100, 250, 251, 252):
        source[n] = PcmBlock(source[n].data, BLOCK, source[n].pts_ns + 150_000_000, overflow=False)
    found = run(Drift(RATE_HZ), source)
    assert len(found) == len(source)
    assert losses(found) == []
    assert max(abs(off_ms(placed, n * 0.02)) for n, placed in enumerate(found)) < 3


@pytest.mark.parametrize("flagged", [True, False])
@pytest.mark.parametrize("missing", [2, 5, 25, 100])
def test_a_loss_is_told_from_when_to_when(missing: int, flagged: bool) -> None:  # noqa: FBT001 - a case of two
    """R5: lost blocks are one loss of their own length, whether the driver says `overflow` or only the stamps do; what
    follows stands where it sounded.
    """
    source = list(crystal(10))
    del source[200 : 200 + missing]
    source[200] = PcmBlock(source[200].data, BLOCK, source[200].pts_ns, overflow=flagged)
    found = run(Drift(RATE_HZ), source)
    (lost,) = losses(found)
    assert (lost.from_ns - START_NS) / 1e9 == pytest.approx(4.0, abs=0.001)
    assert (lost.to_ns - START_NS) / 1e9 == pytest.approx(4.0 + missing * 0.02, abs=0.001)
    assert "overflow" in lost.reason or not flagged
    assert off_ms(found[200], 4.0 + missing * 0.02) == pytest.approx(0, abs=1)
    assert len(found) == len(source)


def test_losses_that_follow_each_other_are_all_told() -> None:
    """R5: a converter that loses five blocks of each ten has as many losses, and their sum is what is missing."""
    source = [b for n, b in enumerate(crystal(10)) if n % 10 < 5]
    told = losses(run(Drift(RATE_HZ), source))
    assert len(told) == 48, "the 49th is being decided"
    assert sum(lost.to_ns - lost.from_ns for lost in told) / 1e9 == pytest.approx(4.8, abs=0.01)


def test_an_overflow_of_unknown_length_is_still_told() -> None:
    """R5: where the driver says `overflow` and the stamps show nothing, the loss is told, with no length."""
    source = list(crystal(4))
    source[100] = PcmBlock(source[100].data, BLOCK, source[100].pts_ns, overflow=True)
    (lost,) = losses(run(Drift(RATE_HZ), source))
    assert lost.from_ns == lost.to_ns


def test_first_stamps_that_are_late_are_outvoted() -> None:
    """R5: the first stamp after an open is the worst; the place where sound begins is the median of ten."""
    source = list(crystal(3))
    for n in range(4):
        source[n] = PcmBlock(source[n].data, BLOCK, source[n].pts_ns + 100_000_000, overflow=False)
    found = run(Drift(RATE_HZ), source)
    assert off_ms(found[0], 0.0) == pytest.approx(0, abs=1)


def test_stamps_that_were_late_for_long_are_made_good() -> None:
    """R5: stamps that come back from 60 ms late move the times back; nothing is lost by it, and nothing turns."""
    source = [block(n * 0.02 + (0.06 if n < 100 else 0)) for n in range(500)]
    found = run(Drift(RATE_HZ), source)
    assert losses(found) == []
    assert off_ms(found[-1], 499 * 0.02) == pytest.approx(0, abs=1)


def test_what_is_forgotten_is_no_loss() -> None:
    """R2: after `forget` nothing is held, and the sound that comes next begins anew."""
    drift = Drift(RATE_HZ)
    before = list(crystal(2.1))
    run(drift, before)
    drift.forget()
    found = run(drift, crystal(8))
    assert losses(found) == []
    assert len(found) == 400


# --- the even grid ----------------------------------------------------------------------------------------------------


def evened(hz: float, ppm: float, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A tone from a crystal that is off, on the grid; contiguous, or it fails."""
    even, out, due = EvenSound(FORMAT), [], 0
    rate_hz = RATE_HZ * (1 + ppm / 1e6)
    for n in range(round(seconds * RATE_HZ / BLOCK)):
        at_s = (np.arange(BLOCK) + n * BLOCK) / rate_hz
        data = np.round(16_000 * np.sin(2 * np.pi * hz * at_s)).astype("<i2").tobytes()
        for frame in even.push(data, BLOCK, START_NS + round(n * BLOCK / rate_hz * NS)):
            assert frame.pts == due
            due += frame.samples
            out.append(frame.to_ndarray()[0].astype(np.float64))
    return np.concatenate(out)


@pytest.mark.parametrize("ppm", [-300.0, -200.0, 0.0, 200.0, 300.0])
def test_the_grid_is_even_and_adds_nothing_that_is_heard(ppm: float) -> None:
    """R5: a tone by a crystal that is off comes out as the same tone by the boot clock: on time within 1 ms after ten
    seconds as after forty, and all that is not the tone is at least 60 dB below it. A sample that is dropped or doubled
    now and then would be 20 dB below.
    """
    hz = 3_000.0
    wave = evened(hz, ppm, 40)
    for second in (10, 25, 38):
        at_s = np.arange(second * RATE_HZ, (second + 1) * RATE_HZ) / RATE_HZ
        basis = np.stack([np.sin(2 * np.pi * hz * at_s), np.cos(2 * np.pi * hz * at_s)], 1)
        part = wave[second * RATE_HZ : (second + 1) * RATE_HZ]
        fit, *_ = np.linalg.lstsq(basis, part, rcond=None)
        rest_db = 10 * math.log10(float(np.mean((part - basis @ fit) ** 2) / np.mean(part**2)))
        assert rest_db < -60
    assert abs(len(wave) / RATE_HZ - 40 / (1 + ppm / 1e6)) < 0.002


@pytest.mark.parametrize("says_hz", [44_100, 48_000])
def test_a_card_that_runs_at_another_rate_stays_in_step(says_hz: int) -> None:
    """R5, H1: a card that says 48000 Hz and runs at 44100, or the other way round, is off by 8 %: that is measured, and
    a click is within 0.15 s of its time after a minute as after ten seconds.
    """
    runs_hz = 48_000 + 44_100 - says_hz
    fmt, drift = AudioFormat(says_hz, 1), Drift(says_hz)
    even, out, base_ns = EvenSound(fmt), [], 0
    for n in range(60 * 50):
        at_s = (np.arange(960) + n * 960) / runs_hz
        data = np.where((at_s + 0.5) % 1 < 0.002, 20_000, 0).astype("<i2").tobytes()
        for placed in drift.place(PcmBlock(data, 960, START_NS + round(n * 960 / runs_hz * NS), overflow=False)):
            out += [f.to_ndarray()[0] for f in even.push(placed.block.data, 960, placed.start_ns)]
            base_ns = even.base_ns
    assert drift.ppm == pytest.approx((runs_hz / says_hz - 1) * 1e6, abs=500)
    loud = np.flatnonzero(np.concatenate(out) > 0.3)
    begins = loud[np.flatnonzero(np.diff(loud, prepend=-says_hz) > says_hz // 2)] / says_hz + (base_ns - START_NS) / NS
    off_s = (begins - 0.5) - np.round(begins - 0.5)
    assert np.abs(off_s[begins > 10]).max() < 0.15


@pytest.mark.parametrize("ppm", [-200.0, 200.0])
def test_a_moment_stays_where_it_was(ppm: float) -> None:
    """R5: a click at a second of the boot clock is at that second of the grid, within 1 ms, from first to last."""
    even, out = EvenSound(FORMAT), []
    rate_hz = RATE_HZ * (1 + ppm / 1e6)
    for n in range(60 * 50):
        at_s = (np.arange(BLOCK) + n * BLOCK) / rate_hz
        data = np.where((at_s + 0.5) % 1 < 0.001, 20_000, 0).astype("<i2").tobytes()
        out += [f.to_ndarray()[0] for f in even.push(data, BLOCK, START_NS + round(n * BLOCK / rate_hz * NS))]
    loud = np.flatnonzero(np.concatenate(out) > 0.3)
    begins = loud[np.flatnonzero(np.diff(loud, prepend=-RATE_HZ) > RATE_HZ // 2)] / RATE_HZ
    assert len(begins) == 60
    assert np.abs(begins - np.arange(0.5, 60)).max() < 0.001
