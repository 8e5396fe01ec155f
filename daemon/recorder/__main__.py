# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recorder process in the field: picamera2, PyAudio, and no network. `python -m daemon.recorder`."""

from __future__ import annotations

import sys

from daemon import run
from daemon.config import Settings
from daemon.model import unit
from daemon.paths import Paths
from daemon.recorder import memory, walls
from daemon.recorder.process import Devices, RecorderProcess
from hardware.camera import PicameraCamera
from hardware.clock import SystemClock
from hardware.disk import FileSystemDisk
from hardware.microphone import PyAudioMicrophone
from hardware.ports import Camera, Clock, ImageSettings, VideoFormat
from hardware.usb_camera import UsbCamera, V4l2Source


def make(settings: Settings, paths: Paths) -> RecorderProcess:
    """The process on this machine's devices."""
    walls.refuse_network()
    walls.keep_directories_open()
    memory.keep_in_memory()
    clock, microphone = SystemClock(), settings.unit.microphone
    devices = Devices(
        camera=lambda: camera(settings.unit.camera, clock),
        microphone=lambda: PyAudioMicrophone(microphone.device, microphone.rate_hz, microphone.channels, clock),
        clock=clock,
        disk=FileSystemDisk(paths.recordings),
        simulated=False,
    )
    return RecorderProcess(settings, paths, devices)


def camera(asked: unit.Camera, clock: Clock) -> Camera:
    """The camera of unit.toml."""
    fmt = VideoFormat(asked.width, asked.height, asked.fps, asked.bitrate_bps)
    image = ImageSettings(asked.flip, asked.flicker_hz, asked.metering, asked.exposure_ev, asked.hdr, asked.focus_m)
    if asked.kind == "usb":
        return UsbCamera(V4l2Source(asked.device), fmt, clock, image)
    return PicameraCamera(fmt, clock, asked.encoder, image)


if __name__ == "__main__":
    memory.wipe_what_is_freed(["-m", "daemon.recorder", *sys.argv[1:]])
    run.main("recorder", make)
