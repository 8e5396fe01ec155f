# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the audit log has to know of: kept in the alarm's journal until the keeper has written it, exactly once.

The law here: an act and what it tells of are one commit, so that neither is there without the other. What goes to the
keeper is committed, in order, a batch at a time; what it has confirmed goes from the journal. The keeper tells by
journal and number what it has already. The loop holds no act: a keeper that is dead costs disk, within ACTS_MAX, and
never a press (promise A2).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from daemon import link, log, wire
from daemon.model import acts
from daemon.model.acts import OfAlarm
from daemon.model.events import AlarmEventKind, Raise
from hardware.ports import Clock

NS = 1_000_000_000
ACTS_MAX = 20_000
"""Acts that wait for a keeper: a press every quarter of an hour for half a year, some ten megabytes. Beyond it the
oldest go, and the keeper sees from the numbers how many."""
BATCH_MAX = 25
"""Acts in one message of 64 kB: none is over 2 kB. The keeper writes as many in a fraction of a second, and a deletion
waits no longer."""
ANSWER_NS = 30 * NS
"""A keeper that has not answered by then is told again: its disk may be full, and acts are in no hurry."""
BATCH_CHARACTERS = 50_000
"""Of one message's 64 kB: a row that is longer than any of ours takes its place from the others, and none from all."""
DETAIL_MAX = 200
"""Characters of a text for a person."""
ALARM_ACTS: Mapping[AlarmEventKind, type[acts.AlarmAct]] = {
    "raised": acts.AlarmRaised, "repeated": acts.AlarmRepeated, "cancelled": acts.AlarmCancelled,
    "reset": acts.AlarmReset, "fault": acts.AlarmFault, "test": acts.AlarmTest,
}  # fmt: skip

SCHEMA = """
CREATE TABLE act (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;
CREATE TABLE mode (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
"""Acts that wait, and what has to outlive a restart of the process: by name, in JSON."""

Modes = dict[str, Any]


class New(msgspec.Struct, frozen=True):
    """An act on its way into the journal."""

    id: str
    """So that an order which comes twice is kept once."""
    act: wire.Act


class KeepAct(msgspec.Struct, frozen=True):
    """Order: an act, and what is from now on so; null: it is over."""

    new: New | None
    modes: Modes = {}


class NextActs(msgspec.Struct, frozen=True):
    """Order: the keeper has those up to this number, and wants the next."""

    audited: int


class ActKept(msgspec.Struct, frozen=True):
    """Said after the commit of an act."""


class Batch(msgspec.Struct, frozen=True):
    """Said: the next acts for the keeper; none when it has them all."""

    journal: str
    acts: tuple[wire.Act, ...]


Order = KeepAct | NextActs
Said = ActKept | Batch


# --- on the journal's thread ------------------------------------------------------------------------------------------


def make_tables(db: sqlite3.Connection) -> None:
    """Makes the tables and gives the journal its name. Writes nothing when they stand."""
    name = json.dumps(secrets.token_hex(8))
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'mode'").fetchone() is None:
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} INSERT INTO mode VALUES ('journal', '{name}'); COMMIT")  # noqa: S608 - hex
    elif not isinstance(modes(db).get("journal"), str):  # the keeper counts by it: with a new one it counts anew
        db.execute("INSERT OR REPLACE INTO mode (name, value) VALUES ('journal', ?)", (name,))


def modes(db: sqlite3.Connection) -> Modes:
    """What outlives a restart. A value that is no JSON is logged and left where it is."""
    found: Modes = {}
    for name, value in db.execute("SELECT name, value FROM mode"):
        try:
            found[name] = json.loads(value)
        except (ValueError, TypeError, RecursionError) as error:
            log.event("journal_row_unreadable", "error", table="mode", row=str(name)[:64], why=str(error)[:200])
    return found


def insert(db: sqlite3.Connection, new: New) -> None:
    """Adds an act; inside the transaction of what it tells of."""
    body = json.dumps(msgspec.to_builtins(new.act), ensure_ascii=False)
    known = "SELECT 1 FROM act WHERE id = ?"
    db.execute(f"INSERT INTO act (id, body) SELECT ?, ? WHERE NOT EXISTS ({known})", (new.id, body, new.id))
    newest = db.execute("SELECT max(n) FROM act").fetchone()[0]
    db.execute("DELETE FROM act WHERE n <= ?", (newest - ACTS_MAX,))


def carry_out(db: sqlite3.Connection, order: Order) -> Said:
    """Carries out an order inside a transaction, and says what came of it."""
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
    """The oldest that can be read and fit; those that cannot stay until the keeper has what is behind them."""
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
        # Of another release: the keeper sees from the numbers that one is missing.
        log.event("act_unreadable", "error", n=n, why=str(error)[:200])
        return None


# --- on the loop's ----------------------------------------------------------------------------------------------------


class Acts:
    """Owned by the loop: brings the journal's acts to the keeper, one batch at a time."""

    def __init__(self, clock: Clock, give: Callable[[Order], bool]) -> None:
        self._clock, self._give = clock, give
        self._keeper: link.Peer | None = None
        self._more = True
        """There may be acts that the keeper does not have; at start those of an earlier process."""
        self._reading = False
        self._sent_ns: int | None = None
        """When the batch went out that is not answered yet."""
        self._journal, self._audited, self._newest = "", 0, 0
        """Of the latest batch: its journal, up to where the keeper has it, and its last number."""

    def of_alarm(self, effect: Raise) -> New:
        """An alarm event as an act; the journal keeps the two together."""
        now = self._clock.read()
        act = ALARM_ACTS[effect.kind](
            effect.event_id, effect.alarm_id, effect.source, effect.source_kind, effect.in_room, effect.silent,
            effect.recording_id, effect.detail[:DETAIL_MAX],
        )  # fmt: skip
        wall_ns = now.wall_ns - (now.boot_ns - effect.pressed_ns)
        return New(effect.event_id, self._act(act, wall_ns, effect.pressed_ns))

    def keep(self, act: OfAlarm | None, modes: Modes | None = None) -> None:
        """Keeps an act of this moment, with what is from now on so."""
        now = self._clock.read()
        new = New(str(uuid.uuid4()), self._act(act, now.wall_ns, now.boot_ns)) if act else None
        if not self._give(KeepAct(new, modes or {})):
            log.event("journal_full", "error", act=act and act.event)

    def kept(self) -> None:
        """An act has been committed."""
        self._more = True
        self._pump()

    def joined(self, keeper: link.Peer) -> None:
        """The keeper is there."""
        if self._keeper is not keeper:
            self._keeper, self._sent_ns, self._more = keeper, None, True
            self._pump()

    def left(self) -> None:
        """The keeper is gone, and with it the answer that it owed."""
        self._keeper, self._sent_ns = None, None

    def read(self, batch: Batch) -> None:
        """The journal's answer: off to the keeper."""
        self._reading, self._journal = False, batch.journal
        if batch.acts and self._keeper is not None:
            self._sent_ns, self._newest = self._clock.boot_ns(), batch.acts[-1].n
            self._keeper.send(wire.Acts(batch.journal, batch.acts))
        elif self._more:
            self._pump()

    def audited(self, word: wire.Audited) -> None:
        """The keeper's answer: what it has need not be kept, and the next may go."""
        if word.journal == self._journal and self._sent_ns is not None:
            # What it was not sent it cannot have: a number from beyond would delete acts that nobody has heard.
            self._audited, self._sent_ns, self._more = min(word.n, self._newest), None, True
            self._pump()

    def tick(self, now_ns: int) -> None:
        """Asks again what was not answered."""
        if self._sent_ns is not None and now_ns - self._sent_ns > ANSWER_NS:
            self._sent_ns, self._more = None, True
        self._pump()

    def _pump(self) -> None:
        if self._keeper is not None and self._more and not self._reading and self._sent_ns is None:
            self._reading = self._give(NextActs(self._audited))
            self._more = not self._reading

    def _act(self, act: OfAlarm, wall_ns: int, boot_ns: int) -> wire.Act:
        fields = {name: value for name, value in msgspec.to_builtins(act).items() if name != "event"}
        return wire.Act(0, act.event, wall_ns, boot_ns, self._clock.boot_id(), self._clock.read().state, fields)
