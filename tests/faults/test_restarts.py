# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the room holds, over a death of the process at any moment."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from daemon import cardstate
from daemon.card import process
from daemon.card.sheet import ANSWER
from tests.faults.house import ROOT, House, house
from tests.rooms import wait_for


def resets(it: House, *alarm_ids: str) -> str:
    """The desk ends these alarms by their ids, and the next press is kept behind that: returns its id."""
    left = set(it.unit.health()["alarms"]) - set(alarm_ids)
    assert it.receiver.console.reset(ROOT, alarm_ids)
    wait_for("the alarms are over", lambda: set(it.unit.health().get("alarms", {"?"})) == left)
    return presses(it)


def presses(it: House) -> str:
    """A press that the desk has stored and the journal has."""
    pressed = it.unit.press()
    it.unit.has_level(pressed, "stored")
    wait_for("the journal has it", lambda: it.unit.lines()[pressed]["kept_ms"] is not None)
    return pressed


def dies(it: House) -> None:
    """The process is killed, and a new one has read the journal."""
    it.unit.kill()
    it.unit.start()
    it.unit.well()
    wait_for("the journal has been read", lambda: it.unit.health()["buttons"]["alarm"]["last_press"])


@pytest.mark.case("alarm 1")
def test_what_the_room_holds_open_is_open_after_any_restart(tmp_path: Path) -> None:
    """A1: of three presses the desk resets the first, then the second, with a kill -9 behind each: what was not reset
    is open at the unit and at the desk, with the level that it had; what was reset stays over.
    """
    with house(tmp_path) as it:
        it.others = {"reset", "cancelled"}
        first, second, third = (presses(it) for _ in range(3))
        dies(it)
        assert it.unit.health()["alarms"] == dict.fromkeys((first, second, third), "stored")
        fourth = resets(it, first)
        dies(it)
        assert it.unit.health()["alarms"] == dict.fromkeys((second, third, fourth), "stored")
        assert it.unit.health()["phase"] == "alarm"
        assert {row.event_id for row in it.receiver.console.open} == {second, third, fourth}
        fifth = resets(it, second, fourth)
        dies(it)
        assert set(it.unit.health()["alarms"]) == {third, fifth}
        sixth = resets(it, third, fifth)
        dies(it)
        assert (it.unit.health()["alarms"], it.unit.health()["phase"]) == ({sixth: "stored"}, "alarm")
        it.ends_well()
        wait_for("nothing open at the desk", lambda: it.receiver.console.open == ())


@pytest.mark.case("alarm 3")
def test_a_journal_that_cannot_be_used(tmp_path: Path) -> None:
    """A1: with an alarm owed, a journal that another release or nobody has written into is set aside: the process
    starts, the owed alarm and the next press arrive, the file is a fault, and a restart later both are still kept.
    """
    with house(tmp_path) as it:
        it.receiver.stop()
        owed = it.unit.press()
        wait_for("the journal has it", lambda: it.unit.lines()[owed]["kept_ms"] is not None)
        it.unit.kill()
        path = it.unit.paths.journal / "alarms.sqlite3"
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.executescript("CREATE TRIGGER no BEFORE INSERT ON alarm_event BEGIN SELECT raise(ABORT, 'no'); END;")
        it.unit.start()
        said = it.unit.has_fault("journal", "set aside because it could not be used: alarms.sqlite3.aside-")
        it.receiver.start()
        it.receiver.first(owed)
        it.unit.press()
        it.settles()
        for file in it.unit.paths.journal.glob("*.aside-*"):
            assert file.name.removesuffix("-wal") in said
            file.unlink()
        dies(it)
        assert set(it.unit.health()["alarms"]) == set(it.unit.pressed)
        it.ends_well()


def test_settings_on_the_card_that_were_refused(tmp_path: Path) -> None:
    """A2, A5, issue 14: a start whose card brought settings that were refused works by what it had: the lamp and health
    say so, the answer on the card has it beside what else the unit says of itself, and a press is stored. The next
    start, with the file mended or away, says nothing of it. The same for a newer version that was taken back; what
    cannot be read in its file's place keeps no alarm process from starting.
    """
    upgrade = "version 9.0 was taken back: no video"
    why = "regel 12: buttons.alarm.pin = 99: expected a whole number from 0 to 27"
    with house(tmp_path) as it:
        it.unit.kill()
        cardstate.write(
            it.unit.paths.card, cardstate.CardState(refused=why, told=("GEWEIGERD", f"- {why}"), who=("wie",))
        )
        told = it.unit.paths.card.with_name("upgrade")
        told.write_text(f"{upgrade}\nmore\n")
        it.unit.start()
        it.unit.has_fault("card", why)
        it.unit.has_fault("upgrade", upgrade)
        process.tell(it.unit.paths, tmp_path, within_s=0.0)
        said = (tmp_path / ANSWER).read_text()
        assert "GEREED: nee" in said
        assert f"- card: {why}" in said
        assert said.index("GEWEIGERD") < said.index("GEREED") < said.index("wie")
        presses(it)

        it.unit.kill()
        it.unit.paths.card.unlink()
        told.unlink()
        told.mkdir()
        it.unit.start()
        it.unit.well()
        process.tell(it.unit.paths, tmp_path, within_s=0.0)
        assert "- card:" not in (tmp_path / ANSWER).read_text()
