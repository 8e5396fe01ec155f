# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What goes to the alarm journal's thread and what comes back: rows, orders, answers. Values only."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from daemon import wire
from daemon.model.events import Level

WAITING_READ = 100
"""Undelivered events read at start: as many as the outbox holds in memory."""

Modes = dict[str, Any]
"""Values that outlive a restart of the process, as JSON by name."""


class Row(msgspec.Struct, frozen=True):
    """One alarm event as kept in the journal."""

    event_id: str
    alarm_id: str
    kind: str
    body: str
    """The event as JSON, as first sent."""
    boot_id: str
    pressed_boot_ns: int
    pressed_wall_ns: int
    kept_wall_ns: int


class Course(msgspec.Struct):
    """How far an alarm event has come: milliseconds from the press to each level, null for a level not reached.

    By the monotonic clock; across a reboot by the wall clock.
    """

    attempts: int = 0
    kept_ms: int | None = None
    broker_ms: int | None = None
    broker_code: int | None = None
    """The broker's latest reason code."""
    stored_ms: int | None = None
    stored_by: str = ""
    accepted_ms: int | None = None
    accepted_by: str = ""

    def level(self) -> Level:
        """The level reached by an event that is in the journal."""
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
    """What is known of a button across restarts, in UTC nanoseconds; null: never."""

    name: str
    since_wall_ns: int
    press_wall_ns: int | None = None
    test_wall_ns: int | None = None
    seen_wall_ns: int | None = None


class Heard(msgspec.Struct, frozen=True):
    """Order, and read back at start: a wireless button's last message, so that its echo is recognised."""

    button: str
    """Its name in unit.toml."""
    told: str
    """Its sequence number, or the value that meant a press: whatever identifies an echo."""
    boot_id: str
    heard_boot_ns: int
    heard_wall_ns: int


class New(msgspec.Struct, frozen=True):
    """An act on its way into the journal."""

    id: str
    """Id, so that an order given twice is kept once."""
    act: wire.Act


class Keep(msgspec.Struct, frozen=True):
    """Order, one commit: an alarm event, its act, what identifies its echo, and the alarms that it ends."""

    row: Row
    act: New | None = None
    heard: Heard | None = None
    closes: tuple[str, ...] = ()
    """Alarms that are no longer open."""


class Went(msgspec.Struct, frozen=True):
    """Order: an event has come further. It carries the whole course, so that giving it twice changes nothing."""

    event_id: str
    course: Course
    """A copy: the journal's thread reads it later."""
    delivered_wall_ns: int | None
    """When it was fully delivered; null: it is still to be sent."""


class Recount(msgspec.Struct, frozen=True):
    """Order: change the text of an event that has not left the unit: it counts what happened again since."""

    event_id: str
    body: str


class ReadWaiting(msgspec.Struct, frozen=True):
    """Order: read undelivered events after a number, the oldest first."""

    after_n: int
    most: int


class Find(msgspec.Struct, frozen=True):
    """Order: read the event that a receiver acknowledges, delivered or not."""

    event_id: str
    level: Literal["stored", "accepted"]
    by: str


class CloseAlarms(msgspec.Struct, frozen=True):
    """Order: these alarms are no longer open."""

    alarm_ids: tuple[str, ...]
    wall_ns: int


class MarkButton(msgspec.Struct, frozen=True):
    """Order: a button exists, was pressed, tested or heard. Null keeps the stored value."""

    name: str
    now_wall_ns: int
    press_wall_ns: int | None = None
    test_wall_ns: int | None = None
    seen_wall_ns: int | None = None
    since_wall_ns: int | None = None
    """Since when the unit has had it: corrects a value stored under a clock that was not trusted."""


class Prune(msgspec.Struct, frozen=True):
    """Order: delete rows that need not be kept. Null: the clock is not trusted, and only the bound in bytes counts."""

    wall_ns: int | None


class KeepAct(msgspec.Struct, frozen=True):
    """Order: keep an act, and set modes; null ends a mode."""

    new: New | None
    modes: Modes = {}


class NextActs(msgspec.Struct, frozen=True):
    """Order: the keeper has the acts up to this number; read the next."""

    audited: int


Order = Keep | Went | Recount | ReadWaiting | Find | CloseAlarms | MarkButton | Heard | Prune | KeepAct | NextActs


class Opened(msgspec.Struct, frozen=True):
    """Answer, once: what the journal held at start."""

    next_n: int
    open_alarms: tuple[Entry, ...] = ()
    undelivered: tuple[Entry, ...] = ()
    """The oldest, at most WAITING_READ."""
    undelivered_total: int = 0
    recent: tuple[Entry, ...] = ()
    """The newest rows, delivered or not, the oldest of them first."""
    buttons: tuple[Button, ...] = ()
    heard: tuple[Heard, ...] = ()
    modes: Modes = {}


class Kept(msgspec.Struct, frozen=True):
    """Answer after the commit of an event."""

    event_id: str


class Waiting(msgspec.Struct, frozen=True):
    """Answer to ReadWaiting."""

    entries: tuple[Entry, ...]
    next_n: int
    """Where to read on; 0: there are no more."""
    total: int | None
    """All undelivered events; null: not counted, because these are not the first of a round."""
    oldest: Row | None
    """The one that has waited longest; null: there is none."""


class Found(msgspec.Struct, frozen=True):
    """Answer to Find."""

    asked: Find
    entry: Entry | None


class Trouble(msgspec.Struct, frozen=True):
    """Reported when the disk begins to refuse, and with an empty reason when it accepts again."""

    reason: str


class SetAside(msgspec.Struct, frozen=True):
    """Reported when unusable files lie beside the journal, and with an empty text when they have been removed."""

    text: str
    anew: bool = False
    """The journal has been replaced: what is still in memory has to be kept again."""


class ActKept(msgspec.Struct, frozen=True):
    """Answer after the commit of an act."""


class Batch(msgspec.Struct, frozen=True):
    """Answer: the next acts for the keeper; empty: it has them all."""

    journal: str
    acts: tuple[wire.Act, ...]


Said = Opened | Kept | Waiting | Found | Trouble | SetAside | ActKept | Batch
