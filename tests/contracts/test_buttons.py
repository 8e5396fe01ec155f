# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The contract of `hardware.ports.Buttons`, over every board that can be pressed from here: see `rigs.py`."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from daemon.errors import DeviceError
from hardware.chip import open_factory
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps, LineSpec
from hardware.ports import Edge
from simulators.contacts import BenchPin
from simulators.pins import PinBench, Wear
from tests.contracts.rigs import BOARDS, Rig, rig_on
from tests.waiting import wait_for

LINES = {
    "record": LineSpec(17),
    "alarm": LineSpec(27, closed_is_active=False),  # a normally closed contact
    "key": LineSpec(22, active_low=False, pulled=False),
}


@pytest.fixture(params=BOARDS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    yield from rig_on(request, LINES, {})


def test_press_is_a_first_active_and_a_last_inactive_edge(rig: Rig) -> None:
    """A1: a press comes out as edges of its line from active to inactive, in the order of their times."""
    assert rig.start() == {"record": False, "alarm": False, "key": False}
    rig.finger.press("alarm", 0.06)
    rig.ends("alarm", active=False)
    assert {edge.button for edge in rig.edges} == {"alarm"}
    assert any(edge.active for edge in rig.edges)
    assert not rig.edges[-1].active
    assert [edge.at_ns for edge in rig.edges] == sorted(edge.at_ns for edge in rig.edges)


def test_bounces_come_out_raw(rig: Rig) -> None:
    """A6: the driver hides no bounce: chatter has to be seen to be reported. A kernel reads the level a moment after
    the edge, so that two within that moment have one level, or are one; the last one's level is the line's.
    """
    rig.start()
    most = 0
    for _ in range(1 if rig.staged else 5):
        rig.edges.clear()
        rig.finger.hold("record")
        edges = rig.ends("record", active=True)
        most = max(most, len(edges))
        rig.finger.release("record")
        rig.ends("record", active=False)
        assert [edge.active for edge in edges] == [n % 2 == 0 for n in range(len(edges))] or not rig.staged
    assert most > 1


def test_edge_bears_the_time_of_the_contact(rig: Rig) -> None:
    """A4: an edge says when the contact moved, not when anybody got round to it."""
    edges: list[Edge] = []

    def busy(edge: Edge) -> None:
        edges.append(edge)
        if len(edges) == 1:
            time.sleep(0.08)

    rig.start(busy)
    before_ns, down_s = rig.clock.boot_ns(), rig.finger.hold("alarm")
    rig.finger.release("alarm", at_s=down_s + 0.02)
    after_ns = rig.clock.boot_ns()
    wait_for("the release", lambda: edges and not edges[-1].active and not rig.buttons.active("alarm"))
    late_ns = rig.clock.boot_ns()
    first, up = edges[0], edges[-1]
    assert before_ns - 1_000_000 <= first.at_ns <= late_ns - 80_000_000
    assert up.at_ns < (first.at_ns + 60_000_000 if rig.staged else after_ns)


def test_line_held_at_start_is_a_level_and_no_edge(rig: Rig) -> None:
    """A6: a line that is active at start is in the levels and gives no edge."""
    rig.finger.hold("record")
    rig.finger.hold("key")
    assert rig.start() == {"record": True, "alarm": False, "key": True}
    assert rig.edges == []
    rig.finger.release("record")
    first = rig.ends("record", active=False)[0]
    assert not (first.active and rig.staged)  # a bounce may be the level that a kernel reads: see the test above


def test_level_can_be_asked_at_any_time(rig: Rig) -> None:
    """A6: a line's level can be read beside its edges, so that a button that is stuck is known as such."""
    rig.start()
    for button in LINES:
        rig.finger.hold(button)
        rig.ends(button, active=True)
        rig.finger.release(button)
        rig.ends(button, active=False)


def test_a_sink_that_raises_costs_one_edge(rig: Rig) -> None:
    """A1: an exception in the sink ends no delivery: the next edge comes, and the loss is counted."""
    edges: list[Edge] = []

    def sink(edge: Edge) -> None:
        edges.append(edge)
        if len(edges) == 1:
            raise RuntimeError("full")

    rig.start(sink)
    rig.finger.hold("alarm")
    wait_for("the next edge", lambda: len(edges) > 1)
    assert rig.buttons.failures == 1
    assert rig.buttons.alive()


def test_edges_come_after_a_collection_of_garbage(rig: Rig) -> None:
    """A1: the callbacks live as long as the buttons do; gpiozero alone would let go of them."""
    rig.start()
    gc.collect()
    rig.finger.hold("alarm")
    assert rig.ends("alarm", active=True)


def test_nothing_after_close_and_a_new_start_works(rig: Rig) -> None:
    """A1: no edge is delivered after the close, the lines are free then, and may be started anew."""
    rig.start()
    rig.buttons.close()
    rig.finger.hold("record")
    assert rig.edges == []
    with pytest.raises(DeviceError, match="button record: not claimed"):
        rig.buttons.active("record")
    assert rig.start()["record"] is True
    rig.finger.release("record")
    assert rig.ends("record", active=False)


def test_a_second_start_is_refused(rig: Rig) -> None:
    """A1: buttons that are started already keep their sink, and say so."""
    rig.start()
    with pytest.raises(DeviceError, match="started already"):
        rig.buttons.start(print)
    rig.finger.hold("alarm")
    assert rig.ends("alarm", active=True)


@pytest.mark.parametrize("pin", [5, 99])
def test_a_line_that_cannot_be_claimed_is_named(pin: int) -> None:
    """A6: a line that is taken, or is none, is refused by name, and the other lines are free again."""
    bench = PinBench(LINES, {"ready": 5})
    lamps = GpioLamps(bench.factory, {"ready": 5})
    buttons = GpioButtons(bench.factory, {**LINES, "extra": LineSpec(pin)}, SystemClock())
    with pytest.raises(DeviceError, match=f"button extra on GPIO{pin}: .*expected a line"):
        buttons.start(print)
    again = GpioButtons(bench.factory, LINES, SystemClock())
    assert again.start(print)
    again.close()
    lamps.close()


def test_a_floor_without_bounce_gives_two_edges_a_press() -> None:
    """A1: what comes out is what the contact did: a clean one gives one edge down and one up."""
    bench = PinBench(LINES, {}, wear=Wear(bounces=0))
    buttons, edges = GpioButtons(bench.factory, LINES, SystemClock()), list[Edge]()
    buttons.start(edges.append)
    bench.press("alarm", 0.05)
    assert [edge.active for edge in edges] == [True, False]
    assert abs(edges[1].at_ns - edges[0].at_ns - 50_000_000) < 1_000_000
    buttons.close()


class HeldPin(BenchPin):
    """A line that the kernel still counts as taken for a moment after its edges were given up, as lgpio's are."""

    busy = 3

    def _disable_event_detect(self) -> None:
        if self.busy:
            self.busy -= 1
            raise OSError("GPIO busy")


def test_a_line_that_is_given_up_late_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A1: a close waits for a line that lgpio's thread still looks at; it neither fails nor leaves a line claimed."""
    factory = MockFactory(pin_class=HeldPin)
    buttons = GpioButtons(factory, LINES, SystemClock())
    buttons.start(print)
    buttons.close()
    assert all(factory.pin(f"GPIO{spec.pin}").busy == 0 for spec in LINES.values())
    again = GpioButtons(factory, LINES, SystemClock())
    assert again.start(print)
    monkeypatch.setattr("hardware.gpio.RELEASE_S", 0.0)
    factory.pin("GPIO17").busy = 1_000_000
    with pytest.raises(DeviceError, match="button record: GPIO busy; expected a line that answers"):
        again.close()
    factory.pin("GPIO17").busy = 0
    others = {name: spec for name, spec in LINES.items() if name != "record"}
    third = GpioButtons(factory, others, SystemClock())
    assert third.start(print)
    third.close()


def test_other_pin_factories_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A1: a unit whose pins are not lgpio's, or that gave lgpio no directory, does not come up half working."""
    monkeypatch.setenv("LG_WD", str(tmp_path))
    for name in ("mock", "rpigpio", "pigpio", "native", ""):
        with pytest.raises(DeviceError, match='expected "lgpio"'):
            open_factory(name)
    for directory in ("", str(tmp_path / "missing")):
        monkeypatch.setenv("LG_WD", directory)
        with pytest.raises(DeviceError, match="LG_WD"):
            open_factory("lgpio")


@pytest.mark.skipif(Path("/dev/gpiochip0").exists(), reason="this machine has pins")
def test_a_machine_without_pins_says_so(tmp_path: Path) -> None:
    """A1: off a Pi the refusal is one clear DeviceError."""
    # In a process of its own: lgpio moves the one that loads it.
    code = "from hardware.chip import open_factory; open_factory('lgpio')"
    environment = {"LG_WD": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "DeviceError: no pins: " in found.stderr.splitlines()[-1]
