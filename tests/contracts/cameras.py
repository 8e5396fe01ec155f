# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The cameras that the contract of `hardware.ports.Camera` is tried on: two simulated, and one that is none.

Others take their place where they can run: SPREEKKAMER_CAMERAS names their module, tests.camera.cameras for the real
picamera2, tests.contracts.vivid for the kernel's own V4L2 camera.
"""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np

from hardware.ports import ImageSettings, VideoFormat
from hardware.usb_camera import UsbCamera
from simulators.camera import FileCamera, TestCardCamera
from simulators.clock import SimClock

FORMAT = VideoFormat(width=320, height=240, fps=25, bitrate_bps=400_000)
"""What is asked of them."""


class Maker(msgspec.Struct, frozen=True):
    """One kind of camera: it has `hardware.ports.Camera`, and `fault(name, on=)` with `gone` for a pulled plug."""

    make: Callable[[Path, SimClock], Any]
    fmt: VideoFormat = FORMAT
    """What it makes of that."""
    jitter_ns: int = 2_000
    """How far two pictures may be apart beyond their time: an encoder counts in microseconds."""
    late_ns: int = 40_000_000
    """How long after its picture a packet comes, half of the time."""
    lost: str | None = "unplugged"
    """What a pulled plug is called; None: this driver cannot see it, and the recorder's watchdog has to."""


class FilterSource:
    """A USB camera without a device: ffmpeg's test picture, in real time, opened and read by PyAV as V4L2 is.

    Its plug is the test's: pulled, reading fails as a device does that is gone.
    """

    def __init__(self) -> None:
        self.gone = False

    def open(self, fmt: VideoFormat) -> Any:
        """`hardware.usb_camera.Source.open`."""
        self.check()
        return PulledContainer(av.open(_testsrc(fmt), format="lavfi"), self)

    def prepare(self, _: object) -> tuple[str, ...]:
        """It has everything."""
        return ()

    def check(self) -> None:
        """Raises what V4L2 raises when its device has gone (ENODEV)."""
        if self.gone:
            raise OSError(errno.ENODEV, "No such device")


class PulledContainer:
    """PyAV's container, for as long as the plug is in."""

    def __init__(self, container: Any, source: FilterSource) -> None:
        self._container, self._source = container, source
        self.streams = container.streams

    def decode(self, video: int) -> Iterator[av.VideoFrame]:
        """As PyAV's."""
        for frame in self._container.decode(video=video):
            self._source.check()
            yield frame

    def close(self) -> None:
        """As PyAV's."""
        self._container.close()


class FilterCamera(UsbCamera):
    """The driver for USB cameras, whole, on such a source."""

    def __init__(self, clock: SimClock, image: ImageSettings | None = None) -> None:
        self.source = FilterSource()
        super().__init__(self.source, FORMAT, clock, image)

    def fault(self, name: str, *, on: bool = True) -> None:
        """`gone` is all that it can be."""
        assert name == "gone"
        self.source.gone = on


def _testsrc(fmt: VideoFormat) -> str:
    return f"testsrc2=size={fmt.width}x{fmt.height}:rate={fmt.fps:g},realtime"


def makers() -> dict[str, Maker]:
    """All that can run here."""
    if elsewhere := os.environ.get("SPREEKKAMER_CAMERAS"):
        found: dict[str, Maker] = importlib.import_module(elsewhere).MAKERS
        return found
    return {
        "test card": Maker(lambda _, clock: TestCardCamera(FORMAT, clock)),
        "file": Maker(lambda path, clock: FileCamera(film(path / "film.mp4"), FORMAT, clock)),
        "usb": Maker(lambda _, clock: FilterCamera(clock), jitter_ns=500_000_000, lost="No such device"),
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
