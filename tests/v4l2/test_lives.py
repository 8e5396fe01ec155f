# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A USB camera that is slow, closed while it reads, a hundred times; or unplugged. V4L2 is a preloaded library here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.recorder.memory import WIPE
from tests.v4l2 import shim

ROOT = Path(__file__).resolve().parents[2]
LIVES = 100
PULLED = """
import sys, time
from pathlib import Path
from hardware.ports import DeviceLost
from hardware.usb_camera import UsbCamera, V4l2Source
from hardware.clock import SystemClock
from tests.v4l2.lives import FORMAT
plug, times = Path(sys.argv[2]), int(sys.argv[3])
for n in range(times):
    items = []
    camera = UsbCamera(V4l2Source(sys.argv[1]), FORMAT, SystemClock())
    camera.start(items.append)
    while not items:
        time.sleep(0.002)
    plug.touch()
    while not isinstance(items[-1], DeviceLost):
        time.sleep(0.002)
    camera.stop()
    plug.unlink()
print(items[-1].reason)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim.build(tmp_path_factory.mktemp("v4l2"))


def run(library: Path, pixels: str, *arguments: str) -> str:
    """What a Python said that has the camera, and in which freed memory is overwritten as in the recorder."""
    environment = {**os.environ, **WIPE, **shim.environment(library, pixels, fps=60)}
    command = [sys.executable, "-X", "faulthandler", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}{done.stderr[:2000]}"
    return done.stdout.strip()


@pytest.mark.case("machine 1b")
@pytest.mark.parametrize("pixels", shim.FORMATS)
def test_a_camera_closed_while_it_reads_ends_nothing(library: Path, pixels: str) -> None:
    """R8: raw or compressed, turned or not, on a slow machine: closed in the middle of a picture a hundred times,
    and the process lives. A raw picture is the device's own memory; it must not outlive the device.
    """
    assert run(library, pixels, "-m", "tests.v4l2.lives", shim.DEVICE, str(LIVES)) == f"{LIVES} lives"


@pytest.mark.case("machine 1b")
@pytest.mark.parametrize("pixels", shim.FORMATS)
def test_a_camera_unplugged_while_it_reads_ends_nothing(library: Path, pixels: str) -> None:
    """R8: the plug is pulled in the middle of a picture twenty times: each time it is told, and the process lives."""
    arguments = (shim.DEVICE, str(shim.unplugged(library)), "20")
    assert "No such device" in run(library, pixels, "-c", PULLED, *arguments)
