# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The encoder of sound: PCM to AAC. Image comes encoded from its camera.

Invariant: a packet carries the boot time of its sound, never the encoder's own count. Sound is resampled to an even
rate first, so that times and sample counts agree; losses of the converter are reported, and the encoder goes on.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import msgspec

from daemon.recorder.drift import Drift, Lost
from daemon.recorder.even import EvenSound
from hardware.ports import AudioFormat, PcmBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream

NS = 1_000_000_000
AAC_FRAME = 1024  # samples a channel in one AAC-LC frame (ISO/IEC 14496-3, 4.5.1)
SILENCE_NS = NS
"""A shorter loss is filled with silence, so that a player that only counts samples stays in sync; a second or more is a
hole in the times and in the segments."""
ANCHORS_MAX = 4
"""Remembered places where the count was set: the encoder holds back two frames (2,048 samples), and two such places are
at least a second apart."""

FAST_BPS = 64_000
"""From this bit rate for a channel FFmpeg's cheaper search for quantizers is no worse (ffmpeg-codecs, "aac"), and takes
half of the time."""


class AudioPacket(msgspec.Struct, frozen=True):
    """One AAC frame with the boot time of its first sample."""

    data: bytes
    pts_ns: int


class _Nowhere(io.RawIOBase):
    """A file that keeps nothing: the encoder's stream needs a container, but none of its bytes."""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return memoryview(data).nbytes  # type: ignore[arg-type]  # av hands over a buffer


class AudioEncoder:
    """AAC-LC with times. One thread. `stream` is the template for a segment's own stream."""

    def __init__(self, fmt: AudioFormat, bitrate_bps: int) -> None:
        self.stream: AudioStream
        self.format, self._bitrate_bps = fmt, bitrate_bps
        self._layout = "mono" if fmt.channels == 1 else "stereo"
        self._drift = Drift(fmt.rate_hz)
        self._begin()

    def _begin(self) -> None:
        fmt = self.format
        self._home = av.open(_Nowhere(), "w", format="adts")
        self.stream = self._home.add_stream("aac", rate=fmt.rate_hz, layout=self._layout)
        self.stream.bit_rate = self._bitrate_bps
        if self._bitrate_bps >= FAST_BPS * fmt.channels:
            self.stream.options = {"aac_coder": "fast"}
        # Open the encoder now: a segment's stream is made from this one, and without its header (AudioSpecificConfig)
        # no player could decode the transport stream.
        self._home.start_encoding()
        self._fed = 0  # samples per channel given to the encoder so far
        self._even = EvenSound(fmt)
        self._new_grid = True
        self._anchors: list[tuple[int, int]] = []  # (count of samples, boot time of that sample)

    @property
    def drift_ppm(self) -> float | None:
        """How much faster the microphone's clock runs than the unit's, in parts per million; None: not known yet."""
        return self._drift.ppm

    def encode(self, block: PcmBlock) -> Iterator[AudioPacket | Lost]:
        """Return the frames that this block completes and the losses between them, in order.

        At the start, and where samples seem to be missing, blocks are held for 0.2 s before they become frames.
        """
        for placed in self._drift.place(block):
            if placed.lost is not None:
                yield placed.lost
                yield from self._bridge(placed.lost)
            yield from self._feed(placed.block.data, placed.block.frames, placed.start_ns)

    def forget(self) -> None:
        """Drop what is held, also by the encoder (64 ms); the next block begins anew, with a new encoder."""
        self._drift.forget()
        self.close()
        self._begin()

    def close(self) -> None:
        """Release encoder and filter now, not when they are collected; what they held is dropped."""
        self._even.close()
        self._home.close()

    def _bridge(self, lost: Lost) -> Iterator[AudioPacket]:
        """Silence for a short loss; for a long one only to the end of the frame, so that the next begins on time."""
        missing = (lost.to_ns - lost.from_ns) * self.format.rate_hz // NS
        if lost.to_ns - lost.from_ns < SILENCE_NS:
            if missing:
                yield from self._feed(bytes(2 * missing * self.format.channels), missing, lost.from_ns)
            return
        for even in self._even.flush():
            yield from self._frames(even)
        if self._fed % AAC_FRAME:
            yield from self._frames(self._silence(-self._fed % AAC_FRAME))
        self._even.close()
        self._even, self._new_grid = EvenSound(self.format), True

    def _silence(self, samples: int) -> av.AudioFrame:
        frame = av.AudioFrame(format="fltp", layout=self._layout, samples=samples)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = self.format.rate_hz
        return frame

    def _feed(self, data: bytes, frames: int, start_ns: int) -> Iterator[AudioPacket]:
        for even in self._even.push(data, frames, start_ns):
            if self._new_grid:
                self._anchors = [*self._anchors[1 - ANCHORS_MAX :], (self._fed, self._even.base_ns)]
                self._new_grid = False
            yield from self._frames(even)

    def _frames(self, samples: av.AudioFrame) -> Iterator[AudioPacket]:
        samples.time_base, samples.pts = Fraction(1, self.format.rate_hz), self._fed
        self._fed += samples.samples
        for packet in self.stream.encode(samples):
            yield AudioPacket(bytes(packet), self._time_ns(packet.pts or 0))

    def _time_ns(self, sample: int) -> int:
        at, time_ns = self._anchors[0]
        for start, start_ns in self._anchors:
            if start <= sample:
                at, time_ns = start, start_ns
        return time_ns + (sample - at) * NS // self.format.rate_hz
