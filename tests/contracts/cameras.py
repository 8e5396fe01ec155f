"""The cameras that the contract of `hardware.ports.Camera` is tried on: two simulated, and one that is none.

Others are added where they can run: the real picamera2 by tests/camera, which sets SPREEKKAMER_CAMERAS to its module.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np

from hardware.ports import VideoFormat
from simulators.camera import FileCamera, TestCardCamera
from simulators.clock import SimClock

FORMAT = VideoFormat(width=320, height=240, fps=25, bitrate_bps=400_000)
"""What every one of them can give."""


class Maker(msgspec.Struct, frozen=True):
    """One kind of camera: it has `hardware.ports.Camera`, and `fault(name, on=)` with `gone` for a pulled plug."""

    make: Callable[[Path, SimClock], Any]
    jitter_ns: int = 2_000
    """How far two pictures may be apart beyond their time: an encoder counts in microseconds."""
    late_ns: int = 40_000_000
    """How long after its picture a packet comes, half of the time."""
    lost: str | None = "unplugged"
    """What a pulled plug is called; None: this driver cannot see it, and the recorder's watchdog has to."""


def makers() -> dict[str, Maker]:
    """All that can run here."""
    if elsewhere := os.environ.get("SPREEKKAMER_CAMERAS"):
        found: dict[str, Maker] = importlib.import_module(elsewhere).MAKERS
        return found
    return {
        "test card": Maker(lambda _, clock: TestCardCamera(FORMAT, clock)),
        "file": Maker(lambda path, clock: FileCamera(film(path / "film.mp4"), FORMAT, clock)),
    }


def film(path: Path) -> Path:
    """Half a second at 30 pictures a second, wider than the format: it has to be scaled, thinned out and repeated."""
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 480, 270, "yuv420p", Fraction(1, 30)
        for n in range(15):
            grey = np.full((405, 480), 40 + 10 * n, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="yuv420p")))
        out.mux(stream.encode(None))
    return path
