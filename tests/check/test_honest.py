# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A check vouches for nothing that it did not see: single contacts, parts that nobody tried, a unit that is away."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from daemon.check import body
from daemon.check.asking import CheckedRoom
from daemon.check.finding import Finding, Report
from daemon.check.machine import time_zone
from daemon.check.walk import check
from daemon.config import load
from daemon.model.fitted import BUTTONS, OUTPUTS
from daemon.model.unit import ButtonUnit, Unit
from simulators.__main__ import FITTED
from simulators.state import prepare

WELL: dict[str, Any] = {
    "faults": {}, "buttons": {"alarm": {"last_press": "2026-11-02T10:00:00.000Z", "last_test": None, "last_seen": None}}
}  # fmt: skip

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def report(*findings: Finding) -> Report:
    return Report("u", "p", "", "b", "2026-11-28", 1, by_hand=True, findings=findings)


@pytest.mark.case("people 1")
def test_one_contact_cannot_show_what_it_cannot_show() -> None:
    """A7: of one normally open contact nobody knows that its wire is whole; of both it is known that none is cut."""
    alone = body._unpressed(BUTTONS["alarm"], ButtonUnit(5), WELL, AMSTERDAM)
    assert alone.verdict == "warning"
    assert "NO contact cannot show a cut wire" in alone.found
    assert "last press was 2026-11-02 11:00 CET" in alone.found
    assert "nc_pin" in alone.todo
    closed = body._unpressed(BUTTONS["record"], ButtonUnit(6, contact="nc"), WELL, AMSTERDAM)
    assert (closed.verdict, closed.todo) == ("skipped", "")
    assert "NC contact cannot show a short" in closed.found
    both = body._unpressed(BUTTONS["alarm"], ButtonUnit(5, nc_pin=13), WELL, AMSTERDAM)
    assert both.verdict == "skipped"
    assert "no cut wire, no short; nobody pressed it" in both.found


@pytest.mark.case("people 1")
def test_a_unit_that_is_not_there_is_not_ready(tmp_path: Path) -> None:
    """A7: with no process running nothing is said to be well: every button is not known, and the room is not ready."""
    paths = prepare(tmp_path / "unit", "heusden-2020", None, ("127.0.0.1", 1))
    done = check(paths, None, lambda _: None)
    assert done.sentence == "not ready for use"
    buttons = [finding for finding in done.findings if finding.name.startswith("button ")]
    assert [finding.name for finding in buttons] == ["button alarm", "button record"]
    assert all("no press of it would be seen" in finding.found for finding in buttons)
    assert [one.name for one in done.findings if one.verdict == "ok" and one.name in {"lamps", "broker", "clock"}] == []


@pytest.mark.case("people 1")
def test_the_last_line_names_what_nobody_tried() -> None:
    """A7: ready for use is said of a room whose lamps were seen and whose buttons were pressed, and of no other."""
    seen = Finding("lamp status", "ok", "", figures={"seen_lit": True, "seen_dark": True})
    unseen = Finding("lamp recording", "ok", "", figures={"seen_lit": None, "seen_dark": None})
    pressed, idle = Finding("button alarm", "ok", ""), Finding("button record", "skipped", "")
    assert report(seen, pressed).sentence == "ready for use"
    assert report(seen, pressed, Finding("lamp beeper", "skipped", "none is fitted")).sentence == "ready for use"
    assert report(unseen, idle).sentence == "no fault found; not tried: lamp recording, button record"
    assert report(pressed, Finding("clock", "fault", "")).sentence == "not ready for use"


class Hands:
    """Somebody who answers yes, and notes what he was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def say(self, text: str) -> None:
        """Noted."""
        self.asked.append(text)

    def asks(self, question: str) -> bool | None:
        """Yes."""
        self.asked.append(question)
        return True

    def shows(self, picture: Any, within_s: float, *, may_end: bool = False) -> bool:  # noqa: ARG002 - as the port has it
        """Looks once."""
        return bool(picture()[1])


@pytest.mark.case("people 1")
def test_every_part_that_is_fitted_is_asked_for() -> None:
    """A7: the objection button, the key switch, the relay and the beeper are parts of a room like any other."""
    hands, room = Hands(), RoomOfParts()
    room.hands = hands
    found = [*body.outputs(room), *body.buttons(room)]  # type: ignore[arg-type]
    lines = [*(output.line for output in OUTPUTS.values()), *(button.line for button in BUTTONS.values())]
    assert [finding.name for finding in found] == lines
    assert {"relay", "lamp beeper", "button reset", "button objection"} <= {finding.name for finding in found}
    assert all(finding.verdict == "ok" for finding in found), found
    assert [*hands.asked].count(OUTPUTS["relay"].warns) == 1
    for output in OUTPUTS.values():
        assert output.asks_on in hands.asked
    for button in BUTTONS.values():
        assert sum(button.words in question for question in hands.asked) == 1, button.name


def test_nothing_is_turned_on_that_may_be_unwelcome() -> None:
    """A7: without a word of somebody in the room no siren sounds and no door opens."""
    room = RoomOfParts()
    found = {finding.name: finding for finding in body.outputs(room)}  # type: ignore[arg-type]
    assert found["relay"].verdict == "skipped"
    assert room.turned_on == [name for name, output in OUTPUTS.items() if not output.warns]


@pytest.mark.parametrize("dead", [*BUTTONS])
def test_a_button_that_makes_no_contact_is_a_fault(dead: str) -> None:
    """A7: whichever button is wired to nothing, the engineer who presses it is told so; the others are well."""
    room = RoomOfParts(dead)
    room.hands = Hands()
    found = {finding.name: finding for finding in body.buttons(room)}  # type: ignore[arg-type]
    assert [name for name, finding in found.items() if finding.verdict == "fault"] == [BUTTONS[dead].line]
    assert f"[buttons.{dead}]" in found[BUTTONS[dead].line].todo


class RoomOfParts:
    """A unit that has every part and in which all of them work: what its processes would answer."""

    hands: Any = None
    place = AMSTERDAM

    def __init__(self, dead: str = "") -> None:
        """`dead`: a button whose presses never reach the unit."""
        self._presses, self._dead = 0, dead
        self.turned_on: list[str] = []
        self.settings = self
        self.unit = msgspec.toml.decode(FITTED.read_bytes(), type=Unit)

    def health(self) -> dict[str, Any]:
        """Nothing is wrong."""
        return WELL

    def alarm(self, verb: str, **args: Any) -> Any:
        """A lamp follows; each question finds a button pressed and let go."""
        if verb == "lamp":
            self.turned_on += [args["lamp"]] if args["lit"] else []
            return {"fitted": True, "reads": args["lit"]}
        self._presses += 1
        one = {"presses": self._presses, "lasted_ms": 2000, "down": False}
        nothing = {"presses": 0, "lasted_ms": 0, "down": False}
        return dict.fromkeys(BUTTONS, one) | {self._dead: nothing}


def test_the_machines_zone_is_named_where_it_is_another(tmp_path: Path) -> None:
    """H1: the policy's zone counts; a machine that is set to another is named, and is no fault."""
    paths = prepare(tmp_path / "unit", "heusden-2020", None, ("127.0.0.1", 1))
    found = {}
    for own in ("Europe/London", "Europe/Amsterdam"):
        link = paths.run / "board" / "etc" / "localtime"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(f"/usr/share/zoneinfo/{own}")
        (found[own],) = time_zone(CheckedRoom(paths, load(paths.etc), None))
    assert [one.verdict for one in found.values()] == ["ok", "ok"]
    assert "the machine's own is Europe/London" in found["Europe/London"].found
    assert found["Europe/Amsterdam"].found == "Europe/Amsterdam, by the policy"
