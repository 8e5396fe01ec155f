# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Figures of a camera's picture that show no content: brightness, sharpness, how long it is frozen.

Invariant: the camera's thread copies a few rows, once a second, and goes on. They are evaluated in a thread of this
module, and dropped. No picture is kept, and none leaves.
"""

from __future__ import annotations

import threading
import zlib
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hardware.ports import BLOCK_COLUMNS, BLOCK_ROWS, PictureBlocks, PictureFigures

NS = 1_000_000_000
EVERY_NS = NS
"""Between two evaluated pictures: a camera being aimed shows a change within a second, and 16 x 9 blocks at that pace
are not a film of anybody."""
SAMPLED_ROWS = 90
"""Rows evaluated per picture: ten per block, 115 kB of a 1280 x 720 picture, copied in some 0.05 ms."""
LAG_SHARE, LAG_MIN = 40, 16
"""Sharpness compares adjacent pixels with pixels a fortieth of the width apart, at least 16: further than an unfocused
lens smears an edge, nearer than the size of a face."""
NOISE_MAX = 72.0
"""Squared difference of adjacent pixels that can be sensor noise (6 grey levels); more is texture."""
NOISE_BLOCKS_PCT = 5
"""Percentage of the flattest blocks, which show the noise."""
CONTRAST_MIN = 30.0
"""Squared difference over the lag (5 grey levels) below which sharpness cannot be judged."""
BLACK, WHITE = 16, 235
"""Video range (ITU-R BT.601, BT.709)."""
STOP_S = 2.0
"""One picture takes 2 ms; this allows a busy Pi a thousand times that."""

Luma = NDArray[np.uint8]


class Sample(msgspec.Struct, frozen=True, eq=False):
    """Some rows of one picture's luma."""

    rows: Luma
    at_ns: int


class Measured(msgspec.Struct, frozen=True):
    """Results from one sample."""

    figures: PictureFigures
    blocks: PictureBlocks


class PictureMeter:
    """Figures of one camera from start to stop. `due` and `give` in the camera's thread, the rest in any."""

    def __init__(self) -> None:
        self.measured: Measured | None = None
        """Of the last evaluated picture."""
        self._due_ns = 0
        self._sample: Sample | None = None
        self._print, self._since_ns = 0, 0  # hash of the last sample, and since when it has been the same
        self._change = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="camera-figures", daemon=True)
        self._thread.start()

    def due(self, at_ns: int) -> bool:
        """Whether to evaluate the picture of this moment."""
        return at_ns >= self._due_ns

    def give(self, plane: Any, size: tuple[int, int], stride: int, at_ns: int) -> None:
        """Copy rows of a luma plane (a buffer of `stride` bytes per line). Raises ValueError if it is too short."""
        width, height = size
        self._due_ns = at_ns + EVERY_NS
        lines = np.frombuffer(plane, np.uint8, count=stride * height).reshape(height, stride)
        apart = max(1, height // SAMPLED_ROWS)
        with self._change:
            self._sample = Sample(lines[apart // 2 :: apart, :width].copy(), at_ns)
            self._change.notify()

    def close(self) -> None:
        """End the thread."""
        with self._change:
            self._over = True
            self._change.notify()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._over or self._sample is not None)
                sample, self._sample = self._sample, None
            if sample is None:
                return
            self.measured = measure(sample, self._still_s(sample))

    def _still_s(self, sample: Sample) -> float:
        """Sensor noise differs in every picture: two identical samples are the same picture."""
        print_ = zlib.crc32(sample.rows.tobytes())
        if print_ != self._print or not self._since_ns:
            self._print, self._since_ns = print_, sample.at_ns
        return (sample.at_ns - self._since_ns) / NS


class Metered:
    """Shared by all camera drivers: a meter from `start` to `stop`."""

    _meter: PictureMeter | None = None

    def figures(self) -> PictureFigures | None:
        """`hardware.ports.Camera.figures`."""
        measured = self._measured()
        return measured.figures if measured else None

    def blocks(self) -> PictureBlocks | None:
        """`hardware.ports.Camera.blocks`."""
        measured = self._measured()
        return measured.blocks if measured else None

    def _measured(self) -> Measured | None:
        meter = self._meter  # `stop` may remove it meanwhile
        return meter.measured if meter else None

    def _stop_meter(self) -> None:
        meter, self._meter = self._meter, None
        if meter is not None:
            meter.close()


def measure(sample: Sample, still_s: float = 0.0) -> Measured:
    """The figures of one sample. Sharpness follows from the ratio of two structure functions, without noise."""
    rows = sample.rows.astype(np.float32)
    lag = max(LAG_MIN, rows.shape[1] // LAG_SHARE)
    near = _by_block(np.square(rows[:, 1:-lag] - rows[:, : -lag - 1]))
    far = _by_block(np.square(rows[:, lag:] - rows[:, :-lag]))
    noise = min(NOISE_MAX, float(np.percentile(near, NOISE_BLOCKS_PCT)))
    light = np.clip((_by_block(rows) - BLACK) / (WHITE - BLACK), 0.0, 1.0) * 100
    sharp = [_sharpness(*pair, noise, lag) for pair in zip(near.ravel().tolist(), far.ravel().tolist(), strict=True)]
    figures = PictureFigures(
        sample.at_ns,
        round(float(light.mean()), 1),
        _sharpness(float(near.mean()), float(far.mean()), noise, lag),
        round(still_s, 1),
    )
    lights = tuple(round(block) for block in light.ravel().tolist())
    return Measured(figures, PictureBlocks(sample.at_ns, lights, tuple(sharp)))


def _by_block(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of each of the 16 x 9 blocks."""
    down = np.arange(BLOCK_ROWS) * values.shape[0] // BLOCK_ROWS
    across = np.arange(BLOCK_COLUMNS) * values.shape[1] // BLOCK_COLUMNS
    sums = np.add.reduceat(np.add.reduceat(values, down, axis=0), across, axis=1)
    sizes = np.outer(np.diff(np.append(down, values.shape[0])), np.diff(np.append(across, values.shape[1])))
    means: NDArray[np.float32] = sums / sizes
    return means


def _sharpness(near: float, far: float, noise: float, lag: int) -> int | None:
    """In a natural picture the squared difference grows with the distance (a spectrum of 1/f^2): sharpness 100.

    Out of focus it grows with the square of the distance up to the smear: 100 / sqrt(lag), 18 at 1280 pixels.
    """
    if far - noise < CONTRAST_MIN:
        return None
    return round(100 * float(np.sqrt(max(0.0, near - noise) / (far - noise) * lag)))
