# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm process of a simulated unit: the real one, on gpiozero's mock pins."""

from __future__ import annotations

import hashlib

from daemon import run
from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.process import AlarmProcess, Devices
from daemon.config import Settings
from daemon.model.contact import NC
from daemon.paths import Paths
from hardware.gpio import GpioButtons, GpioLamps
from simulators.clock import SimClock
from simulators.pins import PinBench, Wear
from simulators.places import bench_path, clock_path


def make_alarm(settings: Settings, paths: Paths, wear: Wear | None = None) -> AlarmProcess:
    """Make the process, with a bench on which others can press."""
    clock = SimClock(clock_path(paths))
    specs = lines(settings.unit)
    changeovers = {name: name + NC for name in specs if name + NC in specs}
    bench = PinBench(specs, lamp_pins(settings.unit), changeovers=changeovers, wear=wear)
    buttons = GpioButtons(bench.factory, specs, clock)
    lamps = GpioLamps(bench.factory, lamp_pins(settings.unit))
    machine = hashlib.sha256(str(paths.run).encode()).hexdigest()[:16]
    process = AlarmProcess(settings, paths, Devices(buttons, lamps, clock, machine, simulated=True))
    bench.serve(bench_path(paths))
    return process


def start(paths: Paths) -> None:
    """Run until stopped."""
    run.run("alarm", paths, make_alarm)
