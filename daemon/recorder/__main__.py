"""The recorder process in the field: picamera2, PyAudio, and no network. `python -m daemon.recorder`."""

from __future__ import annotations

import sys

from daemon import run
from daemon.config import Settings
from daemon.paths import Paths
from daemon.recorder import memory, walls
from daemon.recorder.process import Devices, RecorderProcess
from hardware.camera import PicameraCamera
from hardware.clock import SystemClock
from hardware.disk import FileSystemDisk
from hardware.microphone import PyAudioMicrophone
from hardware.ports import ImageSettings, VideoFormat


def make(settings: Settings, paths: Paths) -> RecorderProcess:
    """The process on this machine's devices."""
    walls.refuse_network()
    memory.keep_in_memory()
    clock, camera, microphone = SystemClock(), settings.unit.camera, settings.unit.microphone
    fmt = VideoFormat(camera.width, camera.height, camera.fps, camera.bitrate_bps)
    image = ImageSettings(
        camera.flip, camera.flicker_hz, camera.metering, camera.exposure_ev, camera.hdr, camera.focus_m
    )
    devices = Devices(
        camera=lambda: PicameraCamera(fmt, clock, camera.encoder, image),
        microphone=lambda: PyAudioMicrophone(microphone.device, microphone.rate_hz, microphone.channels, clock),
        clock=clock,
        disk=FileSystemDisk(paths.store),
    )
    return RecorderProcess(settings, paths, devices)


if __name__ == "__main__":
    memory.wipe_what_is_freed(["-m", "daemon.recorder", *sys.argv[1:]])
    run.main("recorder", make)
