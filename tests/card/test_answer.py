# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The text on the card: what comes first, what an engineer reads when the unit says nothing, how long it can get."""

from __future__ import annotations

from daemon import about
from daemon.card import answer, process
from daemon.card.facts import Result
from daemon.card.sheet import ANSWER
from tests.card.sheets import Bench, good


def test_the_verdict_stands_first_and_every_part_is_there(works: Bench) -> None:
    """Issue 14: the fourth line says what became of the file; then readiness, keys, versions."""
    works.put(good().replace("pin = 5", "pin = 99"))
    works.start()
    said = works.answer()
    assert said.splitlines()[3] == answer.HEADS["refused"]
    assert said.index("GEWEIGERD") < said.index("GEREED") < said.index("IDENTITEIT") < said.index("VERSIES")
    assert f"spreekkamer {about.about()['spreekkamer']} " in said
    assert b"\r\n" in (works.boot / ANSWER).read_bytes(), "for Notepad"
    assert max(map(len, said.splitlines())) < 250


def test_a_unit_that_says_nothing_is_told(works: Bench) -> None:
    """H1, issue 14: where the alarm process is not there, the answer says that, and no start is held up for it."""
    works.start()
    process.tell(works.paths, works.boot, within_s=0.0)
    assert "GEREED: nee\n- de alarmdienst antwoordt niet" in works.answer()
    waited: list[float] = []
    process.tell(works.paths, works.boot, waited.append, within_s=0.01)
    assert "de alarmdienst antwoordt niet" in works.answer()


def test_tell_without_a_card_ends(works: Bench) -> None:
    """A2: a card that was taken out is logged and no more."""
    process.tell(works.paths, works.boot / "not-there", within_s=0.0)


def test_a_long_list_is_cut() -> None:
    """Issue 14, short: what nobody would read is counted."""
    told = answer.settings(Result("taken", tuple(f"regel {n}: x = 1" for n in range(1000))), (), has_settings=True)
    assert len(told) == answer.LINES_MAX + 2
    assert told[-1] == f"- en nog {1000 - answer.LINES_MAX} regels"


def test_readiness_is_the_units_own_word() -> None:
    """H1: no fault is ready; each fault is a line, which no text of a fault can break."""
    assert answer.readiness({"faults": {}}, "")[1] == "GEREED: ja"
    told = answer.readiness({"faults": {"broker": "10.0.0.2:8883: \nrefused" + "x" * 500, "lamp": "dark"}}, "")
    assert told[1] == "GEREED: nee (2)"
    assert len(told) == 4
    assert "\n" not in told[2]
    assert len(told[2]) < 200
