# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Recordings that nobody can read have an end, by powered-on time, in the real store with its log."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from daemon.config import load
from daemon.keeper import terms
from daemon.keeper.archive import Archive
from daemon.keeper.audit import AuditLog
from daemon.keeper.holds import Holds
from daemon.keeper.reviews import Reviews
from daemon.keeper.store import Store
from daemon.keeper.timekeeper import Timekeeper
from daemon.keeper.trials import Trials
from daemon.keeper.unread import Unread
from daemon.keeper.witness import Witness
from daemon.model import holds as rules
from daemon.model.policy import HoldPolicy
from daemon.paths import Paths
from simulators.state import prepare
from tests.auditlog import act
from tests.keeper.stores import H_NS, NS, Clock, audit_lines, name, recording

A, B = name("a"), name("b")


class Keeper(NamedTuple):
    """What a keeper works with, less its sockets."""

    paths: Paths
    clock: Clock
    store: Store
    holds: Holds
    audit: AuditLog
    seen: Witness
    time: Timekeeper
    terms: terms.Terms

    def looks(self, ns: int = 0) -> None:
        """Some time later, what a turn of the keeper does."""
        self.clock.on(ns)
        self.store.refresh()
        self.store.look_again()
        self.seen.look(self.audit)
        self.terms.sweep()
        self.terms.end_unread()
        self.time.keep()

    def close(self) -> None:
        """The keeper ends."""
        self.time.keep(stopping=True)
        self.audit.close()


def keeper(paths: Paths, clock: Clock) -> Keeper:
    """Starts one."""
    store = Store(paths.recordings)
    store.refresh()
    time, holds = Timekeeper(paths.time, clock, store), Holds(paths.holds, store.whole)
    unread, seen = Unread(store), Witness(store)
    audit = AuditLog(paths.audit_log, clock).open(time.follow, holds.follow, unread.follow, seen.follow)
    trials = Trials(store, audit, paths)
    made = terms.Terms(Archive(store, holds, audit, time, clock, paths, load(paths.etc)), trials, unread)
    time.start(audit)
    holds.refresh()
    holds.settle(audit)
    return Keeper(paths, clock, store, holds, audit, seen, time, made)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A state directory with a store."""
    found = prepare(tmp_path / "room", "heusden-2020", None, ("127.0.0.1", 1))
    for directory in (found.recordings, found.holds):
        directory.mkdir(parents=True, exist_ok=True)
    return found


def damage(path: Path, how: str) -> None:
    """What a flash card, or somebody, does to a record."""
    begin = path / "begin.json"
    data = begin.read_bytes()
    begin.chmod(0o644)
    match how:
        case "flipped bit":
            begin.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        case "gone":
            begin.unlink()
        case "empty":
            begin.write_bytes(b"")
        case "long term":
            begin.write_bytes(data.replace(b'"term_h":168', b'"term_h":9168'))


def deletions(paths: Paths) -> list[tuple[Any, ...]]:
    """What the log says was deleted, and why."""
    return [(one["track"], one["reason"]) for one in audit_lines(paths.store, "deleting")]


@pytest.mark.case("keeper 9")
@pytest.mark.parametrize("how", ["flipped bit", "gone", "empty", "long term"])
def test_what_nobody_can_read_has_an_end(paths: Paths, how: str) -> None:
    """K1, K3: sealed tracks under a begin.json that says nothing go after the longest term of powered-on time that a
    unit gives, each with its receipt and its own reason; not one that is just being begun, and no restart or power cut
    begins the count again.
    """
    path = recording(paths.store, A, term_h=(168,))
    damage(path, how)
    clock = Clock()
    one = keeper(paths, clock)
    one.looks()
    one.looks(599 * NS)
    assert audit_lines(paths.store, "unreadable") == []
    one.looks(2 * NS)
    one.looks(15 * NS)
    (line,) = audit_lines(paths.store, "unreadable")
    assert (line["recording_id"], line["tracks"]) == (A, ["audio"])
    one.looks(300 * H_NS)
    one.close()
    clock = Clock(5 * NS, clock.wall_ns + 500 * H_NS, "two")  # off for three weeks: that is not counted
    two = keeper(paths, clock)
    two.looks()
    two.looks(601 * NS)
    assert deletions(paths) == []
    assert path.is_dir()
    two.looks(36 * H_NS)
    two.close()
    assert deletions(paths) == [("audio", "unreadable")]
    assert not list(path.glob("*.age")) + list(path.glob("audio/*"))
    assert len(audit_lines(paths.store, "unreadable")) == 1
    assert audit_lines(paths.store, "deleted")[-1]["last"] is True


@pytest.mark.case("keeper 9")
def test_a_hold_keeps_what_nobody_can_read(paths: Paths) -> None:
    """K2: what an incident holds does not go over a damaged record, also where the damaged part is only of the same
    event; when the hold is released it goes.
    """
    path = recording(paths.store, A, term_h=(168,))
    recording(paths.store, B, continues=A, term_h=(168,))
    clock = Clock()
    one = keeper(paths, clock)
    one.looks()
    by, review = rules.By(1, "custodian"), datetime.date(2027, 3, 1)
    wish = rules.Wish(B, "2026-1", "manager", "an incident", review)
    one.holds.place(rules.place(wish, ("c" * 32, B), ("audio",), clock.read(), by), one.audit)
    one.close()
    damage(path, "flipped bit")
    clock = Clock(5 * NS, clock.wall_ns, "two")
    two = keeper(paths, clock)
    two.looks()
    two.looks(601 * NS)
    two.looks(400 * H_NS)
    two.looks(15 * NS)
    assert deletions(paths) == []
    why = {"on_behalf_of": "manager", "reason": "closed", "uid": 1, "role": "custodian"}
    two.holds.release(act("hold_releasing", hold_id="c" * 32, **why), two.audit)
    two.looks(15 * NS)
    two.close()
    assert sorted(deletions(paths)) == [("audio", "term"), ("audio", "unreadable")]


@pytest.mark.case("years 5")
def test_a_recording_that_is_being_begun_is_not_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K7: between a directory and its begin.json the keeper looks and says nothing; what stays so is named, once."""
    told: list[str] = []
    monkeypatch.setattr("daemon.keeper.store.log.event", lambda event, *_, **fields: told.append(f"{event} {fields}"))
    recordings = tmp_path / "recordings"
    (recordings / A).mkdir(parents=True)
    store = Store(recordings)
    store.refresh()
    store.refresh()
    assert told == []
    (recordings / A).rmdir()
    recording(tmp_path, A)
    store.refresh()
    store.look_again()
    assert (store.is_known(A), told) == (True, [])
    (recordings / B).mkdir()
    for _ in range(5):
        store.refresh()
        store.look_again()
    assert len(told) == 1
    assert B in told[0]


@pytest.mark.case("years 5")
def test_an_overdue_hold_does_not_fill_the_journal(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """K2: a hold that nobody reviews is told of every day and stays a fault; the log has it once, and the journal after
    1, 2, 4, 8 … days, so that a year of it is no page.
    """
    told: list[int] = []
    monkeypatch.setattr(
        "daemon.keeper.reviews.log.event", lambda *_, **fields: told.append(fields.get("overdue_d", -1))
    )
    recording(paths.store, A)
    one = keeper(paths, Clock())
    review = datetime.datetime.fromtimestamp(one.clock.wall_ns / 1e9, tz=datetime.UTC).date()
    wish = rules.Wish(A, "2026-1", "manager", "an incident", review + datetime.timedelta(days=1))
    by = rules.By(1, "custodian")
    one.holds.place(rules.place(wish, ("c" * 32, A), ("audio",), one.clock.read(), by), one.audit)
    reviews, due = Reviews(one.holds, one.audit, HoldPolicy(), datetime.UTC), 0
    for _ in range(365 * 2):
        one.clock.on(12 * H_NS)
        due += len(reviews.look(one.clock.read())[0])
    one.close()
    assert due > 360
    assert reviews.fault
    assert len(told) < 12
    assert len(audit_lines(paths.store, "hold_review_due")) == 1
