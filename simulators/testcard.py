# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The test card: colour bars, grey ramp and moving box, a time code for people and a frame number for machines.

The frame number is a strip of 32 blocks along the top edge, white for 1, black for 0, the highest bit on the left: 24
bits of the number, then 8 check bits. Blocks are large enough to survive H.264 at any bitrate that shows a face. A dark
or foreign picture has no number: black is not a valid strip.
"""

from __future__ import annotations

import time
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

BLACK, WHITE = 16, 235  # video range (ITU-R BT.709)
BLOCKS = 32
NUMBER_BITS = 24
"""The number wraps after 2^24 pictures: a week at 25 a second."""
BARS = ((180, 128, 128), (168, 44, 136), (145, 147, 44), (133, 63, 52), (63, 193, 204), (51, 109, 212), (28, 212, 120))
"""75 % bars in Y, Cb, Cr (BT.709): grey, yellow, cyan, green, magenta, red, blue."""
FONT = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 6, 8, 16, 31),
    "3": (14, 17, 1, 6, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    "-": (0, 0, 0, 31, 0, 0, 0),
    ":": (0, 4, 4, 0, 4, 4, 0),
    ".": (0, 0, 0, 0, 0, 4, 4),
    "Z": (31, 1, 2, 4, 8, 16, 31),
    " ": (0, 0, 0, 0, 0, 0, 0),
}
"""Seven rows of five dots per character, the leftmost dot in the highest bit."""
SIGN_DOTS, ROW_DOTS = 6, 9  # a dot of space beside each sign, one above and below each row


class TestCard:
    """One picture, drawn once and updated where it moves. One thread."""

    __test__ = False  # pytest: not a test, whatever its name begins with

    def __init__(self, width: int, height: int, *, grain: bool = False) -> None:
        """`grain` makes the ramp shimmer like a dark sensor: enough to fill any requested bitrate."""
        self.frame = av.VideoFrame(width, height, "yuv420p")
        self._luma, self._cb, self._cr = (_plane(self.frame, n) for n in range(3))
        self._strip_rows = _strip_rows(height)
        self._dot = max(1, width // (SIGN_DOTS * 34))  # 32 signs of time code and number, and a margin
        self._signs = {sign: _sign(rows, self._dot) for sign, rows in FONT.items()}
        self._text_top = height // 2
        self._ramp_top = height * 3 // 4 // 2 * 2
        self._draw_still()
        self._still = self._luma.copy()
        self._shown = ""
        self._box_top = -1
        self._grains = self._grainy_ramps() if grain else []

    def show(self, number: int, wall_ns: int) -> av.VideoFrame:
        """The picture with this number and UTC. Always the same frame object: use it before the next call."""
        self._move_box(number)
        self._write(f"{_time_code(wall_ns)} {number % 1_000_000_000:09d}")
        self._luma[: self._strip_rows] = _strip(number, self._luma.shape[1])
        if self._grains:
            self._luma[self._ramp_top :] = self._grains[number % len(self._grains)]
        return self.frame

    def _draw_still(self) -> None:
        width = self._luma.shape[1]
        bar = np.minimum(np.arange(width) * len(BARS) // width, len(BARS) - 1)
        self._luma[:] = np.array([colour[0] for colour in BARS], np.uint8)[bar]
        self._luma[self._ramp_top :] = np.linspace(BLACK, WHITE, width).astype(np.uint8)
        grey = (slice(0, self._strip_rows), slice(self._text_top, self._text_top + ROW_DOTS * self._dot))
        for plane, channel in ((self._cb, 1), (self._cr, 2)):
            plane[:] = np.array([colour[channel] for colour in BARS], np.uint8)[bar[::2]]
            plane[self._ramp_top // 2 :] = 128
            for rows in grey:
                plane[rows.start // 2 : (rows.stop + 1) // 2] = 128

    def _grainy_ramps(self) -> list[Plane]:
        """A few ramps with different grain; to an encoder they are as good as endlessly many."""
        ramp = self._still[self._ramp_top :].astype(np.int16)
        source = np.random.default_rng(20)
        return [np.clip(ramp + source.integers(-24, 25, ramp.shape), 0, 255).astype(np.uint8) for _ in range(5)]

    def _move_box(self, number: int) -> None:
        """A square that moves down the middle, under the strip and above the text, and starts again."""
        height, width = self._luma.shape
        side, left = height // 12, width // 2
        way = self._text_top - self._strip_rows - side
        if self._box_top >= 0:
            self._copy_still(self._box_top, side, left)
        self._box_top = self._strip_rows + number * max(1, side // 8) % max(1, way)
        self._luma[self._box_top : self._box_top + side, left : left + side] = WHITE

    def _copy_still(self, top: int, side: int, left: int) -> None:
        area = (slice(top, top + side), slice(left, left + side))
        self._luma[area] = self._still[area]

    def _write(self, text: str) -> None:
        """Draw only characters that have changed, and as many as fit (all, from 204 pixels on)."""
        advance = SIGN_DOTS * self._dot
        for n, sign in enumerate(text[: self._luma.shape[1] // advance - 1]):
            if self._shown[n : n + 1] != sign:
                left = advance * (n + 1)
                pixels = self._signs[sign]
                self._luma[self._text_top : self._text_top + pixels.shape[0], left : left + advance] = pixels
        self._shown = text


def dark_frame(width: int, height: int) -> av.VideoFrame:
    """A camera's picture under a cap."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for n, level in enumerate((BLACK, 128, 128)):
        _plane(frame, n)[:] = level
    return frame


def read_frame_number(y_plane: NDArray[Any]) -> int | None:
    """The number on the strip of a decoded picture's luma plane; None: there is no complete strip."""
    height, width = y_plane.shape
    rows = _strip_rows(height)
    edges = np.arange(BLOCKS + 1) * width // BLOCKS
    margin = max(1, (width // BLOCKS) // 4)  # coding blurs the blocks' edges
    inner = y_plane[rows // 4 : rows - rows // 4]
    levels = [inner[:, edges[n] + margin : edges[n + 1] - margin].mean() for n in range(BLOCKS)]
    if any(80 < level < 170 for level in levels):  # noqa: PLR2004 - neither black nor white, with a third of the way to each
        return None
    bits = sum(1 << (BLOCKS - 1 - n) for n, level in enumerate(levels) if level >= 170)  # noqa: PLR2004 - as above
    number, check = bits >> 8, bits & 0xFF
    return number if _check(number) == check else None


def _strip(number: int, width: int) -> Plane:
    bits = (number % (1 << NUMBER_BITS)) << 8 | _check(number % (1 << NUMBER_BITS))
    edges = np.arange(BLOCKS + 1) * width // BLOCKS
    levels = [WHITE if bits >> (BLOCKS - 1 - n) & 1 else BLACK for n in range(BLOCKS)]
    return np.repeat(np.array(levels, np.uint8), np.diff(edges))


def _check(number: int) -> int:
    """A parity per column of the number's three bytes, inverted so that black (all zeros) is wrong."""
    return (number ^ number >> 8 ^ number >> 16) & 0xFF ^ 0xA5


def _strip_rows(height: int) -> int:
    """A whole number of macroblocks, about a thirtieth of the picture."""
    return max(16, height // 30 // 16 * 16)


def _sign(rows: tuple[int, ...], dot: int) -> Plane:
    dots = np.full((ROW_DOTS, SIGN_DOTS), BLACK, np.uint8)
    for y, row in enumerate(rows):
        for x in range(5):
            if row >> (4 - x) & 1:
                dots[y + 1, x] = WHITE
    return dots.repeat(dot, axis=0).repeat(dot, axis=1)


def _plane(frame: av.VideoFrame, index: int) -> Plane:
    """The pixels themselves, writable; a plane's lines are longer than the picture is wide."""
    plane = frame.planes[index]
    lines: Plane = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return lines[: plane.height, : plane.width]


def _time_code(wall_ns: int) -> str:
    hundredth = wall_ns // 10_000_000 % 100
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(wall_ns // 1_000_000_000)) + f".{hundredth:02d}Z"
