# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Level, silence, overdrive and claps: figures of what a microphone hears."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from daemon.model.sound import CLIPPED_S, FLOOR_DBFS, NS, RECENT_BLOCKS, SILENT_S, ClapFinder, SoundMeter
from hardware.ports import PcmBlock

RATE_HZ, BLOCK = 16_000, 320
START_NS = 5_000_000_000_000
Wave = NDArray[np.float64]


def blocks(wave: Wave, channels: int = 1) -> Iterator[PcmBlock]:
    """A wave from -1 to 1 as a converter takes it, the same in every channel."""
    samples = np.clip(np.round(wave * 32_768), -32_768, 32_767).astype("<i2")
    for at in range(0, len(samples) - BLOCK + 1, BLOCK):
        data = samples[at : at + BLOCK].repeat(channels).tobytes()
        yield PcmBlock(data, BLOCK, START_NS + at * 1_000_000_000 // RATE_HZ, overflow=False)


def sine(seconds: float, peak: float, hz: float = 440.0) -> Wave:
    found: Wave = peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    return found


def hiss(seconds: float, rms: float, seed: int = 1) -> Wave:
    return np.random.default_rng(seed).normal(0, rms, round(seconds * RATE_HZ))


def fed(wave: Wave, channels: int = 1) -> SoundMeter:
    meter = SoundMeter(RATE_HZ, channels)
    for block in blocks(wave, channels):
        meter.feed(block)
    return meter


@pytest.mark.parametrize("channels", [1, 2])
def test_the_level_is_that_of_the_sound(channels: int) -> None:
    """H1: a sine at a tenth of full scale has its peak at -20 dBFS and its power 3 dB below."""
    level = fed(sine(1, 0.1), channels).take()
    assert level is not None
    assert level.peak_dbfs == pytest.approx(-20.0, abs=0.1)
    assert level.rms_dbfs == pytest.approx(-23.0, abs=0.1)


def test_a_level_is_taken_once() -> None:
    """H1: a figure is of what came since the figure before; where nothing came there is none."""
    meter = fed(sine(1, 0.1))
    assert meter.take() is not None
    assert meter.take() is None
    for block in blocks(np.zeros(RATE_HZ)):
        meter.feed(block)
    silent = meter.take()
    assert silent is not None
    assert (silent.rms_dbfs, silent.peak_dbfs) == (FLOOR_DBFS, FLOOR_DBFS)


def test_a_muted_microphone_is_named_and_a_quiet_room_is_not() -> None:
    """H1: thirty seconds without a step of the converter are a muted microphone; the hiss of a quiet room is none."""
    assert fed(np.zeros(round((SILENT_S - 1) * RATE_HZ))).trouble == ""
    assert "hears nothing at all" in fed(np.zeros(round((SILENT_S + 1) * RATE_HZ))).trouble
    assert fed(hiss(SILENT_S + 5, 1.5e-4)).trouble == ""


def test_silence_is_over_with_the_first_sound() -> None:
    """H1: the fault goes when something is heard again."""
    meter = fed(np.zeros(round((SILENT_S + 1) * RATE_HZ)))
    for block in blocks(sine(0.1, 0.01)):
        meter.feed(block)
    assert meter.trouble == ""


def test_an_overdriven_microphone_is_named_and_a_shout_is_not() -> None:
    """H1: ten seconds in which a twentieth of every second stands at full scale is a gain that is too high; a shout of
    five seconds is a shout.
    """
    loud = sine(1, 1.5)
    assert "overdriven" in fed(np.tile(loud, int(CLIPPED_S) + 1)).trouble
    assert fed(np.concatenate([np.tile(loud, 5), sine(1, 0.1), np.tile(loud, 5)])).trouble == ""


def clap(peak: float = 0.6) -> Wave:
    """Noise that dies away within some 30 ms, as hands do."""
    at_s = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
    found: Wave = peak * np.exp(-at_s / 0.01) * np.random.default_rng(3).uniform(-1, 1, len(at_s))
    return found


def claps_in(wave: Wave) -> list[float]:
    """Seconds into the wave."""
    finder = ClapFinder(RATE_HZ, 1)
    return [(at_ns - START_NS) / 1e9 for block in blocks(wave) for at_ns in finder.feed(block)]


@given(at_s=st.floats(0.5, 1.8), room=st.floats(1e-4, 1e-2), peak=st.floats(0.3, 0.95))
def test_a_clap_is_found_where_it_began(at_s: float, room: float, peak: float) -> None:
    """H1: a clap over a room's noise is found once, within 2 ms of its beginning."""
    wave = hiss(2.5, room)
    first = round(at_s * RATE_HZ)
    hands = clap(peak)
    wave[first : first + len(hands)] += hands
    found = claps_in(wave)
    assert len(found) == 1
    assert found[0] == pytest.approx(at_s, abs=0.002)


def test_two_claps_and_no_echo() -> None:
    """H1: claps a second apart are two, and what a room throws back within half a second is none."""
    wave = hiss(4, 1e-3)
    for at_s, peak in ((1.0, 0.6), (1.12, 0.5), (2.0, 0.6)):
        first, hands = round(at_s * RATE_HZ), clap(peak)
        wave[first : first + len(hands)] += hands
    assert claps_in(wave) == [pytest.approx(1.0, abs=0.002), pytest.approx(2.0, abs=0.002)]


@pytest.mark.parametrize(
    "wave",
    [sine(3, 0.5), hiss(3, 0.1), np.zeros(48_000), sine(3, 0.3, 2.0)],
    ids=["a tone", "noise", "silence", "a swell"],
)
def test_what_does_not_rise_suddenly_is_no_clap(wave: Wave) -> None:
    """H1: a tone that was there from the first, noise, silence and a slow swell are no claps."""
    assert claps_in(wave) == []


SLOW_HZ = 100


def second(*frames: Sequence[int], at_s: int = 0, count: int = SLOW_HZ) -> PcmBlock:
    """A second, or so many frames, of a slow converter: these frames, a sample a channel, over and over."""
    samples = np.resize(np.array(frames, "<i2"), (count, len(frames[0])))
    return PcmBlock(samples.tobytes(), count, at_s * NS, overflow=False)


def heard(seconds: int, *frames: Sequence[int], names: tuple[str, ...] = ("left", "right")) -> SoundMeter:
    """A meter that has heard so many seconds of these frames."""
    meter = SoundMeter(SLOW_HZ, len(frames[0]), names)
    for at_s in range(seconds):
        meter.feed(second(*frames, at_s=at_s))
    return meter


MUTED = "microphone: hears nothing at all for 30 s; expected the hiss of a room: is it muted?"
DEAD = "microphone: one of its channels ({}) hears nothing; expected both to: is it plugged in?"
LOUD = "microphone: is overdriven for 10 s; expected a lower gain"


@pytest.mark.parametrize(
    ("seconds", "frames", "words"),
    [
        (29, [[2], [-2]], ""), (30, [[2], [-2]], MUTED), (40, [[2], [-3]], ""), (30, [[0, 0], [2, -2]], MUTED),
        (9, [[64, 2]], ""), (10, [[64, -2]], DEAD.format("right")), (10, [[2, -64]], DEAD.format("left")),
        (20, [[63, 2]], ""), (20, [[64, 3]], ""), (20, [[64, 0], [0, 64]], ""),
        (9, [[32_700], [-32_700]], ""), (10, [[32_700], [-32_700]], LOUD), (20, [[32_699], [-32_699]], ""),
        (20, [*[[32_700]] * 5, *[[9]] * 95], ""), (10, [*[[32_700]] * 6, *[[9]] * 94], LOUD),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_microphone_at_its_bounds(seconds: int, frames: list[list[int]], words: str) -> None:
    """H1: mute after 30 s at two steps of the converter, a dead channel after 10 s beside one that hears, and a gain
    that is too high after 10 s with more than a twentieth at full scale.
    """
    assert heard(seconds, *frames).trouble == words


@pytest.mark.parametrize(
    ("before", "seconds", "frame", "words"),
    [
        (None, 29, [0], MUTED), ([500], 29, [0], MUTED), (None, 9, [500, 0], DEAD.format("right")),
        ([500, 500], 9, [500, 0], DEAD.format("right")), (None, 9, [32_700], LOUD), ([500], 9, [32_700], LOUD),
    ],
)  # fmt: skip
def test_a_fault_begins_with_the_last_sample_of_its_time(
    before: list[int] | None, seconds: int, frame: list[int], words: str
) -> None:
    """H1: counted from the first, or from the last good one."""
    meter = heard(seconds, frame)
    if before is not None:
        meter = SoundMeter(SLOW_HZ, len(frame))
        for block in (second(before), *[second(frame)] * seconds):
            meter.feed(block)
    for count, said in ((SLOW_HZ - 1, ""), (1, words)):
        meter.feed(second(frame, count=count))
        assert meter.trouble == said


def test_a_second_that_comes_in_pieces_is_one() -> None:
    """H1: seconds of overdrive are counted by samples, from the first."""
    meter = SoundMeter(SLOW_HZ, 1)
    meter.feed(second([32_700], count=SLOW_HZ - 1))
    for _ in range(9):
        assert meter.trouble == ""
        meter.feed(second([32_700]))
    assert meter.trouble == "", "nine of more than a second each"
    meter.feed(second([32_700]))
    assert meter.trouble == LOUD


def test_a_meter_that_has_heard_nothing_has_no_figure() -> None:
    """H1: no level is known, and nothing is wrong."""
    meter = SoundMeter(SLOW_HZ, 1)
    assert (meter.take(), meter.trouble, meter.dbfs_between(0, NS)) == (None, "", None)
    meter.feed(second([3277], [-3277], count=90))
    assert meter.dbfs_between(0, NS) == -20.0, "nine tenths"


def test_a_dead_channel_has_the_name_that_the_engineer_gave_it() -> None:
    """H1: or its number, where there are more channels than names; and it is over when it is heard."""
    meter = heard(10, [500, 0], names=("medewerker", "beller"))
    assert meter.trouble == DEAD.format("beller")
    meter.feed(second([500, 0], [500, 3]))
    assert meter.trouble == ""
    assert heard(10, [500, 500, 0]).trouble == DEAD.format("number 3")


def test_seconds_of_a_dead_channel_are_those_in_which_another_was_heard() -> None:
    """H1: silence between two words does not count, and does not begin anew."""
    meter = heard(9, [500, 0])
    meter.feed(second([0, 0]))
    assert meter.trouble == ""
    meter.feed(second([500, 0]))
    assert meter.trouble == DEAD.format("right")


def test_the_level_between_two_moments_is_of_the_blocks_that_began_there() -> None:
    """H1: as long as the meter has nine tenths of them; of older ones it says nothing."""
    meter = SoundMeter(SLOW_HZ, 1)
    for at_s, peak in enumerate((3277, 3277, 328, 328)):
        meter.feed(second([peak], [-peak], at_s=at_s))
    assert meter.dbfs_between(0, 2 * NS) == -20.0
    assert meter.dbfs_between(2 * NS, 4 * NS) == -40.0
    assert meter.dbfs_between(NS, 3 * NS) == -23.0
    assert meter.dbfs_between(1, 2 * NS) is None, "half of it"
    assert meter.dbfs_between(3 * NS, 3 * NS + 10 * NS // 9) == -40.0
    assert meter.dbfs_between(3 * NS, 3 * NS + 10 * NS // 8) is None
    assert meter.dbfs_between(9 * NS, 10 * NS) is None
    for at_s in range(4, 4 + RECENT_BLOCKS):
        meter.feed(second([0], at_s=at_s))
    assert meter.dbfs_between(3 * NS, 4 * NS) is None
    assert meter.dbfs_between(5 * NS, 6 * NS) == FLOOR_DBFS


# --- claps, a millisecond each ----------------------------------------------------------------------------------------


def clapped(peaks: Sequence[tuple[int, int]], hz: int, channels: int = 1, channel: int = 0) -> list[int]:
    """When claps began, in ns: (peak, frames), one after the other, heard by one channel, in two blocks."""
    finder = ClapFinder(hz, channels)
    heard = [peak for peak, frames in peaks for _ in range(frames)]
    samples = np.zeros((len(heard), channels), "<i2")
    samples[:, channel] = heard
    samples[1::2, channel] *= -1
    half = len(heard) // 2 // 4 * 4
    return [
        *finder.feed(PcmBlock(samples[:half].tobytes(), half, 0, overflow=False)),
        *finder.feed(PcmBlock(samples[half:].tobytes(), len(heard) - half, half * NS // hz, overflow=False)),
    ]


@pytest.mark.parametrize(
    ("peaks", "found"),
    [
        ([(100, 300), (1_600, 1), (100, 9)], [300]), ([(100, 300), (1_599, 1), (100, 9)], []),
        ([(200, 300), (1_600, 1), (200, 9)], [300]), ([(201, 300), (1_607, 1), (201, 9)], []),
        ([(201, 300), (1_608, 1), (201, 9)], [300]),
        ([(100, 190), (9_000, 1), (100, 9)], []), ([(100, 210), (9_000, 1), (100, 9)], [210]),
        ([(100, 300), (9_000, 1), (100, 498), (9_000, 1), (100, 9)], [300]),
        ([(100, 300), (9_000, 1), (100, 502), (9_000, 1), (100, 9)], [300, 803]),
        ([(100, 101), (300, 101), (1_595, 1), (100, 9)], []), ([(100, 101), (300, 101), (1_610, 1), (100, 9)], [202]),
        ([(100, 300), (1_000, 1_000), (7_900, 1), (100, 9)], []),
        ([(100, 300), (1_000, 1_000), (8_000, 1), (100, 9)], [1_300]),
        ([(100, 300), (9_000, 700)], [300]),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("hz", "channels", "channel"), [(1_000, 1, 0), (1_000, 2, 1), (2_000, 2, 0), (2_000, 2, 1), (2_000, 3, 1)]
)
def test_a_clap_at_its_bounds(
    peaks: list[tuple[int, int]], found: list[int], hz: int, channels: int, channel: int
) -> None:
    """H1: at least 1,600 steps and eight times the fifth of a second before it, which has to be known; the next one
    half a second later; whatever the rate, and in whichever channel it was.
    """
    frames = [(peak, lasts_ms * hz // 1_000) for peak, lasts_ms in peaks]
    assert clapped(frames, hz, channels, channel) == [at_ms * 1_000_000 for at_ms in found]


def test_a_clap_is_dated_to_the_nanosecond() -> None:
    """H1: at a rate that has no whole milliseconds; the next one is half a second later and not a sample sooner."""
    (found,) = clapped([(100, 301 * 44), (9_000, 1), (100, 302 * 44)], 44_100, 2)
    assert (found, type(found)) == (301 * 44 * NS // 44_100, int)
    for frames, claps in ((511, 1), (512, 2)):
        assert len(clapped([(100, 300), (9_000, 1), (100, frames - 1), (9_000, 1)], 1_024)) == claps
