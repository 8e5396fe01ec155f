# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Both sides of a call, from the converter to the opened file: apart, named, and judged by the call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.evidence import film
from daemon.evidence.verify import Segment
from daemon.recorder.cutter import Clear, audio_cutter
from daemon.recorder.encoder import AudioEncoder, AudioPacket
from daemon.recorder.seal import Key
from daemon.recorder.track import AudioTrack
from daemon.records import Begin
from hardware.ports import AudioFormat, PcmBlock
from simulators.clock import SimClock
from tests.recorder.streams import BLOCK_FRAMES, START_NS

NS = 1_000_000_000
RATE_HZ = 48_000
STEREO = AudioFormat(RATE_HZ, 2, "adapter")
NAMES = ("medewerker", "beller")
Wave = NDArray[np.float64]
KEY = Key("k" * 62, b"")


def voice(seed: int, seconds: float) -> Wave:
    """A pattern of noise, unlike any other seed's: a word of a fifth of a second, a pause, another."""
    dice = np.random.default_rng(seed)
    words = np.repeat(dice.uniform(0, 6000, round(seconds * 5)), RATE_HZ // 5)
    noise = np.convolve(dice.normal(0, 1, len(words) + 15), np.ones(16) / 4, "valid")
    return words * noise


def blocks(left: Wave, right: Wave) -> list[PcmBlock]:
    samples = np.stack([left, right], axis=1).clip(-32_768, 32_767).astype("<i2")
    return [
        PcmBlock(samples[at : at + BLOCK_FRAMES].tobytes(), BLOCK_FRAMES, START_NS + at * NS // RATE_HZ, overflow=False)
        for at in range(0, len(samples) - BLOCK_FRAMES + 1, BLOCK_FRAMES)
    ]


def likeness(part: Wave, whole: Wave) -> float:
    """The highest correlation of one with another, wherever it is in it: 0 to 1."""
    n = 1 << (len(part) + len(whole)).bit_length()
    found = np.fft.irfft(np.fft.rfft(whole, n) * np.conj(np.fft.rfft(part, n)), n)
    return float(np.abs(found).max() / np.sqrt((part @ part) * (whole @ whole) + 1))


@pytest.mark.parametrize("bitrate_bps", [64_000, 128_000])
def test_an_opened_file_has_both_sides_apart(tmp_path: Path, bitrate_bps: int) -> None:
    """R5: what the staff say is on the left and what the caller says on the right, nothing of one on the other's side,
    also of a caller who is thirty times quieter; and the file says which side is whose.
    """
    staff, caller = voice(1, 6.0), voice(2, 6.0) / 30
    encoder = AudioEncoder(STEREO, bitrate_bps)
    cutter, pieces = audio_cutter(encoder), []
    for block in blocks(staff, caller):
        for packet in encoder.encode(block):
            assert isinstance(packet, AudioPacket)
            pieces += cutter.feed(packet)
    encoder.close()
    clear = [piece for piece in pieces if isinstance(piece, Clear)]
    assert len(clear) > 3
    opened = [(Segment("audio", "x", "k", one.t0_ns, one.frames), one.data) for one in clear]
    begin = Begin("a", "u", "p", "", "", "synchronised", 0, 0, 0, 0, False, None, {}, (), "", channel_names=NAMES)
    film.make({"audio": opened}, tmp_path / "call.mp4", film.about("a", begin))
    with av.open(str(tmp_path / "call.mp4")) as file:
        assert file.metadata["comment"] == "left: medewerker, right: beller"
        assert file.streams.audio[0].metadata["handler_name"] == "left: medewerker, right: beller"
        assert file.streams.audio[0].layout.name == "stereo"
        both = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1).astype(np.float64)
    assert likeness(both[0], staff) > 0.75
    assert likeness(both[1], caller) > 0.75
    assert likeness(both[1], staff) < 0.05
    assert likeness(both[0], caller) < 0.05


def test_a_room_says_nothing_of_sides() -> None:
    """R5: without names a recording's first record has the bytes that it had, and a film the same metadata."""
    begin = Begin("a", "u", "p", "", "", "synchronised", 0, 0, 0, 0, False, None, {}, (), "")
    assert b"channel" not in msgspec.json.encode(begin)
    assert film.about("a", begin).keys() == {"title", "creation_time"}
    named = msgspec.structs.replace(begin, channel_names=("a\0", "b"))
    assert film.about("a", named).keys() == {"title", "creation_time"}, "what was changed cannot spoil the film"


class Adapter:
    """A telephone adapter."""

    def __init__(self, channels: int) -> None:
        self._channels = channels

    def start(self, sink: Callable[[Any], None]) -> AudioFormat:
        """Opens; the test itself brings the blocks."""
        del sink
        return AudioFormat(RATE_HZ, self._channels, "adapter")

    def stop(self) -> None:
        """Closes."""


def track(clock: SimClock, *, channels: int = 2, by_use: bool = True) -> AudioTrack:
    found = AudioTrack(Adapter(channels), 64_000, clock, lambda _: None, NAMES, by_use=by_use)
    found.key = KEY
    found.watch(clock.boot_ns())
    return found


def hear(found: AudioTrack, left: Wave, right: Wave) -> None:
    found.key = None  # nothing has to be sealed here
    later_ns = (found.last_ns or START_NS) + NS // 50 - START_NS
    for early in blocks(left, right):
        block = msgspec.structs.replace(early, pts_ns=early.pts_ns + later_ns)
        found.take(block, block.pts_ns)
    found.key = KEY


def test_a_line_that_rests_is_no_fault_and_a_whole_call_is(clock: SimClock) -> None:
    """H1: between two words and two calls a line is digitally silent, which is a fault of a room's microphone; where a
    contact tells, a side is judged over its whole call, and stays named while the device is closed after it.
    """
    nothing, staff = np.zeros(31 * RATE_HZ), voice(3, 31.0)
    found = track(clock)
    hear(found, nothing, nothing)
    assert found.remark(0) == ""
    found.use(in_use=True)
    hear(found, staff, nothing)
    assert found.remark(0) == ""
    found.key = None
    found.shut()
    found.use(in_use=False)
    assert found.device(0) == "closed"
    assert {name: side.silent for name, side in found.figures().sides.items()} == {"medewerker": False, "beller": True}


def test_without_a_contact_the_silent_side_has_its_name(clock: SimClock) -> None:
    """H1: where nobody tells when a call is over, ten seconds of one side alone are a fault, as of any microphone."""
    found = track(clock, by_use=False)
    hear(found, voice(3, 11.0), np.zeros(11 * RATE_HZ))
    assert found.remark(0).startswith("microphone: one of its channels (beller) hears nothing")


def test_a_device_of_one_channel_is_a_fault_that_costs_nothing(clock: SimClock) -> None:
    """R8, H1: an adapter that brings one channel is recorded as it is; that the sides are not apart is the fault."""
    found = track(clock, channels=1)
    mono = voice(3, 1.0).astype("<i2")
    now_ns = (found.last_ns or 0) + NS
    found.take(PcmBlock(mono[:BLOCK_FRAMES].tobytes(), BLOCK_FRAMES, now_ns, overflow=False), now_ns)
    assert found.remark(0) == "microphone: it has one channel; expected two, for medewerker and beller"
    assert found.recording
    assert found.figures().sides["beller"].level_dbfs is None
