# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The relay in the whole alarm process, on mock pins and a real broker: after the alarm, bounded, never its brake."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.mqtt import Connection, Received, Up, Word
from daemon.alarm.process import AlarmProcess, Devices
from daemon.config import load
from daemon.errors import DeviceError, LinkError
from daemon.link import ask
from daemon.model.unit import Broker
from daemon.paths import Paths
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps
from simulators.pins import PinBench
from simulators.state import prepare
from tests.brokers import Mosquitto
from tests.waiting import PATIENCE_S, wait_for


class Outputs:
    """The real lamps, which tell when one is driven; the relay can be made to take its time."""

    def __init__(self, real: GpioLamps) -> None:
        self._real = real
        self.relay_waits: threading.Event | None = None
        self.relay: list[bool] = []
        """What it was told, in order."""

    def set(self, lamp: str, *, lit: bool) -> None:
        """Drives; the relay waits first, for what a test wants to see."""
        if lamp == "relay" and lit and self.relay_waits is not None:
            self.relay_waits.wait(PATIENCE_S)
        self._real.set(lamp, lit=lit)
        if lamp == "relay":
            self.relay.append(lit)

    def lit(self, lamp: str) -> bool:
        """Reads back."""
        return self._real.lit(lamp)

    def close(self) -> None:
        """Lets go."""
        self._real.close()


class Running:
    """An alarm process in a thread, its bench, and what a subscriber received."""

    def __init__(self, paths: Paths, broker: Mosquitto) -> None:
        settings, clock = load(paths.etc), SystemClock()
        specs = lines(settings.unit)
        self.paths, self.bench = paths, PinBench(specs, lamp_pins(settings.unit))
        self.outputs = Outputs(GpioLamps(self.bench.factory, lamp_pins(settings.unit)))
        self.buttons = GpioButtons(self.bench.factory, specs, clock)
        self._process = AlarmProcess(
            settings, paths, Devices(self.buttons, self.outputs, clock, "relay", simulated=True)
        )
        self.words: queue.Queue[Word] = queue.Queue()
        self._listener = Connection(
            "listener",
            "test-listener",
            Broker("127.0.0.1", broker.port),
            self.words.put,
            subscribe=("spreekkamer/v1/#",),
        )
        self._listener.start()
        assert isinstance(self.words.get(timeout=PATIENCE_S), Up)
        self.ended_by: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="alarm")
        self._thread.start()

    def _run(self) -> None:
        try:
            self._process.run()
        except DeviceError as error:
            self.ended_by = error

    def heard(self, kind: str) -> dict[str, Any]:
        """The next alarm event of a kind."""
        while True:
            word = self.words.get(timeout=PATIENCE_S)
            if isinstance(word, Received) and word.topic.endswith("alarm/event"):
                data: dict[str, Any] = json.loads(word.payload)["data"]
                if data["kind"] == kind:
                    return data

    def ready(self) -> None:
        """The loop runs: it answers. A socket that has its name and is not listened at yet refuses."""

        def answers() -> Any:
            with contextlib.suppress(LinkError):
                return ask(self.paths.operator_socket, "status")
            return None

        wait_for("ready", answers)

    def stop(self) -> None:
        """Asks it to end."""
        self._process.stop()

    def ends(self) -> None:
        """Waits for its end."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def close(self) -> None:
        """Stops it, if it has not ended by itself."""
        self._process.stop()
        self.ends()
        self._listener.close()
        self.bench.close()


@pytest.fixture(params=[600])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """Its parameter is how long the relay may be on, in seconds: longer than any test waits."""
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    paths = prepare(tmp_path / "unit", "dronten-2022", None, ("127.0.0.1", broker.port))
    text = (paths.etc / "unit.toml").read_text()
    (paths.etc / "unit.toml").write_text(
        text.replace("[camera]", f"[relay]\npin = 23\nmaximum_s = {request.param}\n[camera]")
    )
    unit = Running(paths, broker)
    unit.ready()
    yield unit
    unit.close()
    broker.kill()


def test_the_relay_follows_the_alarm(running: Running) -> None:
    """A2: on with the alarm, off at reset."""
    assert running.bench.lamps()["relay"] is False
    running.bench.press("alarm")
    wait_for("on", lambda: running.bench.lamps()["relay"])
    assert ask(running.paths.operator_socket, "status")["lamps"]["relay"] is True
    ask(running.paths.operator_socket, "reset")
    wait_for("off", lambda: not running.bench.lamps()["relay"])


@pytest.mark.parametrize("running", [1], indirect=True)
def test_the_relay_goes_off_by_itself(running: Running) -> None:
    """A2: off at its maximum while the alarm stays, on again with the next press."""
    told = len(running.outputs.relay)
    running.bench.press("alarm")
    wait_for("on and off", lambda: running.outputs.relay[told:] == [True, False])
    assert ask(running.paths.operator_socket, "status")["phase"] == "alarm"
    running.bench.press("alarm")
    wait_for("on again", lambda: running.outputs.relay[told:][:3] == [True, False, True])


def test_a_relay_that_hangs_does_not_hold_the_alarm_back(running: Running) -> None:
    """A2: the alarm is on its way before the relay is touched: it arrives while a relay's line takes for ever."""
    running.outputs.relay_waits = arrived = threading.Event()
    try:
        running.bench.press("alarm")
        assert running.heard("raised")["source"] == "alarm"
    finally:
        arrived.set()


def test_a_relay_that_cannot_be_driven_is_a_fault_and_no_more(running: Running) -> None:
    """A2: a relay's broken line is told, and the alarm goes out."""
    running.bench.fault("relay.broken", on=True)
    running.bench.press("alarm")
    running.heard("raised")
    faults = wait_for("told", lambda: ask(running.paths.operator_socket, "status")["faults"].get("lamp"))
    assert faults == "output relay: the line stays low; expected it to follow"


def test_a_process_whose_buttons_have_died_ends(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A1: when the library's thread has ended no press can come: the process says so and ends, to be started again."""
    monkeypatch.setattr(running.buttons, "alive", lambda: False)
    running.ends()
    assert "the thread that brings their edges has ended" in str(running.ended_by)
    assert running.bench.lamps() == dict.fromkeys(running.bench.lamps(), False)


def test_what_refuses_to_close_keeps_nothing_else_open(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """R3: buttons that cannot be released do not leave the lamps lit, or the journal without its last commit."""

    def refuse() -> None:
        raise DeviceError("button alarm: GPIO busy; expected a line that answers")

    wait_for("lit", lambda: running.bench.lamps()["status"])
    monkeypatch.setattr(running.buttons, "close", refuse)
    running.stop()
    running.ends()
    assert "GPIO busy" in str(running.ended_by)
    assert running.bench.lamps() == dict.fromkeys(running.bench.lamps(), False)
    monkeypatch.undo()
    running.buttons.close()
