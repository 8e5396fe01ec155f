# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A root of the alarm process for benchmarks: the machine's clock, gpiozero's mock pins, and a hand on standard input.

`alarm 0.08` on standard input presses that button for so many seconds. After each press a line is added to
`stamps.jsonl` below the state directory: when the button's line fell and which lamp changed when, in CLOCK_MONOTONIC.
"""

from __future__ import annotations

from daemon.alarm import sooner  # noqa: F401 - as in the field: before all else that is imported

# isort: split
import os
import sys
import threading
import time

import msgspec
from gpiozero.pins.mock import MockFactory, MockPin

from daemon import run
from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.process import AlarmProcess, Devices
from daemon.config import Settings
from daemon.paths import Paths
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps

STAMPS = "stamps.jsonl"


class Stamp(msgspec.Struct, frozen=True):
    """One press."""

    button: str
    down_ns: int
    lamps: list[tuple[int, bool, int]]
    """GPIO, lit or dark, when; since the press before."""


changes: list[tuple[int, bool, int]] = []


class StampPin(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """Says when it was driven as an output."""

    def _set_state(self, value: bool) -> None:  # noqa: FBT001 - gpiozero's signature
        changed = self._state != bool(value)
        super()._set_state(value)
        if changed:
            changes.append((int(self.info.name.removeprefix("GPIO")), bool(value), time.monotonic_ns()))


def serve(factory: MockFactory, settings: Settings, paths: Paths) -> None:
    """Presses as it is told, until standard input ends."""
    specs = lines(settings.unit)
    file = os.open(paths.run / STAMPS, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for words in sys.stdin:
        button, hold_s = words.split()
        pin = factory.pin(f"GPIO{specs[button].pin}")
        press, release = (
            (pin.drive_low, pin.drive_high) if specs[button].active_low else (pin.drive_high, pin.drive_low)
        )
        down_ns = time.monotonic_ns()
        press()
        time.sleep(float(hold_s))
        release()
        seen, changes[:] = changes[:], []
        os.write(file, msgspec.json.encode(Stamp(button, down_ns, seen)) + b"\n")


def make(settings: Settings, paths: Paths) -> AlarmProcess:
    """As `daemon.alarm.__main__.make`, but for the pins."""
    clock, factory = SystemClock(), MockFactory(pin_class=StampPin)
    buttons = GpioButtons(factory, lines(settings.unit), clock)
    lamps = GpioLamps(factory, lamp_pins(settings.unit))
    process = AlarmProcess(settings, paths, Devices(buttons, lamps, clock, f"bench{os.getpid()}", simulated=True))
    threading.Thread(target=serve, args=(factory, settings, paths), name="hand", daemon=True).start()
    return process


if __name__ == "__main__":
    run.main("alarm", make)
