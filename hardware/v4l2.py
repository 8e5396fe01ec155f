# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What ffmpeg does not do with a V4L2 device: ask for the nearest size, and set a room's picture settings.

Two ioctls of the kernel (linux/videodev2.h). ffmpeg assumes that it got the size it asked for (seen with PyAV 18.1:
320x240 from a camera that delivers 320x180), so only existing sizes may be requested.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hardware.ports import ImageSettings

POINTER = struct.calcsize("P")
FORMAT = struct.Struct("=I4xIII" if POINTER == 8 else "=IIII")  # noqa: PLR2004 - bytes
"""struct v4l2_format as far as used: type, then width, height and pixel format of a union that contains pointers."""
FORMAT_BYTES = 208 if POINTER == 8 else 204  # noqa: PLR2004 - as above
CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
VIDIOC_TRY_FMT = 0xC000_5640 | FORMAT_BYTES << 16
"""_IOWR('V', 64, struct v4l2_format): returns what the device would use, and changes nothing."""
VIDIOC_S_CTRL = 0xC008_561C
"""_IOWR('V', 28, struct v4l2_control): an id and a value, 32 bits each."""
MJPEG = int.from_bytes(b"MJPG", "little")
POWER_LINE_FREQUENCY = 0x0098_0918
EXPOSURE_AUTO_PRIORITY = 0x009A_0903
"""1: in the dark the camera delivers fewer pictures than requested."""
FOCUS_AUTO = 0x009A_090C
WIDE_DYNAMIC_RANGE = 0x009A_0915
EXPOSURE_METERING = 0x009A_0919
FLICKER = {50: 1, 60: 2}
METERING = {"centre": 1, "spot": 2, "whole": 0}


def nearest(device: str, width: int, height: int) -> tuple[int, int, bool]:
    """The device's size nearest to this one, and whether as MJPEG. Raises OSError if it has none.

    USB 2 is too slow for 1280 x 720 at 25 a second as raw pictures, so MJPEG comes first.
    """
    with _opened(device) as file:
        data = bytearray(FORMAT_BYTES)
        FORMAT.pack_into(data, 0, CAPTURE, width, height, MJPEG)
        fcntl.ioctl(file, VIDIOC_TRY_FMT, data)
    _, width, height, pixels = FORMAT.unpack_from(data)
    return width, height, pixels == MJPEG


def prepare(device: str, image: ImageSettings) -> tuple[str, ...]:
    """Set the room's settings that the device supports; return the others, by their names in unit.toml.

    Raises OSError if the device cannot be opened. V4L2 has no focus in metres and no exposure in stops; the lens is at
    least told not to hunt.
    """
    with _opened(device) as file:
        _set(file, EXPOSURE_AUTO_PRIORITY, 0)
        lacks = [setting for setting, control in _wanted(image).items() if not _set(file, *control)]
        if image.focus_m is not None:
            _set(file, FOCUS_AUTO, 0)
            lacks.append("focus_m")
        if image.exposure_ev:
            lacks.append("exposure_ev")
    return tuple(f"camera.{setting}" for setting in lacks)


def _wanted(image: ImageSettings) -> dict[str, tuple[int, int]]:
    wanted = {}
    if image.flicker_hz:
        wanted["flicker_hz"] = (POWER_LINE_FREQUENCY, FLICKER[image.flicker_hz])
    if image.metering != "centre":
        wanted["metering"] = (EXPOSURE_METERING, METERING[image.metering])
    if image.hdr:
        wanted["hdr"] = (WIDE_DYNAMIC_RANGE, 1)
    return wanted


def _set(file: int, control: int, value: int) -> bool:
    """Whether the device accepted it."""
    with suppress(OSError):
        fcntl.ioctl(file, VIDIOC_S_CTRL, struct.pack("=Ii", control, value))
        return True
    return False


@contextmanager
def _opened(device: str) -> Iterator[int]:
    file = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)
