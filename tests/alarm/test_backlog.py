# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A backlog costs nothing: what is in memory, and what an answer costs, are the same whatever waits."""

from __future__ import annotations

import queue
import sys
from pathlib import Path
from typing import Any

import pytest

from daemon.alarm import orders
from daemon.alarm.messages import Ack
from daemon.alarm.outbox import ACK_MAX_NS, ACK_NS, HAND_MAX, LOOKUPS_MAX, READ_MAX, TRIES_SOON, WINDOW, Outbox
from daemon.model.events import Delivered, Raise
from tests.alarm.test_journal_files import Running
from tests.alarm.test_outbox import NS, UNIT, Clock, Wire, press, stored
from tests.backlog import fill
from tests.waiting import PATIENCE_S


class Unit:
    """A real journal with so many events that wait, the outbox, and the loop between them; the wire is the test's."""

    def __init__(self, home: Path, waiting: int) -> None:
        self.ids = fill(home / "j.sqlite3", waiting)
        self.running = Running(home / "j.sqlite3")
        self.wire, self.clock = Wire(), Clock()
        brokers: Any = {"alarm": self.wire}
        self.box = Outbox(UNIT, self.clock, self.running.journal, brokers)
        self.box.opened(self.running.opened)

    def turns(self) -> None:
        """The loop: what the journal has said, and what is due now."""
        while True:
            asked = self.box._reading or self.box._lookups
            try:
                word = self.running.words.get(timeout=PATIENCE_S if asked else 0.02)
            except queue.Empty:
                return
            match word:
                case orders.Waiting():
                    self.box.read(word)
                case orders.Kept():
                    self.box.kept(word.event_id)
                case orders.Found():
                    self.box.found(word)

    def passes(self, seconds: float) -> None:
        """Time."""
        until_ns = self.clock.now_ns + round(seconds * NS)
        while self.box.next_ns is not None and self.box.next_ns <= until_ns:
            self.clock.now_ns = max(self.clock.now_ns, self.box.next_ns)
            self.box.tick(self.clock.now_ns)
            if self.box._reading:
                self.turns()
        self.clock.now_ns = until_ns

    def drains(self, most: int) -> list[str]:
        """A receiver stores what comes, as it comes; returns the ids in their order."""
        came: list[str] = []
        while len(came) < most and len(came) < len(self.wire.sent):
            event_id = self.wire.sent[len(came)]["id"]
            came.append(event_id)
            self.box.acknowledged(stored(event_id))
            self.box.tick(self.clock.now_ns)
            if self.box._reading:
                self.turns()
        return came

    def close(self) -> None:
        """As at the end of the process."""
        self.running.close()


def calls(act: Any) -> int:
    """How many Python functions are called: what it costs, on whatever machine."""
    count = 0

    def see(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(see)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.case("years 1")
def test_an_answer_costs_the_same_whatever_waits(tmp_path: Path) -> None:
    """A1, A2: with twenty thousand events waiting a press, an acknowledgement, a tick and a look cost as many calls as
    with three hundred, and no more events are in memory.
    """
    costs = []
    for waiting in (300, 20_000):
        home = tmp_path / str(waiting)
        home.mkdir()
        unit = Unit(home, waiting)
        assert unit.box.undelivered == waiting
        came: list[str] = []
        costs.append(
            (
                calls(lambda unit=unit, came=came: came.extend(unit.drains(100))),
                calls(lambda unit=unit: unit.box.send(press("new", unit.clock.now_ns))),
                calls(lambda unit=unit: unit.box.unanswered(unit.clock.now_ns)),
            )
        )
        assert len(came) == 100
        assert len(unit.box._hand) <= HAND_MAX + 1
        assert unit.wire.sent[-1]["id"] == "new", "at once"
        unit.close()
    small, large = costs
    assert all(big <= 1.1 * little + 5 for little, big in zip(small, large, strict=True)), costs


@pytest.mark.case("years 1")
def test_all_that_waits_goes_once_and_in_its_order(tmp_path: Path) -> None:
    """A1: three thousand events go out once each, the oldest first, no more than the window at once, and the journal
    holds none of them any more; a press meanwhile goes at once, and is not sent again by what is read.
    """
    unit = Unit(tmp_path, 3000)
    assert len(unit.wire.sent) == WINDOW
    came = unit.drains(1000)
    unit.box.send(press("new", unit.clock.now_ns))
    assert unit.wire.sent[-1]["id"] == "new"
    unit.turns()
    came = unit.drains(5000)
    assert [event_id for event_id in came if event_id != "new"] == unit.ids
    assert came.count("new") == 1
    assert unit.box.undelivered == 0
    assert unit.box.unanswered(unit.clock.now_ns) == ""
    unit.passes(300)
    assert len(unit.wire.sent) == 3001
    unit.close()
    again = Running(tmp_path / "j.sqlite3")
    assert again.opened.undelivered_total == 0
    again.close()


@pytest.mark.case("years 1")
def test_what_nobody_takes_goes_round_ever_more_slowly(tmp_path: Path) -> None:
    """A1: with a broker and no receiver every event has its turn, an event that no receiver takes holds up no other,
    the pace falls to a hand in a minute, and a receiver that comes has the oldest at once.
    """
    unit = Unit(tmp_path, 400)
    unit.passes(3600)
    assert {sent["id"] for sent in unit.wire.sent} == set(unit.ids)
    before = len(unit.wire.sent)
    unit.passes(600)
    assert len(unit.wire.sent) - before <= 2 * READ_MAX * 600 * NS // ACK_MAX_NS
    assert unit.box.undelivered == 400
    before = len(unit.wire.sent)
    unit.box.resend()
    unit.turns()
    unit.passes(1)
    assert unit.wire.sent[before]["id"] == unit.ids[0]
    # A receiver that refuses the ten oldest takes all the others.
    del unit.wire.sent[:]
    for _ in range(200):
        for sent in [sent for sent in unit.wire.sent if sent["id"] not in unit.ids[:10]]:
            unit.box.acknowledged(stored(sent["id"]))
        del unit.wire.sent[:]
        unit.passes(ACK_NS / NS)
        unit.turns()
    assert unit.box.undelivered == 10
    unit.close()


@pytest.mark.case("years 1")
def test_a_month_without_a_network_and_one_restless_contact(tmp_path: Path) -> None:
    """A1: of two thousand presses without a broker a hand is in memory, the others in the journal; each goes once."""
    unit = Unit(tmp_path, 0)
    unit.wire.plugged = unit.wire.up = False
    ids = [f"e{n}" for n in range(2000)]
    for n, event_id in enumerate(ids):
        unit.box.send(press(event_id, unit.clock.now_ns))
        unit.passes(120)
        if n % 50 == 0:
            unit.turns()
            assert len(unit.box._hand) <= HAND_MAX + 60
    unit.turns()
    assert unit.box.undelivered == 2000
    assert (
        unit.box.unanswered(unit.clock.now_ns)
        == "no receiver has stored at least 1000 alarm events; the oldest waits over 2 days"
    )
    assert sum(len(heap) for heap in (unit.box._young, unit.box._old)) < 4 * HAND_MAX
    unit.wire.plugged = unit.wire.up = True
    unit.box.resend()
    unit.turns()
    assert unit.drains(3000) == ids
    unit.close()


@pytest.mark.case("years 1")
def test_a_word_about_an_event_that_is_not_in_memory_counts(tmp_path: Path) -> None:
    """A5: a receiver that stored an event in an earlier life of the unit says so late, or a person accepts it: it is
    looked up, and not sent again. A flood of words about nothing asks the disk for a few at a time.
    """
    unit = Unit(tmp_path, 1000)
    late, never = unit.ids[700], [f"nobody's-{n}" for n in range(100)]
    assert unit.box.acknowledged(Ack(late, "accepted", "piet")) == ()
    found = unit.running.hears(orders.Found)
    assert unit.box.found(found) == (Delivered(late, "accepted"),)
    assert unit.box.undelivered == 999
    refused = [unit.box.acknowledged(stored(event_id)) for event_id in never]
    assert refused == [()] * LOOKUPS_MAX + [None] * (100 - LOOKUPS_MAX)
    for _ in range(LOOKUPS_MAX):
        assert unit.box.found(unit.running.hears(orders.Found)) is None
    came = unit.drains(2000)
    assert came == [event_id for event_id in unit.ids if event_id != late]
    assert unit.box.undelivered == 0
    unit.close()


def fault(n: int, detail: str, source: str = "alarm_button") -> Raise:
    return Raise("fault", f"f{n}-{source}", f"f{n}-{source}", source, 100 * NS, None, detail)


@pytest.mark.case("alarm 9")
@pytest.mark.parametrize("network", [True, False])
def test_fault_events_of_one_cause_are_counted_in_one(tmp_path: Path, *, network: bool) -> None:
    """A6: a contact that is restless through a weekend makes two events at most, of which the second says how often it
    changed and what it said last; another cause has its own. When the first is stored the second goes.
    """
    unit = Unit(tmp_path, 0)
    unit.wire.plugged = unit.wire.up = network
    for n in range(500):
        unit.box.send(fault(n, f"chatters {n}"))
        unit.passes(5)
    unit.box.send(fault(0, "stuck", "record_button"))
    unit.turns()
    assert unit.box.undelivered == (3 if network else 2)
    unit.wire.plugged = unit.wire.up = True
    unit.box.resend()
    for _ in range(3):
        for sent in list(unit.wire.sent):
            unit.box.acknowledged(stored(sent["id"]))
        unit.box.tick(unit.clock.now_ns)
    assert unit.box.undelivered == 0
    last = [sent["data"] for sent in unit.wire.sent if sent["data"]["source"] == "alarm_button"][-1]
    assert (last["detail"], last["count"]) == ("chatters 499", 499 if network else 500)
    unit.close()
    again = Running(tmp_path / "j.sqlite3")
    assert len(again.opened.recent) == (3 if network else 2)
    assert '"count":49' in again.opened.recent[1 if network else 0].row.body or not network
    again.close()


def test_the_pace_is_that_of_ten_quick_rounds() -> None:
    """A1: the bounds of the pace: the window fits in the hand, and a read fits in what is free of it."""
    assert WINDOW < READ_MAX < HAND_MAX
    assert TRIES_SOON * WINDOW > HAND_MAX
