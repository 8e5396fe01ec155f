# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Cuts a track into segments of one second, each a whole MPEG-TS file that plays alone and joins its neighbours.

Invariant: a segment of image begins at a key frame. Segments have boot times in 90 kHz, so that sound and image of a
recording are in sync, and opened segments play without a seam when concatenated. A hole between two packets is reported
as a `Hole`, with its reason. Pure: packets in, pieces out; only the open segment is held.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import msgspec
from msgspec.structs import replace

from daemon.recorder.drift import Lost
from daemon.recorder.encoder import AAC_FRAME, SILENCE_NS, AudioEncoder, AudioPacket
from hardware.ports import Track, VideoFormat, VideoPacket

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.stream import Stream

NS = 1_000_000_000
SEGMENT_NS = NS
"""Maximum loss per track at a power cut (promise R5)."""
EARLY_NS = {"audio": 20_000_000, "video": 250_000_000}
"""A key frame this much before the second is up also ends the segment: the next one would make it twice as long. Sound
can end anywhere; image has one chance a second, and a camera on a busy machine is a few pictures early."""
KEYLESS_NS = 5 * NS
"""An open segment of image without a key frame for this long is ended: five missed key frames are not jitter."""
STEP_NS = 11_112
"""Minimum between two packets: one tick of the file's clock. A muxer refuses times that stand still or go back."""
HOLE_FRAMES = 3
"""A hole is at least this many frame times. picamera2 skips a frame now and then; that is not a hole."""
TICKS = Fraction(1, 90_000)


class Hole(msgspec.Struct, frozen=True):
    """Something is missing from a track."""

    track: Track
    from_ns: int
    to_ns: int
    reason: str


class Clear(msgspec.Struct, frozen=True):
    """A whole segment, not sealed yet."""

    track: Track
    t0_ns: int
    t1_ns: int
    frames: int
    data: bytes


Piece = Clear | Hole
Packets = list[VideoPacket | AudioPacket]
"""Packets of one track, all of one kind."""
Mux = Callable[[Packets], bytes]


class Cutter:
    """One track. One thread."""

    def __init__(self, track: Track, frame_ns: int, mux: Mux) -> None:
        self._track, self._frame_ns, self._mux = track, frame_ns, mux
        self._open: Packets = []
        self._spoiled = 0
        """Packets of the open segment that do not count as pictures."""
        self._small: list[Hole] = []
        """Short holes since the last segment: reported together, at most one line a second."""
        self._last_ns = 0
        self._packets_max = 2 * KEYLESS_NS // frame_ns
        """Packets per segment, for a device whose times stand still: a bound on a segment's memory whatever the device
        says."""
        self.end_ns: int | None = None
        """End of the track's last packet; None before the first."""
        self.why = ""
        """Reason of the next hole."""

    def follow(self, end_ns: int | None, why: str) -> None:
        """Go on where the track ended before a restart of its device; None: nothing came before."""
        self.end_ns, self.why = end_ns, why

    @property
    def open_since_ns(self) -> int | None:
        """Start of the open segment."""
        return self._open[0].pts_ns if self._open else None

    def feed(self, packet: VideoPacket | AudioPacket, *, whole: bool = True) -> list[Piece]:
        """Take the next packet; return the pieces that it completes. Not `whole`: it is kept but does not count."""
        pieces: list[Piece] = []
        if packet.pts_ns < self._last_ns + STEP_NS:
            packet = replace(packet, pts_ns=self._last_ns + STEP_NS)
        self._last_ns = packet.pts_ns
        key = not isinstance(packet, VideoPacket) or packet.key
        missing_ns = packet.pts_ns - self.end_ns if self.end_ns is not None else 0
        if missing_ns >= HOLE_FRAMES * self._frame_ns:
            if missing_ns >= SEGMENT_NS:
                pieces += self.end(self.why)
            if (key or self._open) and missing_ns < SEGMENT_NS:
                self._small += self._hole(packet.pts_ns)
            elif key or self._open:
                pieces += self._hole(packet.pts_ns)
        if self._open:
            lasts_ns = packet.pts_ns - self._open[0].pts_ns
            full = lasts_ns >= KEYLESS_NS or len(self._open) >= self._packets_max
            if full or (key and lasts_ns >= SEGMENT_NS - EARLY_NS[self._track]):
                pieces += self.end("" if key else "no key frame came", at_ns=packet.pts_ns)
        if self._open or key:
            self._open.append(packet)
            self._spoiled += not whole
            self.end_ns = packet.pts_ns + self._frame_ns
        return pieces

    def lost(self, lost: Lost) -> list[Piece]:
        """Samples are missing. If silence replaces them the hole is reported here; otherwise the times show it."""
        if lost.to_ns - lost.from_ns < SILENCE_NS:
            self._small.append(Hole(self._track, lost.from_ns, lost.to_ns, lost.reason))
            return []
        self.why = lost.reason
        return []

    def end(self, why: str, at_ns: int | None = None) -> list[Piece]:
        """End the open segment early, because the track is interrupted. `why`: reason of the hole that may follow."""
        self.why = why
        holes: list[Piece] = [_together(self._small)] if self._small else []
        self._small = []
        if not self._open:
            return holes
        packets, self._open = self._open, []
        count, self._spoiled = len(packets) - self._spoiled, 0
        t0_ns, t1_ns = packets[0].pts_ns, at_ns or packets[-1].pts_ns + self._frame_ns
        try:
            return [*holes, Clear(self._track, t0_ns, t1_ns, count, self._mux(packets))]
        except av.FFmpegError as error:  # packets that no camera should send: a second is lost, and recording goes on
            return [*holes, Hole(self._track, t0_ns, t1_ns, f"it could not be made a file: {error}")]

    def forget(self) -> None:
        """Drop the open segment. The track begins anew, and what was dropped is not a hole."""
        self._open, self._small, self._spoiled, self.end_ns = [], [], 0, None

    def _hole(self, to_ns: int) -> list[Hole]:
        if self.end_ns is None or to_ns <= self.end_ns:
            return []
        reason, self.why = self.why or "frames are missing", ""
        return [Hole(self._track, self.end_ns, to_ns, reason)]


def _together(holes: list[Hole]) -> Hole:
    """One line for the holes of a second: from the first to the last, with their number."""
    first, last = holes[0], holes[-1]
    reason = first.reason if first is last else f"{first.reason} ({len(holes)} times)"
    return Hole(first.track, first.from_ns, max(last.to_ns, first.to_ns), reason)


def video_cutter(fmt: VideoFormat) -> Cutter:
    """Return a cutter for the camera's packets."""

    def mux(packets: Packets) -> bytes:
        def add_stream(container: OutputContainer) -> Stream:
            rate = Fraction(fmt.fps).limit_denominator(1001)
            return container.add_mux_stream("h264", rate=rate, width=fmt.width, height=fmt.height)

        return _transport_stream(packets, add_stream)

    return Cutter("video", round(NS / fmt.fps), mux)


def audio_cutter(encoder: AudioEncoder) -> Cutter:
    """Return a cutter for the packets of this encoder."""

    def mux(packets: Packets) -> bytes:
        return _transport_stream(packets, lambda container: container.add_stream_from_template(encoder.stream))

    return Cutter("audio", AAC_FRAME * NS // encoder.format.rate_hz, mux)


def _transport_stream(packets: Packets, add_stream: Callable[[OutputContainer], Stream]) -> bytes:
    """A whole MPEG-TS file (ISO/IEC 13818-1). Its counters begin anew, so its first packet sets `discontinuity`."""
    file = io.BytesIO()
    options = {"mpegts_copyts": "1", "mpegts_flags": "initial_discontinuity"}
    with av.open(file, "w", format="mpegts", options=options) as container:
        stream = add_stream(container)
        for packet in packets:
            out = av.Packet(packet.data)
            out.stream, out.time_base = stream, TICKS
            out.pts = out.dts = packet.pts_ns * 9 // 100_000
            out.is_keyframe = not isinstance(packet, VideoPacket) or packet.key
            container.mux_one(out)
    return file.getvalue()
