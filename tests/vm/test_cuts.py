# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The judge of `make vm-powercut` finds each thing that a cut can break; no machine is started."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from daemon.errors import UnitError
from simulators.link import Proxy
from simulators.panel import acts
from simulators.recorded import Recording, recordings
from simulators.robot.worlds import opened
from tests.brokers import Mosquitto
from tests.driven import exit_code
from tests.evidence.made import Holders
from tests.evidence.made import Unit as Made
from tests.keeper import stores
from tests.vm.cuts import PHASES, SEALED, Cut, Judge, Unit, phases
from tests.vm.devices import UNITS
from tests.vm.fitted import Fitted
from tests.vm.plugs import Plugs
from tests.vm.world import MachineWorld

AGED = "a" * 32


class Computer:
    """That of a unit which lost nothing, and what a test says that it lost."""

    def __init__(self) -> None:
        self.dmesg, self.again, self.failed = "", ["0"] * len(UNITS), ""
        self.verify = json.dumps({"faults": 0, "findings": []})
        self.sealed: Counter[tuple[str, str]] = Counter()

    def run(self, *command: str) -> str:
        """As systemd says it."""
        return self.failed if "--failed" in command else "\n\n".join(self.again)

    def shell(self, script: str) -> str:
        """As the kernel, the store and the command say it."""
        if "find" in script:
            lines = (
                (f"./{one}/{track}/{n}.ts.age" for n in range(files)) for (one, track), files in self.sealed.items()
            )
            return "\n".join(line for some in lines for line in some)
        if "dmesg" not in script:
            return self.verify
        kernel = 'dmesg() { [ "$2" = emerg,alert,crit,err,warn ] && printf "%s" "$SAID"; }\n'
        told = {**os.environ, "SAID": self.dmesg}
        return subprocess.run(
            ["sh", "-c", kernel + script], env=told, capture_output=True, text=True, check=True
        ).stdout


class World:
    """A unit that came up again as it should, and a desk."""

    def __init__(self) -> None:
        self.machine = Computer()
        self.open: dict[str, str] = {}
        self.faults: dict[str, str] = {}
        self.undelivered = 0
        self.devices = {"audio": "ok", "video": "ok"}
        self.desk: list[str] = []
        self.kept: list[Recording] = []
        self.lines: list[dict[str, Any]] = []
        self.film: dict[str, float] | str = {"audio": 30.0, "video": 30.0}
        self.audit, self.said = "", ""
        self.plugged, self.ends, self.boots = False, True, True

    def do(self, act: object) -> None:
        """The desk ends what is open; the broker is plugged in; the machine boots."""
        if isinstance(act, acts.Reset) and self.ends:
            self.open = {}
        self.plugged |= act == acts.Fault("broker.unplugged", on=False)
        assert self.boots or not isinstance(act, acts.Power), "it does not answer"

    def health(self) -> dict[str, Any]:
        """As the unit says."""
        return {"alarms": self.open, "undelivered": self.undelivered, "faults": self.faults,
                "recorder": {"devices": self.devices}}  # fmt: skip

    def stored(self) -> list[dict[str, Any]]:
        """At the desk; other events came too."""
        raised = [{"data": {"kind": "raised", "alarm_id": one}} for one in self.desk]
        return [*raised, {"data": {"kind": "fault", "alarm_id": "A"}}]

    def recordings(self) -> list[Recording]:
        """In the store."""
        return self.kept

    def log(self) -> list[dict[str, Any]]:
        """The lines of deletions."""
        return self.lines

    def opens(self, recording: Recording, holders: tuple[str, ...]) -> dict[str, float]:
        """The seconds of its film."""
        assert recording in self.kept
        assert holders
        if isinstance(self.film, str):
            raise UnitError(self.film)
        return self.film

    def command(self, words: list[str]) -> None:
        """Verifies the log."""
        assert words == ["audit", "verify"]
        if self.audit:
            raise UnitError(self.audit)

    def told(self) -> str:
        """By the services."""
        return self.said


def written(newest_s: float = 30.0, oldest_s: float = 0.0, *, closed: bool = True) -> Recording:
    """A recording of thirty seconds."""
    tracks = ("audio", "video")
    oldest, newest = dict.fromkeys(tracks, oldest_s), dict.fromkeys(tracks, newest_s)
    return Recording("r", Path("r"), 10.0, closed, oldest, newest, frozenset(tracks))


def deleted(*events: str) -> list[dict[str, Any]]:
    """Lines of the log about the sound of what was aged."""
    return [{"event": event, "recording_id": AGED, "track": "audio"} for event in events]


def faults(world: World, cut: Cut, before: Recording | None = None, aged: set[str] | None = None) -> list[str]:
    """What the judge finds."""
    judge = Judge(cast("MachineWorld", world))
    judge.aged = aged or set()
    judge.judge(cut, before)
    return cut.faults


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not so now never will be."""
    monkeypatch.setattr("tests.waiting.PATIENCE_S", 0.0)
    monkeypatch.setattr("tests.vm.cuts.wait_for", lambda what, fact, _: fact() or _never(what))


def _never(what: str) -> NoReturn:
    raise AssertionError(f"not so: {what}")


def test_a_unit_that_lost_nothing_has_no_fault() -> None:
    """R8: a recording that lost its last segment is one; so is an alarm that was sent and not yet on the disk."""
    world = World()
    world.kept = [written(29.5)]
    assert faults(world, Cut("recording"), written(closed=False)) == []
    world.open, world.desk = {"A": "stored"}, ["before", "A"]
    assert faults(world, Cut("alarm", pressed=True, shown={"A": "kept"}, is_open=True)) == []
    world.open = {}
    assert faults(world, Cut("alarm", pressed=True, shown={"A": "broker"})) == []
    world.machine.sealed = Counter({(AGED, "video"): SEALED})
    world.lines = deleted("deleting", "deleted")
    assert faults(world, Cut("deletion"), aged={AGED}) == []


def alarm(**options: Any) -> Cut:
    """An alarm that the unit had kept."""
    return replace(Cut("alarm", pressed=True, shown={"A": "kept"}, is_open=True), **options)


LOST: dict[str, tuple[Cut, dict[str, Any], str]] = {
    "a kept alarm": (alarm(), {"desk": ["A"]}, "it was not kept"),
    "one that its disk had a moment ago": (alarm(is_open=False), {"desk": ["A"]}, "no longer open"),
    "a kept alarm, and another one is open": (alarm(), {"open": {"B": "kept"}, "desk": ["A", "B"]}, "no longer open"),
    "nobody pressed, and one is open": (Cut("rest"), {"open": {"B": "kept"}, "desk": ["B"]}, "raised by nobody"),
    "one press, two alarms": (
        alarm(shown={}, is_open=False), {"open": {"A": "kept", "B": "kept"}, "desk": ["A", "B"]}, "raised by nobody",
    ),
    "it never came to the desk": (alarm(), {"open": {"A": "stored"}}, "each alarm at the desk"),
    "the broker had it, and nobody has it now": (alarm(shown={"A": "broker"}, is_open=False), {}, "each alarm at the"),
    "something is never delivered": (Cut("rest"), {"undelivered": 1}, "nothing to deliver"),
    "the broker is never found again": (Cut("alone"), {"faults": {"broker": "away"}}, "a ready room, and its broker"),
    "a device is gone": (Cut("rest"), {"devices": {"audio": "ok", "video": "camera: no such device"}}, "a ready room"),
    "a fault that stays": (Cut("rest"), {"faults": {"keeper": "has not come yet"}}, "a ready room"),
    "the desk cannot end it": (alarm(), {"open": {"A": "stored"}, "desk": ["A"], "ends": False}, "no alarm"),
    "a service in pieces": (Cut("rest"), {"said": "Traceback (most recent call last):"}, "machine: Traceback"),
    "a line of the log": (Cut("rest", lines=3), {"lines": [{"event": "started"}] * 2}, "2 lines"),
    "an earlier recording": (Cut("rest", there={"earlier"}), {"kept": [written()]}, "gone: {'earlier'}"),
    "the log": (Cut("rest"), {"audit": "line 7 is not the next"}, "line 7"),
}  # fmt: skip


@pytest.mark.parametrize(("cut", "facts", "told"), LOST.values(), ids=LOST.keys())
def test_what_a_cut_broke_is_told(cut: Cut, facts: dict[str, Any], told: str) -> None:
    """A1, A2, R8: each thing that may not be so after a cut is a fault by its name."""
    world = World()
    for name, value in facts.items():
        assert hasattr(world, name)
        setattr(world, name, value)
    assert [told in fault for fault in faults(world, replace(cut, faults=[]))] == [True]


FILMS: dict[str, tuple[Recording, dict[str, float] | str, str]] = {
    "the end": (written(25.0), {"audio": 25.0, "video": 25.0}, "5.0 s of it are gone"),
    "the seconds from before": (written(30.0, 29.0), {"audio": 1.0, "video": 1.0}, "now at"),
    "what the segments held": (written(), {"audio": 30.0, "video": 27.0}, "video: 30.0 s"),
    "a track of the film": (written(), {"video": 30.0}, "audio: 30.0 s"),
    "it does not open": (written(), "3 segments cannot be opened", "3 segments"),
    "two segments": (written(28.0), {"audio": 28.0, "video": 28.0}, "2.0 s of it are gone"),
    "it is never closed": (written(closed=False), {}, "recordings that are closed"),
}


@pytest.mark.parametrize(("after", "film", "told"), FILMS.values(), ids=FILMS.keys())
def test_what_a_recording_lost_is_told(after: Recording, film: dict[str, float] | str, told: str) -> None:
    """R8: all but a segment a track is there, from its first frame on, and opens."""
    world = World()
    world.kept, world.film = [after], film
    (fault,) = faults(world, Cut("recording"), written(closed=False))
    assert told in fault


def test_a_recording_that_is_gone_is_told() -> None:
    """R8: all of it."""
    (fault,) = faults(World(), Cut("recording"), written(closed=False))
    assert "it is gone" in fault


def test_what_one_cut_left_is_not_the_next_ones_fault() -> None:
    """A1: whatever was wrong, the broker is plugged in and the desk ends what is open."""
    world = World()
    world.open, world.desk = {"B": "kept"}, ["A", "B"]
    judge = Judge(cast("MachineWorld", world))
    judge.is_alone, cut = True, alarm()
    judge.judge(cut, None)
    assert ["no longer open" in fault for fault in cut.faults] == [True]
    assert not judge.is_alone
    assert world.plugged
    assert not world.open
    world.open, world.desk = {"C": "kept"}, ["C"]
    assert faults(world, Cut("rest", known={"C"})) == []


@pytest.mark.parametrize(
    ("sealed", "lines", "told"),
    [
        ({(AGED, "video"): SEALED}, deleted(), "gone without a receipt"),
        ({(AGED, "audio"): SEALED - 1, (AGED, "video"): SEALED}, deleted(), "gone without a receipt"),
        ({(AGED, "audio"): 1, (AGED, "video"): SEALED}, deleted("deleting", "deleted"), "there with a receipt"),
        ({(AGED, "video"): SEALED}, deleted("deleting"), "receipts"),
    ],
)
def test_half_a_deletion_is_told(sealed: dict[tuple[str, str], int], lines: list[dict[str, Any]], told: str) -> None:
    """K1, K3: a track is there whole, or gone with its receipt; also one whose envelope alone went."""
    world = World()
    world.machine.sealed, world.lines = Counter(sealed), lines
    (fault,) = faults(world, Cut("deletion"), aged={AGED})
    assert told in fault


@pytest.mark.parametrize("aged", [set[str](), {AGED}])
def test_the_store_is_believed_only_where_it_says_that_it_is_whole(aged: set[str]) -> None:
    """K7: after a deletion as before one; what was brought from elsewhere is none of the unit's."""
    world = World()
    world.machine.sealed = Counter({(one, track): SEALED for one in aged for track in ("audio", "video")})
    wrong = {"path": "r/audio/000003.ts.age", "what": "missing"}
    told: Callable[[], list[str]] = lambda: faults(world, Cut("rest"), aged=set(aged))  # noqa: E731
    world.machine.verify = json.dumps({"faults": 1, "findings": [wrong]})
    assert told() == ["store: r/audio/000003.ts.age missing"]
    world.machine.verify = json.dumps({"faults": 2, "findings": [wrong]})
    assert told() == ["store: 2 faults, 1 told"]
    world.machine.verify = "the keeper does not answer"
    assert told() == ["store: the keeper does not answer"]
    world.machine.verify = json.dumps({"faults": 1, "findings": [{"path": f"{AGED}/audio", "what": "no such unit"}]})
    assert bool(told()) is not bool(aged)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dmesg", "EXT4-fs (loop0): error loading journal\n"),
        ("failed", "spreekkamer-keeper.service"),
        ("again", ["0", "7"]),
    ],
)
def test_what_the_machine_says_is_told(name: str, value: Any) -> None:
    """R8: a card that is not whole, a service that failed, and one that had to start again."""
    world = World()
    setattr(world.machine, name, value)
    (fault,) = faults(world, Cut("rest"))
    assert fault.startswith("machine: ")


@pytest.mark.parametrize("seed", range(20))
def test_every_phase_comes(seed: int) -> None:
    """R8: a run of twenty leaves no phase out, and a seed is the same run again."""
    found = phases(random.Random(seed), 20, None)
    assert set(found) == set(PHASES)
    assert found == phases(random.Random(seed), 20, None)
    assert len(found) == 20
    assert phases(random.Random(seed), 3, "alone") == ["alone"] * 3


def test_what_is_brought_for_a_deletion_can_be_looked_at(tmp_path: Path) -> None:
    """R8: the hands in the machine answer though its chain holds nothing; it has as many files as are counted."""
    path = stores.recording(tmp_path, AGED)
    (found,) = recordings(tmp_path / "recordings")
    assert (found.id, found.closed, found.newest_s) == (AGED, True, {})
    assert found.there == {"audio", "video"}
    assert len([*path.rglob("*.age")]) == 2 * SEALED


class Cuttable(Unit):
    """A unit that is there already."""

    def __init__(self, world: World) -> None:
        Judge.__init__(self, cast("MachineWorld", world))
        self._draw = random.Random(1)


def test_a_cut_is_judged_by_what_was_there_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A1, R8: the alarms, the lines of the log, and the recordings that had ended, from before the phase."""
    monkeypatch.setattr("tests.vm.cuts.time.sleep", lambda _: None)
    world = World()
    world.open, world.desk, world.lines, world.kept = {"A": "kept"}, ["A"], [{"event": "started"}], [written()]
    found = Cuttable(world).cut("rest")
    assert (found.faults, found.known, found.lines, found.there) == ([], {"A"}, 1, {"r"})


def test_a_unit_that_does_not_come_up_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """R8: in a row of its own; so is a machine that does not answer before the cut."""
    monkeypatch.setattr("tests.vm.cuts.time.sleep", lambda _: None)
    world = World()
    world.faults = {"keeper": "has not come yet"}
    (fault,) = Cuttable(world).cut("rest").faults
    assert "a ready room" in fault
    world.faults, world.boots = {}, False
    (fault,) = Cuttable(world).cut("rest").faults
    assert "it does not answer" in fault


@pytest.mark.parametrize(
    ("broken", "asked", "code"),
    [([False, True], 2, 1), ([True], 2, 1), ([False], 2, 130), ([], 1, 130), ([False], 1, 0)],
)
def test_exit_codes(broken: list[bool], asked: int, code: int) -> None:
    """R8, H2: of both runs, here and of upgrades: one that broke something, or did not come to its end, is not well."""
    assert exit_code(broken, asked) == code


def test_a_film_with_holes_is_not_one(tmp_path: Path) -> None:
    """R8, K5: names and a chain that are whole, and segments without their bytes, as a lost cache leaves them."""
    desk = Holders(tmp_path / "keys", (("manager-1",), ("secretary-1",)))
    made = Made(tmp_path / "unit")
    path = made.record("d" * 32, desk, seconds=5)
    found = recordings(made.store)[0]
    film = opened(path, desk.home, ("manager-1", "secretary-1"))
    assert film == pytest.approx({track: found.newest_s[track] - found.oldest_s[track] for track in film}, abs=0.3)
    for track in film:
        for segment in sorted((path / track).glob("*.age"))[2:]:
            segment.write_bytes(b"")
    with pytest.raises(UnitError):
        opened(path, desk.home, ("manager-1", "secretary-1"))


def test_a_broker_that_is_plugged_in_twice_is_one(tmp_path: Path) -> None:
    """The judge plugs it in after every cut, also where nobody had pulled it: a second one would end by itself, and the
    first would outlive the lane.
    """
    broker = Mosquitto(tmp_path)
    link = Proxy(broker.port)
    link.start()
    try:
        broker.start()
        plugs = Plugs(cast("Fitted", SimpleNamespace(machine=None, broker=broker, link=link)), print, print)
        for on, answers in ((False, True), (True, False), (True, False), (False, True), (False, True)):
            plugs.switch("broker.unplugged", on=on)
            with socket.socket() as sock:
                assert (sock.connect_ex(("127.0.0.1", broker.port)) == 0) == answers
        assert "already in use" not in broker.log()
    finally:
        broker.kill()
        link.stop()
