# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A receiver's store: every alarm event that reached it, once, on disk before anybody is told.

Invariant: one thread, `store`, has the file. Waiting orders are committed together, and only what a commit holds is
reported as done. What the disk refuses is not done: its sender got no answer and sends it again.

SQLite with a rollback journal and synchronous=FULL: durable across a power cut, and readable by others meanwhile.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from daemon.orderthread import OrderThread

ORDERS_MAX = 1000
"""Orders that may wait for the disk: a whole morning's alarms from fifty rooms, at most 16 MB. Further events are not
acknowledged and come again after three seconds."""
BATCH_MAX = 100
"""Orders per commit: a unit that comes back after a month sends everything at once, and an fsync takes as long as a
hundred rows."""
BUSY_S = 1.0
"""How long to wait for another process's lock on the file; then the disk counts as refusing."""
ROWS_MAX = 100_000
"""Closed rows beyond this are deleted at the next start, the oldest first: a hundred megabytes. A unit keeps far fewer
events, so that a deleted one cannot come again as new."""
OPEN_MAX = 1000
"""Open events that are shown, the newest: twenty in each of fifty rooms. The others stay open in the file."""
MARGIN_S = 60
"""From the first touch of a button to the room's first message about the alarm: a policy may require a hold, or a
second press within thirty seconds."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS alarm (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    root TEXT NOT NULL,
    kind TEXT NOT NULL,
    alarm_id TEXT NOT NULL,
    time TEXT NOT NULL,
    in_room INTEGER NOT NULL,
    body BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    seen INTEGER NOT NULL DEFAULT 1,
    first_seen_ns INTEGER NOT NULL,
    stored_ns INTEGER NOT NULL,
    accepted_ns INTEGER,
    accepted_by TEXT NOT NULL DEFAULT '',
    listed INTEGER NOT NULL DEFAULT 0,
    closed_ns INTEGER,
    UNIQUE (event_id, root)
) STRICT;
CREATE INDEX IF NOT EXISTS of_alarm ON alarm (root, alarm_id);
CREATE INDEX IF NOT EXISTS open ON alarm (n) WHERE closed_ns IS NULL;
CREATE TABLE IF NOT EXISTS session (only INTEGER PRIMARY KEY CHECK (only = 1), number INTEGER NOT NULL) STRICT;
"""
# A row is known by its id and its room together: no room's event can hide another's. `time`: the event's own, by the
# unit's clock. `listed`: the room's alarm/state has named it. Only `raised` and `repeated` are open at all; the others
# are closed from the start.

OPENS = ("raised", "repeated")
"""Kinds of event that stay open until the room says otherwise."""
ENDS = ("reset", "cancelled")
"""Kinds of event that end the alarm they name."""


class Keep(msgspec.Struct, frozen=True):
    """Order: an alarm event has come."""

    root: str
    """The room's topics begin with this: `spreekkamer/v1/{organisation}/{site}/{room}/`."""
    event_id: str
    kind: str
    alarm_id: str
    time: str
    """From the unit: RFC 3339, UTC."""
    in_room: bool
    attempt: int
    body: bytes
    seen_ns: int
    """UTC at which it was received."""


class Accept(msgspec.Struct, frozen=True):
    """Order: a person accepts these events."""

    event_ids: tuple[str, ...]
    by: str
    root: str | None = None
    """Topic root of the room; None: any room."""


class Listed(msgspec.Struct, frozen=True):
    """Order: a room says which of its alarm events are open."""

    root: str
    event_ids: tuple[str, ...]
    at: str
    """By the unit's clock, as `Keep.time`."""

    def names_at(self, time: str) -> tuple[str, ...]:
        """The alarms that the room calls open, if this message is of that time or later."""
        return self.event_ids if self.at >= time else ()


class Close(msgspec.Struct, frozen=True):
    """Order: a person at this receiver ends alarms that no room will end: of people elsewhere."""

    root: str
    event_ids: tuple[str, ...]


class Try(msgspec.Struct, frozen=True):
    """Order: find out whether the disk accepts again what it has refused."""


Order = Keep | Accept | Listed | Close | Try


class Stored(msgspec.Struct, frozen=True):
    """Reported after the commit of a `Keep`."""

    order: Keep
    seen: int
    """How often the event has come, including this time: 1 is new, more is a duplicate shown as one."""
    accepted_by: str
    """Empty while nobody has accepted it."""


class Accepted(msgspec.Struct, frozen=True):
    """Reported after the commit of an `Accept`."""

    order: Accept
    found: tuple[tuple[str, str], ...]
    """Root and id of each event that is kept; empty: there are none."""


class Trouble(msgspec.Struct, frozen=True):
    """Reported when the disk begins to refuse, and with an empty reason when it accepts again."""

    reason: str


Said = Stored | Accepted | Trouble


class Row(msgspec.Struct, frozen=True):
    """One alarm event as kept. Times are UTC in nanoseconds, by the receiver's clock."""

    event_id: str
    root: str
    kind: str
    alarm_id: str
    in_room: bool
    """False: an outside worker's. No room ends it, but this receiver may."""
    body: bytes
    """As first received."""
    attempt: int
    """The highest received."""
    seen: int
    first_seen_ns: int
    stored_ns: int
    accepted_ns: int | None
    accepted_by: str
    closed_ns: int | None


class AlarmStore:
    """Hands orders to its thread, and that thread's answers to a sink, which is called on it."""

    def __init__(self, path: Path, sink: Callable[[Said], None]) -> None:
        self._path, self._sink = path, sink
        self._orders: OrderThread[Order] = OrderThread("store", ORDERS_MAX, self._run)
        self._db: sqlite3.Connection | None = None
        self._in_trouble = False
        self._listed: dict[str, Listed] = {}  # by root: the last word of each room
        self._unlisted: list[Listed] = []  # words of rooms that are not committed yet, in their order
        self.open: tuple[Row, ...] = ()
        """Open events, the oldest first, at most OPEN_MAX; replaced as a whole. Any thread may read it."""
        self.refused = 0
        """Events that the disk refused; their senders send them again."""

    def start(self) -> None:
        """Begin; `open` has the file's open events as soon as the disk answers."""
        self._orders.start()

    def give(self, order: Order) -> bool:
        """Hand over an order without waiting; False: ORDERS_MAX are waiting. Any thread."""
        return self._orders.give(order)

    @property
    def in_trouble(self) -> bool:
        """Whether the disk refused the last orders. Any thread."""
        return self._in_trouble

    def stop(self) -> None:
        """Commit what waits, and end. A stalled disk is waited for for five seconds."""
        self._orders.close(end_s=5.0, place_s=BUSY_S)

    # --- the store's thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._carry_out([])
        while batch := self._orders.take(BATCH_MAX):
            self._carry_out(batch)
        if self._db is not None:
            self._db.close()

    def _carry_out(self, batch: list[Order]) -> None:
        self._unlisted = [*self._unlisted, *(order for order in batch if isinstance(order, Listed))][-ORDERS_MAX:]
        self._listed.update({order.root: order for order in self._unlisted})
        try:
            done = self._commit(batch)
        except (sqlite3.Error, OSError) as error:
            self.refused += sum(isinstance(order, Keep) for order in batch)
            if any(isinstance(order, Accept) for order in batch):
                self._in_trouble = False  # a person waits for an answer, and is told again why there is none
            self._trouble(f"{self._path}: {error}")
            return
        self._unlisted.clear()
        self._trouble("")
        for word in done:
            self._sink(word)

    def _commit(self, batch: list[Order]) -> list[Said]:
        """One transaction: all of the batch, or nothing. Raises the disk's error."""
        if self._db is None:
            self._db = _opened(self._path)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            done: list[Said] = []
            for order in batch:
                match order:
                    case Keep(root=root):
                        done.append(_keep(self._db, order, self._listed.get(root, Listed(root, (), ""))))
                    case Accept():
                        accepted = _accept(self._db, order)
                        done.append(accepted)
                        for root in {root for root, _ in accepted.found} & self._listed.keys():
                            _list(self._db, self._listed[root])
                    case Close():
                        _close(self._db, order)
                    case Try():
                        self._db.execute("INSERT INTO session VALUES (1, 0) ON CONFLICT DO UPDATE SET number = number")
            for listed in self._unlisted:
                _list(self._db, listed)
            self._db.execute("COMMIT")
            self.open = _rows(self._db, f"WHERE closed_ns IS NULL ORDER BY n DESC LIMIT {OPEN_MAX}")[::-1]
        except (sqlite3.Error, OSError):
            self._close_broken()
            raise
        return done

    def _close_broken(self) -> None:
        """Discard a connection on which something failed, with its transaction; the next batch opens a new one."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _trouble(self, reason: str) -> None:
        if bool(reason) != self._in_trouble:
            self._in_trouble = bool(reason)
            self._sink(Trouble(reason))


def new_session(path: Path, now_ms: int) -> int:
    """A number for this start of the receiver, higher than any before, whatever its clock says.

    Raises sqlite3.Error or OSError if the disk refuses it.
    """
    with contextlib.closing(_opened(path)) as db:
        db.execute(
            "INSERT INTO session VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET number = max(number + 1, ?)",
            (now_ms, now_ms),
        )
        return int(db.execute("SELECT number FROM session").fetchone()[0])


def read(path: Path) -> tuple[Row, ...]:
    """All rows, the oldest first, even while a receiver is running. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_S)) as db:
        return _rows(db, "ORDER BY n")


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        # No WAL: its index is shared memory in a file, and on a full disk a touch of it ends the process (SIGBUS).
        db.execute("PRAGMA journal_mode = TRUNCATE")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(SCHEMA)
        db.execute("DELETE FROM alarm WHERE closed_ns IS NOT NULL AND n <= (SELECT max(n) FROM alarm) - ?", (ROWS_MAX,))
    except sqlite3.Error:
        db.close()
        raise
    return db


def _keep(db: sqlite3.Connection, order: Keep, listed: Listed) -> Stored:
    """Of the unit's messages about an alarm, the latest by its own clock counts.

    Events and states travel by two connections, an event until it is stored: an end can come before its beginning.
    """
    now_ns = time.time_ns()
    ended_at = db.execute(
        "SELECT max(time) FROM alarm WHERE root = ? AND alarm_id IN (?, ?) AND kind IN ('reset', 'cancelled')",
        (order.root, order.alarm_id, order.event_id),
    ).fetchone()[0]
    is_open = ended_at is None or order.event_id in listed.names_at(ended_at)
    db.execute(
        "INSERT INTO alarm (event_id, root, kind, alarm_id, time, in_room, body, attempt, first_seen_ns, stored_ns,"
        " closed_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (event_id, root) DO UPDATE SET seen = seen + 1, attempt = max(attempt, excluded.attempt)",
        (order.event_id, order.root, order.kind, order.alarm_id, order.time, order.in_room, order.body, order.attempt,
         order.seen_ns, now_ns, None if order.kind in OPENS and is_open else now_ns),
    )  # fmt: skip
    if order.kind in ENDS:
        db.execute(
            "UPDATE alarm SET closed_ns = ? WHERE root = ? AND (alarm_id = ? OR event_id = ?) AND closed_ns IS NULL"
            " AND event_id NOT IN (SELECT value FROM json_each(?))",
            (now_ns, order.root, order.alarm_id, order.alarm_id, _as_json(listed.names_at(order.time))),
        )
        if listed.at:
            _list(db, listed)  # it was not believed without this message
    seen, accepted_by = db.execute(
        "SELECT seen, accepted_by FROM alarm WHERE event_id = ? AND root = ?", (order.event_id, order.root)
    ).fetchone()
    return Stored(order, seen, accepted_by)


def _accept(db: sqlite3.Connection, order: Accept) -> Accepted:
    """The first person who accepts an event is kept in its row."""
    those = "event_id IN (SELECT value FROM json_each(?)) AND root = coalesce(?, root)"
    which = (_as_json(order.event_ids), order.root)
    db.execute(
        f"UPDATE alarm SET accepted_ns = ?, accepted_by = ? WHERE accepted_ns IS NULL AND {those}",  # noqa: S608 - ours
        (time.time_ns(), order.by, *which),
    )
    return Accepted(order, tuple(db.execute(f"SELECT root, event_id FROM alarm WHERE {those}", which)))  # noqa: S608


def _list(db: sqlite3.Connection, order: Listed) -> None:
    """Believe the room: alarms that it names are open; those it has named before and no longer does are closed.

    An alarm not named yet may be younger than the message: it stays as it is for MARGIN_S. And a room may have
    forgotten: a power cut while the event leaves takes it from a journal that had not kept it yet. So nothing is closed
    by silence alone: somebody here has accepted it, or the room has sent its end or that of another.
    """
    ids = _as_json(order.event_ids)
    db.execute(
        "UPDATE alarm SET listed = 1, closed_ns = NULL WHERE root = ? AND kind IN ('raised', 'repeated')"
        " AND event_id IN (SELECT value FROM json_each(?)) AND NOT (listed AND closed_ns IS NULL)",
        (order.root, ids),
    )
    db.execute(
        "UPDATE alarm SET closed_ns = ? WHERE root = ? AND closed_ns IS NULL AND in_room"
        " AND event_id NOT IN (SELECT value FROM json_each(?))"
        " AND (listed OR (julianday(?) - julianday(time)) * 86400 > ?)"
        " AND (accepted_ns IS NOT NULL OR EXISTS (SELECT 1 FROM alarm AS ended WHERE ended.root = alarm.root"
        " AND ended.kind IN ('reset', 'cancelled') AND (ended.n > alarm.n OR ended.time >= alarm.time)))",
        (time.time_ns(), order.root, ids, order.at, MARGIN_S),
    )


def _close(db: sqlite3.Connection, order: Close) -> None:
    db.execute(
        "UPDATE alarm SET closed_ns = ? WHERE root = ? AND closed_ns IS NULL AND NOT in_room"
        " AND event_id IN (SELECT value FROM json_each(?))",
        (time.time_ns(), order.root, _as_json(order.event_ids)),
    )


def _as_json(ids: tuple[str, ...]) -> str:
    """A list of any length as one parameter of a statement."""
    return msgspec.json.encode(ids).decode()


FIELDS = Row.__struct_fields__
_ROW = ", ".join(FIELDS)


def _rows(db: sqlite3.Connection, rest: str) -> tuple[Row, ...]:
    found = db.execute(f"SELECT {_ROW} FROM alarm {rest}")  # noqa: S608 - constants of ours
    return tuple(msgspec.convert(dict(zip(FIELDS, row, strict=True)), Row, strict=False) for row in found)
