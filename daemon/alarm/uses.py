# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How many conversations there were: counted here, and told to the audit log as numbers, at most once an hour.

Invariant: the log has no line a conversation, so that it tells nobody when a resident came and how long staff talked.
The journal has what the log does not have yet; both change in one commit, so that no restart loses or doubles a use.
"""

from __future__ import annotations

from typing import Any

from daemon.alarm.acts import Acts
from daemon.alarm.orders import Modes
from daemon.model import acts
from daemon.model.events import UseOver

HOUR_NS = 3_600_000_000_000
"""How exactly the log says when somebody was there."""
USES = "uses"
"""The journal's mode for the uses that the log does not have yet: all, recorded, with an alarm."""

USES_MAX = 100_000
"""More than a year has: a row that says more was not written here."""


class Uses:
    """One thread: the loop's."""

    def __init__(self, keeper: Acts, now_ns: int) -> None:
        self._keeper, self._told_ns = keeper, now_ns
        self._counts = (0, 0, 0)

    def opened(self, modes: Modes) -> None:
        """The journal has been read: what an earlier process counted is still to be told."""
        if any(before := _counts(modes.get(USES))):
            self._add(before)

    def over(self, use: UseOver) -> None:
        """One has ended."""
        self._add((1, int(use.recorded), int(use.alarm)))

    def tick(self, now_ns: int) -> None:
        """Tell the log what there was, once an hour."""
        if now_ns - self._told_ns < HOUR_NS:
            return
        self._told_ns = now_ns
        if any(self._counts):
            self._keeper.keep(acts.Uses(*self._counts), {USES: None})
            self._counts = (0, 0, 0)

    def _add(self, more: tuple[int, int, int]) -> None:
        uses, recorded, alarms = self._counts
        self._counts = (uses + more[0], recorded + more[1], alarms + more[2])
        self._keeper.keep(None, {USES: list(self._counts)})


def _counts(row: Any) -> tuple[int, int, int]:
    """Read a kept row; zeroes: there is none, or another release wrote it."""
    match row:
        case [int(uses), int(recorded), int(alarms)] if 0 <= max(recorded, alarms) <= uses <= USES_MAX:
            return uses, recorded, alarms
    return 0, 0, 0
