"""The alarm journal: what was pressed, kept before it counts, on a thread of its own.

The law here: one thread, one SQLite connection. The loop hands over and goes on; a disk that stalls holds up this
thread and nobody else (promise A3). What the disk refuses is said once and tried again until it is taken.

SQLite in WAL mode with synchronous=FULL: one fsync a commit, durable at a power cut (NORMAL and OFF lost rows in
trials on ext4). One connection in one process also keeps clear of the WAL-reset fault of SQLite before 3.51.3.
"""

from __future__ import annotations

import contextlib
import functools
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from daemon.alarm import acts
from daemon.model.events import Level

T = TypeVar("T")

WAITING_MAX = 10_000
"""Orders that may wait for a stalled disk: a press every second for nearly three hours, some ten megabytes."""
RETRY_S = 2.0
"""Between two tries on a disk that refused: a card that was pulled takes seconds to come back."""
STALLED_S = 5.0
"""One commit takes milliseconds, and a second on a card that clears a block for it; one that takes longer than this
stands on a disk that does not answer."""
ROWS_MIN = 1000
"""The newest rows always stay: what EN 50131 asks of the event log of its highest grade."""
KEPT_NS = 30 * 86_400 * 1_000_000_000
"""A row that is delivered and closed stays this long as well: the thirty days of the same standard."""
BYTES_MAX = 64 * 1024 * 1024
"""Above this, delivered rows beyond ROWS_MIN go before their thirty days: forty thousand rows, a press a minute. What
no receiver has stored goes never: to lose an alarm is worse than a large file."""
RECENT_MAX = 100
"""Rows that are read back at start for `status --alarms` and for a late acceptance: days of a busy room."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS alarm_event (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    alarm_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    pressed_boot_ns INTEGER NOT NULL,
    pressed_wall_ns INTEGER NOT NULL,
    kept_wall_ns INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    kept_ms INTEGER,
    broker_ms INTEGER,
    broker_code INTEGER,
    stored_ms INTEGER,
    stored_by TEXT NOT NULL DEFAULT '',
    accepted_ms INTEGER,
    accepted_by TEXT NOT NULL DEFAULT '',
    delivered_wall_ns INTEGER,
    closed_wall_ns INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS undelivered ON alarm_event (n) WHERE delivered_wall_ns IS NULL;
CREATE INDEX IF NOT EXISTS open_press ON alarm_event (n)
    WHERE closed_wall_ns IS NULL AND kind IN ('raised', 'repeated');
CREATE TABLE IF NOT EXISTS button (
    name TEXT PRIMARY KEY,
    since_wall_ns INTEGER NOT NULL,
    press_wall_ns INTEGER,
    test_wall_ns INTEGER,
    seen_wall_ns INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS heard (
    button TEXT PRIMARY KEY,
    told TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    heard_boot_ns INTEGER NOT NULL,
    heard_wall_ns INTEGER NOT NULL
) STRICT;
PRAGMA user_version = 3;
"""
VERSION = 3
"""Of the tables. The first release's file has none: its rows are taken over, what a broker had taken as delivered."""
SECOND = f"""
DROP INDEX IF EXISTS open_alarm;
{SCHEMA}
UPDATE alarm_event SET closed_wall_ns = kept_wall_ns WHERE kind = 'repeated' AND closed_wall_ns IS NULL
AND n < (SELECT max(n) FROM alarm_event WHERE kind = 'raised');
"""  # noqa: S608 - constants of ours
"""What the second release's file needs. It forgot presses in an open alarm when it started again, so that they never
closed; those before the last alarm are over, for an alarm begins in a room without one. The later ones may be open."""


class Row(msgspec.Struct, frozen=True):
    """One alarm event as it is kept."""

    event_id: str
    alarm_id: str
    kind: str
    body: str
    """The event as JSON, as it was first sent."""
    boot_id: str
    pressed_boot_ns: int
    pressed_wall_ns: int
    kept_wall_ns: int


class Course(msgspec.Struct):
    """How far an alarm event has come: milliseconds from the press to each level, null for one that it has not reached.

    By the clock that does not step; after a restart of the machine in between by the wall clock.
    """

    attempts: int = 0
    kept_ms: int | None = None
    broker_ms: int | None = None
    broker_code: int | None = None
    """The broker's latest answer."""
    stored_ms: int | None = None
    stored_by: str = ""
    accepted_ms: int | None = None
    accepted_by: str = ""

    def level(self) -> Level:
        """How far that is, of an event that is in the journal."""
        if self.accepted_ms is not None:
            return "accepted"
        if self.stored_ms is not None:
            return "stored"
        return "kept" if self.broker_ms is None else "broker"


class Entry(msgspec.Struct, frozen=True):
    """A row with its course."""

    n: int
    row: Row
    course: Course
    delivered: bool


class Button(msgspec.Struct, frozen=True):
    """What is known of a button beyond this start, in UTC nanoseconds; null: never."""

    name: str
    since_wall_ns: int
    press_wall_ns: int | None = None
    test_wall_ns: int | None = None
    seen_wall_ns: int | None = None


class Heard(msgspec.Struct, frozen=True):
    """Order, and read back at start: a wireless button's last word, so that its echo is one after a restart too."""

    button: str
    """By its name in unit.toml."""
    told: str
    """Its number, or the value that meant a press: whatever an echo is recognised by."""
    boot_id: str
    heard_boot_ns: int
    heard_wall_ns: int


class Keep(msgspec.Struct, frozen=True):
    """Order: a new alarm event, its act for the audit log, and by what its echo is recognised; one commit."""

    row: Row
    act: acts.New | None = None
    heard: Heard | None = None


class Went(msgspec.Struct, frozen=True):
    """Order: an event has come further. The course as a whole, so that an order that comes twice changes nothing."""

    event_id: str
    course: Course
    """A copy: the journal's thread reads it later."""
    delivered_wall_ns: int | None
    """When nothing more had to be sent of it; null: it is still to be sent."""


class CloseAlarms(msgspec.Struct, frozen=True):
    """Order: these alarms are no longer open."""

    alarm_ids: tuple[str, ...]
    wall_ns: int


class MarkButton(msgspec.Struct, frozen=True):
    """Order: a button exists, was pressed, tested or heard; null leaves what was there."""

    name: str
    now_wall_ns: int
    press_wall_ns: int | None = None
    test_wall_ns: int | None = None
    seen_wall_ns: int | None = None


class Prune(msgspec.Struct, frozen=True):
    """Order: rows that need not be kept go. Null: the clock is not trusted, and only the bound in bytes counts."""

    wall_ns: int | None


Order = Keep | Went | CloseAlarms | MarkButton | Heard | Prune | acts.Order


class Opened(msgspec.Struct, frozen=True):
    """Said once: what the journal held at start."""

    next_n: int
    open_alarms: tuple[Entry, ...] = ()
    undelivered: tuple[Entry, ...] = ()
    recent: tuple[Entry, ...] = ()
    """The newest rows, delivered or not, the oldest of them first."""
    buttons: tuple[Button, ...] = ()
    heard: tuple[Heard, ...] = ()
    modes: acts.Modes = {}


class Kept(msgspec.Struct, frozen=True):
    """Said after the commit of an event."""

    event_id: str


class Trouble(msgspec.Struct, frozen=True):
    """Said when the disk begins to refuse, and with an empty reason when it takes again."""

    reason: str


Said = Opened | Kept | Trouble | acts.Said

_ROW = ", ".join(Row.__struct_fields__)
_COURSE = ", ".join(Course.__struct_fields__)
_HEARD = ", ".join(Heard.__struct_fields__)


class Journal:
    """Hands orders to the journal's thread and its words to a sink, which is called on that thread."""

    def __init__(self, path: Path, sink: Callable[[Said], object]) -> None:
        self._path, self._sink = path, sink
        self._orders: queue.Queue[Order | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._stop = threading.Event()
        self._in_trouble = False
        self._since_s: float | None = None

    def start(self) -> None:
        """Opens the journal on its thread; `Opened` follows when the disk answers."""
        self._thread.start()

    def give(self, order: Order) -> bool:
        """Hands over an order without waiting; False when the disk has been stalled for WAITING_MAX orders."""
        try:
            self._orders.put_nowait(order)
        except queue.Full:
            return False
        return True

    def alive(self) -> bool:
        """Whether the thread still runs: without it nothing more is kept. True before the start. Any thread."""
        return self._thread.ident is None or self._thread.is_alive()

    def stalled(self) -> str:
        """That the disk has not answered for STALLED_S, in words; empty: it does, or it says why not. Any thread."""
        since_s = self._since_s
        if since_s is None or time.monotonic() - since_s < STALLED_S:
            return ""
        return f"{self._path}: the disk has not answered for over {STALLED_S:.0f} s; alarms are in memory only"

    def close(self) -> None:
        """Commits what is waiting, within two seconds: systemd kills what takes longer to stop, and so do we."""
        self._stop.set()
        try:
            self._orders.put_nowait(None)
        except queue.Full:
            return  # the disk is stalled: what it has not taken is lost with this process, and was said as a fault
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        db = self._insist(self._open)
        if db is None:
            return
        self._sink(self._insist(lambda: _opened(db)) or Opened(1))
        while (order := self._orders.get()) is not None:
            said = self._insist(functools.partial(_carry_out, db, order))
            if said:
                self._sink(said)
        db.close()

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, isolation_level=None)
        try:
            # Before the first look at the log: then its index is this process's memory. As a file of shared memory it
            # ends the process (SIGBUS) when a full disk has no block for it.
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            _bring_up_to_date(db)
            acts.make_tables(db)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _insist(self, act: Callable[[], T]) -> T | None:
        """Does it until the disk takes it. Trouble is said once, and again when it is over; None: we are to stop."""
        while True:
            self._since_s = time.monotonic()
            try:
                result = act()
            except (sqlite3.Error, OSError) as error:
                self._since_s = None
                if not self._in_trouble:
                    self._in_trouble = True
                    self._sink(Trouble(f"{self._path}: {error}"))
                if self._stop.wait(RETRY_S):
                    return None
            else:
                self._since_s = None
                if self._in_trouble:
                    self._in_trouble = False
                    self._sink(Trouble(""))
                return result


def _bring_up_to_date(db: sqlite3.Connection) -> None:
    """Makes the tables, or takes over those of an older release, in one transaction. Writes nothing if they stand.

    Invariant: what the second release made keeps its columns, so that a unit can go back to that release.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version >= VERSION:
        return
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alarm_event'").fetchone():
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT")
    elif version:
        db.executescript(f"BEGIN IMMEDIATE; {SECOND} COMMIT")
    else:
        db.executescript(
            f"BEGIN IMMEDIATE; ALTER TABLE alarm_event RENAME TO older; DROP INDEX undelivered; DROP INDEX open_alarm;"  # noqa: S608 - constants of ours
            f" {SCHEMA} INSERT INTO alarm_event (n, {_ROW}, attempts, broker_code, delivered_wall_ns, closed_wall_ns)"
            f" SELECT n, {_ROW}, attempts, broker_code, broker_wall_ns, closed_wall_ns FROM older;"
            " DROP TABLE older; COMMIT"
        )


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing, with one fsync."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite takes some back by itself, such as one for which the disk was full
            db.execute("ROLLBACK")
        raise


def _carry_out(db: sqlite3.Connection, order: Order) -> Said | None:
    """Commits an order, and returns what is to be said of it."""
    match order:
        case Keep():
            return _keep(db, order)
        case acts.KeepAct() | acts.NextActs():
            with _transaction(db):
                return acts.carry_out(db, order)
        case Went(event_id=event_id, course=course, delivered_wall_ns=delivered_wall_ns):
            db.execute(
                f"UPDATE alarm_event SET ({_COURSE}) = (?, ?, ?, ?, ?, ?, ?, ?),"  # noqa: S608 - a constant
                " delivered_wall_ns = coalesce(delivered_wall_ns, ?) WHERE event_id = ?",
                (*msgspec.structs.astuple(course), delivered_wall_ns, event_id),
            )
        case CloseAlarms(alarm_ids=alarm_ids, wall_ns=wall_ns):
            db.execute(
                "UPDATE alarm_event SET closed_wall_ns = ? WHERE event_id IN (SELECT value FROM json_each(?))",
                (wall_ns, json.dumps(alarm_ids)),
            )
        case MarkButton():
            db.execute(
                "INSERT INTO button VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                " press_wall_ns = coalesce(excluded.press_wall_ns, press_wall_ns),"
                " test_wall_ns = coalesce(excluded.test_wall_ns, test_wall_ns),"
                " seen_wall_ns = coalesce(excluded.seen_wall_ns, seen_wall_ns)",
                msgspec.structs.astuple(order),
            )
        case Heard():
            _hear(db, order)
        case Prune(wall_ns=wall_ns):
            _prune(db, wall_ns)
    return None


def _keep(db: sqlite3.Connection, order: Keep) -> Kept:
    with _transaction(db):
        # OR IGNORE: the same id again is a retry of ours after a commit whose answer was lost; so with its act.
        db.execute(
            f"INSERT OR IGNORE INTO alarm_event ({_ROW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
            msgspec.structs.astuple(order.row),
        )
        if order.act is not None:
            acts.insert(db, order.act)
        if order.heard is not None:
            _hear(db, order.heard)
    return Kept(order.row.event_id)


def _hear(db: sqlite3.Connection, heard: Heard) -> None:
    db.execute("DELETE FROM heard WHERE button = ?", (heard.button,))
    db.execute(
        f"INSERT INTO heard ({_HEARD}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        msgspec.structs.astuple(heard),
    )


GOES = """
DELETE FROM alarm_event WHERE delivered_wall_ns IS NOT NULL
AND (closed_wall_ns IS NOT NULL OR kind NOT IN ('raised', 'repeated'))
AND n < coalesce((SELECT n FROM alarm_event ORDER BY n DESC LIMIT 1 OFFSET ?), 0)
"""
"""Rows that may go; what follows says which of them do."""


def _prune(db: sqlite3.Connection, wall_ns: int | None) -> None:
    if wall_ns is not None:
        db.execute(GOES + " AND max(kept_wall_ns, delivered_wall_ns) < ?", (ROWS_MIN - 1, wall_ns - KEPT_NS))
    names = ("page_size", "page_count", "freelist_count")
    page, pages, free = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    if page * (pages - free) > BYTES_MAX:
        db.execute(GOES, (ROWS_MIN - 1,))


def _opened(db: sqlite3.Connection) -> Opened:
    def entries(rest: str) -> tuple[Entry, ...]:
        columns = f"n, delivered_wall_ns, {_ROW}, {_COURSE}"
        found = db.execute(f"SELECT {columns} FROM alarm_event {rest}").fetchall()  # noqa: S608 - constants of ours
        split = 2 + len(Row.__struct_fields__)
        return tuple(Entry(r[0], Row(*r[2:split]), Course(*r[split:]), r[1] is not None) for r in found)

    last = db.execute("SELECT coalesce(max(n), 0) FROM alarm_event").fetchone()[0]
    return Opened(
        next_n=last + 1,
        open_alarms=entries("WHERE closed_wall_ns IS NULL AND kind IN ('raised', 'repeated') ORDER BY n"),
        undelivered=entries("WHERE delivered_wall_ns IS NULL ORDER BY n"),
        recent=entries(f"ORDER BY n DESC LIMIT {RECENT_MAX}")[::-1],
        buttons=tuple(Button(*row) for row in db.execute("SELECT * FROM button ORDER BY name")),
        heard=tuple(Heard(*row) for row in db.execute(f"SELECT {_HEARD} FROM heard")),  # noqa: S608 - a constant
        modes=acts.modes(db),
    )
