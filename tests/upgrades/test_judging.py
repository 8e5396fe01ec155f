# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The judge of `make upgrades` finds each thing that an upgrade can break; no container is started."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest

from tests.machine.container import Container
from tests.machine.house import COMMAND
from tests.upgrades import unit as lane
from tests.upgrades.__main__ import table
from tests.upgrades.finger import PRESS
from tests.upgrades.kinds import KINDS
from tests.upgrades.unit import KILLED, KILLS, UNPACKS, VICTIMS, Outcome, Upgraded

KIND = {kind.name: kind for kind in KINDS}
GOOD = "good, b"


class Box:
    """A container in which an upgrade goes well, and what a test says went wrong."""

    def __init__(self) -> None:
        self.dpkg, self.status, self.version = [f"{UNPACKS} (1.0.0) over (1.0.0)"], "install ok installed", GOOD
        self.installed = 0
        self.is_there = True
        self.settles = True
        self.unread_s = 0.6
        self.facts: list[dict[str, Any]] = []
        self.heard: list[str] = []
        self.presses: Callable[[int], tuple[bool | None, list[str]]] = lambda n: (True, [f"A{n}"])
        """What the finger notes of a press, and the alarms that come of it."""
        self._pressed = 0

    def run(self, *command: str, check: bool = True, stdin: bytes = b"") -> str:  # noqa: ARG002 - it never fails
        """As each command answers."""
        assert not stdin
        if command[0] == "dpkg":
            self.installed += 1
            self._note(unread_s=self.unread_s)
        elif command[:2] == ("touch", str(PRESS)):
            self._press()
        answers = {
            "dpkg": self.dpkg[min(self.installed, len(self.dpkg)) - 1], "dpkg-query": self.status,
            "cat": "".join(f"{json.dumps(fact)}\n" for fact in self.facts),
            "grep": "\n".join(f'topic {{"data":{{"alarm_id":"{one}"}}}}' for one in self.heard),
            COMMAND: json.dumps({"package": self.version}),
        }  # fmt: skip
        return answers.get(command[0], "")

    def shell(self, script: str, *, check: bool = True) -> str:
        """Of whoever is killed."""
        assert not check
        return KILLED * (self.is_there and KILLED in script)

    def wait(self, what: str, *_: object) -> None:
        """It has come, or never does."""
        assert self.settles, what

    def cut(self) -> None:
        """All goes."""

    def power_on(self) -> None:
        """And comes."""

    def _press(self) -> None:
        self._pressed += 1
        taken, alarms = self.presses(self._pressed)
        for one in alarms:
            self._note(alarm=one)
            self.heard.append(one)
        if taken is not None:
            self._note(pressed=taken)

    def _note(self, **fact: Any) -> None:
        self.facts.append({"at_s": time.monotonic(), **fact})


class Served(Upgraded):
    """Its broker is the box."""

    def serve(self) -> None:
        """Nothing to start."""


def never(what: str) -> NoReturn:
    """It does not come."""
    raise AssertionError(what)


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Box:
    """Everything comes at once, or never."""
    monkeypatch.setattr(lane, "PRESS_WITHIN_S", 0.1)
    monkeypatch.setattr(lane, "VICTIMS", {name: replace(one, span_s=0.1) for name, one in VICTIMS.items()})
    monkeypatch.setattr("tests.machine.house.wait_for", lambda what, fact, _: fact() or never(what))
    return Box()


def upgraded(box: Box, kind: str = GOOD, victim: str = "") -> Outcome:
    """An upgrade of that container, with a press or two in it, and one after it."""
    house = Served(cast("Container", box), dict.fromkeys(KIND, Path("/dev/null")))
    return house.upgrade(KIND[kind], victim, random.Random(1))


@pytest.mark.parametrize("victim", ["", *VICTIMS])
def test_an_upgrade_that_goes_well_has_no_fault(box: Box, victim: str) -> None:
    """H2: a good version stays, whoever is killed in it; each press is an alarm; the row is of whom was killed."""
    found = upgraded(box, victim=victim)
    assert (found.faults, found.version, found.deaf, found.killed) == ([], GOOD, 0, bool(victim))
    assert found.presses == found.alarms >= 1
    assert f"killed: {victim}" in table([found]) or not victim


def test_a_bad_version_that_is_taken_back_is_no_fault(box: Box) -> None:
    """H2: the one before works, and a press that nobody was there to read is counted."""
    box.version, box.presses = "good, a", lambda n: (True, [f"A{n}"]) if box.installed else (False, [])
    found = upgraded(box, "hangs at start")
    assert found.faults == []


def test_who_was_not_there_was_not_killed(box: Box) -> None:
    """H2: a kill that found nobody is none; nor is one in a package that was refused, and then installed in peace."""
    box.is_there = False
    assert not upgraded(box, victim="judge").killed
    refused = Box()
    refused.dpkg = ["an alarm is open: nothing was changed", f"{UNPACKS} (1.0.0)"]
    found = upgraded(refused, victim="alarm")
    assert (found.refused, found.killed, found.disturbed, found.faults) == (True, False, True, [])
    assert "killed" not in table([found])


def test_a_package_that_was_never_unpacked_is_installed_again(box: Box) -> None:
    """H2: dpkg killed before it had begun is no upgrade; where it never begins, that is told."""
    box.dpkg = ["", f"{UNPACKS} (1.0.0)"]
    assert upgraded(box, victim="dpkg").faults == []
    assert box.installed == 2
    other = Box()
    other.dpkg, other.version = [""], "good, a"
    (fault,) = upgraded(other, "ends", "dpkg").faults
    assert "dpkg did not begin" in fault


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a press that was taken is no alarm": ({"presses": lambda _: (True, ["A"])}, "LOST: "),
    "another version": ({"version": "good, a"}, "WRONG: works by"),
    "it never comes to rest": ({"settles": False}, "BRICKED: in the end: the judgement"),
    "a press afterwards is no alarm": ({"presses": lambda _: (True, [])}, "BRICKED: "),
    "no version": ({"version": ""}, "WRONG: works by"),
    "too long without a button": ({"unread_s": 3.1}, "WRONG: 3.1 s without a button"),
    "nobody pressed": ({"presses": lambda n: (None, [f"A{n}"])}, "WRONG: 0 presses were made"),
    "alarms that nobody raised": ({"presses": lambda n: (True, [f"A{n}", f"B{n}"])}, "presses were made"),
}


@pytest.mark.parametrize(("facts", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_what_an_upgrade_broke_is_told(box: Box, facts: dict[str, Any], told: str) -> None:
    """A1, H2: each thing that may not be so after an upgrade is a fault by its name."""
    for name, value in facts.items():
        assert hasattr(box, name)
        setattr(box, name, value)
    assert any(told in fault for fault in upgraded(box).faults)


@pytest.mark.parametrize(("victim", "is_there"), [("", True), ("alarm", False), ("renewal", True)])
def test_a_good_version_that_is_taken_back_is_wrong(box: Box, victim: str, is_there: bool) -> None:  # noqa: FBT001
    """H2: but where its alarm process was killed, which looks like a bad one's end."""
    box.version, box.is_there = "good, a", is_there
    (fault,) = upgraded(box, victim=victim).faults
    assert "works by 'good, a', not good, b" in fault
    killed = Box()
    killed.version = "good, a"
    assert upgraded(killed, victim="alarm").faults == []


@pytest.mark.parametrize(("unread_s", "victim", "is_wrong"), [(2.9, "", 0), (3.1, "alarm", 0), (61, "alarm", 1)])
def test_seconds_without_a_button(box: Box, unread_s: float, victim: str, is_wrong: int) -> None:
    """A1, H2: three by a good version, a minute whatever is killed."""
    box.unread_s = unread_s
    assert len(upgraded(box, victim=victim).faults) == is_wrong


@pytest.mark.parametrize(("alive", "killed"), [("true", True), ("false", False), ("test -e $0 && rm $0", False)])
def test_a_kill_says_whether_somebody_was_there(tmp_path: Path, alive: str, killed: bool) -> None:  # noqa: FBT001
    """H2: the lines of shell themselves; the last one is gone when its moment comes."""
    (tmp_path / "one").touch()
    script = KILLS.replace("sleep 0.1", "true").format(alive=alive, kill="true", killed=KILLED, delay_s=0)
    done = subprocess.run(["sh", "-c", script, tmp_path / "one"], check=False, capture_output=True, text=True)
    assert (KILLED in done.stdout) is killed


def test_a_lost_alarm_is_told_though_others_are_there(box: Box) -> None:
    """A1: one that the unit showed, and that never came to the broker."""
    box.facts.append({"at_s": time.monotonic() + 9, "alarm": "X"})
    (fault,) = upgraded(box).faults
    assert "shown, and never at the broker: X" in fault
