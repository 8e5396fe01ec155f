# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who may do what at the alarm process, and what of it the audit log is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from daemon.alarm.__main__ import lamp_pins, lines
from daemon.alarm.desk import Desk
from daemon.alarm.process import AlarmProcess, Devices
from daemon.config import load
from daemon.model.acts import Asked, OfAlarm, Refused
from daemon.model.refusals import DAY_NS
from daemon.model.rights import ALARM_ACTS, ALARM_VERBS, Person
from daemon.people import Door
from daemon.wire import Reply, Request
from hardware.clock import SystemClock
from hardware.gpio import GpioButtons, GpioLamps
from simulators.state import prepare

ENGINEER, CUSTODIAN, NOBODY = (Person(uid, frozenset({uid})) for uid in (64_301, 64_302, 64_303))
ARGS: dict[str, dict[str, Any]] = {"lamp": {"lamp": "status", "lit": True}}


class Told:
    """A desk, and what it has for the audit log."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk, self.lines = desk, list[OfAlarm]()
        monkeypatch.setattr(desk._acts, "keep", lambda act, *_: self.lines.append(act))

    def ask(self, person: Person, verb: str) -> Reply:
        """A question and its answer."""
        return self.desk.answer(Request(verb, ARGS.get(verb, {})), person)

    def asked(self) -> list[OfAlarm]:
        """What it told of what was asked for."""
        return [line for line in self.lines if isinstance(line, Asked)]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """The desk of an alarm process whose own user is nobody here."""
    paths = prepare(tmp_path / "unit", "dronten-2022", None, ("127.0.0.1", 1))
    settings, factory, clock = load(paths.etc), MockFactory(), SystemClock()
    buttons, lamps = GpioButtons(factory, lines(settings.unit), clock), GpioLamps(factory, lamp_pins(settings.unit))
    door = Door({64_301: "engineer", 64_302: "custodian"})
    door._own_uid = -1
    process = AlarmProcess(settings, paths, Devices(buttons, lamps, clock, "test", simulated=True, door=door))
    yield Told(process._desk, monkeypatch)
    process._close()


@pytest.mark.parametrize("verb", sorted(ALARM_VERBS))
def test_each_role_has_its_acts(verb: str, told: Told) -> None:
    """Issue 5, who may: a verb is answered to the roles that the table names and refused to all others; what it changes
    is told with the user's number and the role, and a refusal is told as one.
    """
    for person, role in ((ENGINEER, "engineer"), (CUSTODIAN, "custodian"), (NOBODY, None)):
        told.lines.clear()
        reply = told.ask(person, verb)
        if role in ALARM_VERBS[verb]:
            assert reply.exit_code != 13
            acted = [Asked(verb, person.uid, role)]
            assert told.asked() == (acted if verb in ALARM_ACTS and not reply.error else [])
        else:
            assert (reply.exit_code, "is not for you" in reply.error) == (13, True)
            assert told.lines == [Refused(person.uid, verb, 1)]


def test_a_flood_of_refusals_is_a_number(told: Told) -> None:
    """K3: a thousand refused requests are one line, and one more when the day is over."""
    for _ in range(1000):
        told.ask(NOBODY, "reset")
    told.desk.tick(SystemClock().boot_ns() + DAY_NS + 1_000_000_000)
    assert told.lines == [Refused(NOBODY.uid, "reset", count) for count in (1, 999)]


def test_every_verb_is_in_the_table(told: Told) -> None:
    """Issue 5, who may: a verb that is answered stands in the table, and the other way round."""
    assert told.desk._verbs.keys() == ALARM_VERBS.keys()


JUNK: tuple[Any, ...] = (
    None, True, -1, 2**62, 1e308, "", "alarm", "x" * 60_000, "\x1b[2J", [], ["alarm"], [[1]], {}, {"a": {"b": [None]}},
)  # fmt: skip
KEYS = ("seconds", "button", "lamp", "lit", "decision", "begins", "ends", "from", "until", "number", "window", "more")


@pytest.mark.case("alarm 7")
@pytest.mark.parametrize("verb", sorted(ALARM_VERBS))
def test_whatever_an_operator_sends_is_answered(verb: str, told: Told) -> None:
    """A2: a request with anything in any of its arguments is answered, with an error that says what was expected."""
    for role in (ENGINEER, CUSTODIAN):
        for value in JUNK:
            for key in KEYS:
                reply = told.desk.answer(Request(verb, {key: value}), role)
                assert isinstance(reply, Reply)
            told.desk.answer(Request(verb, dict.fromkeys(KEYS, value)), role)
