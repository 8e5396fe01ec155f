# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What goes to the alarm journal's thread and what comes back: rows, orders, words. Values alone."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from daemon import wire
from daemon.model.events import Level

WAITING_READ = 100
"""Undelivered events that are read at start: the outbox's hand."""

Modes = dict[str, Any]
"""What has to outlive a restart of the process: by name, in JSON."""


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


class New(msgspec.Struct, frozen=True):
    """An act on its way into the journal."""

    id: str
    """So that an order which comes twice is kept once."""
    act: wire.Act


class Keep(msgspec.Struct, frozen=True):
    """Order: a new alarm event, its act for the audit log, by what its echo is recognised, what it ends; one commit."""

    row: Row
    act: New | None = None
    heard: Heard | None = None
    closes: tuple[str, ...] = ()
    """Alarms that are no longer open."""


class Went(msgspec.Struct, frozen=True):
    """Order: an event has come further. The course as a whole, so that an order that comes twice changes nothing."""

    event_id: str
    course: Course
    """A copy: the journal's thread reads it later."""
    delivered_wall_ns: int | None
    """When nothing more had to be sent of it; null: it is still to be sent."""


class Recount(msgspec.Struct, frozen=True):
    """Order: an event that has not left the unit yet says something else: it counts what happened again since."""

    event_id: str
    body: str


class ReadWaiting(msgspec.Struct, frozen=True):
    """Order: read undelivered events, the oldest first, beyond a number."""

    after_n: int
    most: int


class Find(msgspec.Struct, frozen=True):
    """Order: read the event that a receiver's word names, whatever became of it."""

    event_id: str
    level: Literal["stored", "accepted"]
    by: str


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
    since_wall_ns: int | None = None
    """Since when the unit has had it, where that was written down under a clock that was not trusted."""


class Prune(msgspec.Struct, frozen=True):
    """Order: rows that need not be kept go. Null: the clock is not trusted, and only the bound in bytes counts."""

    wall_ns: int | None


class KeepAct(msgspec.Struct, frozen=True):
    """Order: an act, and what is from now on so; null: it is over."""

    new: New | None
    modes: Modes = {}


class NextActs(msgspec.Struct, frozen=True):
    """Order: the keeper has those up to this number, and wants the next."""

    audited: int


Order = Keep | Went | Recount | ReadWaiting | Find | CloseAlarms | MarkButton | Heard | Prune | KeepAct | NextActs


class Opened(msgspec.Struct, frozen=True):
    """Said once: what the journal held at start."""

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
    """Said after the commit of an event."""

    event_id: str


class Waiting(msgspec.Struct, frozen=True):
    """Said to ReadWaiting."""

    entries: tuple[Entry, ...]
    next_n: int
    """What to read beyond next; 0: that was the last of them."""
    total: int | None
    """All undelivered events; null: they were not counted, because these are not the first of a round."""
    oldest: Row | None
    """The one that has waited longest; null: there is none."""


class Found(msgspec.Struct, frozen=True):
    """Said to Find."""

    asked: Find
    entry: Entry | None


class Trouble(msgspec.Struct, frozen=True):
    """Said when the disk begins to refuse, and with an empty reason when it takes again."""

    reason: str


class SetAside(msgspec.Struct, frozen=True):
    """Said when files that could not be used lie beside the journal; with no text when they have been moved away."""

    text: str
    anew: bool = False
    """The journal is another one from now on: what is still in memory has to be kept again."""


class ActKept(msgspec.Struct, frozen=True):
    """Said after the commit of an act."""


class Batch(msgspec.Struct, frozen=True):
    """Said: the next acts for the keeper; none when it has them all."""

    journal: str
    acts: tuple[wire.Act, ...]


Said = Opened | Kept | Waiting | Found | Trouble | SetAside | ActKept | Batch
