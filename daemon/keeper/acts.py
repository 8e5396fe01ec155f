# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm process's acts in the audit log, each exactly once, however often it is told.

The law here: what is in the log already is known from the log itself, by journal and number; an act is answered for
when its line is durable. A number that was passed over is an act that was lost, and that is a line too.
"""

from __future__ import annotations

from typing import Any

from daemon import wire
from daemon.keeper.audit import AuditLog

JOURNALS_MAX = 100
"""Journals that are remembered: a unit gets a new one with a new card, or when the old one was thrown away."""
OURS = frozenset({"n", "at_wall_ns", "at_boot_ns", "boot_id", "clock", "event", "act", "prev"})
"""Fields of a line that no act can set."""


class ActBook:
    """Follows the log; one thread."""

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}
        """Per journal the number of the newest act that stands in the log."""

    def follow(self, line: dict[str, Any]) -> None:
        """Takes a line of the log."""
        match line.get("act"):
            case {"journal": str(journal), "n": int(n)}:
                self._newest[journal] = max(n, self._newest.pop(journal, 0))
                if len(self._newest) > JOURNALS_MAX:
                    del self._newest[next(iter(self._newest))]

    def take(self, word: wire.Acts, audit: AuditLog) -> wire.Audited:
        """Writes what is not in the log yet. Returns what is in it now. Raises StoreError, and then comes again."""
        for act in word.acts:
            newest = self._newest.get(word.journal, act.n - 1)
            if act.n <= newest:
                continue
            if act.n > newest + 1:
                missing = {"journal": word.journal, "n": act.n - 1}
                audit.add("acts_lost", count=act.n - newest - 1, act=missing)
            told = {key: value for key, value in act.fields.items() if key not in OURS}
            audit.add(
                act.event, **told, acted_wall_ns=act.wall_ns, acted_boot_ns=act.boot_ns, acted_boot_id=act.boot_id,
                acted_clock=act.clock, act={"journal": word.journal, "n": act.n},
            )  # fmt: skip
        return wire.Audited(word.journal, self._newest.get(word.journal, 0))
