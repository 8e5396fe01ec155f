# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The journal's tables of acts for the audit log, and of modes. On the journal's thread."""

from __future__ import annotations

import json
import secrets
import sqlite3

import msgspec

from daemon import log, wire
from daemon.alarm.orders import ActKept, Batch, KeepAct, Modes, New, NextActs

ACTS_MAX = 20_000
"""Acts that may wait for a keeper: one press every quarter of an hour for half a year, some ten megabytes. Beyond that
the oldest are dropped, and the keeper sees from the numbers how many."""
BATCH_MAX = 25
"""Acts in one message of 64 kB; none is over 2 kB. The keeper writes that many in a fraction of a second, so a deletion
waits no longer than that."""
BATCH_CHARACTERS = 50_000
"""Share of the 64 kB that rows may take. A longer row takes the place of others, never of all."""

SCHEMA = """
CREATE TABLE act (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;
CREATE TABLE mode (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
"""Waiting acts, and modes: values that outlive a restart of the process, as JSON by name."""


def make_tables(db: sqlite3.Connection) -> None:
    """Create the tables and give the journal its name. Write nothing if they exist."""
    name = json.dumps(secrets.token_hex(8))
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'mode'").fetchone() is None:
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} INSERT INTO mode VALUES ('journal', '{name}'); COMMIT")  # noqa: S608 - hex
    elif not isinstance(modes(db).get("journal"), str):  # the keeper counts by the name; with a new one it starts anew
        db.execute("INSERT OR REPLACE INTO mode (name, value) VALUES ('journal', ?)", (name,))


def modes(db: sqlite3.Connection) -> Modes:
    """Return the modes. A value that is not JSON is logged and left in place."""
    found: Modes = {}
    for name, value in db.execute("SELECT name, value FROM mode"):
        try:
            found[name] = json.loads(value)
        except (ValueError, TypeError, RecursionError) as error:
            log.event("journal_row_unreadable", "error", table="mode", row=str(name)[:64], why=str(error)[:200])
    return found


def insert(db: sqlite3.Connection, new: New) -> None:
    """Insert an act, in the transaction of the event that it records."""
    body = json.dumps(msgspec.to_builtins(new.act), ensure_ascii=False)
    known = "SELECT 1 FROM act WHERE id = ?"
    db.execute(f"INSERT INTO act (id, body) SELECT ?, ? WHERE NOT EXISTS ({known})", (new.id, body, new.id))
    newest = db.execute("SELECT max(n) FROM act").fetchone()[0]
    db.execute("DELETE FROM act WHERE n <= ?", (newest - ACTS_MAX,))


def carry_out(db: sqlite3.Connection, order: KeepAct | NextActs) -> ActKept | Batch:
    """Carry out an order in the current transaction and return the answer."""
    if isinstance(order, NextActs):
        if order.audited:
            db.execute("DELETE FROM act WHERE n <= ?", (order.audited,))
        return _next_batch(db)
    if order.new is not None:
        insert(db, order.new)
    for name, value in order.modes.items():
        db.execute("DELETE FROM mode WHERE name = ?", (name,))
        if value is not None:
            db.execute("INSERT INTO mode (name, value) VALUES (?, ?)", (name, json.dumps(value)))
    return ActKept()


def _next_batch(db: sqlite3.Connection) -> Batch:
    """Return the oldest readable acts that fit. Unreadable ones stay until the keeper has the acts behind them."""
    batch: list[wire.Act] = []
    room = BATCH_CHARACTERS
    for n, size, body in db.execute(f"SELECT n, length(body), substr(body, 1, {BATCH_CHARACTERS}) FROM act ORDER BY n"):  # noqa: S608 - a constant
        if len(batch) == BATCH_MAX or (size > room and size <= BATCH_CHARACTERS):
            break
        if (act := _read(n, body)) is not None:
            batch.append(act)
            room -= size
    return Batch(modes(db)["journal"], tuple(batch))


def _read(n: int, body: str) -> wire.Act | None:
    try:
        return msgspec.structs.replace(msgspec.json.decode(body, type=wire.Act), n=n)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        # Written by another release. The keeper sees from the numbers that one is missing.
        log.event("act_unreadable", "error", n=n, why=str(error)[:200])
        return None
