# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recorder of a simulated unit: the real process, on a simulated camera and microphone."""

from __future__ import annotations

from pathlib import Path

from daemon import run
from daemon.config import Settings
from daemon.paths import Paths
from daemon.recorder import memory, walls
from daemon.recorder.process import Devices, RecorderProcess
from hardware.microphone import PyAudioMicrophone
from hardware.ports import AudioFormat, Camera, Microphone, VideoFormat
from simulators.camera import FileCamera, TestCardCamera
from simulators.clock import SimClock
from simulators.disk import FaultyDisk
from simulators.microphone import FileMicrophone, ToneMicrophone
from simulators.pace import obey_faults
from simulators.places import clock_path, faults_path


def start(paths: Paths, video: Path | None, audio: Path | None, microphone_name: str | None) -> None:
    """Run until stopped. Without files: a test card, and a tone with a click each second.

    With a name, sound comes from a microphone of this machine, by the driver of the field.
    """

    def make(settings: Settings, paths: Paths) -> RecorderProcess:
        walls.refuse_network()
        walls.keep_directories_open()
        memory.keep_in_memory()
        clock, asked, sound = SimClock(clock_path(paths)), settings.unit.camera, settings.unit.microphone
        picture = VideoFormat(asked.width, asked.height, asked.fps, asked.bitrate_bps)
        pcm = AudioFormat(sound.rate_hz, sound.channels, "simulated")

        def camera() -> Camera:
            device = FileCamera(video, picture, clock) if video else TestCardCamera(picture, clock)
            obey_faults(device, "camera", faults_path(paths))
            return device

        def microphone() -> Microphone:
            if microphone_name is not None:
                return PyAudioMicrophone(microphone_name, pcm.rate_hz, pcm.channels, clock)
            device = FileMicrophone(audio, pcm, clock) if audio else ToneMicrophone(pcm, clock)
            obey_faults(device, "microphone", faults_path(paths))
            return device

        disk = FaultyDisk(paths).stand_between()
        return RecorderProcess(settings, paths, Devices(camera, microphone, clock, disk, simulated=True))

    run.run("recorder", paths, make)
