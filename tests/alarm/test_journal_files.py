# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whatever stands where the journal should be: an alarm can be kept, and what is owed in it is owed."""

from __future__ import annotations

import os
import queue
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon import wire
from daemon.alarm import orders
from daemon.alarm.aside import ASIDE_MAX, N_MAX, lying_beside
from daemon.alarm.journal import Journal
from daemon.alarm.orders import (
    CloseAlarms,
    Course,
    Find,
    Found,
    Heard,
    Keep,
    Kept,
    MarkButton,
    Opened,
    Prune,
    ReadWaiting,
    Row,
    Said,
    SetAside,
    Waiting,
    Went,
)
from tests.waiting import PATIENCE_S

OWED = [f"event-{n}" for n in range(1, 31)]
PAGE = 4096


def row(event_id: str, body: str = "{}") -> Row:
    return Row(event_id, event_id, "raised", body, "boot", 1, 1, 1)


class Running:
    """A journal that runs, and what it said."""

    def __init__(self, path: Path) -> None:
        self.words: queue.Queue[Said] = queue.Queue()
        self.journal = Journal(path, self.words.put)
        self.journal.start()
        self.asides: list[SetAside] = []
        self.opened = self.hears(Opened)

    def hears(self, kind: type[Any]) -> Any:
        """The next word of this kind; what is set aside is noted on the way."""
        while not isinstance(word := self.words.get(timeout=PATIENCE_S), kind):
            if isinstance(word, SetAside):
                self.asides.append(word)
        return word

    def keeps(self, event_id: str) -> None:
        """An alarm is kept."""
        assert self.journal.give(Keep(row(event_id)))
        assert self.hears(Kept) == Kept(event_id)

    def close(self) -> None:
        """As at the end of the process."""
        self.journal.close()
        assert not self.journal.alive()


def written(path: Path) -> Path:
    """A journal of this release, with thirty events owed and one of everything else."""
    made = Running(path)
    for event_id in OWED:
        made.keeps(event_id)
    act = orders.New("a1", wire.Act(0, "alarm_test", 1, 2, "boot", "synchronised"))
    made.journal.give(orders.KeepAct(act, {"objection": {"n": 1}}))
    made.journal.give(MarkButton("alarm", 7, press_wall_ns=8))
    made.journal.give(Heard("hal", "7", "boot", 1, 1))
    made.close()
    return path


def owed(path: Path) -> list[str]:
    """What a later process finds undelivered; and that it can keep another alarm."""
    later = Running(path)
    found = [entry.row.event_id for entry in later.opened.undelivered]
    later.close()
    return found


def sql(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(script)


def another(columns: str, more: str = "", value: str = "") -> Callable[[Path], None]:
    """The table as another release might have it: with the owed rows, and a column more or some of ours less."""
    names = "n, event_id, alarm_id, kind, body, boot_id, pressed_boot_ns, pressed_wall_ns, kept_wall_ns"
    copy = f"INSERT INTO theirs ({names}{more}) SELECT {names}{value} FROM alarm_event"  # noqa: S608 - a test's own

    def make(path: Path) -> None:
        written(path)
        sql(
            path,
            f"CREATE TABLE theirs ({columns}); {copy}; DROP TABLE alarm_event;"
            " ALTER TABLE theirs RENAME TO alarm_event; PRAGMA user_version = 9;",
        )

    return make


OURS = (
    "n INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT UNIQUE, alarm_id TEXT, kind TEXT, body TEXT, boot_id TEXT,"
    " pressed_boot_ns INTEGER, pressed_wall_ns INTEGER, kept_wall_ns INTEGER"
)
COURSE = (
    ", attempts INTEGER DEFAULT 0, kept_ms INTEGER, broker_ms INTEGER, broker_code INTEGER, stored_ms INTEGER,"
    " stored_by TEXT DEFAULT '', accepted_ms INTEGER, accepted_by TEXT DEFAULT '', delivered_wall_ns INTEGER,"
    " closed_wall_ns INTEGER"
)


def blank(path: Path, start: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\0" * length)


def headless(path: Path) -> None:
    written(path)
    blank(path, 0, 100)


def misspelt(letter: bytes) -> Callable[[Path], None]:
    """One letter of what the file says about an index, and not about its rows, is another."""

    def make(path: Path) -> None:
        at = written(path).read_bytes().index(b"CREATE INDEX undelivered")
        with path.open("r+b") as file:
            file.seek(at + 3)
            file.write(letter)

    return make


def a_directory_for(tail: str, *, journal: bool = True) -> Callable[[Path], None]:
    """Where SQLite wants a file of its own."""

    def make(path: Path) -> None:
        if journal:
            written(path)
        path.with_name(path.name + tail).mkdir()

    return make


STRANGE: dict[str, tuple[Callable[[Path], object], bool, bool]] = {
    # what stands there: how it is made; whether it is set aside; whether what is owed can be read
    "nothing": (lambda path: path.parent, False, False),
    "an empty file": (lambda path: path.touch(), False, False),
    "a text": (lambda path: path.write_text("shopping list\n" * 1000), True, False),
    "noise": (lambda path: path.write_bytes(os.urandom(50_000)), True, False),
    "a directory": (lambda path: path.mkdir(), True, False),
    "a pipe": (os.mkfifo, True, False),
    "a journal without its first page": (headless, True, False),
    "a misspelt index": (misspelt(b"q"), True, True),
    "an index that is no text": (misspelt(b"\xc6"), True, True),
    "a directory for its log": (a_directory_for("-wal"), True, True),
    "a directory for its way back": (a_directory_for("-journal"), True, True),
    "no journal, and a directory for its log": (a_directory_for("-wal", journal=False), True, False),
    "somebody else's": (lambda path: sql(path, "CREATE TABLE mode (a, b); PRAGMA user_version = 7;"), True, False),
    "a view": (
        lambda path: sql(
            written(path), "ALTER TABLE alarm_event RENAME TO t; CREATE VIEW alarm_event AS SELECT * FROM t"
        ),
        True,
        True,
    ),
    "a trigger": (
        lambda path: sql(
            written(path),
            "CREATE TRIGGER no BEFORE INSERT ON alarm_event BEGIN SELECT raise(ABORT, 'no'); END;",
        ),
        True,
        True,
    ),
    "a trigger that drops": (
        lambda path: sql(
            written(path),
            "CREATE TRIGGER no BEFORE INSERT ON alarm_event BEGIN SELECT raise(IGNORE); END;",
        ),
        True,
        True,
    ),
    "no number left": (
        lambda path: sql(written(path), f"UPDATE sqlite_sequence SET seq = {N_MAX * 2 - 1}"),  # noqa: S608 - a number
        True,
        True,
    ),
    "a later release with more columns": (another(OURS + COURSE + ", floor TEXT DEFAULT 'ground'"), False, True),
    "a later release that asks for more": (
        another(OURS + COURSE + ", floor TEXT NOT NULL", ", floor", ", 'ground'"), True, True,
    ),
    "a release without a column": (another(OURS), True, True),
    "tables without types": (another(OURS.replace(" TEXT", "").replace(" INTEGER,", ",") + COURSE), False, True),
}  # fmt: skip


@pytest.mark.case("alarm 3")
@pytest.mark.parametrize("name", STRANGE)
def test_whatever_stands_there_an_alarm_is_kept(name: str, tmp_path: Path) -> None:
    """A1: no file of another release or of nobody keeps an alarm from being kept; what cannot be used is set aside,
    with a word for the fault, and what is owed in it is owed.
    """
    make, is_aside, is_read = STRANGE[name]
    path = tmp_path / "j.sqlite3"
    make(path)
    journal = Running(path)
    journal.keeps("new")
    assert [entry.row.event_id for entry in journal.opened.undelivered] == (OWED if is_read else [])
    assert bool(journal.asides) == is_aside
    assert bool(lying_beside(path)) == is_aside
    journal.close()
    again = Running(path)
    assert "new" in {entry.row.event_id for entry in again.opened.recent}
    assert bool(again.asides) == is_aside, "until a person has moved it away it is said at each start"
    again.close()


@pytest.mark.case("alarm 3")
def test_what_is_moved_away_is_no_fault_any_more(tmp_path: Path) -> None:
    """A6: what lies beside the journal is a fault until a person has moved it away, without a restart; of many spoilt
    files the oldest go, so that they do not fill the card.
    """
    path = tmp_path / "j.sqlite3"
    for _ in range(ASIDE_MAX + 2):
        path.write_text("spoilt" * 100)
        journal = Running(path)
        journal.close()
    assert len(lying_beside(path)) == ASIDE_MAX
    path.unlink()
    journal = Running(path)
    assert journal.asides[0].text.startswith(f"{tmp_path}: set aside because it could not be used: j.sqlite3.aside-")
    for file in lying_beside(path):
        file.unlink()
    journal.journal.give(Prune(None))
    assert journal.hears(SetAside) == SetAside("")
    journal.close()


@pytest.mark.case("alarm 3")
def test_all_that_can_be_read_is_taken_over_once(tmp_path: Path) -> None:
    """A1, K3: from a file that is set aside come events, acts, modes, buttons and echoes; acts under a new count, for
    the keeper knows the old one; and none of it a second time.
    """
    path = written(tmp_path / "j.sqlite3")
    with closing(sqlite3.connect(path)) as db, db:
        old_name = db.execute("SELECT value FROM mode WHERE name = 'journal'").fetchone()[0]
        db.executescript("CREATE TRIGGER no BEFORE INSERT ON alarm_event BEGIN SELECT raise(ABORT, 'no'); END;")
    for _ in range(2):
        journal = Running(path)
        found = journal.opened
        assert [entry.row.event_id for entry in found.open_alarms] == OWED
        assert (found.buttons[0].press_wall_ns, found.heard[0].told) == (8, "7")
        assert found.modes["objection"] == {"n": 1}
        assert found.modes["journal"] != old_name.strip('"')
        journal.journal.give(orders.NextActs(0))
        assert [act.n for act in journal.hears(orders.Batch).acts] == [1]
        journal.close()


@pytest.mark.case("alarm 3")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 60_000), noise=st.binary(min_size=1, max_size=6000), cut=st.booleans())
def test_a_journal_with_bytes_of_nobody_keeps_alarms(tmp_path: Path, at: int, noise: bytes, cut: bool) -> None:  # noqa: FBT001
    """A1: wherever bytes of a journal are overwritten, or it is cut off, the thread lives, an alarm is kept, and the
    next process finds it.
    """
    template = tmp_path / "template.sqlite3"
    if not template.exists():
        written(template)
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.sqlite3"
    data = bytearray(template.read_bytes())
    at %= len(data)
    data[at : at + len(noise)] = noise
    path.write_bytes(data[:at] if cut else data)
    journal = Running(path)
    journal.journal.give(ReadWaiting(0, 50))
    journal.journal.give(Went("event-3", Course(1), 5))
    journal.journal.give(CloseAlarms(("event-4",), 5))
    journal.journal.give(orders.NextActs(0))
    journal.keeps("new")
    journal.close()
    later = Running(path)
    entries = {entry.row.event_id for entry in (*later.opened.undelivered, *later.opened.recent)}
    later.journal.give(Find("new", "stored", "x"))
    assert "new" in entries or later.hears(Found).entry is not None
    later.close()
    for file in tmp_path.glob(f"{path.name}*"):
        file.unlink()


@pytest.mark.case("alarm 3")
def test_a_journal_that_breaks_while_it_runs_is_set_aside(tmp_path: Path) -> None:
    """A1: pages that turn out to be spoilt while the process runs cost no alarm that is kept from then on; the process
    hears that it has to keep anew what it holds.
    """
    path = tmp_path / "j.sqlite3"
    big = written(path)
    with closing(sqlite3.connect(big)) as db, db:
        db.executemany(
            "INSERT INTO alarm_event (event_id, alarm_id, kind, body, boot_id, pressed_boot_ns, pressed_wall_ns,"
            " kept_wall_ns) VALUES (?, 'x', 'raised', ?, 'b', 1, 1, 1)",
            ((f"bulk-{n}", "x" * 3000) for n in range(2000)),
        )
    journal = Running(path)
    size = path.stat().st_size
    blank(path, size // 2, size // 4)
    for n in range(0, 2100, 50):
        journal.journal.give(ReadWaiting(n, 50))
    journal.keeps("new")
    assert [aside.anew for aside in journal.asides] == [True]
    journal.close()
    later = Running(path)
    later.journal.give(Find("new", "stored", "x"))
    assert later.hears(Found).entry is not None
    assert [entry.row.event_id for entry in later.opened.undelivered][:30] == OWED
    assert later.opened.undelivered_total > 900, "from both ends all is taken over that can be read"
    later.close()


@pytest.mark.case("alarm 3")
def test_an_order_that_no_disk_can_take_stands_in_nobodys_way(tmp_path: Path) -> None:
    """A1: an order with a number or a text that SQLite has no place for is dropped; those before and behind it are
    kept, and nothing is set aside.
    """
    journal = Running(tmp_path / "j.sqlite3")
    bad: list[Any] = [
        Went("event-0", Course(2**70), 1), Keep(row("\ud800")), MarkButton("alarm", None),  # type: ignore[arg-type]
        orders.KeepAct(None, {"x": {1, 2}}), CloseAlarms(("a",), 2**70), Find(b"x", "stored", [1]),  # type: ignore[arg-type]
    ]  # fmt: skip
    for n, order in enumerate(bad):
        journal.journal.give(Keep(row(f"before-{n}")))
        journal.journal.give(order)
        journal.journal.give(Keep(row(f"behind-{n}")))
    kept = [journal.hears(Kept).event_id for _ in range(2 * len(bad))]
    assert kept == [f"{where}-{n}" for n in range(len(bad)) for where in ("before", "behind")]
    assert journal.asides == []
    journal.close()
    assert len(owed(tmp_path / "j.sqlite3")) == 2 * len(bad)


@pytest.mark.case("alarm 3")
def test_rows_of_nobody_are_left_and_the_rest_is_read(tmp_path: Path) -> None:
    """A1, A2: modes that are no JSON, acts of another release and longer than a message, rows of the wrong types and
    ids of a megabyte stay where they are; what lies beside and behind them is read, and acts reach the keeper.
    """
    path = written(tmp_path / "j.sqlite3")
    act = '{"n":0,"event":"alarm_test","wall_ns":1,"boot_ns":2,"boot_id":"b","clock":"synchronised","fields":{}}'
    strange = ["none", "[" * 3000, '{"event": "escalated"}', act.replace("{}", f'{{"x": "{"y" * 70_000}"}}')] * 20
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE mode SET value = '{' WHERE name = 'journal'")
        db.executemany("INSERT INTO mode VALUES (?, ?)", [("windows", "{"), ("deep", "[" * 100_000), ("x", "\ufffd")])
        db.executemany("INSERT INTO act (id, body) VALUES (?, ?)", [(f"s{n}", body) for n, body in enumerate(strange)])
        db.execute("INSERT INTO act (id, body) VALUES ('good', ?)", (act,))
        db.execute("UPDATE button SET since_wall_ns = ?", (-(2**63),))
        db.execute("UPDATE alarm_event SET body = CAST(x'fffe' AS TEXT), boot_id = CAST(x'00ff' AS TEXT) WHERE n = 5")
        long = "SELECT ?, 'a', 'raised', '{}', ?, 1, 1, 1"
        columns = "event_id, alarm_id, kind, body, boot_id, pressed_boot_ns, pressed_wall_ns, kept_wall_ns"
        for event_id, boot_id in (("e" * 1_000_000, "b"), ("long", "b" * 1_000_000)):
            db.execute(f"INSERT INTO alarm_event ({columns}) {long}", (event_id, boot_id))
        db.execute("INSERT INTO button (name, since_wall_ns) VALUES (?, 1)", ("n" * 100_000,))
    journal = Running(path)
    assert journal.asides == []
    assert [entry.row.event_id for entry in journal.opened.undelivered] == OWED
    assert [entry.row.event_id for entry in journal.opened.open_alarms] == OWED
    assert [button.name for button in journal.opened.buttons] == ["alarm"]
    assert set(journal.opened.modes) == {"journal", "objection"}
    journal.journal.give(orders.NextActs(0))
    batch = journal.hears(orders.Batch)
    assert [act.n for act in batch.acts] == [1, 1 + len(strange) + 1]
    journal.close()


def test_waiting_events_are_read_in_rounds(tmp_path: Path) -> None:
    """A1: what waits is read a few at a time, the oldest first, and counted once a round."""
    journal = Running(written(tmp_path / "j.sqlite3"))
    journal.journal.give(Went("event-2", Course(1), 5))
    read, after_n = [], 0
    for _ in range(3):
        journal.journal.give(ReadWaiting(after_n, 10))
        word = journal.hears(Waiting)
        read += [entry.row.event_id for entry in word.entries]
        assert word.total == (None if after_n else 29)
        assert word.oldest == row("event-1")
        after_n = word.next_n
    assert read == [event_id for event_id in OWED if event_id != "event-2"]
    assert after_n == 0
    journal.close()
