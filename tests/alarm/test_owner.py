# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who owns a unit: nobody, in the field."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from daemon import people
from daemon.alarm import __main__ as alarm
from daemon.config import Settings
from daemon.keeper import __main__ as keeper
from daemon.model.policy import NO_POLICY
from daemon.model.rights import Person
from daemon.model.unit import Broker, Buttons, ButtonUnit, Unit
from daemon.paths import Paths

UNIT = Unit("o", "s", "r", Buttons(ButtonUnit(5)), Broker("localhost"))
SETTINGS = Settings(UNIT, {}, (), NO_POLICY, "0" * 64)


class Made(msgspec.Struct):
    """The doors that the composition roots have made."""

    keeper: people.Door
    alarm: people.Door


@pytest.fixture
def me(monkeypatch: pytest.MonkeyPatch) -> Person:
    """The user of both processes, who is no root and in no group of ours."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    return Person(4711, frozenset({4711}))


def made(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Made:
    """What both roots make at these places, but for what needs a board."""
    doors: dict[str, people.Door] = {}
    monkeypatch.setattr(keeper, "KeeperProcess", lambda *given: doors.update(keeper=given[-1]))
    monkeypatch.setattr(alarm, "AlarmProcess", lambda *given: doors.update(alarm=given[-1].door))
    for name in ("open_factory", "GpioButtons", "GpioLamps", "machine_id"):
        monkeypatch.setattr(alarm, name, lambda *_: "")
    keeper.make(SETTINGS, paths)._make()
    alarm.make(SETTINGS, paths)
    return Made(**doors)


def test_a_unit_in_the_field_has_no_owner(me: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 16: root that becomes the keeper's or the alarm's own user (setpriv) may do nothing there: it would hold
    and hand out without being a custodian. Below a directory of somebody's own that user may do everything, as ever.
    """
    for paths, role in ((Paths.field(), None), (Paths.below(Path("room")), "owner")):
        doors = made(paths, monkeypatch)
        assert doors.keeper.role_for("hold_place", me) == role
        assert doors.alarm.role_for("reset", me) == role
