# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The driver for USB cameras on the kernel's own test camera, `vivid`: real V4L2, and a plug that can be pulled.

For a machine of which one is root and whose kernel has the module; its controls are in the kernel's
Documentation/admin-guide/media/vivid.rst.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from hardware.ports import ImageSettings, VideoFormat
from hardware.usb_camera import UsbCamera, V4l2Source
from simulators.clock import SimClock
from tests.contracts.cameras import FORMAT, Maker

MODULE = ("vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0x0")  # one webcam
DEVICE = "/dev/video0"
NS = 1_000_000_000


class VividCamera(UsbCamera):
    """`UsbCamera` as it is; `vivid` takes a disconnected device back when it is closed, so then the module goes."""

    gone = False

    def stop(self) -> None:
        """As the driver's."""
        super().stop()
        if self.gone:
            subprocess.run(["modprobe", "-r", "vivid"], check=True)

    def fault(self, name: str, *, on: bool = True) -> None:
        """`gone`: the device goes as when it is unplugged; a new one comes with the module."""
        assert name == "gone"
        self.gone = on
        if on:
            subprocess.run(["v4l2-ctl", "-d", DEVICE, "-c", "disconnect=1"], check=True)
        else:
            plug_in()


def plug_in() -> None:
    """A camera that nobody has touched."""
    subprocess.run(["modprobe", "-r", "vivid"], check=False)
    subprocess.run(["modprobe", *MODULE], check=True)
    subprocess.run(["udevadm", "settle"], check=True)


def make(_: Path, clock: SimClock) -> VividCamera:
    """One that is plugged in."""
    plug_in()
    return VividCamera(V4l2Source(DEVICE), FORMAT, clock, ImageSettings(flicker_hz=0))


MAKERS = {
    "vivid": Maker(make, VideoFormat(320, 180, 25, FORMAT.bitrate_bps), jitter_ns=NS, late_ns=NS, lost="No such device")
}
"""It has 320 x 180 where 320 x 240 was asked for; in a machine that is emulated it takes its time."""
