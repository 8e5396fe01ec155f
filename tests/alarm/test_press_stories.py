# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The stories of `test_lines.py` once more, from the contact up: mock pins, the real driver, the real loop.

Only time is staged: while the loop waits for its queue a clock of paper moves on, and contacts move at their moments.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.intake import Intake
from daemon.alarm.process import AlarmProcess, Devices, Item
from daemon.config import load
from daemon.model import events
from daemon.model.contact import NC
from daemon.model.room import step
from daemon.paths import Paths
from hardware.gpio import GpioButtons, GpioLamps
from hardware.ports import ClockReading, Edge
from simulators.contacts import BenchPin
from simulators.state import prepare
from tests.alarm.test_lines import STORIES, Story, _words

MS = 1_000_000
BOOT_NS = 1_000_000 * MS
START_NS = BOOT_NS + 10 * MS
"""When a story begins: after the levels were read."""
OF_BUTTONS = (events.AlarmPressed, events.AlarmHeld, events.RecordPressed, events.RecordHeld, events.ResetAsked)
BUTTONS = """
[buttons.alarm]
pin = 5
{two_lines}
[buttons.reset]
pin = 16
"""


class PaperClock:
    """`hardware.ports.Clock`, moved by whoever waits."""

    now_ns = BOOT_NS

    def boot_ns(self) -> int:
        """Since a boot on paper."""
        return self.now_ns

    def read(self) -> ClockReading:
        """Both the same."""
        return ClockReading(self.now_ns, self.now_ns, "synchronised")

    def boot_id(self) -> str:
        """One for all."""
        return "paper"

    def ticks(self) -> float:
        """As the pin factory counts."""
        return self.now_ns / 1e9


TURN_NS = 10_000
"""What a turn of the loop takes itself: before a press is decided it stays awake and turns without waiting."""


class Board(Intake[Item]):
    """The loop's intake, which lets paper time pass instead of waiting, and the contacts that move in it."""

    def __init__(self, clock: PaperClock, story: Story, pins: dict[str, BenchPin], end_ns: int) -> None:
        super().__init__()
        self.clock, self.pins, self.end_ns = clock, pins, end_ns
        self.moves = sorted(story, key=lambda move: move[2])

    def take(self, wait_s: float) -> Edge | Item | None:
        """What comes within this time; a contact that moves in it brings its edge."""
        until_ns = min(self.clock.now_ns + max(round(wait_s * 1e9), TURN_NS), self.end_ns)
        while not self and self.moves and START_NS + round(self.moves[0][2] * MS) <= until_ns:
            line, closed, at_ms = self.moves.pop(0)
            self.clock.now_ns = max(self.clock.now_ns, START_NS + round(at_ms * MS))
            self.pins[line].move(closed=closed, at_s=self.clock.ticks())
        if not self:
            self.clock.now_ns = until_ns
        return super().take(0.0)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return prepare(tmp_path / "unit", "dronten-2022", None, ("127.0.0.1", 1))


@pytest.mark.parametrize("name", STORIES)
def test_each_story_reaches_the_room_and_nothing_else(name: str, paths: Paths) -> None:
    """A1, A6: what a contact does comes through pins, driver, queue and loop as one fact, and as no other."""
    story, levels, until_ms, wanted = STORIES[name]
    text = (paths.etc / "unit.toml").read_text()
    before, rest = text.split("[buttons.alarm]")[0], text.split("[lamps]")[1]
    buttons_text = BUTTONS.format(two_lines="nc_pin = 13" if "alarm" + NC in levels else "")
    (paths.etc / "unit.toml").write_text(before + buttons_text + "[lamps]" + rest)
    policy = (paths.etc / "policy.toml").read_text()
    (paths.etc / "policy.toml").write_text(policy.replace("[alarm]", "[alarm]\nhold_s = 5"))
    settings, clock, factory = load(paths.etc), PaperClock(), MockFactory(pin_class=BenchPin)
    factory.ticks = clock.ticks
    specs = lines(settings.unit)
    pins: dict[str, BenchPin] = {line: factory.pin(f"GPIO{spec.pin}") for line, spec in specs.items()}
    for line, closed in levels.items():
        pins[line].closed = closed
    lamps = GpioLamps(factory, lamp_pins(settings.unit))
    process = AlarmProcess(
        settings, paths, Devices(GpioButtons(factory, specs, clock), lamps, clock, "test", simulated=True)
    )
    board = Board(clock, story, pins, START_NS + round(until_ms * MS))
    process._intake = board
    told: list[str] = []

    def hear(item: events.Input) -> None:
        if isinstance(item, OF_BUTTONS) or (isinstance(item, events.FaultChanged) and item.event_id):
            told.append(_words(item))
        process._control.room, _ = step(process._control.room, item, clock.boot_ns())

    process._control._step = hear  # type: ignore[method-assign]  # what the room is told is the subject; nothing is sent
    process._control.step(*process._lines.start(process._devices.buttons.start(board.edge), clock.boot_ns()))
    clock.now_ns = START_NS
    while clock.now_ns < board.end_ns:
        process._turn()
    assert told == wanted
    process._close()
