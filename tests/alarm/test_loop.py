"""The alarm process's loop: whatever comes, and however much at once, each thing is answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.mqtt import Answered
from daemon.alarm.process import AWAKE_NS, BATCH_MAX, AlarmProcess, Devices
from daemon.config import load
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps
from hardware.ports import Edge
from simulators.state import prepare


@pytest.fixture
def process(tmp_path: Path) -> Iterator[AlarmProcess]:
    """One that is made and whose loop does not run."""
    paths = prepare(tmp_path / "unit", "dronten-2022", None, ("127.0.0.1", 1))
    settings, factory, clock = load(paths.etc), MockFactory(), SystemClock()
    buttons = GpioButtons(factory, lines(settings.unit), clock)
    lamps = GpioLamps(factory, lamp_pins(settings.unit))
    made = AlarmProcess(settings, paths, Devices(buttons, lamps, clock, "test"))
    yield made
    made._unit_server.close()
    made._operators.close()
    lamps.close()


def test_no_input_is_lost_between_two_turns(process: AlarmProcess) -> None:
    """A1: of three hundred answers that are there at once each one is taken, in order, whatever the batch is."""
    taken: list[str] = []
    process._answers = {Answered: lambda word: taken.append(word.key)}
    wanted = [str(n) for n in range(3 * BATCH_MAX)]
    for key in wanted:
        process.put(Answered("alarm", key, 0))
    while process._queue.qsize():
        process._turn()
    assert taken == wanted


def test_an_edge_that_was_lost_on_its_way_is_in_health(process: AlarmProcess) -> None:
    """H1, A6: an edge that the driver could not hand over, which only a bug can do, is counted where people look."""
    assert "edges_lost" not in process._telemetry.health(process._room, process._figures()).counters
    buttons = process._devices.buttons
    assert isinstance(buttons, GpioButtons)

    def broken(_: object) -> None:
        raise RuntimeError

    buttons.start(broken)
    pin = next(iter(buttons._buttons.values()))._claim.pin
    pin.drive_low()
    assert process._telemetry.health(process._room, process._figures()).counters["edges_lost"] == 1
    buttons.close()


def test_the_loop_is_awake_before_a_press_is_decided(process: AlarmProcess) -> None:
    """A1: while a contact is closed the loop sleeps until a millisecond before its press is decided, and no longer."""
    buttons = process._devices.buttons
    now_ns = process._clock.boot_ns()
    process._lines.start(buttons.start(process.put), now_ns)
    process._lines.edge(Edge("alarm", active=True, at_ns=process._clock.boot_ns()))
    due_ns = process._lines.next_ns
    assert due_ns is not None
    before_ns = process._clock.boot_ns()
    wait_ns = process._wait_s() * 1e9
    assert wait_ns <= max(0, due_ns - AWAKE_NS - before_ns)
    buttons.close()
