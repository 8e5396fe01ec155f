# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Proof that each button works: its last press and its last test, kept across restarts in the journal."""

from __future__ import annotations

import msgspec

from daemon.alarm import journal, orders
from daemon.alarm.messages import AlarmEvent, ButtonProof
from daemon.model import fitted
from daemon.model.events import Raise
from daemon.model.proof import Proof, overdue
from daemon.model.unit import Unit
from daemon.times import utc
from hardware.ports import Clock, ClockReading

NS = 1_000_000_000
PRUNE_NS = 86_400 * NS
"""The journal is pruned once a day, and at start: its bounds are in days and in megabytes."""
SEEN_NS = 6 * 3600 * NS
"""Minimum time between two records of a wireless button's sign of life: it sends one every hour, and flash wears."""


UNSURE = "unsure"
"""Name of the mode that lists the times kept under an unsynchronised clock."""
_FIELDS = ("since_wall_ns", "press_wall_ns", "test_wall_ns", "seen_wall_ns")


class Proofs:
    """Owned by the loop. Writes nothing before the journal has been read.

    A time kept under an unsynchronised clock is corrected once the clock is synchronised: by the monotonic clock, or,
    if it is from an earlier boot, to that moment. On a new unit's first boot the clock has the date of the image.
    """

    def __init__(self, unit: Unit, clock: Clock, kept: journal.Journal) -> None:
        self._clock, self._journal = clock, kept
        self._names = (*(b.name for b, _ in fitted.buttons(unit) if b.raises), *(mobile.name for mobile in unit.mobile))
        self._test_every_d = unit.alarm.test_every_d
        self._buttons: dict[str, orders.Button] = {}
        self._overdue = ""
        self._unsure: dict[tuple[str, str], int | None] = {}
        """By button and field: boot time of the value; null: from an earlier boot."""
        self._prune_ns: int | None = None

    def opened(self, found: tuple[orders.Button, ...], unsure: object = None) -> None:
        """The journal has been read: a button that it does not know exists from now on."""
        kept = unsure if isinstance(unsure, dict) else {}
        for name, fields in kept.items():
            if name in self._names and isinstance(fields, list):
                self._unsure |= {(name, field): None for field in _FIELDS if field in fields}
        self._buttons = {button.name: button for button in found if button.name in self._names}
        for name in self._names:
            if name not in self._buttons:
                self._mark(name)
        self._prune_ns = self._clock.boot_ns()

    def raised(self, effect: Raise) -> None:
        """A button was pressed, as an alarm or as a test."""
        if effect.kind in {"raised", "repeated", "test"} and effect.source in self._buttons:
            self._mark(effect.source, press_wall_ns=self._clock.read().wall_ns)

    def delivered(self, event: AlarmEvent) -> None:
        """A test has been delivered."""
        if event.data.kind == "test" and event.data.source in self._buttons:
            self._mark(event.data.source, test_wall_ns=self._clock.read().wall_ns)

    def seen(self, name: str) -> None:
        """A wireless button has sent something."""
        button, wall_ns = self._buttons.get(name), self._clock.read().wall_ns
        if button is not None and not 0 <= wall_ns - (button.seen_wall_ns or 0) < SEEN_NS:
            self._mark(name, seen_wall_ns=wall_ns)

    def overdue(self) -> str:
        """Buttons whose test is overdue; the last verdict while the clock is not synchronised."""
        now = self._clock.read()
        if now.state == "synchronised":
            self._set_right(now)
            proofs = tuple(Proof(b.name, b.since_wall_ns, b.test_wall_ns) for b in self._buttons.values())
            self._overdue = overdue(proofs, now.wall_ns, self._test_every_d)
        return self._overdue

    def tick(self, now_ns: int) -> None:
        """Prune the journal once a day."""
        if self._prune_ns is not None and now_ns >= self._prune_ns:
            self._prune_ns = now_ns + PRUNE_NS
            now = self._clock.read()
            self._journal.give(orders.Prune(now.wall_ns if now.state == "synchronised" else None))

    def shown(self) -> dict[str, ButtonProof]:
        """For health."""
        return {
            name: ButtonProof(_utc(button.press_wall_ns), _utc(button.test_wall_ns), _utc(button.seen_wall_ns))
            for name, button in self._buttons.items()
        }

    def _mark(self, name: str, **what: int) -> None:
        now = self._clock.read()
        order = orders.MarkButton(name, now.wall_ns, **what)
        before = self._buttons.get(name)
        self._buttons[name] = msgspec.structs.replace(before or orders.Button(name, now.wall_ns), **what)
        self._journal.give(order)
        marked = {(name, field): now.boot_ns for field in (*what, *["since_wall_ns"] * (before is None))}
        if now.state != "synchronised":
            fresh = not marked.keys() <= self._unsure.keys()
            self._unsure |= marked
            if fresh:
                self._keep_unsure()
        elif marked.keys() & self._unsure.keys():
            for key in marked:
                self._unsure.pop(key, None)
            self._keep_unsure()

    def _set_right(self, now: ClockReading) -> None:
        """The clock is synchronised: correct the times kept before."""
        if not self._unsure:
            return
        for (name, field), boot_ns in self._unsure.items():
            if name in self._buttons:
                wall_ns = now.wall_ns if boot_ns is None else now.wall_ns - (now.boot_ns - boot_ns)
                self._buttons[name] = msgspec.structs.replace(self._buttons[name], **{field: wall_ns})
                self._journal.give(orders.MarkButton(name, now.wall_ns, **{field: wall_ns}))
        self._unsure.clear()
        self._keep_unsure()

    def _keep_unsure(self) -> None:
        unsure: dict[str, list[str]] = {}
        for name, field in self._unsure:
            unsure.setdefault(name, []).append(field)
        self._journal.give(orders.KeepAct(None, {UNSURE: unsure or None}))


def _utc(wall_ns: int | None) -> str | None:
    return None if wall_ns is None else utc(wall_ns)
