# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What shows that a button works, under a clock that was wrong when it was written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.alarm import orders
from daemon.alarm.proofs import NS, UNSURE, Proofs
from daemon.model.events import Raise
from daemon.model.unit import AlarmUnit, Broker, Buttons, ButtonUnit, Unit
from hardware.ports import ClockReading, ClockState
from tests.alarm.test_journal_files import Running

UNIT = Unit(
    "voorbeeldstad", "stadhuis", "kamer-1", Buttons(ButtonUnit(5)), Broker("localhost"),
    alarm=AlarmUnit(test_every_d=30),
)  # fmt: skip
DAY_NS = 86_400 * NS
IMAGE_NS = 1_700_000_000 * NS
"""The date of a card's image."""
TODAY_NS = IMAGE_NS + 880 * DAY_NS
TEST = Raise("test", "t", "t", "alarm", 0, None)


class Clock:
    """A machine whose clock begins with the image's date."""

    def __init__(self) -> None:
        self.boot, self.now_ns, self.wall_ns = "first", 0, IMAGE_NS
        self.state: ClockState = "unsynchronised"

    def goes_on(self, seconds: int) -> None:
        """Time passes, for both."""
        self.now_ns += seconds * NS
        self.wall_ns += seconds * NS

    def read(self) -> ClockReading:
        """As it stands."""
        return ClockReading(self.now_ns, self.wall_ns, self.state)

    def boot_ns(self) -> int:
        """Of this boot."""
        return self.now_ns

    def boot_id(self) -> str:
        """Of this boot."""
        return self.boot


def proofs(path: Path, clock: Clock) -> tuple[Proofs, Running]:
    """What a process that starts knows."""
    journal = Running(path)
    made = Proofs(UNIT, clock, journal.journal)
    made.opened(journal.opened.buttons, journal.opened.modes.get(UNSURE))
    return made, journal


@pytest.mark.case("alarm 20")
@pytest.mark.parametrize("reboots", [False, True])
@pytest.mark.parametrize("pressed", [False, True])
def test_a_first_boot_with_the_images_date(tmp_path: Path, *, reboots: bool, pressed: bool) -> None:
    """H1: a unit whose first boot has its image's date has had its buttons since today when the clock is set, and a
    press under the wrong date was pressed when it was; it is not overdue, over restarts and reboots, until it is.
    """
    clock = Clock()
    found, journal = proofs(tmp_path / "j", clock)
    clock.goes_on(60)
    if pressed:
        found.raised(TEST)
    clock.goes_on(60)
    assert found.overdue() == ""
    if reboots:
        journal.close()
        clock.boot, clock.now_ns = "second", 0
        found, journal = proofs(tmp_path / "j", clock)
        assert found.overdue() == ""
    clock.state, clock.wall_ns = "synchronised", TODAY_NS
    assert found.overdue() == ""
    last = found.shown()["alarm"].last_press
    assert (last is not None) == pressed
    assert last in {None, "2026-04-12T22:12:20.000Z" if not reboots else "2026-04-12T22:13:20.000Z"}
    journal.close()
    found, journal = proofs(tmp_path / "j", clock)
    assert journal.opened.modes.get(UNSURE) is None
    assert found.shown()["alarm"].last_press == last
    clock.goes_on(31 * 86_400)
    assert found.overdue() == "alarm: never tested in 31 days"
    journal.close()


@pytest.mark.case("alarm 20")
@pytest.mark.parametrize("row", [5, [], {"alarm": 3}, {"x": ["press_wall_ns"]}, {"alarm": ["n", "name", 7]}])
def test_a_row_of_nobody_about_the_clock_means_nothing(tmp_path: Path, row: object) -> None:
    """A2: what names no time of a button is passed over."""
    clock = Clock()
    clock.state, clock.wall_ns = "synchronised", TODAY_NS
    found, journal = proofs(tmp_path / "j", clock)
    journal.journal.give(orders.KeepAct(None, {UNSURE: row}))
    journal.close()
    clock.goes_on(31 * 86_400)
    found, journal = proofs(tmp_path / "j", clock)
    assert found.overdue() == "alarm: never tested in 31 days"
    journal.close()
