# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm's acts on their way to the audit log: kept with what they tell of, told until they are written, once."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import wire
from daemon.alarm import acts, acttables, journal, orders
from daemon.errors import StoreError
from daemon.keeper.acts import ActBook
from daemon.keeper.audit import AuditLog
from daemon.model.acts import Act
from daemon.model.ledger import START, Acted, Line
from hardware.clock import SystemClock
from tests.auditlog import act, sample
from tests.dying import die_at
from tests.keeper.stores import audit_lines
from tests.leaks import Closing
from tests.waiting import PATIENCE_S

CLOCK = SystemClock()


class Keeper:
    """The keeper's end: a log, and what it was told; it may be deaf."""

    def __init__(self, store: Path) -> None:
        store.mkdir(parents=True, exist_ok=True)
        self.book = ActBook()
        self.audit = AuditLog(store / "audit.jsonl", CLOCK).open(self.book.follow)
        self.told: list[wire.Acts] = []

    def send(self, message: Any) -> bool:
        """Takes a batch."""
        self.told.append(message)
        return True

    def close(self) -> None:
        """Gives the log back."""
        self.audit.close()

    def answer(self) -> wire.Audited:
        """Writes the batch that was told last."""
        return self.book.take(self.told[-1], self.audit)


class Unit:
    """The alarm's end: a real journal on its own thread, and the loop's part, driven by hand."""

    def __init__(self, path: Path) -> None:
        self.words: queue.Queue[Any] = queue.Queue()
        self.journal = journal.Journal(path / "alarms.sqlite3", self.words.put)
        self.journal.start()
        self.opened = self.words.get(timeout=PATIENCE_S)
        self.acts = acts.Acts(CLOCK, self.journal.give)

    def settle(self, keeper: Keeper, *, answers: bool = True) -> None:
        """Lets the two talk until nothing is under way."""
        peer: Any = keeper
        self.acts.joined(peer)
        while True:
            told = len(keeper.told)
            try:
                word = self.words.get(timeout=0.5 if self.acts._reading else 0.05)
            except queue.Empty:
                if not self.acts._reading:
                    return
                continue
            match word:
                case orders.ActKept() | orders.Kept():
                    self.acts.kept()
                case orders.Batch():
                    self.acts.read(word)
            if answers and len(keeper.told) > told:
                self.acts.audited(keeper.answer())

    def close(self) -> None:
        """Stops the journal."""
        self.journal.close()


def events(store: Path) -> list[object]:
    return [line["event"] for line in audit_lines(store)]


def test_acts_reach_the_log_in_order_and_leave_the_journal(tmp_path: Path, closing: Closing) -> None:
    """K3: each act stands in the audit log once, in the order in which it happened, and the journal lets it go."""
    unit, keeper = closing(Unit(tmp_path / "journal")), closing(Keeper(tmp_path / "store"))
    for n in range(60):  # more than two batches
        unit.acts.keep(act("alarm_test", event_id=f"e{n}"))
    unit.settle(keeper)
    lines = audit_lines(tmp_path / "store")
    assert [(line["event"], line["event_id"]) for line in lines] == [("alarm_test", f"e{n}") for n in range(60)]
    assert max(len(batch.acts) for batch in keeper.told) == acttables.BATCH_MAX
    unit.close()
    again = closing(Unit(tmp_path / "journal"))
    assert again.opened.modes["journal"] == lines[0]["act"]["journal"]
    again.settle(keeper)
    assert len(audit_lines(tmp_path / "store")) == 60


def test_a_keeper_that_never_answers_is_told_again_and_writes_nothing_twice(tmp_path: Path, closing: Closing) -> None:
    """K3: an answer that is lost, by either's death, has the same acts told again, and written once."""
    unit, keeper = closing(Unit(tmp_path / "journal")), closing(Keeper(tmp_path / "store"))
    unit.acts.keep(act("objection_began"))
    unit.settle(keeper, answers=False)
    keeper.answer()  # written, and the answer does not arrive
    unit.close()
    keeper.audit.close()
    later, other = closing(Unit(tmp_path / "journal")), closing(Keeper(tmp_path / "store"))
    later.acts.keep(act("objection_ended"))
    later.settle(other)
    assert events(tmp_path / "store") == ["objection_began", "objection_ended"]
    later.acts.left()
    other.audit.close()
    later.settle(closing(Keeper(tmp_path / "store")))
    assert events(tmp_path / "store") == ["objection_began", "objection_ended"]


def test_without_an_answer_it_asks_again_after_a_while(tmp_path: Path, closing: Closing) -> None:
    """K3: a keeper whose disk is full answers nothing; it is asked again, and no sooner than after half a minute."""
    unit, keeper = closing(Unit(tmp_path / "journal")), closing(Keeper(tmp_path / "store"))
    unit.acts.keep(act("alarm_test"))
    unit.settle(keeper, answers=False)
    now_ns = CLOCK.boot_ns()
    unit.acts.tick(now_ns)
    unit.settle(keeper, answers=False)
    assert len(keeper.told) == 1
    unit.acts.tick(now_ns + acts.ANSWER_NS + acts.NS)
    unit.settle(keeper)
    assert [len(batch.acts) for batch in keeper.told] == [1, 1]
    assert events(tmp_path / "store") == ["alarm_test"]


def test_a_full_disk_at_the_keeper_is_not_answered_for(
    tmp_path: Path, closing: Closing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K3: what the keeper could not write it does not say it has; what it wrote of a batch it does not write again."""
    keeper, written = closing(Keeper(tmp_path / "store")), 0
    add = keeper.audit.add

    def full(*of: Any) -> Line:
        nonlocal written
        written += 1
        if written == 3:
            raise StoreError("no space left on device")
        return add(*of)

    monkeypatch.setattr(keeper.audit, "add", full)
    batch = wire.Acts("j", tuple(told(n) for n in range(1, 6)))
    with pytest.raises(StoreError):
        keeper.book.take(batch, keeper.audit)
    assert keeper.book.take(batch, keeper.audit) == wire.Audited("j", 5)
    assert [line["act"]["n"] for line in audit_lines(tmp_path / "store")] == [1, 2, 3, 4, 5]


def test_the_oldest_acts_go_when_no_keeper_ever_comes(
    tmp_path: Path, closing: Closing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2: a dead keeper costs a bounded journal; the log says how many acts it never got."""
    monkeypatch.setattr(acttables, "ACTS_MAX", 10)
    unit, keeper = closing(Unit(tmp_path / "journal")), closing(Keeper(tmp_path / "store"))
    unit.acts.keep(act("alarm_test"))
    unit.settle(keeper)
    unit.acts.left()
    for _ in range(30):
        unit.acts.keep(act("alarm_test"))
    unit.settle(keeper)
    lines = audit_lines(tmp_path / "store")
    assert [line["count"] for line in lines if line["event"] == "acts_lost"] == [20]
    assert len(lines) == 1 + 1 + 10


def told(n: int, event: str = "alarm_test", **changes: Any) -> wire.Act:
    """An act as it crosses the socket, with fields that it has no right to."""
    fields = {**sample("alarm_test", detail="d"), "event": "deleted", "n": 7, "prev": "", "act": None, **changes}
    return wire.Act(n, event, 1, 2, "boot", "synchronised", fields)


def test_an_act_can_say_nothing_but_what_it_is(tmp_path: Path, closing: Closing) -> None:
    """K3: fields of an act never stand in for those of the log: not its event, its number, its time or its hash."""
    keeper = closing(Keeper(tmp_path / "store"))
    keeper.book.take(wire.Acts("j", (told(1),)), keeper.audit)
    (line,) = audit_lines(tmp_path / "store")
    assert (line["event"], line["n"], line["detail"], line["act"]) == ("alarm_test", 0, "d", {"journal": "j", "n": 1})


@pytest.mark.parametrize(
    "wrong",
    [
        told(2, "deleted"),
        told(2, "alarm"),
        told(2, in_room="yes"),
        told(2, recording_id="../elsewhere"),
        told(2, source=None),
        wire.Act(2, "alarm_raised", 1, 2, "boot", "synchronised"),
    ],
    ids=["keeper's", "unknown", "wrong type", "wrong id", "null", "empty"],
)
def test_an_act_of_no_kind_is_a_lost_one(tmp_path: Path, closing: Closing, wrong: wire.Act) -> None:
    """K3: what the alarm process cannot have done, or does not say whole, is no line of that kind: the log says that an
    act is missing, and the others have theirs.
    """
    keeper = closing(Keeper(tmp_path / "store"))
    assert keeper.book.take(wire.Acts("j", (told(1), wrong, told(3))), keeper.audit) == wire.Audited("j", 3)
    assert events(tmp_path / "store") == ["alarm_test", "acts_lost", "alarm_test"]
    assert audit_lines(tmp_path / "store", "acts_lost")[0]["act"] == {"journal": "j", "n": 2}


@pytest.mark.parametrize("point", range(1, 9))
def test_killed_anywhere_an_act_is_written_once(tmp_path: Path, closing: Closing, point: int) -> None:
    """K3: with the keeper killed at any sync of its log, the next one writes what is missing and nothing twice."""
    story = f"""
from tests.alarm.test_acts import *
keeper = Keeper(Path({str(tmp_path)!r}))
keeper.book.take(wire.Acts("j", tuple(told(n) for n in range(1, 6))), keeper.audit)
"""
    die_at(point, ("write", "fsync"), story)
    keeper = closing(Keeper(tmp_path))
    keeper.book.take(wire.Acts("j", tuple(told(n) for n in range(1, 6))), keeper.audit)
    numbers = [line["act"]["n"] for line in audit_lines(tmp_path) if line["event"] == "alarm_test"]
    assert numbers == [1, 2, 3, 4, 5]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 12)), max_size=12))
def test_however_it_is_told_the_log_has_each_number_once(batches: list[tuple[int, int]]) -> None:
    """K3: batches that come again, overlap or come late leave every number in the log once, in order."""
    written: list[int] = []

    class Log:
        def add(self, act: Act, acted: Acted | None = None) -> Line:
            line = Line(0, START, act=act, acted=acted)
            book.follow(line)
            if acted is not None:
                written.append(acted.act.n)
            return line

    book, log = ActBook(), Log()
    for first, count in batches:
        book.take(wire.Acts("j", tuple(told(n) for n in range(first, first + count))), log)  # type: ignore[arg-type]
    assert written == sorted(set(written))
