"""The contract of `hardware.ports.Microphone`, over the simulated microphones."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.errors import DeviceError
from hardware.ports import AudioFormat, DeviceLost, Microphone, PcmBlock
from simulators.clock import SimClock
from simulators.microphone import FileMicrophone, ToneMicrophone

FORMAT = AudioFormat(rate_hz=16_000, channels=2)
BLOCK_FRAMES, BLOCK_NS = 320, 20_000_000
Until = Callable[[Callable[[], object]], None]
Make = Callable[[Path, SimClock], Microphone]

# A real microphone is one more of these, with a mark of its own.
MAKERS: dict[str, Make] = {
    "tone": lambda _, clock: ToneMicrophone(FORMAT, clock),
    "file": lambda path, clock: FileMicrophone(_sound(path / "sound.wav"), FORMAT, clock),
}


@pytest.fixture(params=MAKERS)
def microphone(request: pytest.FixtureRequest, tmp_path: Path, clock: SimClock) -> Iterator[Microphone]:
    microphone = MAKERS[request.param](tmp_path, clock)
    yield microphone
    microphone.stop()


def test_blocks_come_in_order_each_with_its_time(microphone: Microphone, clock: SimClock, until: Until) -> None:
    """R5: each block has the boot time of its first sample, a block after the one before, and has sounded already."""
    blocks: list[PcmBlock] = []
    late_ns: list[int] = []

    def sink(item: PcmBlock | DeviceLost) -> None:
        assert isinstance(item, PcmBlock)
        blocks.append(item)
        late_ns.append(clock.boot_ns() - item.pts_ns)

    assert microphone.start(sink) == FORMAT
    until(lambda: len(blocks) >= 25)
    microphone.stop()
    assert all(after.pts_ns - before.pts_ns == BLOCK_NS for before, after in pairwise(blocks))
    assert min(late_ns) >= BLOCK_NS
    assert {(block.frames, len(block.data), block.overflow) for block in blocks} == {(320, 1280, False)}


def test_it_sounds(microphone: Microphone, until: Until) -> None:
    """H1: the blocks are sound: neither silence nor full scale."""
    items: list[PcmBlock | DeviceLost] = []
    microphone.start(items.append)
    until(lambda: len(items) >= 10)
    peaks = [int(np.abs(_samples(item)).max()) for item in items]
    assert all(1000 < peak < 30_000 for peak in peaks)


def test_nothing_comes_after_stop_and_a_start_begins_anew(microphone: Microphone, until: Until) -> None:
    """R7: a microphone that was stopped delivers nothing more, and may be started again."""
    items: list[PcmBlock | DeviceLost] = []
    for _ in range(2):
        microphone.start(items.append)
        until(lambda: items)
        microphone.stop()
        count = len(items)
        time.sleep(5 * BLOCK_NS / 1e9)  # what must not happen is given five blocks' time
        assert len(items) == count
        items.clear()


def test_a_start_while_started_is_refused(microphone: Microphone) -> None:
    """R7: one start, one stop; a second start says so."""
    microphone.start(_nowhere)
    with pytest.raises(DeviceError, match="started already"):
        microphone.start(_nowhere)


def test_a_microphone_that_is_lost_says_so_last(microphone: Microphone, until: Until) -> None:
    """H1: a microphone that goes is a DeviceLost, the last thing that the sink gets, and no start until it is back."""
    items: list[PcmBlock | DeviceLost] = []
    microphone.start(items.append)
    _fault(microphone, "gone", on=True)
    until(lambda: items and isinstance(items[-1], DeviceLost))
    microphone.stop()
    with pytest.raises(DeviceError, match="audio: no such device"):
        microphone.start(items.append)
    _fault(microphone, "gone", on=False)
    microphone.start(items.append)
    until(lambda: isinstance(items[-1], PcmBlock))


def test_what_overflowed_is_said_by_the_next_block(microphone: Microphone, until: Until) -> None:
    """R5: samples that were lost are missing in the blocks' times, and the block after them says so."""
    blocks: list[Any] = []
    _fault(microphone, "overflow", on=True)
    microphone.start(blocks.append)
    until(lambda: len(blocks) >= 8)
    _fault(microphone, "overflow", on=False)
    assert any(block.overflow for block in blocks[1:])
    for before, after in pairwise(blocks):
        assert after.overflow is (after.pts_ns - before.pts_ns > BLOCK_NS)


def _nowhere(_: object) -> None:
    pass


def _fault(microphone: Any, name: str, *, on: bool) -> None:
    microphone.fault(name, on=on)


def _samples(item: PcmBlock | DeviceLost) -> np.ndarray[Any, np.dtype[np.int16]]:
    assert isinstance(item, PcmBlock)
    return np.frombuffer(item.data, "<i2").astype(np.int16)


def _sound(path: Path) -> Path:
    """A third of a second at another rate, in one channel: it has to be resampled, doubled and repeated."""
    at_s = np.arange(7350) / 22_050
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(22_050)
        sound.writeframes((8000 * np.sin(2 * np.pi * 300 * at_s)).astype("<i2").tobytes())
    return path
