# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Holds whose review date has passed: reported every day until somebody acts, and ended only if the policy says so."""

from __future__ import annotations

import datetime

from daemon import log, wire
from daemon.errors import StoreError
from daemon.keeper.audit import AuditLog
from daemon.keeper.holds import Holds
from daemon.model import acts
from daemon.model.holds import DAY_NS, Hold, Standing, standing
from daemon.model.policy import NS, HoldPolicy
from hardware.ports import ClockReading

LOOK_NS = 60 * NS
"""Between two looks: a review date is a day, and a minute is soon enough."""


class Reviews:
    """One thread: the keeper's."""

    def __init__(self, holds: Holds, audit: AuditLog, policy: HoldPolicy, zone: datetime.tzinfo) -> None:
        """`zone`: of the policy's days."""
        self._holds, self._audit, self._policy, self._zone = holds, audit, policy, zone
        self._next_ns = 0
        self._told_ns: dict[tuple[str, int], int] = {}
        """When a review was last reported: (hold, revision) -> boot time."""
        self.fault = ""
        """The due reviews, for a person."""
        self.changed = False
        """Whether the last look found a change."""

    def look_again(self) -> None:
        """A hold has changed: do not wait for the minute."""
        self._next_ns = 0

    def look(self, now: ClockReading) -> tuple[tuple[wire.HoldDue, ...], bool]:
        """What to report now, and whether a hold has lapsed. What the disk refuses is tried at the next look."""
        before, self.changed = self.fault, False
        if now.boot_ns < self._next_ns:
            return (), False
        self._next_ns = now.boot_ns + LOOK_NS
        stands = [(hold, standing(hold, now, self._policy, self._zone)) for hold in self._holds.active().values()]
        due = [(hold, how) for hold, how in stands if how.is_due]
        lapsed = [hold for hold, how in due if self._lapse(hold, how)]
        open_ = sorted(((hold, how) for hold, how in due if hold not in lapsed), key=lambda pair: -pair[1].overdue_d)
        self.fault = _in_words(open_)
        self.changed = self.fault != before
        return tuple(self._tell(*pair) for pair in open_ if self._is_time(pair[0], now)), bool(lapsed)

    def _is_time(self, hold: Hold, now: ClockReading) -> bool:
        key = (hold.hold_id, hold.revision)
        if key in self._told_ns and now.boot_ns - self._told_ns[key] < DAY_NS:
            return False
        known = self._holds.active()
        self._told_ns = {key: now.boot_ns} | {k: ns for k, ns in self._told_ns.items() if k != key and k[0] in known}
        return True

    def _tell(self, hold: Hold, how: Standing) -> wire.HoldDue:
        if how.overdue_d & (how.overdue_d - 1) == 0:  # logged after 1, 2, 4, 8 … days rather than every day
            log.event("hold_review_due", "warning", hold_id=hold.hold_id, overdue_d=how.overdue_d)
        try:
            self._holds.tell_due(hold, self._audit)
        except StoreError as error:
            log.event("hold_review_untold", "warning", why=str(error))  # it is sent all the same, and again tomorrow
        about = (hold.hold_id, hold.recording_id, hold.tracks, hold.kind, hold.incident)
        return wire.HoldDue(*about, str(hold.review), how.overdue_d, how.lapses_on)

    def _lapse(self, hold: Hold, how: Standing) -> bool:
        if not how.lapses:
            return False
        why = f"nobody reviewed it within {self._policy.lapse_after_d} days after {hold.review}"
        try:
            self._holds.release(acts.HoldReleasing(hold.hold_id, reason=why, lapsed=True), self._audit)
        except StoreError as error:
            log.event("hold_lapse_failed", "error", hold_id=hold.hold_id, why=str(error))
            return False
        return True


def _in_words(due: list[tuple[Hold, Standing]]) -> str:
    if not due:
        return ""
    hold, how = due[0]
    more = f"; and {len(due) - 1} more" if len(due) > 1 else ""
    which = f"hold {hold.hold_id[:8]} ({hold.incident})"
    return f"{which} was due for review on {hold.review}, {how.overdue_d} days ago{more}"
