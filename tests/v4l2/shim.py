# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A USB camera in user space for a process: compiled once, preloaded into whoever shall see it."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SOURCE = Path(__file__).with_name("camera.c")
DEVICE = "/dev/a-camera-of-a-test"
"""No such file has to exist: the preloaded library answers for its name."""
FORMATS = ("YU12", "YUYV", "MJPG")


def build(into: Path) -> Path:
    """The library."""
    library = into / "camera.so"
    options = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *options, "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def environment(library: Path, pixels: str, fps: int = 25) -> dict[str, str]:
    """Variables by which a process has the camera. It is unplugged while `unplugged` exists beside the library."""
    jpeg = library.with_name("picture.jpg")
    jpeg.write_bytes(_jpeg())
    return {
        "LD_PRELOAD": str(library), "V4L2_CAMERA": DEVICE, "V4L2_PIXELS": pixels, "V4L2_FPS": str(fps),
        "V4L2_JPEG": str(jpeg), "V4L2_UNPLUGGED": str(unplugged(library)),
    }  # fmt: skip


def unplugged(library: Path) -> Path:
    """While this file exists, the plug is out."""
    return library.with_name("unplugged")


def _jpeg() -> bytes:
    """One grey picture of 320 x 240."""
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 320, 240, "yuvj422p", Fraction(1, 25)
    grey = av.VideoFrame.from_ndarray(np.full((240, 320), 128, np.uint8), format="gray").reformat(format="yuvj422p")
    return b"".join(bytes(packet) for packet in [*encoder.encode(grey), *encoder.encode(None)])
