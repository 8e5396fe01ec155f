# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Opens a USB camera, reads, closes it in the middle, again and again: `python -m tests.v4l2.lives DEVICE N`.

A process of its own, because what is looked for ends one. It prints how often it came to its end, as a last line.
"""

from __future__ import annotations

import sys
import time

from hardware.clock import SystemClock
from hardware.ports import DeviceLost, ImageSettings, VideoFormat, VideoPacket
from hardware.usb_camera import UsbCamera, V4l2Source

FORMAT = VideoFormat(width=320, height=240, fps=25, bitrate_bps=200_000)
TURNED = (
    ImageSettings(flip="none", flicker_hz=0),
    ImageSettings(flip="vertical", flicker_hz=0),
    ImageSettings(flip="both", flicker_hz=0),
)
PICTURES_S = 30.0
"""No camera is that slow; a test that waits longer has found something."""


class Taken:
    """What comes from a camera, taken slowly: a machine that has no time."""

    def __init__(self, late_s: float) -> None:
        self.packets, self.lost, self._late_s = 0, False, late_s

    def __call__(self, item: VideoPacket | DeviceLost) -> None:
        """The driver's sink."""
        if isinstance(item, DeviceLost):
            self.lost = True
        else:
            self.packets += 1
            time.sleep(self._late_s)


def live(device: str, n: int) -> None:
    """One life: the n-th is turned another way, and more or less slow than the one before."""
    camera = UsbCamera(V4l2Source(device), FORMAT, SystemClock(), TURNED[n % len(TURNED)])
    taken = Taken((n % 4) * 0.03)
    camera.start(taken)
    until_s = time.monotonic() + PICTURES_S
    while taken.packets <= n % 3 and not taken.lost:
        if time.monotonic() > until_s:
            raise SystemExit(f"life {n}: {taken.packets} pictures in {PICTURES_S:g} s")
        time.sleep(0.002)
    if taken.lost:
        raise SystemExit(f"life {n}: the camera was lost")
    camera.stop()


def main() -> None:
    """As the file's first line says."""
    device, lives = sys.argv[1], int(sys.argv[2])
    for n in range(lives):
        live(device, n)
    sys.stdout.write(f"{lives} lives\n")


if __name__ == "__main__":
    main()
