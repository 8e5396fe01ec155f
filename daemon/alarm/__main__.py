# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm process in the field: real pins, real clock. `python -m daemon.alarm`."""

from __future__ import annotations

from daemon.alarm import sooner  # noqa: F401 - before all else that is imported

# isort: split
from msgspec.structs import replace

from daemon import people, run
from daemon.alarm.process import AlarmProcess, Devices
from daemon.config import Settings
from daemon.model import fitted
from daemon.model.contact import NC
from daemon.model.unit import Unit
from daemon.paths import Paths
from hardware.chip import open_factory
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps, LineSpec
from hardware.machine import machine_id


def lines(unit: Unit) -> dict[str, LineSpec]:
    """The button lines of a unit, by name."""
    specs: dict[str, LineSpec] = {}
    for button, wired in fitted.buttons(unit):
        spec = LineSpec(
            wired.pin, active_low=wired.active_low, closed_is_active=wired.contact == "no", pulled=wired.pull == "unit"
        )
        specs[button.name] = spec
        if wired.nc_pin is not None:
            # Of a changeover's second line "active" is closed: `model/contact.py` compares the two contacts.
            specs[button.name + NC] = replace(spec, pin=wired.nc_pin)
    return specs


def lamp_pins(unit: Unit) -> dict[str, int]:
    """The outputs of a unit, by name."""
    return {output.name: pin for output, pin in fitted.outputs(unit)}


def make(settings: Settings, paths: Paths) -> AlarmProcess:
    """The process on this machine's devices."""
    clock, factory = SystemClock(), open_factory("lgpio")
    buttons = GpioButtons(factory, lines(settings.unit), clock)
    lamps = GpioLamps(factory, lamp_pins(settings.unit))
    door = people.Door(has_owner=paths != Paths.field())
    return AlarmProcess(settings, paths, Devices(buttons, lamps, clock, machine_id(), simulated=False, door=door))


if __name__ == "__main__":
    run.main("alarm", make)
