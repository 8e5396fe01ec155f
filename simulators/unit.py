# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One process of a simulated unit, the real one on simulated devices: `python -m simulators.unit alarm --state DIR`.

This is a composition root like `daemon/alarm/__main__.py`: everything above the ports is what runs in the field.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import signal
import sys
from pathlib import Path

from daemon import run
from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.process import AlarmProcess
from daemon.alarm.process import Devices as AlarmDevices
from daemon.config import Settings
from daemon.keeper.entrance import Entrance
from daemon.keeper.process import KeeperProcess
from daemon.model.contact import NC
from daemon.paths import Paths
from hardware.gpio import GpioButtons, GpioLamps
from simulators import stuck
from simulators.clock import SimClock
from simulators.disk import FaultyDisk
from simulators.pins import PinBench, Wear
from simulators.places import OF_A_ROOM, bench_path, clock_path

PR_SET_PDEATHSIG = 1


def make_alarm(settings: Settings, paths: Paths, wear: Wear | None = None) -> AlarmProcess:
    """The alarm process on gpiozero's mock pins, with a bench on which others can press."""
    clock = SimClock(clock_path(paths))
    specs = lines(settings.unit)
    changeovers = {name: name + NC for name in specs if name + NC in specs}
    bench = PinBench(specs, lamp_pins(settings.unit), changeovers=changeovers, wear=wear)
    buttons = GpioButtons(bench.factory, specs, clock)
    lamps = GpioLamps(bench.factory, lamp_pins(settings.unit))
    machine = hashlib.sha256(str(paths.run).encode()).hexdigest()[:16]
    process = AlarmProcess(settings, paths, AlarmDevices(buttons, lamps, clock, machine, simulated=True))
    bench.serve(bench_path(paths))
    return process


def make_keeper(settings: Settings, paths: Paths) -> Entrance:
    """The keeper by the room's clock."""
    clock, disk = SimClock(clock_path(paths)), FaultyDisk(paths).stand_between()
    return Entrance(paths, lambda: KeeperProcess(settings, paths, clock, disk))


def end_with_the_room() -> None:
    """The kernel kills this process when the room that started it is gone: a killed room leaves nobody behind.

    Of a room alone: what a test starts by itself may outlive the thread that did (prctl(2), PR_SET_PDEATHSIG).
    """
    if os.environ.get(OF_A_ROOM):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main() -> None:
    """Starts the process that is named."""
    end_with_the_room()
    stuck.answers()
    parser = argparse.ArgumentParser(prog="python -m simulators.unit", description=__doc__)
    parser.add_argument("process", choices=("alarm", "recorder", "keeper"))
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--video", type=Path)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--microphone")
    asked = parser.parse_args()
    paths = Paths.below(asked.state)
    if asked.process == "alarm":
        run.run("alarm", paths, make_alarm)
    elif asked.process == "keeper":
        run.run("keeper", paths, make_keeper)
    else:
        # The wall that counts for the simulator too: media is loaded by the recorder's process alone.
        from simulators.unit_recorder import start  # noqa: PLC0415

        start(paths, asked.video, asked.audio, asked.microphone)


if __name__ == "__main__":
    if sys.argv[1:2] == ["recorder"]:
        from daemon.recorder import memory

        memory.wipe_what_is_freed(["-m", "simulators.unit", *sys.argv[1:]])
    main()
