# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whether the segments of a track can be used: how much of them is whole, and whether they decode.

Invariant: neither a device nor its encoder is believed. Now and then a segment is decoded in memory before it is
sealed, and its figures are compared with those of the raw picture and the raw sound. The decoded data is dropped at
once (promise R1).
"""

from __future__ import annotations

import io
import math
from collections import deque
from collections.abc import Callable

import av
import numpy as np

from daemon.recorder import memory
from daemon.recorder.cutter import Clear
from hardware import figures
from hardware.ports import PictureFigures, Track

NS = 1_000_000_000
LOOK_NS = 10 * NS
"""Period over which it is judged."""
OPEN_NS = 2 * NS
"""The newest part of it is not in the ring yet: the open segment, and a late key frame."""
ENOUGH, ENOUGH_AGAIN = 0.75, 0.9
"""Fractions of the time that should be in the ring: below the first it is a fault, from the second on it is over. A
picture lost now and then is a gap and not a fault; every fourth is."""
NOTHING = 0.1
FEW = "less than three quarters of what it promised is there and whole"
NONE = "nothing of what it delivers can be used"
EVERY_NS = 5 * NS
"""Between two decoded segments: with a second one to confirm, a fault is named within ten seconds."""
WHOLE_NS = 60 * NS
"""Between two segments of image that are decoded to the end; of others only the key frame, a hundredth of the work."""
BRIGHTNESS_PCT = 20.0
"""A lamp switched on between the two looks makes this difference once, not twice."""
SHARPNESS = 4
"""The decoded picture is at least a quarter as sharp as the raw one: a low bit rate blurs, a lost picture is grey."""
NEAR_NS = 2 * NS
"""Maximum time between the raw picture and the decoded one."""
HEARD_DBFS, LEVEL_DB = -60.0, 12.0
"""Sound above the first level is present. The decoded level is within the second of it: AAC changes it by less than
1."""
FRAMES = 0.9
"""Fraction of a segment's pictures or samples that must decode."""


class Share:
    """How much of a track's last ten seconds is in the ring and whole. One thread."""

    def __init__(self, since_ns: int) -> None:
        self._since_ns = since_ns
        self._sealed: deque[tuple[int, int]] = deque()
        self._short = False

    def feed(self, end_ns: int, good_ns: int) -> None:
        """A segment has been sealed; `good_ns` of it is whole."""
        self._sealed.append((end_ns, good_ns))

    def words(self, now_ns: int) -> str:
        """What is wrong, for a person; empty: nothing, or it is too early to say."""
        while self._sealed and self._sealed[0][0] <= now_ns - LOOK_NS - OPEN_NS:
            self._sealed.popleft()
        if now_ns - self._since_ns < LOOK_NS:
            return ""
        share = sum(good_ns for _, good_ns in self._sealed) / LOOK_NS
        self._short = share < (ENOUGH_AGAIN if self._short else ENOUGH)
        if not self._short:
            return ""
        if share < NOTHING:
            return NONE
        return FEW


class Proof:
    """Decodes a segment now and then. One thread."""

    def __init__(self, judge: Callable[[Clear, bool], str]) -> None:
        self._judge = judge
        self._due_ns = self._whole_ns = 0
        self._doubt = ""
        self.words = ""
        """What is wrong, for a person, once two segments in a row have shown it; empty: nothing."""

    def feed(self, clear: Clear) -> None:
        """Decode a segment if it is time."""
        if clear.t1_ns < self._due_ns:
            return
        whole = clear.t1_ns >= self._whole_ns
        wrong = self._judge(clear, whole)
        self.words = wrong if self._doubt else ""
        self._doubt = wrong
        self._due_ns = clear.t1_ns + (0 if wrong and not self.words else EVERY_NS)
        if whole:
            self._whole_ns = clear.t1_ns + WHOLE_NS
            memory.trim()  # a decoder's tables leave empty pages in the heap: 8 MB after a minute


def judge_image(clear: Clear, raw: PictureFigures | None, *, whole: bool) -> str:
    """What is wrong with a segment of image compared with what the camera saw; empty: nothing."""
    first, count = None, 0
    try:
        with av.open(io.BytesIO(clear.data), "r", format="mpegts") as file:
            file.streams.video[0].codec_context.thread_count = 1
            for frame in file.decode(video=0):
                count += 1
                if first is None:
                    first = _figures(frame, clear.t0_ns)
                if not whole:
                    break
    except (av.FFmpegError, IndexError) as error:
        return f"its pictures do not decode: {error}"
    if first is None or (whole and count < FRAMES * clear.frames):
        return "its pictures do not decode"
    if raw is None or abs(raw.at_ns - clear.t0_ns) > NEAR_NS:
        return ""
    if abs(first.brightness_pct - raw.brightness_pct) > BRIGHTNESS_PCT:
        return "what is recorded is not as light as what it sees"
    if raw.sharpness_pct is not None and (first.sharpness_pct or 0) * SHARPNESS < raw.sharpness_pct:
        return "what is recorded is not as sharp as what it sees"
    return ""


def judge_sound(clear: Clear, raw_dbfs: float | None, rate_hz: int) -> str:
    """What is wrong with a segment of sound compared with what the microphone heard; empty: nothing."""
    power, samples, channels = 0.0, 0, 1
    try:
        with av.open(io.BytesIO(clear.data), "r", format="mpegts") as file:
            for frame in file.decode(audio=0):
                values = frame.to_ndarray()
                channels = values.shape[0]
                power += float(np.square(values, dtype=np.float64).sum())
                samples += values.size
    except (av.FFmpegError, IndexError) as error:
        return f"its sound does not decode: {error}"
    if samples / channels < FRAMES * (clear.t1_ns - clear.t0_ns) / NS * rate_hz:
        return "its sound does not decode"
    level = 10 * math.log10(power / samples) if power else -math.inf
    if raw_dbfs is not None and raw_dbfs > HEARD_DBFS and abs(level - raw_dbfs) > LEVEL_DB:
        return "what is recorded is not as loud as what it hears"
    return ""


def named(track: Track, words: str) -> str:
    """The words as a device's fault."""
    return f"{'camera' if track == 'video' else 'microphone'}: {words}" if words else ""


def _figures(frame: av.VideoFrame, at_ns: int) -> PictureFigures:
    plane = frame.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8, count=plane.line_size * frame.height).reshape(
        frame.height, plane.line_size
    )
    apart = max(1, frame.height // figures.SAMPLED_ROWS)
    return figures.measure(figures.Sample(lines[apart // 2 :: apart, : frame.width].copy(), at_ns)).figures
