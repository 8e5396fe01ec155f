# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The tables of the alarm journal: created, upgraded, read and written. On the journal's thread only.

Invariant: no row makes reading fail. A row that this release cannot read is logged and left in place.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from daemon import log
from daemon.alarm import acttables
from daemon.alarm.orders import (
    WAITING_READ,
    Button,
    CloseAlarms,
    Course,
    Entry,
    Find,
    Found,
    Heard,
    Keep,
    KeepAct,
    Kept,
    MarkButton,
    NextActs,
    Opened,
    Order,
    Prune,
    ReadWaiting,
    Recount,
    Row,
    Said,
    Waiting,
    Went,
)

ROWS_MIN = 1000
"""The newest rows always stay: EN 50131 asks this of the event log at its highest grade."""
KEPT_NS = 30 * 86_400 * 1_000_000_000
"""A delivered and closed row also stays this long: the thirty days of the same standard."""
BYTES_MAX = 64 * 1024 * 1024
"""Above this size, delivered rows beyond ROWS_MIN are deleted before their thirty days: forty thousand rows, a press a
minute. A row that no receiver has stored is never deleted: losing an alarm is worse than a large file."""
RECENT_MAX = 100
"""Rows read back at start for `status --alarms` and for a late acceptance: days of a busy room."""
BODY_MAX = 65_536
"""Characters of a body that are read. Ours have under two thousand; we did not write a longer one."""

FIELD_MAX = 256
"""Characters of any other text in a row; ours have at most 64. An id of a megabyte would be published with each state
of the alarm, and hold up the loop."""
FREE = ("body", "told")

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
"""Version of the tables. The first release's file has none; rows that a broker had taken count as delivered."""
SECOND = f"""
DROP INDEX IF EXISTS open_alarm;
{SCHEMA}
UPDATE alarm_event SET closed_wall_ns = kept_wall_ns WHERE kind = 'repeated' AND closed_wall_ns IS NULL
AND n < (SELECT max(n) FROM alarm_event WHERE kind = 'raised');
"""  # noqa: S608 - constants of ours
"""Upgrade of the second release's file. That release forgot presses in an open alarm at a restart, so that they never
closed. Those before the last alarm are over, since an alarm begins in a room without one; later ones may be open."""

_ROW = ", ".join(Row.__struct_fields__)
_COURSE = ", ".join(Course.__struct_fields__)
_HEARD = ", ".join(Heard.__struct_fields__)
_BUTTON = ", ".join(Button.__struct_fields__)
_READ = f"n, delivered_wall_ns, {_ROW.replace('body', f'substr(body, 1, {BODY_MAX})')}, {_COURSE}"


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Create the tables, or upgrade those of an older release, in one transaction. Write nothing if they are current.

    Invariant: the second release's columns stay, so that a unit can go back to that release.
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
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with one fsync."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite rolls some back by itself, for instance on a full disk
            db.execute("ROLLBACK")
        raise


def carry_out(db: sqlite3.Connection, order: Order) -> Said | None:  # noqa: C901 - a case an order
    """Carry out an order in a transaction; return the answer to give after the commit."""
    match order:
        case Keep():
            return _keep(db, order)
        case KeepAct() | NextActs():
            return acttables.carry_out(db, order)
        case ReadWaiting():
            return _waiting(db, order)
        case Find():
            return Found(order, next(iter(_entries(db, "WHERE event_id = ?", order.event_id)), None))
        case Went(event_id=event_id, course=course, delivered_wall_ns=delivered_wall_ns):
            db.execute(
                f"UPDATE alarm_event SET ({_COURSE}) = (?, ?, ?, ?, ?, ?, ?, ?),"  # noqa: S608 - a constant
                " delivered_wall_ns = coalesce(delivered_wall_ns, ?) WHERE event_id = ?",
                (*msgspec.structs.astuple(course), delivered_wall_ns, event_id),
            )
        case Recount(event_id=event_id, body=body):
            db.execute("UPDATE alarm_event SET body = ? WHERE event_id = ?", (body, event_id))
        case CloseAlarms(alarm_ids=alarm_ids, wall_ns=wall_ns):
            _close(db, alarm_ids, wall_ns)
        case MarkButton():
            db.execute(
                f"INSERT INTO button ({_BUTTON}) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"  # noqa: S608 - a constant
                " press_wall_ns = coalesce(excluded.press_wall_ns, press_wall_ns),"
                " test_wall_ns = coalesce(excluded.test_wall_ns, test_wall_ns),"
                " seen_wall_ns = coalesce(excluded.seen_wall_ns, seen_wall_ns),"
                " since_wall_ns = coalesce(?, since_wall_ns)",
                msgspec.structs.astuple(order),
            )
        case Heard():
            _hear(db, order)
        case Prune(wall_ns=wall_ns):
            _prune(db, wall_ns)
    return None


def opened(db: sqlite3.Connection) -> Opened:
    """Everything that the journal holds for a process that starts."""
    last = db.execute("SELECT coalesce(max(n), 0) FROM alarm_event").fetchone()[0]
    return Opened(
        next_n=last + 1,
        open_alarms=_entries(db, "WHERE closed_wall_ns IS NULL AND kind IN ('raised', 'repeated') ORDER BY n"),
        undelivered=_entries(db, f"WHERE delivered_wall_ns IS NULL ORDER BY n LIMIT {WAITING_READ}"),
        undelivered_total=_total(db),
        recent=_entries(db, f"ORDER BY n DESC LIMIT {RECENT_MAX}")[::-1],
        buttons=_structs(db, Button, "button", _BUTTON),
        heard=_structs(db, Heard, "heard", _HEARD),
        modes=acttables.modes(db),
    )


def _keep(db: sqlite3.Connection, order: Keep) -> Kept:
    # OR IGNORE: the same id again is our retry after a commit whose answer was lost; the same for its act.
    db.execute(
        f"INSERT OR IGNORE INTO alarm_event ({_ROW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        msgspec.structs.astuple(order.row),
    )
    if order.act is not None:
        acttables.insert(db, order.act)
    if order.heard is not None:
        _hear(db, order.heard)
    if order.closes:
        _close(db, order.closes, order.row.kept_wall_ns)
    return Kept(order.row.event_id)


def _close(db: sqlite3.Connection, alarm_ids: tuple[str, ...], wall_ns: int) -> None:
    db.execute(
        "UPDATE alarm_event SET closed_wall_ns = ? WHERE event_id IN (SELECT value FROM json_each(?))",
        (wall_ns, json.dumps(alarm_ids)),
    )


def _waiting(db: sqlite3.Connection, order: ReadWaiting) -> Waiting:
    """Constant cost per row. The count is made only when the first of them are read, once a round."""
    rest = "WHERE delivered_wall_ns IS NULL AND n > ? ORDER BY n LIMIT ?"
    numbers = db.execute(f"SELECT n FROM alarm_event {rest}", (order.after_n, order.most)).fetchall()  # noqa: S608 - a constant
    entries = _entries(db, rest, order.after_n, order.most)
    oldest = _entries(db, "WHERE delivered_wall_ns IS NULL ORDER BY n LIMIT 1")
    next_n = numbers[-1][0] if len(numbers) == order.most else 0
    return Waiting(entries, next_n, None if order.after_n else _total(db), oldest[0].row if oldest else None)


def _total(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM alarm_event WHERE delivered_wall_ns IS NULL").fetchone()[0])


def _entries(db: sqlite3.Connection, rest: str, *values: object) -> tuple[Entry, ...]:
    split = 2 + len(Row.__struct_fields__)
    found = []
    for n, delivered, *fields in db.execute(f"SELECT {_READ} FROM alarm_event {rest}", values):  # noqa: S608 - constants of ours
        row = _converted(Row, fields[: split - 2], "alarm_event", n)
        course = _converted(Course, fields[split - 2 :], "alarm_event", n)
        if row is not None and course is not None:
            found.append(Entry(n, row, course, delivered is not None))
    return tuple(found)


def _structs(db: sqlite3.Connection, of: Any, table: str, columns: str) -> tuple[Any, ...]:
    rows: Iterable[Any] = db.execute(f"SELECT {columns} FROM {table}").fetchall()  # noqa: S608 - constants of ours
    found = (_converted(of, row, table, row[0]) for row in rows)
    return tuple(one for one in found if one is not None)


def _converted(of: Any, fields: Iterable[Any], table: str, which: object) -> Any:
    """Return a row as a struct; None: it is not one, which is logged."""
    named = dict(zip(of.__struct_fields__, fields, strict=True))
    try:
        if long := [name for name, value in named.items() if name not in FREE and len(str(value)) > FIELD_MAX]:
            raise msgspec.ValidationError(f"{long[0]} has more than {FIELD_MAX} characters")  # noqa: TRY301 - as others
        return msgspec.convert(named, of)
    except msgspec.ValidationError as error:
        log.event("journal_row_unreadable", "error", table=table, row=str(which)[:64], why=str(error))
        return None


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
"""Rows that may be deleted; the rest of the statement selects among them."""


def _prune(db: sqlite3.Connection, wall_ns: int | None) -> None:
    if wall_ns is not None:
        db.execute(GOES + " AND max(kept_wall_ns, delivered_wall_ns) < ?", (ROWS_MIN - 1, wall_ns - KEPT_NS))
    names = ("page_size", "page_count", "freelist_count")
    page, pages, free = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    if page * (pages - free) > BYTES_MAX:
        db.execute(GOES, (ROWS_MIN - 1,))
