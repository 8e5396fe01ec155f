# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Opens the journal's file. A file that cannot be used is set aside, and all that is readable in it is copied over.

Invariant: whatever is found in the journal's place (another release's file, someone else's, a half overwritten one), an
alarm can be kept as soon as the disk accepts a file. Files set aside are left for a person: they may hold alarms.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from daemon import log
from daemon.alarm import acttables, tables
from daemon.alarm.orders import Course, Heard, Keep, KeepAct, MarkButton, New, Row, Went
from daemon.wire import Act

MARK = ".aside-"
ASIDE_MAX = 3
"""Files kept, each at most as large as a journal, 64 MB. The oldest are deleted first. All that is readable in them has
been copied, and a card that spoils a file at each start must not be filled by them."""
CACHE_KIB = 400
"""SQLite's page cache, in place of its default of 2,000: a month's backlog, read once from end to end, must not stay in
memory, and what is read again and again is the last pages of six indexes."""
BUSY_S = 0.5
"""How long SQLite waits for a lock. Nobody else opens this file; if somebody does, it is tried again soon."""
N_MAX = 2**62
"""Row numbers beyond this leave SQLite none for a later row. A press per second would take 146 billion years."""
OF_FILE = {
    sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_FORMAT,
}  # fmt: skip
"""SQLite result codes about the content of the file (sqlite.org/rescode.html). The others are about the disk, and pass
when it accepts writes again."""
UNREADABLE = (sqlite3.Error, UnicodeError)
"""Raised by reading a spoilt file; UnicodeError where SQLite's own message quotes bytes of it."""
TAILS = ("-wal", "-journal", "-shm")
"""Suffixes of the files that SQLite keeps beside a database."""
NO_FILE = ".no-file"
TABLES = ("alarm_event", "button", "heard", "act", "mode")


DONE = "taken_over"
"""Name of the mode that lists the files already copied."""


class UnusableError(Exception):
    """The file in the journal's place cannot be used; the text says why."""


def is_broken(error: Exception) -> bool:
    """Whether an error says that the file itself is damaged."""
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_disks(error: Exception) -> bool:
    """Whether an error is about the disk, rather than about the file's content or an order."""
    return isinstance(error, OSError | MemoryError) or (_code(error) not in OF_FILE and _code(error) != 0)


def open_journal(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open the journal; True: it is not the one that was there. Raises sqlite3.Error and OSError: the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        db = _usable(path)
    except Exception as error:
        if is_disks(error):
            raise
        return set_aside(path, str(error)), True
    return db, _take_over(path, db) > 0


def unusable(db: sqlite3.Connection) -> str:
    """Return why this release cannot work with the tables; empty: it can. Raises what the disk refuses."""
    try:
        rehearse(db)
    except Exception as error:
        if is_disks(error):
            raise
        return str(error) or repr(error)
    return ""


def rehearse(db: sqlite3.Connection) -> None:
    """Do once what this release does with the tables, and roll it back: nothing is written. Raises sqlite3.Error."""
    row, mark = Row("", "", "raised", "", "", 0, 0, 0), MarkButton("", 0)
    act = New("", Act(0, "alarm_test", 0, 0, "", "synchronised"))
    db.execute("BEGIN IMMEDIATE")
    try:
        newest = db.execute("SELECT max(seq) FROM sqlite_sequence").fetchone()[0]
        if (newest or 0) > N_MAX:
            raise UnusableError("it has no number left for another row")
        for order in (
            Keep(row, act, Heard("", "", "", 0, 0)),
            Went("", Course(), 0),
            mark,
            KeepAct(None, {"": 0}),
        ):
            tables.carry_out(db, order)
        if db.execute("SELECT count(*) FROM alarm_event WHERE event_id = ''").fetchone()[0] != 1:
            raise UnusableError("it does not keep what it is given")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def set_aside(path: Path, why: str) -> sqlite3.Connection:
    """Rename the journal's files and begin another with what is readable in them. Raises sqlite3.Error, OSError."""
    name = time.strftime(f"{path.name}{MARK}%Y%m%dT%H%M%S", time.gmtime())
    place = next(p for n in range(1000) if not (p := path.with_name(name + f".{n}" * bool(n))).exists())
    for tail in (*TAILS, ""):  # the file itself last: until then it is still a journal
        old = path.with_name(path.name + tail)
        strange = NO_FILE * (tail != "" and not old.is_file())  # or SQLite would stumble over it again
        with contextlib.suppress(FileNotFoundError):
            old.rename(place.with_name(place.name + tail + strange))
    log.event("journal_set_aside", "error", file=str(place), why=why)
    db = _usable(path)
    _take_over(path, db)
    for old in lying_beside(path)[:-ASIDE_MAX]:
        for tail in (*TAILS, ""):
            with contextlib.suppress(OSError):
                old.with_name(old.name + tail).unlink()
    return db


def lying_beside(path: Path) -> list[Path]:
    """Return the files set aside that nobody has removed, the oldest first."""
    found = path.parent.glob(f"{path.name}{MARK}*")
    return sorted(one for one in found if not one.name.endswith(TAILS))


def _usable(path: Path) -> sqlite3.Connection:
    _look_at_files(path)
    db = _connected(path)
    try:
        tables.bring_up_to_date(db)
        acttables.make_tables(db)
        rehearse(db)
        tables.opened(db)
    except BaseException:
        db.close()
        raise
    return db


def _look_at_files(path: Path) -> None:
    """Raises UnusableError where SQLite would blame the disk: it calls what it cannot write "read-only"."""
    for tail in ("", *TAILS):
        beside = path.with_name(path.name + tail)
        if beside.exists() and not beside.is_file():
            raise UnusableError(f"{beside.name} is no file")
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(20)
    if head and not set(head[18:20]) <= {1, 2}:  # sqlite.org/fileformat2.html, 1.3.3
        raise UnusableError("it is no database that this SQLite can write")


def _connected(path: Path, *, spoilt: bool = False) -> sqlite3.Connection:
    """`spoilt`: an unreadable table description hides no other table."""
    db = sqlite3.connect(path, BUSY_S, isolation_level=None)
    db.text_factory = lambda text: text.decode(errors="replace")
    try:
        if spoilt:
            db.execute("PRAGMA writable_schema = ON")
        # Before the first access to the log: its index is then in this process's memory. In a file of shared memory it
        # would end the process (SIGBUS) when a full disk has no block for it.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except BaseException:  # UnicodeError too: left open, it would keep the file locked
        db.close()
        raise
    return db


def _take_over(path: Path, db: sqlite3.Connection) -> int:
    """Copy the readable rows of ours from the files beside; return from how many files.

    Each file once: its name is kept in the same commit, so that a copy interrupted by the disk is done again.
    """
    done = acttables.modes(db).get(DONE)
    names: list[str] = done if isinstance(done, list) else []
    new = [place for place in lying_beside(path) if place.name not in names]
    for place in new:
        rows = 0
        with tables.transaction(db):
            if place.is_file():
                with contextlib.suppress(*UNREADABLE), contextlib.closing(_connected(place, spoilt=True)) as old:
                    rows = sum(_copied(db, table, row) for table in TABLES for row in _rows(old, db, table))
            names = [*names, place.name][-2 * ASIDE_MAX :]
            acttables.carry_out(db, KeepAct(None, {DONE: names}))
        log.event("journal_taken_over", "warning", file=str(place), rows=rows)
    return len(new)


def _rows(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> Iterator[dict[str, object]]:
    """From both ends: an unreadable page hides its own rows, not those behind it."""
    ours = {row[1] for row in new.execute(f"PRAGMA table_info({table})")}
    columns = [row[1] for row in old.execute(f"PRAGMA table_info({table})") if row[1] in ours]
    if not columns:
        return
    seen = set()
    for direction in ("ASC", "DESC"):
        # By rowid and without an index: an index may be what is damaged.
        asked = f"SELECT rowid, {', '.join(columns)} FROM {table} NOT INDEXED ORDER BY rowid {direction}"  # noqa: S608 - names of ours
        with contextlib.suppress(*UNREADABLE):
            for rowid, *fields in old.execute(asked):
                if rowid in seen:
                    break
                if rowid is not None:  # a view has none
                    seen.add(rowid)
                yield dict(zip(columns, fields, strict=True))


def _copied(db: sqlite3.Connection, table: str, row: dict[str, object]) -> bool:
    """Insert a row unless it exists. An act gets a new number: this journal counts anew, under its own name."""
    if table == "mode" and row.get("name") in (DONE, "journal"):
        return False
    n = row.get("n")
    known = f"SELECT 1 FROM {table} WHERE n = ?"  # noqa: S608 - names of ours
    is_free = isinstance(n, int) and 0 < n <= N_MAX and not db.execute(known, (n,)).fetchone()
    if table == "act" or not is_free:
        row.pop("n", None)
    marks = ", ".join("?" * len(row))
    try:
        asked = f"INSERT OR IGNORE INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608 - names of ours
        return db.execute(asked, tuple(row.values())).rowcount > 0
    except (sqlite3.IntegrityError, UnicodeEncodeError):
        return False


def _code(error: Exception) -> int:
    """SQLite's primary result code; 0: not an error of SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
