# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Encodes pictures to H.264 in software, for cameras that do not: USB and simulated ones."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av

from hardware.ports import VideoFormat, VideoPacket


class VideoEncoder:
    """libx264: one key frame per second, repeated headers, no B-frames. One thread."""

    def __init__(self, fmt: VideoFormat) -> None:
        self.format = fmt
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, av.VideoCodecContext)  # noqa: S101 - only a bug could break it; narrows the type
        context.width, context.height, context.pix_fmt = fmt.width, fmt.height, "yuv420p"
        context.framerate = Fraction(fmt.fps).limit_denominator(1001)
        context.time_base = Fraction(1, 1_000_000)
        context.bit_rate = fmt.bitrate_bps
        context.gop_size = max(1, round(fmt.fps))
        context.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0:threads=1"}
        self._context = context

    def encode(self, frame: av.VideoFrame, pts_ns: int) -> Iterator[VideoPacket]:
        """The packets that this picture completes (with zero latency: one)."""
        frame.pts, frame.time_base = pts_ns // 1000, Fraction(1, 1_000_000)
        for packet in self._context.encode(frame):
            yield VideoPacket(bytes(packet), (packet.pts or 0) * 1000, bool(packet.is_keyframe))
