# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm process of the field on gpiozero's mock pins: a container has no header.

Everything else is the unit's own: settings, places, sockets, clock. Others press at BENCH.
"""

from __future__ import annotations

from pathlib import Path

from daemon import run
from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.process import AlarmProcess, Devices
from daemon.config import Settings
from daemon.paths import Paths
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps
from hardware.machine import machine_id
from simulators.pins import PinBench

BENCH = Path("/run/spreekkamer-alarm/bench.sock")
"""In the alarm's own directory, where lgpio's place is."""


def make(settings: Settings, paths: Paths) -> AlarmProcess:
    """As `daemon.alarm.__main__.make`, but for the pins."""
    clock, specs, lamps = SystemClock(), lines(settings.unit), lamp_pins(settings.unit)
    bench = PinBench(specs, lamps)
    buttons = GpioButtons(bench.factory, specs, clock)
    outputs = GpioLamps(bench.factory, lamps)
    process = AlarmProcess(settings, paths, Devices(buttons, outputs, clock, machine_id(), simulated=True))
    bench.serve(BENCH)
    return process


if __name__ == "__main__":
    run.main("alarm", make)
