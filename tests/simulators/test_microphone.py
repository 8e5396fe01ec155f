# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The simulated microphones beyond their contract: what is heard, what faults and passing time do to it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.errors import DeviceError
from hardware.ports import AudioFormat, PcmBlock
from simulators.clock import SimClock
from simulators.microphone import FileMicrophone, ToneMicrophone
from simulators.pace import Moment
from tests.waiting import Until

FORMAT = AudioFormat(rate_hz=16_000, channels=1)
BLOCK_NS, NS = 20_000_000, 1_000_000_000


@pytest.fixture
def blocks() -> list[Any]:
    return []


@pytest.fixture
def tone(clock: SimClock, blocks: list[Any]) -> Iterator[ToneMicrophone]:
    tone = ToneMicrophone(FORMAT, clock)
    tone.start(blocks.append)
    yield tone
    tone.stop()


def test_a_tone_and_a_click_at_each_full_second(
    tone: ToneMicrophone, clock: SimClock, blocks: list[PcmBlock], until: Until
) -> None:
    """R5: the click begins at the room's full second, so sound can be held against the picture's time code."""
    until(lambda: len(blocks) >= 55)
    tone.stop()
    wave = np.concatenate([np.frombuffer(block.data, "<i2") for block in blocks]).astype(float)
    click = int(np.argmax(np.abs(wave) > 10_000))
    reading = clock.read()
    click_wall_ns = blocks[0].pts_ns + click * 1e9 / FORMAT.rate_hz + reading.wall_ns - reading.boot_ns
    off_ns = (click_wall_ns + 500_000_000) % 1_000_000_000 - 500_000_000
    assert abs(off_ns) < 200_000
    quiet = np.abs(wave[np.abs(wave) < 10_000])
    assert quiet.max() == pytest.approx(3277, abs=40)  # -20 dBFS
    spectrum = np.abs(np.fft.rfft(wave[: FORMAT.rate_hz]))
    assert int(np.argmax(spectrum[1:1000])) + 1 == 440


@pytest.mark.usefixtures("tone")
def test_time_that_passes_is_a_loss(clock: SimClock, blocks: list[PcmBlock], until: Until) -> None:
    """K4: when the room's clock jumps, the sound goes on at the new time, and the block says that some is missing."""
    until(lambda: len(blocks) >= 3)
    clock.advance(60)
    until(lambda: blocks[-1].pts_ns - blocks[0].pts_ns > 60e9)
    count = len(blocks)
    until(lambda: len(blocks) >= count + 3)
    gaps_ns = [after.pts_ns - before.pts_ns for before, after in pairwise(blocks)]
    assert [gap != BLOCK_NS for gap in gaps_ns] == [block.overflow for block in blocks[1 : len(gaps_ns) + 1]]
    assert sum(gap != BLOCK_NS for gap in gaps_ns) == 1


def test_muted_is_nought_and_silent_is_nothing(tone: ToneMicrophone, blocks: list[PcmBlock], until: Until) -> None:
    """H1: a muted microphone delivers blocks of nought, a silent one nothing; neither is an error of the device."""
    tone.fault("muted")
    count = len(blocks) + 1
    until(lambda: len(blocks) > count)
    assert not any(blocks[-1].data)
    tone.fault("silent")
    count = len(blocks) + 1
    thread = tone._thread
    assert thread is not None
    thread.join(5 * BLOCK_NS / 1e9)
    assert thread.is_alive()
    assert len(blocks) <= count


@pytest.mark.parametrize(("fault", "ppm"), [("fast", 200), ("slow", -200)])
def test_a_crystal_that_is_off(fault: str, ppm: int, clock: SimClock) -> None:
    """R5: a microphone whose crystal is off makes more or fewer blocks of the same seconds, each with the time at which
    it sounded, and every click where the room's clock has it.
    """
    tone = ToneMicrophone(FORMAT, clock)
    tone.fault(fault)
    reading = clock.read()
    began_ns = (reading.wall_ns // NS + 1) * NS - reading.wall_ns + reading.boot_ns
    blocks = [b for n in range(50 * 1000) for b in tone.turn(Moment(n, began_ns + n * BLOCK_NS, jumped=False))]
    assert len(blocks) == pytest.approx(50_000 * (1 + ppm / 1e6), abs=1)
    assert blocks[-1].pts_ns == pytest.approx(began_ns + (len(blocks) - 1) * BLOCK_NS / (1 + ppm / 1e6), abs=1e6)
    clicks = [
        block.pts_ns + int(np.argmax(loud)) * 1e9 / FORMAT.rate_hz - began_ns
        for block in blocks[100:]
        if (loud := np.abs(np.frombuffer(block.data, "<i2").astype(int)) > 10_000).any() and not loud[0]
    ]
    assert len(clicks) > 900
    assert max(abs((at_ns + NS / 2) % NS - NS / 2) for at_ns in clicks) < 200_000


def test_a_file_without_sound_is_refused(tmp_path: Path, clock: SimClock) -> None:
    """H1: a missing or foreign file is a DeviceError at the start that names it, and leaves nothing open."""
    (tmp_path / "text").write_text("no sound")
    for name in ("missing", "text"):
        with pytest.raises(DeviceError, match=f"sound file .*{name}"):
            FileMicrophone(tmp_path / name, FORMAT, clock).start(print)
