# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A root of the recorder for benchmarks: the machine's clock, a test card with grain, a tone.

With `replay` in SPREEKKAMER_BENCH_CAMERA the camera encodes one second and delivers it for ever: the same bytes a
second for next to no CPU, so that six rings can fill at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from daemon import run
from daemon.config import Settings
from daemon.paths import Paths
from daemon.recorder import memory, walls
from daemon.recorder.process import Devices, RecorderProcess
from hardware.clock import SystemClock
from hardware.disk import FileSystemDisk
from hardware.h264 import VideoEncoder
from hardware.ports import AudioFormat, Clock, VideoFormat, VideoPacket
from simulators.camera import TestCardCamera
from simulators.microphone import ToneMicrophone
from simulators.pace import Moment
from simulators.testcard import TestCard

SETTLED_S = 4
"""Seconds until libx264's rate control has come to the bitrate that it was asked for."""


class ReplayCamera(TestCardCamera):
    """One second of the test card, encoded once, before the recorder is there: seconds would be a camera that hangs."""

    def __init__(self, fmt: VideoFormat, clock: Clock) -> None:
        super().__init__(fmt, clock)
        encoder, card, frames = VideoEncoder(fmt), TestCard(fmt.width, fmt.height, grain=True), round(fmt.fps)
        packets = [
            packet
            for n in range(SETTLED_S * frames)
            for packet in encoder.encode(card.show(n, 0), n * 1_000_000_000 // frames)
        ]
        self._packets = packets[-frames:]

    def turn(self, moment: Moment) -> Iterator[VideoPacket]:
        """The packet whose turn it is."""
        packet = self._packets[moment.number % len(self._packets)]
        yield VideoPacket(packet.data, moment.at_ns, packet.key)


def formats(settings: Settings) -> tuple[VideoFormat, AudioFormat]:
    """What unit.toml asks for."""
    camera, sound = settings.unit.camera, settings.unit.microphone
    picture = VideoFormat(camera.width, camera.height, camera.fps, camera.bitrate_bps)
    return picture, AudioFormat(sound.rate_hz, sound.channels)


def make(settings: Settings, paths: Paths) -> RecorderProcess:
    """As `daemon.recorder.__main__.make`, but for the devices."""
    walls.refuse_network()
    memory.keep_in_memory()
    clock, (picture, pcm) = SystemClock(), formats(settings)
    replay = os.environ.get("SPREEKKAMER_BENCH_CAMERA") == "replay"
    camera = ReplayCamera(picture, clock) if replay else TestCardCamera(picture, clock, grain=True)
    devices = Devices(
        camera=lambda: camera,
        microphone=lambda: ToneMicrophone(pcm, clock),
        clock=clock,
        disk=FileSystemDisk(paths.store),
        simulated=True,
    )
    return RecorderProcess(settings, paths, devices)


if __name__ == "__main__":
    memory.wipe_what_is_freed(["-m", "tests.benchmarks.recorder_root", *sys.argv[1:]])
    run.main("recorder", make)
