# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The contract of `hardware.ports.Microphone`, over the simulated microphones and over PyAudio on a real PulseAudio."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.errors import DeviceError
from hardware.ports import DeviceLost, PcmBlock
from simulators.clock import SimClock
from tests.contracts.microphones import FORMAT, MAKERS, Rig
from tests.pulse import PulseAudio
from tests.waiting import Until

BLOCK_FRAMES, BLOCK_NS = 320, 20_000_000


@pytest.fixture(params=MAKERS)
def rig(request: pytest.FixtureRequest, tmp_path: Path, clock: SimClock, pulse: PulseAudio) -> Iterator[Rig]:
    rig = MAKERS[request.param](tmp_path, clock, pulse)
    yield rig
    rig.close()


def test_blocks_come_in_order_each_with_its_time(rig: Rig, clock: SimClock, until: Until) -> None:
    """R5: each block has the boot time of its first sample, a block after the one before, and has sounded already."""
    blocks: list[PcmBlock] = []
    late_ns: list[int] = []

    def sink(item: PcmBlock | DeviceLost) -> None:
        assert isinstance(item, PcmBlock)
        blocks.append(item)
        late_ns.append(clock.boot_ns() - item.pts_ns)

    fmt = rig.microphone.start(sink)
    assert (fmt.rate_hz, fmt.channels) == (FORMAT.rate_hz, FORMAT.channels)
    until(lambda: len(blocks) >= 25)
    rig.microphone.stop()
    assert all(abs(after.pts_ns - before.pts_ns - BLOCK_NS) <= rig.jitter_ns for before, after in pairwise(blocks))
    assert min(late_ns) >= BLOCK_NS
    assert {(block.frames, len(block.data), block.overflow) for block in blocks} == {(320, 1280, False)}


def test_it_sounds(rig: Rig, until: Until) -> None:
    """H1: the blocks are sound: neither silence nor full scale."""
    items: list[PcmBlock | DeviceLost] = []
    rig.sound()
    rig.microphone.start(items.append)
    until(lambda: sum(1000 < np.abs(_samples(item)).max() < 30_000 for item in items[:]) >= 10)


def test_nothing_comes_after_stop_and_a_start_begins_anew(rig: Rig, until: Until) -> None:
    """R7: a microphone that was stopped delivers nothing more, and may be started again."""
    items: list[PcmBlock | DeviceLost] = []
    for _ in range(2):
        rig.microphone.start(items.append)
        until(lambda: items)
        rig.microphone.stop()
        count = len(items)
        time.sleep(5 * BLOCK_NS / 1e9)  # what must not happen is given five blocks' time
        assert len(items) == count
        items.clear()


def test_a_start_while_started_is_refused(rig: Rig) -> None:
    """R7: one start, one stop; a second start says so."""
    rig.microphone.start(_nowhere)
    with pytest.raises(DeviceError, match="started already"):
        rig.microphone.start(_nowhere)


def test_a_microphone_that_is_lost_says_so_last(rig: Rig, until: Until) -> None:
    """H1: a microphone that goes is a DeviceLost, the last thing that the sink gets, and no start until it is back."""
    items: list[PcmBlock | DeviceLost] = []
    rig.microphone.start(items.append)
    until(lambda: items)
    rig.plug(out=True)
    until(lambda: isinstance(items[-1], DeviceLost))
    rig.microphone.stop()
    with pytest.raises(DeviceError, match=rig.gone):
        rig.microphone.start(items.append)
    rig.plug(out=False)
    rig.microphone.start(items.append)
    until(lambda: isinstance(items[-1], PcmBlock))
    assert sum(isinstance(item, DeviceLost) for item in items) == 1


def test_what_was_lost_is_missing_in_the_times(rig: Rig, until: Until) -> None:
    """R5: lost samples are missing in the blocks' times; the block after them says so, where the device does."""
    blocks: list[Any] = []
    rig.microphone.start(blocks.append)
    until(lambda: len(blocks) >= 50)
    rig.lose(on=True)
    lost = len(blocks)
    until(lambda: len(blocks) >= lost + 8)
    rig.lose(on=False)
    tail = blocks[45:]  # the first stamps of a sound server's stream are not its best
    jumps = [after.pts_ns - before.pts_ns - BLOCK_NS > rig.jitter_ns for before, after in pairwise(tail)]
    assert any(jumps)
    if rig.says_overflow:
        assert [block.overflow for block in tail[1:]] == jumps


def _nowhere(_: object) -> None:
    pass


def _samples(item: PcmBlock | DeviceLost) -> np.ndarray[Any, np.dtype[np.int32]]:
    assert isinstance(item, PcmBlock)
    return np.frombuffer(item.data, "<i2").astype(np.int32)
