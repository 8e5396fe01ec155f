"""The encoder of sound: PCM to AAC. Image comes encoded from its camera.

The law here: a packet carries the boot time of what it sounds, never the encoder's own count; what the
converter lost stands as a hole in those times, and the encoder carries on.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import msgspec

from hardware.ports import AudioFormat, PcmBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream

NS = 1_000_000_000
AAC_FRAME = 1024  # samples a channel in one AAC-LC frame (ISO/IEC 14496-3, 4.5.1)
JITTER_NS = 30_000_000
"""A block this much later than the count of samples says has lost some before it: PyAudio stamps in steps of a buffer
(about 20 ms), and a lost buffer is never shorter than that."""
EARLY_STEP_NS = 1_000_000
"""A block that is as much too early moves the count back by this: the first stamp was late, and times must not turn."""
FOLLOW = 64
"""The count follows the stamps by a 64th of their distance: over a second of blocks, so that the stamps' jitter stays
out and the drift of a sound card's clock (a few hundred parts a million) is followed to well under a millisecond."""
ANCHORS_MAX = 16
"""Places where the count was set that are remembered: the encoder holds back two frames (2,048 samples), the shortest
block has 160."""


class AudioPacket(msgspec.Struct, frozen=True):
    """One AAC frame with the boot time of its first sample."""

    data: bytes
    pts_ns: int


class _Nowhere(io.RawIOBase):
    """A file that keeps nothing: the encoder's stream needs a container to live in, and no byte of it."""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return memoryview(data).nbytes  # type: ignore[arg-type]  # av hands over a buffer


class AudioEncoder:
    """AAC-LC with times. One thread; `stream` is the template from which a segment's own stream is made."""

    def __init__(self, fmt: AudioFormat, bitrate_bps: int) -> None:
        self.format = fmt
        self._layout = "mono" if fmt.channels == 1 else "stereo"
        self._home = av.open(_Nowhere(), "w", format="adts")
        self.stream: AudioStream = self._home.add_stream("aac", rate=fmt.rate_hz, layout=self._layout)
        self.stream.bit_rate = bitrate_bps
        # Opens the encoder now: a segment's stream is made from this one, and without its header (AudioSpecificConfig)
        # the transport stream would carry frames that nothing can decode.
        self._home.start_encoding()
        self._fed = 0  # samples a channel given to the encoder so far
        self._anchors: list[tuple[int, int]] = []  # (count of samples, boot time of that sample)

    def encode(self, block: PcmBlock) -> Iterator[AudioPacket]:
        """The frames that this block completes, in order. A hole in the blocks' times is one in the frames' times."""
        self._anchors = [*self._anchors[1 - ANCHORS_MAX :], (self._fed, self._start_ns(block))]
        frame = av.AudioFrame(format="s16", layout=self._layout, samples=block.frames)
        frame.planes[0].update(block.data)
        frame.sample_rate = self.format.rate_hz
        frame.time_base = Fraction(1, self.format.rate_hz)
        frame.pts = self._fed
        self._fed += block.frames
        for packet in self.stream.encode(frame):
            yield AudioPacket(bytes(packet), self._time_ns(packet.pts or 0))

    def close(self) -> None:
        """Lets the encoder go; what it still held (under 50 ms) is dropped."""
        self._home.close()

    def _start_ns(self, block: PcmBlock) -> int:
        """The boot time of the block's first sample, by the count, which follows the stamp slowly."""
        if not self._anchors:
            return block.pts_ns
        counted_ns = self._time_ns(self._fed)
        off_ns = block.pts_ns - counted_ns
        if off_ns > JITTER_NS or (block.overflow and off_ns > 0):
            return block.pts_ns
        return counted_ns - EARLY_STEP_NS if off_ns < -JITTER_NS else counted_ns + off_ns // FOLLOW

    def _time_ns(self, sample: int) -> int:
        at, time_ns = self._anchors[0]
        for start, start_ns in self._anchors:
            if start <= sample:
                at, time_ns = start, start_ns
        return time_ns + (sample - at) * NS // self.format.rate_hz
