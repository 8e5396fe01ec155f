"""The alarm process's loop: whatever comes, and however much at once, each thing is answered."""

from __future__ import annotations

from pathlib import Path

from gpiozero.pins.mock import MockFactory

from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.mqtt import Answered
from daemon.alarm.process import BATCH_MAX, AlarmProcess, Devices
from daemon.config import load
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps
from simulators.state import prepare


def test_no_input_is_lost_between_two_turns(tmp_path: Path) -> None:
    """A1: of three hundred answers that are there at once each one is taken, in order, whatever the batch is."""
    paths = prepare(tmp_path / "unit", "dronten-2022", None, ("127.0.0.1", 1))
    settings, factory, clock = load(paths.etc), MockFactory(), SystemClock()
    buttons = GpioButtons(factory, lines(settings.unit), clock)
    lamps = GpioLamps(factory, lamp_pins(settings.unit))
    process = AlarmProcess(settings, paths, Devices(buttons, lamps, clock, "test"))
    taken: list[str] = []
    process._answers = {Answered: lambda word: taken.append(word.key)}
    wanted = [str(n) for n in range(3 * BATCH_MAX)]
    for key in wanted:
        process.put(Answered("alarm", key, 0))
    while process._queue.qsize():
        process._turn()
    assert taken == wanted
    process._unit_server.close()
    process._operators.close()
    lamps.close()
