# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The machine itself: its hardware is alive, and a plug that is pulled leaves what was on the disk, and no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.vm.machine import PYTHON, Machine

pytestmark = [pytest.mark.vm, pytest.mark.timeout(3000)]

PICTURE = """
import av
with av.open("/dev/video0", format="v4l2") as camera:
    print(next(camera.decode(video=0)).width)
"""
SOUND = """
import pyaudio
found = pyaudio.PyAudio()
print([found.get_device_info_by_index(n)["name"] for n in range(found.get_device_count())])
"""


def test_its_hardware_is_alive(machine: Machine) -> None:
    """H2: lines, a camera that delivers and a sound card that PyAudio finds are there for the tests that want them."""
    assert "[pinctrl-bcm2711] (28 lines)" in machine.run("gpiodetect")
    assert int(machine.run(PYTHON, "-c", PICTURE).split()[-1]) >= 320
    assert "Loopback" in machine.run(PYTHON, "-c", SOUND)


def test_a_plug_that_is_pulled(new_machine: Callable[[], Machine]) -> None:
    """A1: what was synced is there after a cut and a real boot, what was not synced is not; the hardware is back."""
    machine = new_machine()
    machine.load()
    machine.shell("echo kept > /root/synced && sync && echo lost > /root/written")
    machine.cut()
    machine.boot()
    assert machine.run("cat", "/root/synced").strip() == "kept"
    assert machine.shell("cat /root/written 2>/dev/null || true").strip() == ""
    assert "[pinctrl-bcm2711] (28 lines)" in machine.run("gpiodetect")
