"""The alarm journal: what was pressed, kept before it counts, on a thread of its own.

The law here: one thread, one SQLite connection. The loop hands over and goes on; a disk that stalls holds up this
thread and nobody else (promise A3). What the disk refuses is said once and tried again until it is taken.

SQLite in WAL mode with synchronous=FULL: one fsync a commit, durable at a power cut (NORMAL and OFF lost rows in
trials on ext4). One connection in one process also keeps clear of the WAL-reset fault of SQLite before 3.51.3.
"""

from __future__ import annotations

import functools
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")

WAITING_MAX = 10_000
"""Orders that may wait for a stalled disk: a press every second for nearly three hours, some ten megabytes."""
RETRY_S = 2.0
"""Between two tries on a disk that refused: a card that was pulled takes seconds to come back."""

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
    broker_wall_ns INTEGER,
    broker_code INTEGER,
    attempts INTEGER NOT NULL DEFAULT 1,
    closed_wall_ns INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS undelivered ON alarm_event (n) WHERE broker_wall_ns IS NULL;
CREATE INDEX IF NOT EXISTS open_alarm ON alarm_event (n) WHERE closed_wall_ns IS NULL AND kind = 'raised';
"""


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


class Keep(msgspec.Struct, frozen=True):
    """Order: a new alarm event."""

    row: Row


class AtBroker(msgspec.Struct, frozen=True):
    """Order: the broker answered for an event. A refusal, or nobody listening, leaves it undelivered."""

    event_id: str
    code: int
    wall_ns: int


class CloseAlarms(msgspec.Struct, frozen=True):
    """Order: these alarms are no longer open."""

    alarm_ids: tuple[str, ...]
    wall_ns: int


Order = Keep | AtBroker | CloseAlarms


class Opened(msgspec.Struct, frozen=True):
    """Said once: what the journal held at start."""

    next_n: int
    open_alarms: tuple[Row, ...]
    undelivered: tuple[Row, ...]


class Kept(msgspec.Struct, frozen=True):
    """Said after the commit of an event."""

    event_id: str


class Trouble(msgspec.Struct, frozen=True):
    """Said when the disk begins to refuse, and with an empty reason when it takes again."""

    reason: str


Said = Opened | Kept | Trouble
REFUSED = 0x80
"""First reason code of MQTT 5 that is a refusal."""
NOBODY = 0x10
"""PUBACK reason `no matching subscribers` (MQTT 5, 3.4.2.1): the broker has it and nobody is listening."""


def delivers(code: int) -> bool:
    """Whether a broker's answer means that an event has reached somebody beyond it."""
    return code < REFUSED and code != NOBODY


_ROW = "event_id, alarm_id, kind, body, boot_id, pressed_boot_ns, pressed_wall_ns, kept_wall_ns"


class Journal:
    """Hands orders to the journal's thread and its words to a sink, which is called on that thread."""

    def __init__(self, path: Path, sink: Callable[[Said], None]) -> None:
        self._path, self._sink = path, sink
        self._orders: queue.Queue[Order | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._stop = threading.Event()
        self._in_trouble = False

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

    def close(self) -> None:
        """Commits what is waiting, within two seconds: systemd kills what takes longer to stop, and so do we."""
        self._stop.set()
        try:
            self._orders.put_nowait(None)
        except queue.Full:
            return  # the disk is stalled; what it has not taken is still in the outbox of the next start's sender
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        db = self._insist(self._open)
        if db is None:
            return
        self._sink(self._insist(lambda: _opened(db)) or Opened(1, (), ()))
        while (order := self._orders.get()) is not None:
            done = self._insist(functools.partial(_carry_out, db, order))
            if done and isinstance(order, Keep):
                self._sink(Kept(order.row.event_id))
        db.close()

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _insist(self, act: Callable[[], T]) -> T | None:
        """Does it until the disk takes it. Trouble is said once, and again when it is over; None: we are to stop."""
        while True:
            try:
                result = act()
            except (sqlite3.Error, OSError) as error:
                if not self._in_trouble:
                    self._in_trouble = True
                    self._sink(Trouble(f"{self._path}: {error}"))
                if self._stop.wait(RETRY_S):
                    return None
            else:
                if self._in_trouble:
                    self._in_trouble = False
                    self._sink(Trouble(""))
                return result


def _carry_out(db: sqlite3.Connection, order: Order) -> bool:
    """Commits an order; True, because it was."""
    match order:
        case Keep(row=row):
            # OR IGNORE: the same id again is a retry of ours after a commit whose answer was lost.
            db.execute(
                f"INSERT OR IGNORE INTO alarm_event ({_ROW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                msgspec.structs.astuple(row),
            )
        case AtBroker(event_id=event_id, code=code, wall_ns=wall_ns):
            delivered = wall_ns if delivers(code) else None
            db.execute(
                "UPDATE alarm_event SET broker_wall_ns = coalesce(broker_wall_ns, ?), broker_code = ?"
                " WHERE event_id = ?",
                (delivered, code, event_id),
            )
        case CloseAlarms(alarm_ids=alarm_ids, wall_ns=wall_ns):
            db.executemany(
                "UPDATE alarm_event SET closed_wall_ns = ? WHERE alarm_id = ? AND kind = 'raised'",
                [(wall_ns, alarm_id) for alarm_id in alarm_ids],
            )
    return True


def _opened(db: sqlite3.Connection) -> Opened:
    def rows(where: str) -> tuple[Row, ...]:
        found = db.execute(f"SELECT {_ROW} FROM alarm_event WHERE {where} ORDER BY n")  # noqa: S608 - constants of ours
        return tuple(Row(*row) for row in found)

    last = db.execute("SELECT coalesce(max(n), 0) FROM alarm_event").fetchone()[0]
    return Opened(last + 1, rows("closed_wall_ns IS NULL AND kind = 'raised'"), rows("broker_wall_ns IS NULL"))
