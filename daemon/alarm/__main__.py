"""The alarm process in the field: real pins, real clock. `python -m daemon.alarm`."""

from __future__ import annotations

from daemon import run
from daemon.alarm.process import AlarmProcess, Devices
from daemon.config import Settings
from daemon.model.contact import NC
from daemon.model.unit import Unit
from daemon.paths import Paths
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps, LineSpec, open_factory
from hardware.machine import machine_id


def lines(unit: Unit) -> dict[str, LineSpec]:
    """The button lines of a unit, by name."""
    fitted = {"alarm": unit.buttons.alarm, "record": unit.buttons.record, "reset": unit.buttons.reset}
    specs = {name: LineSpec(button.pin, active_low=button.active_low) for name, button in fitted.items() if button}
    for name, button in fitted.items():
        if button is not None and button.nc_pin is not None:
            specs[name + NC] = LineSpec(button.nc_pin, active_low=button.active_low)
    return specs


def lamp_pins(unit: Unit) -> dict[str, int]:
    """The lamps of a unit, by name."""
    fitted = {"status": unit.lamps.status, "recording": unit.lamps.recording, "beeper": unit.lamps.beeper}
    return {name: pin for name, pin in fitted.items() if pin is not None}


def make(settings: Settings, paths: Paths) -> AlarmProcess:
    """The process on this machine's devices."""
    clock, factory = SystemClock(), open_factory("lgpio")
    buttons = GpioButtons(factory, lines(settings.unit), clock)
    lamps = GpioLamps(factory, lamp_pins(settings.unit))
    return AlarmProcess(settings, paths, Devices(buttons, lamps, clock, machine_id()))


if __name__ == "__main__":
    run.main("alarm", make)
