# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm process's acts in the audit log, each exactly once, however often they are sent.

Invariant: the log itself shows, by journal and number, which acts it has. An act is acknowledged when its line is
durable. A skipped number is a lost act, and gets a line of its own.
"""

from __future__ import annotations

import msgspec

from daemon import log, wire
from daemon.keeper.audit import AuditLog
from daemon.model import acts
from daemon.model.acts import ActsLost, OfAlarm, Place
from daemon.model.ledger import Acted, Line

JOURNALS_MAX = 100
"""Journals remembered: a unit gets a new one with a new card, or when the old one was discarded."""


class ActBook:
    """Follows the log; one thread."""

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}
        """Number of the newest act in the log, by journal."""

    def follow(self, line: Line) -> None:
        """Take a line of the log."""
        place = line.act.act if isinstance(line.act, ActsLost) else line.acted and line.acted.act
        if place:
            self._newest[place.journal] = max(place.n, self._newest.pop(place.journal, 0))
            if len(self._newest) > JOURNALS_MAX:
                del self._newest[next(iter(self._newest))]

    def take(self, word: wire.Acts, audit: AuditLog) -> wire.Audited:
        """Write the acts that the log lacks; return what it has now. Raises StoreError; they come again then."""
        for told in word.acts:
            newest = self._newest.get(word.journal, told.n - 1)
            if told.n <= newest:
                continue
            if told.n > newest + 1:
                audit.add(ActsLost(told.n - newest - 1, Place(word.journal, told.n - 1)))
            place = Place(word.journal, told.n)
            if (act := _read(told)) is None:
                audit.add(ActsLost(1, place))
            else:
                audit.add(act, Acted(told.wall_ns, told.boot_ns, told.boot_id, told.clock, place))
        return wire.Audited(word.journal, self._newest.get(word.journal, 0))


def _read(told: wire.Act) -> OfAlarm | None:
    """An act as its kind; None: no release writes it like this."""
    try:
        act, why = acts.of(told.event, {**told.fields, "event": told.event}), "the keeper's own"
    except msgspec.ValidationError as error:
        act, why = None, str(error)[:200]
    if isinstance(act, OfAlarm):
        return act
    log.event("act_unreadable", "error", act=told.event, n=told.n, why=why)
    return None
