# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Packets for the recorder's tests: real encoders, fed with a card or a tone, at times of the test's choosing."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np

from daemon.recorder.drift import Lost
from daemon.recorder.encoder import AudioEncoder, AudioPacket
from hardware.h264 import VideoEncoder
from hardware.ports import AudioFormat, PcmBlock, VideoFormat, VideoPacket

START_NS = 3_000_000_000_000
PICTURE = VideoFormat(320, 240, 25, 500_000)
SOUND = AudioFormat(48_000, 1)
BLOCK_FRAMES = 960


def pictures(seconds: float, start_ns: int = START_NS) -> Iterator[VideoPacket]:
    """A moving picture, encoded."""
    encoder = VideoEncoder(PICTURE)
    for n in range(round(seconds * PICTURE.fps)):
        plane = np.full((360, 320), 128, np.uint8)
        plane[: 2 * (n % 100) + 1, :100] = 200
        frame = av.VideoFrame.from_ndarray(plane, format="yuv420p")
        yield from encoder.encode(frame, start_ns + round(n * 1e9 / PICTURE.fps))


def blocks(seconds: float, start_ns: int = START_NS, rate_hz: float = 48_000.0) -> Iterator[PcmBlock]:
    """A tone in blocks of 20 ms, from a converter that makes so many samples a second by the boot clock."""
    count = round(seconds * 48_000 / BLOCK_FRAMES)
    for n in range(count):
        at = np.arange(BLOCK_FRAMES) + n * BLOCK_FRAMES
        data = (8000 * np.sin(2 * np.pi * 440 * at / 48_000)).astype("<i2").tobytes()
        yield PcmBlock(data, BLOCK_FRAMES, start_ns + round(n * BLOCK_FRAMES * 1e9 / rate_hz), overflow=False)


def sounds(encoder: AudioEncoder, source: Iterator[PcmBlock]) -> Iterator[AudioPacket | Lost]:
    """What an encoder makes of blocks."""
    for block in source:
        yield from encoder.encode(block)
