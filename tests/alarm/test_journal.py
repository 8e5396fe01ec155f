# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm journal: kept before it counts, by a thread that nobody waits for."""

from __future__ import annotations

import queue
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.alarm.journal import Journal
from daemon.alarm.orders import (
    Button,
    CloseAlarms,
    Course,
    Heard,
    Keep,
    Kept,
    MarkButton,
    Opened,
    Prune,
    Row,
    Said,
    Trouble,
    Went,
)
from daemon.alarm.tables import KEPT_NS, ROWS_MIN
from tests.waiting import PATIENCE_S


def row(n: int, kind: str = "raised") -> Row:
    return Row(f"event-{n}", f"event-{n}", kind, '{"n": 1}', "boot", n, n, n)


def opened(path: Path) -> tuple[Journal, queue.Queue[Said], Opened]:
    said: queue.Queue[Said] = queue.Queue()
    journal = Journal(path, said.put)
    journal.start()
    first = said.get(timeout=PATIENCE_S)
    assert isinstance(first, Opened)
    return journal, said, first


def test_what_was_kept_is_there_after_a_kill(tmp_path: Path) -> None:
    """A1: an event whose `Kept` was said is in the journal after kill -9 of the process, open and undelivered."""
    code = f"""
import os, signal, sys; sys.path.insert(0, {str(Path.cwd())!r})
from pathlib import Path
from tests.alarm.test_journal import *
journal, said, _ = opened(Path({str(tmp_path / "j.sqlite3")!r}))
for n in range(1, 4): journal.give(Keep(row(n)))
for n in range(1, 4): assert said.get(timeout=PATIENCE_S) == Kept(f"event-{{n}}")
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    journal, _, found = opened(tmp_path / "j.sqlite3")
    assert [e.row.event_id for e in found.undelivered] == ["event-1", "event-2", "event-3"]
    assert [e.row.event_id for e in found.open_alarms] == ["event-1", "event-2", "event-3"]
    assert found.next_n == 4
    journal.close()


def test_delivered_and_closed_events_are_not_found_again(tmp_path: Path) -> None:
    """A1: what a receiver stored is not sent again, what was reset is not open; what went less far is still sent."""
    path = tmp_path / "j.sqlite3"
    journal, said, _ = opened(path)
    courses = [Course(1, 2, 3, 0, 4, "balie"), Course(2, 1, None, 0x87), Course(1, 1, None, 0x10)]
    for n, course in enumerate(courses, 1):
        journal.give(Keep(row(n)))
        journal.give(Went(f"event-{n}", course, 5 if course.stored_ms else None))
    journal.give(CloseAlarms(("event-1", "event-2"), 6))
    for _ in range(3):
        assert isinstance(said.get(timeout=PATIENCE_S), Kept)
    journal.close()
    again, _, found = opened(path)
    assert [e.row.event_id for e in found.undelivered] == ["event-2", "event-3"]
    assert [e.row.event_id for e in found.open_alarms] == ["event-3"]
    assert [(e.course, e.delivered) for e in found.recent] == list(zip(courses, (True, False, False), strict=True))
    again.close()


def test_rows_stay_a_thousand_and_thirty_days_and_what_is_owed_stays(tmp_path: Path) -> None:
    """A5: of a thousand and ten old rows the ten oldest go, but neither one that is owed nor an open alarm; without a
    trusted clock none.
    """
    path = tmp_path / "j.sqlite3"
    journal, said, _ = opened(path)
    for n in range(1, ROWS_MIN + 11):
        journal.give(Keep(row(n, "test" if n != 4 else "raised")))
        if n != 2:
            journal.give(Went(f"event-{n}", Course(1), 5))
    journal.give(Prune(None))
    journal.give(Prune(KEPT_NS - 1))
    journal.give(MarkButton("alarm", 7))
    journal.give(MarkButton("alarm", 8, press_wall_ns=9))
    for _ in range(ROWS_MIN + 10):
        assert isinstance(said.get(timeout=PATIENCE_S), Kept)
    journal.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM alarm_event").fetchone() == (ROWS_MIN + 10,)
    db.close()
    again, _, found = opened(path)
    assert found.buttons == (Button("alarm", 7, press_wall_ns=9),)
    again.give(Prune(KEPT_NS + 10_000))
    again.give(Keep(row(0)))
    again.close()
    with sqlite3.connect(path) as db:
        left = [n for (n,) in db.execute("SELECT n FROM alarm_event ORDER BY n")]
    db.close()
    assert left == [2, 4, *range(11, ROWS_MIN + 12)]


def test_the_first_releases_journal_is_taken_over(tmp_path: Path) -> None:
    """A1: what an older release owed is still owed, and its open alarms are open."""
    path = tmp_path / "j.sqlite3"
    with sqlite3.connect(path) as db:
        db.executescript(
            "CREATE TABLE alarm_event (n INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE,"
            " alarm_id TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, boot_id TEXT NOT NULL,"
            " pressed_boot_ns INTEGER NOT NULL, pressed_wall_ns INTEGER NOT NULL, kept_wall_ns INTEGER NOT NULL,"
            " broker_wall_ns INTEGER, broker_code INTEGER, attempts INTEGER NOT NULL DEFAULT 1,"
            " closed_wall_ns INTEGER) STRICT;"
            "CREATE INDEX undelivered ON alarm_event (n) WHERE broker_wall_ns IS NULL;"
            "CREATE INDEX open_alarm ON alarm_event (n) WHERE closed_wall_ns IS NULL AND kind = 'raised';"
            "INSERT INTO alarm_event VALUES (1, 'a', 'a', 'raised', '{}', 'b', 1, 1, 1, 5, 0, 1, 9),"
            " (2, 'c', 'c', 'raised', '{}', 'b', 1, 1, 1, NULL, 16, 1, NULL);"
        )
    db.close()
    journal, _, found = opened(path)
    assert [e.row.event_id for e in found.undelivered] == ["c"]
    assert [e.row.event_id for e in found.open_alarms] == ["c"]
    assert found.next_n == 3
    journal.close()


SECOND_RELEASE = """
CREATE TABLE alarm_event (
    n INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, alarm_id TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, boot_id TEXT NOT NULL, pressed_boot_ns INTEGER NOT NULL, pressed_wall_ns INTEGER NOT NULL,
    kept_wall_ns INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, kept_ms INTEGER, broker_ms INTEGER,
    broker_code INTEGER, stored_ms INTEGER, stored_by TEXT NOT NULL DEFAULT '', accepted_ms INTEGER,
    accepted_by TEXT NOT NULL DEFAULT '', delivered_wall_ns INTEGER, closed_wall_ns INTEGER
) STRICT;
CREATE INDEX undelivered ON alarm_event (n) WHERE delivered_wall_ns IS NULL;
CREATE INDEX open_alarm ON alarm_event (n) WHERE closed_wall_ns IS NULL AND kind = 'raised';
CREATE TABLE button (
    name TEXT PRIMARY KEY, since_wall_ns INTEGER NOT NULL, press_wall_ns INTEGER, test_wall_ns INTEGER,
    seen_wall_ns INTEGER
) STRICT;
PRAGMA user_version = 2;
CREATE TABLE act (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;
CREATE TABLE mode (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO mode VALUES ('journal', '"0123456789abcdef"');
INSERT INTO button VALUES ('alarm', 1, 2, 3, NULL);
"""
"""The file as the second release makes it."""


def second_releases(path: Path, rows: list[tuple[str, str, int | None]]) -> None:
    """Its journal with these events: id, kind, and when it was closed."""
    with sqlite3.connect(path) as db:
        db.executescript(SECOND_RELEASE)
        db.executemany(
            "INSERT INTO alarm_event (event_id, alarm_id, kind, body, boot_id, pressed_boot_ns, pressed_wall_ns,"
            " kept_wall_ns, closed_wall_ns) VALUES (?, 'first', ?, '{}', 'b', 1, 1, 1, ?)",
            rows,
        )
    db.close()


@pytest.mark.case("alarm 1")
def test_the_second_releases_journal_is_taken_over(tmp_path: Path) -> None:
    """A1: what it owed is owed; a press in the last alarm is open, and one of an alarm before it is not; its buttons
    are known, and that release can still write the file.
    """
    path = tmp_path / "j.sqlite3"
    rows = [("a", "raised", 9), ("b", "repeated", None), ("c", "raised", None), ("d", "repeated", None)]
    second_releases(path, [*rows, ("e", "reset", None)])
    journal, _, found = opened(path)
    assert [e.row.event_id for e in found.open_alarms] == ["c", "d"]
    assert [e.row.event_id for e in found.undelivered] == ["a", "b", "c", "d", "e"]
    assert found.buttons == (Button("alarm", 1, 2, 3),)
    journal.close()
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO button VALUES ('hal', 1, 2, 3, 4)")
    db.close()


@pytest.mark.case("alarm 1")
def test_a_press_in_an_open_alarm_is_open_until_it_is_closed_itself(tmp_path: Path) -> None:
    """A1: the room holds a repeated press as an alarm of its own; so does the journal, also when the first is over, and
    no bound in days or bytes takes it away.
    """
    path = tmp_path / "j.sqlite3"
    journal, _, _ = opened(path)
    journal.give(Keep(row(1)))
    journal.give(Keep(row(2, "repeated")))
    journal.give(CloseAlarms(("event-1",), 6))
    for n in (1, 2):
        journal.give(Went(f"event-{n}", Course(1), 5))
    for n in range(3, ROWS_MIN + 10):
        journal.give(Keep(row(n, "test")))
    journal.give(Prune(KEPT_NS + 10_000))
    journal.close()
    again, _, found = opened(path)
    assert [e.row.event_id for e in found.open_alarms] == ["event-2"]
    again.give(CloseAlarms(("event-2",), 6))
    again.close()
    last, _, found = opened(path)
    last.close()
    assert found.open_alarms == ()


@pytest.mark.case("alarm 1")
def test_a_reset_and_what_it_ends_are_one_commit(tmp_path: Path) -> None:
    """A1: a journal that has the reset has no alarm open that it ended, and one that has an outside worker's alarm does
    not open it in this room: no process can die in between.
    """
    path = tmp_path / "j.sqlite3"
    journal, said, _ = opened(path)
    journal.give(Keep(row(1)))
    journal.give(Keep(row(2, "reset"), closes=("event-1",)))
    journal.give(Keep(row(3), closes=("event-3",)))
    for _ in range(3):
        assert isinstance(said.get(timeout=PATIENCE_S), Kept)
    journal.close()
    again, _, found = opened(path)
    assert found.open_alarms == ()
    assert len(found.undelivered) == 3, "each is sent all the same"
    again.close()


@pytest.mark.case("buttons p04c")
def test_what_a_wireless_button_said_last_is_kept_with_its_press(tmp_path: Path) -> None:
    """A1: what an echo is recognised by is kept if and only if the press is; a later word replaces it."""
    path = tmp_path / "j.sqlite3"
    journal, _, _ = opened(path)
    journal.give(Keep(row(1), heard=Heard("hal", "7", "boot", 1, 1)))
    journal.give(Heard("balie", "a", "boot", 2, 2))
    journal.give(Heard("balie", "b", "boot", 3, 3))
    journal.close()
    again, _, found = opened(path)
    assert sorted(found.heard, key=lambda heard: heard.button) == [
        Heard("balie", "b", "boot", 3, 3), Heard("hal", "7", "boot", 1, 1),
    ]  # fmt: skip
    again.close()


def test_the_journal_keeps_no_file_of_shared_memory(tmp_path: Path) -> None:
    """A3: SQLite's index of the log is the process's own memory: as a file that is mapped, a full disk without a block
    for it would end the alarm process with SIGBUS.
    """
    path = tmp_path / "j.sqlite3"
    journal, said, _ = opened(path)
    journal.give(Keep(row(1)))
    assert isinstance(said.get(timeout=PATIENCE_S), Kept)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["j.sqlite3", "j.sqlite3-wal"]
    journal.close()


def test_a_stalled_disk_holds_up_nobody(tmp_path: Path) -> None:
    """A3: while another writer holds the database locked, giving orders returns at once; they are kept when it lets go,
    and the trouble is said once.
    """
    path = tmp_path / "j.sqlite3"
    opened(path)[0].close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    said: queue.Queue[Said] = queue.Queue()
    journal = Journal(path, said.put)
    journal.start()
    for n in range(1, 101):  # SQLite waits five seconds for its lock: if each did, this test's time would be over
        assert journal.give(Keep(row(n)))
    trouble = said.get(timeout=PATIENCE_S)
    assert isinstance(trouble, Trouble)
    assert "locked" in trouble.reason
    other.execute("ROLLBACK")
    other.close()
    words = [said.get(timeout=PATIENCE_S) for _ in range(102)]
    assert sum(isinstance(word, Opened) for word in words) == 1
    assert [word for word in words if isinstance(word, Trouble)] == [Trouble("")]
    assert len([word for word in words if isinstance(word, Kept)]) == 100
    journal.close()


def test_a_journal_that_cannot_be_opened_is_trouble_and_not_the_end(tmp_path: Path) -> None:
    """A3: with the journal's directory in the way of a file the process hears of trouble, and the journal opens as soon
    as the way is free.
    """
    said: queue.Queue[Said] = queue.Queue()
    (tmp_path / "journal").write_text("in the way")
    journal = Journal(tmp_path / "journal" / "j.sqlite3", said.put)
    journal.start()
    assert isinstance(said.get(timeout=PATIENCE_S), Trouble)
    assert journal.give(Keep(row(1)))
    (tmp_path / "journal").unlink()
    assert [type(said.get(timeout=PATIENCE_S)) for _ in range(3)] == [Trouble, Opened, Kept]
    journal.close()
