# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Resamples sound to an even rate: as many samples per second of the boot clock as the format says.

Invariant: the sample is the clock. A player counts samples and reads a file's times once, so drift has to be removed
before encoding (docs/decisions/0008-sound-is-resampled.md). libswresample does it by soft compensation: its filter runs
a few parts per million faster or slower, and no sample is dropped or doubled.
"""

from __future__ import annotations

from fractions import Fraction

import av
from av.filter import Graph

from hardware.ports import AudioFormat

NANO = Fraction(1, 1_000_000_000)
COMPENSATION = {
    "flags": "res",  # the filter is active from the first sample on, not from the first correction on
    "async": 1,
    "min_comp": 0.00002,  # seconds off before anything is corrected: one sample at 48 kHz
    "max_soft_comp": 0.1,  # for a card that runs at another rate; a stamp that was 10 ms wrong costs a hundredth
    "comp_duration": 100,  # corrects by hundredths of a sample per second: the distortion at 7 kHz is 74 dB down
    "min_hard_comp": 1000,  # seconds, so never: it adds no silence and makes no cut; losses show in the stamps
}
"""Options of the filter aresample, https://ffmpeg.org/ffmpeg-resampler.html."""


class EvenSound:
    """From one anchor until samples are missing. One thread."""

    def __init__(self, fmt: AudioFormat) -> None:
        self._rate_hz = fmt.rate_hz
        self._layout = "mono" if fmt.channels == 1 else "stereo"
        self._graph = Graph()
        self._graph.threads = 1  # the default is one per processor for each graph, and a filter this small needs none
        self._source = self._graph.add_abuffer(
            sample_rate=fmt.rate_hz, format="s16", layout=self._layout, time_base=NANO
        )
        options = ":".join(f"{key}={value}" for key, value in COMPENSATION.items())
        even = self._graph.add("aresample", f"{fmt.rate_hz}:{options}")
        shape = self._graph.add("aformat", f"sample_fmts=fltp:channel_layouts={self._layout}")
        self._sink = self._graph.add("abuffersink")
        self._source.link_to(even)
        even.link_to(shape)
        shape.link_to(self._sink)
        self._graph.configure()
        self.base_ns = 0
        """Boot time of the grid's first sample, once there is one."""
        self._begun = False

    def push(self, data: bytes, frames: int, start_ns: int) -> list[av.AudioFrame]:
        """Take samples with their place on the boot clock; return the grid's frames that they complete, in order."""
        if not self._begun:
            self.base_ns, self._begun = start_ns, True
        frame = av.AudioFrame(format="s16", layout=self._layout, samples=frames)
        frame.planes[0].update(data)
        frame.sample_rate, frame.time_base, frame.pts = self._rate_hz, NANO, start_ns - self.base_ns
        self._source.push(frame)
        return self._pull()

    def close(self) -> None:
        """Release the filter; nothing can be pushed after it."""
        del self._source, self._sink, self._graph

    def flush(self) -> list[av.AudioFrame]:
        """Return what the filter still holds: 16 samples. Nothing can be pushed after it."""
        if not self._begun:
            return []
        self._source.push(None)
        return self._pull()

    def _pull(self) -> list[av.AudioFrame]:
        frames: list[av.AudioFrame] = []
        while True:
            try:
                frame = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return frames
            assert isinstance(frame, av.AudioFrame)  # noqa: S101 - only a bug could break it; narrows the type
            frames.append(frame)
