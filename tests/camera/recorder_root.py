# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recorder of a simulated room with the real picamera2 below it: `python -m tests.camera.recorder_root recorder`.

When it is asked to end it says which pictures the sensor took, so that a test can account for each of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from daemon import run
from daemon.config import Settings
from daemon.paths import Paths
from daemon.recorder import memory, walls
from daemon.recorder.process import Devices, RecorderProcess
from hardware.disk import FileSystemDisk
from hardware.ports import Camera, Microphone, VideoFormat
from simulators.clock import SimClock
from simulators.pace import obey_faults
from simulators.places import clock_path, faults_path
from tests.camera import virtual
from tests.camera.cameras import VirtualPicamera


def make(settings: Settings, paths: Paths) -> RecorderProcess:
    """As `simulators.unit_recorder`, but for the camera."""
    walls.refuse_network()
    memory.keep_in_memory()
    clock, asked = SimClock(clock_path(paths)), settings.unit.camera

    def camera() -> Camera:
        fmt = VideoFormat(asked.width, asked.height, asked.fps, asked.bitrate_bps)
        device = VirtualPicamera(fmt, clock)
        obey_faults(device, "camera", faults_path(paths))
        return device

    def microphone() -> Microphone:
        raise AssertionError("R7: the policy of these tests switches sound off")

    return RecorderProcess(
        settings, paths, Devices(camera, microphone, clock, FileSystemDisk(paths.store), simulated=True)
    )


if __name__ == "__main__":
    memory.wipe_what_is_freed(["-W", "ignore", "-m", "tests.camera.recorder_root", *sys.argv[1:]])
    run.run("recorder", Paths.below(Path(sys.argv[sys.argv.index("--state") + 1])), make)
    sys.stdout.write(json.dumps({"event": "sensor", "taken_ns": list(virtual.sensor.taken_ns)}) + "\n")
