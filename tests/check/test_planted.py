# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One planted fault at a time in a room that is otherwise well: the check names it, and says what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.check import reach
from daemon.check.asking import CheckedRoom
from daemon.config import load
from simulators import bench_link, board
from simulators.places import bench_path
from tests.check.runs import asked
from tests.rooms import Unit, policy_with, running, wait_for

Plant = Callable[[Unit], contextlib.AbstractContextManager[None]]


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    """A room in which nothing is wrong yet."""
    state = tmp_path_factory.mktemp("planted") / "unit"
    policy = policy_with("heusden-2020", state, pre_event_s=2, post_event_s=1)
    with running(state, policy=policy) as unit:
        unit.ready()
        yield unit


def plug(name: str, fault: str = "") -> Plant:
    """A fault of a device, made by its file; with `fault`, waits until the unit names that."""

    @contextlib.contextmanager
    def planted(unit: Unit) -> Iterator[None]:
        unit.fault(name, on=True)
        try:
            if fault:
                wait_for(f"{fault} of {name}", lambda: fault in unit.health().get("faults", {}), 40)
            yield
        finally:
            unit.fault(name, on=False)
            wait_for(f"{name} mended", lambda: not unit.health().get("faults", {"": ""}), 40)

    return planted


def line(name: str, fault: str = "") -> Plant:
    """A fault on the bench: a contact, a wire, a lamp."""

    @contextlib.contextmanager
    def planted(unit: Unit) -> Iterator[None]:
        _bench(unit, name, on=True)
        try:
            if fault:
                wait_for(f"{fault} of {name}", lambda: fault in unit.health().get("faults", {}), 40)
            yield
        finally:
            _bench(unit, name, on=False)
            wait_for(f"{name} mended", lambda: set(unit.health().get("faults", {"": ""})) <= {"lamp"}, 40)

    return planted


def _bench(unit: Unit, name: str, *, on: bool) -> None:
    assert bench_link.ask(bench_path(unit.paths), bench_link.Fault(name, on)).ok


def of_the_board(name: str) -> Plant:
    """A fault that the kernel shows in a file."""

    @contextlib.contextmanager
    def planted(unit: Unit) -> Iterator[None]:
        board.fault(unit.paths, name, on=True)
        yield
        board.fault(unit.paths, name, on=False)

    return planted


@contextlib.contextmanager
def clock_lost(unit: Unit) -> Iterator[None]:
    """Nothing keeps the clock right any more."""
    unit.room.clock.set_synchronised(False)
    yield
    unit.room.clock.set_synchronised(True)


def in_file(name: str, old: str, new: str) -> Plant:
    """Somebody edits a settings file while the unit runs."""

    @contextlib.contextmanager
    def planted(unit: Unit) -> Iterator[None]:
        path = unit.paths.etc / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        yield
        path.write_text(text)

    return planted


PLANTED: dict[str, tuple[Plant, str]] = {
    "under-voltage": (of_the_board("board.under_voltage"), "power"),
    "heat": (of_the_board("board.hot"), "temperature"),
    "a worn card": (of_the_board("board.card_worn"), "card"),
    "a lost clock": (clock_lost, "clock"),
    "a status lamp that does not light": (line("status.broken"), "lamp status"),
    "a recording lamp that does not light": (line("recording.broken"), "lamp recording"),
    "an alarm button that chatters": (line("alarm.chatter", "alarm_button"), "button alarm"),
    "a record button that chatters": (line("record.chatter", "record_button"), "button record"),
    "no camera": (plug("camera.gone", "camera"), "camera"),
    "a camera that stands still": (plug("camera.frozen", "camera"), "camera"),
    "a camera that sends nothing": (plug("camera.silent", "camera"), "camera"),
    "a covered camera": (plug("camera.dark", "camera"), "camera"),
    "no microphone": (plug("microphone.gone", "microphone"), "microphone"),
    "a broker without its plug": (plug("broker.unplugged", "broker"), "broker"),
    "nobody at the desk": (plug("console.gone", "nobody_listening"), "receivers"),
    "a key that no setting has": (in_file("unit.toml", "[broker]", "[broker]\nhots = 1"), "settings"),
    "a pin that is used twice": (in_file("unit.toml", "status = 17", "status = 27"), "settings"),
    "sound kept for a month": (in_file("policy.toml", "term_h = 168", "term_h = 672"), "settings"),
}


FOLLOWS = {"broker": {"test alarm"}, "receivers": {"test alarm"}, "lamp": {"lamp", "test recording"}}
"""What cannot be well either where these are not."""
BECAUSE = {"a recording lamp that does not light": ("test recording", "the recording lamp does not light")}
"""Where that is said with its reason (R3), and not with a wait for what cannot come."""


def wrong(report: Any) -> dict[str, Any]:
    return {finding["name"]: finding for finding in report["findings"] if finding["verdict"] == "fault"}


@pytest.mark.parametrize("what", PLANTED)
def test_each_planted_fault_is_named_with_what_to_do(unit: Unit, what: str) -> None:
    """H1, A6: the part that is at fault has its line, with what to do, by exit code 10; the parts that have nothing to
    do with it are not blamed.
    """
    plant, name = PLANTED[what]
    with plant(unit):
        code, report = asked(unit)
    found = wrong(report)
    assert code == 10
    assert name in found, found
    assert found[name]["todo"]
    assert set(found) <= {name} | FOLLOWS.get(name.partition(" ")[0], set())
    follows, why = BECAUSE.get(what, (name, ""))
    assert why in found[follows]["found"]


class Renewing(CheckedRoom):
    """A unit that had no answer from the desk, and makes its connection anew as the check begins."""

    asked = 0

    def health(self) -> dict[str, Any]:
        """As the unit says, but for the first times."""
        self.asked, found = self.asked + 1, super().health()
        if self.asked > 6:
            return found
        return {**found, "consoles": [], "faults": {"broker": "a new one is made"} if self.asked <= 3 else {}}


def test_a_connection_that_is_made_anew_is_no_fault_of_the_broker(unit: Unit) -> None:
    """H1: just after the desk went, the unit makes its connection anew, in less than a second, and knows a moment later
    who is there. The check waits for that, and names the receivers.
    """
    room = Renewing(unit.paths, load(unit.paths.etc), None)
    found = {finding.name: finding.verdict for finding in reach.broker(room)}
    assert (found["broker"], found["receivers"]) == ("ok", "ok")


def test_a_process_that_is_gone(unit: Unit) -> None:
    """A2, H1: without the keeper the check goes on to its end, says who is missing, and alarms are found well."""
    unit.room.children["keeper"].stop()
    wait_for("the keeper is missed", lambda: "keeper" in unit.health().get("faults", {}))
    code, report = asked(unit)
    assert code == 10
    assert "keeper" in wrong(report)["processes"]["found"]
    assert any(finding["name"] == "test alarm" and finding["verdict"] == "ok" for finding in report["findings"])


def test_no_unit_at_all(tmp_path: Path) -> None:
    """H1: where nothing runs and no settings are, that is what is said, without a trace of the program."""
    code, report = asked(tmp_path)
    assert code == 10
    assert set(wrong(report)) == {"settings"}
