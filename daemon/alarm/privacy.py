# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Objections and covered windows across restarts: kept in the journal, set by operators, begun and ended by the clock.

Invariant: whether privacy applies follows from the journal, the policy and the clock, so that a restart changes
nothing. Each beginning and end is one act.
"""

from __future__ import annotations

import datetime
import math
from typing import Any, TypeGuard

import msgspec

from daemon import log
from daemon.alarm.acts import Acts
from daemon.alarm.control import Control
from daemon.alarm.orders import Modes
from daemon.model import acts
from daemon.model.events import CoverChanged, Objection, ObjectionFound
from daemon.model.policy import NS, WINDOW_D_MAX, Policy, Window
from daemon.model.schedule import Calendar, ends_ns, in_force

SET_MAX = 32
"""Windows that operators may have set at once: as many as a policy may hold."""


class Privacy:
    """Owned by the loop. No window applies before the journal has been read."""

    def __init__(self, policy: Policy, control: Control, acts: Acts) -> None:
        self._planned, self._control, self._acts = policy.cover.windows, control, acts
        self._clock = control.clock
        self._longest_ns = policy.objection.maximum_s * NS
        self._unread: list[Any] = []
        """Rows of windows that this release cannot read. They stay in the journal."""
        self._calendar = Calendar()
        self._set: tuple[Window, ...] = ()
        self._known: Window | None = None
        """The window whose beginning has been kept as an act."""
        self._opened = False

    def opened(self, modes: Modes) -> ObjectionFound:
        """The journal has been read. Return the current objection."""
        self._opened = True
        kept = modes.get("windows", [])
        rows: list[Any] = kept if isinstance(kept, list) else [kept]
        found = [(row, _window("windows", row)) for row in rows]
        self._set = tuple(window for _, window in found if window is not None)
        self._unread = [row for row, window in found if window is None]
        self._known = None if modes.get("cover") is None else _window("cover", modes["cover"])
        row = modes.get("objection")
        if row is None:
            return ObjectionFound()
        return ObjectionFound(self._objection_until_ns(row), isinstance(row, dict) and row.get("in_use") is True)

    def _objection_until_ns(self, row: Any) -> int:
        """When an objection ends. It is honoured even if the row does not say for how long.

        A row that says too little counts from now on, for the policy's maximum.
        """
        now = self._clock.read()
        longest_ns = self._longest_ns
        fields = row if isinstance(row, dict) else {}
        until_boot_ns, until_wall_ns = fields.get("until_boot_ns"), fields.get("until_wall_ns")
        if fields.get("boot_id") == self._clock.boot_id() and _is_number(until_boot_ns):
            return min(int(until_boot_ns), now.boot_ns + longest_ns)
        if _is_number(until_wall_ns):
            # From another boot: by the wall clock, and never longer than intended.
            lasts_ns = fields.get("lasts_ns")
            most_ns = min(int(lasts_ns), longest_ns) if _is_number(lasts_ns) else longest_ns
            return now.boot_ns + min(int(until_wall_ns) - now.wall_ns, most_ns)
        log.event("journal_row_unreadable", "error", table="mode", row="objection", why="it does not say until when")
        return now.boot_ns + longest_ns

    def obey(self, policy: Policy) -> None:
        """Follow another policy, with windows of its own."""
        self._planned = policy.cover.windows
        self._longest_ns = policy.objection.maximum_s * NS

    def objection(self, effect: Objection) -> None:
        """Keep and count the beginning or end of an objection, without a name, a reason or a length."""
        if not effect.until_ns:
            self._acts.keep(acts.ObjectionEnded(effect.why), {"objection": None})
            return
        now = self._clock.read()
        lasts_ns = effect.until_ns - now.boot_ns
        kept = {
            "boot_id": self._clock.boot_id(), "until_boot_ns": effect.until_ns, "lasts_ns": lasts_ns,
            "until_wall_ns": now.wall_ns + lasts_ns, "in_use": self._control.room.in_use is True,
        }  # fmt: skip
        self._acts.keep(acts.ObjectionBegan(effect.why), {"objection": kept})

    def cover(self) -> None:
        """Bring the room to the covered window that applies now."""
        window = self.look()
        decision = window.decision if window is not None else None
        if decision != self._control.room.cover:
            log.event("cover" if window else "cover_over", decision=decision)
            self._control.step(CoverChanged(decision))

    def look(self) -> Window | None:
        """The window that applies now; its beginning and its end are kept as acts when they are seen."""
        now = self._clock.read()
        self._calendar = self._calendar.read(now)
        window = in_force((*self._planned, *self._set), self._calendar.wall_ns(now))
        if self._opened and window != self._known:
            if self._known is not None:
                self._acts.keep(acts.CoverEnded(self._known.decision), {"cover": None})
            if window is not None:
                self._acts.keep(acts.CoverBegan(window.decision), {"cover": msgspec.to_builtins(window)})
            self._known = window
        return window

    def windows(self) -> list[dict[str, Any]]:
        """Every window that is not over, for an operator. Those that can be withdrawn have a number."""
        now = self._clock.read()
        wall_ns = self._calendar.read(now).wall_ns(now)
        planned = [_shown(0, window, wall_ns) for window in self._planned]
        rows = planned + [_shown(n, window, wall_ns) for n, window in enumerate(self._set, 1)]
        return [row for row in rows if row["state"] != "over"]

    def set(self, args: dict[str, Any], by: str) -> str:
        """Set a window. Return what is wrong with it, in words; empty: it is set."""
        try:
            window = msgspec.convert({key: args.get(key) for key in ("begins", "ends", "decision")}, Window)
        except msgspec.ValidationError as error:
            return f"that is no window: {error}"
        now = self._clock.read()
        wall_ns = self._calendar.read(now).wall_ns(now)
        if not datetime.timedelta() < window.ends - window.begins <= datetime.timedelta(days=WINDOW_D_MAX):
            return f"a window ends after its start, and at most {WINDOW_D_MAX} days after it"
        if ends_ns(window) <= wall_ns:
            return "this window is over already"
        rest = tuple(one for one in self._set if ends_ns(one) > wall_ns)
        if len(rest) >= SET_MAX:
            return f"{SET_MAX} windows are set already"
        self._keep((*rest, window), acts.CoverSet(window.begins, window.ends, window.decision, by))
        return ""

    def withdraw(self, args: dict[str, Any], by: str) -> str:
        """Withdraw a window that an operator set, by its number in the list."""
        number = args.get("number")
        if not isinstance(number, int) or not 0 < number <= len(self._set):
            return f"there is no window {number} that can be withdrawn; `cover list` has their numbers"
        window = self._set[number - 1]
        rest = tuple(one for one in self._set if one is not window)
        self._keep(rest, acts.CoverWithdrawn(window.begins, window.ends, window.decision, by))
        return ""

    def _keep(self, windows: tuple[Window, ...], act: acts.CoverAct) -> None:
        self._set = windows
        self._acts.keep(act, {"windows": [*msgspec.to_builtins(windows), *self._unread]})


def _window(name: str, row: Any) -> Window | None:
    """Read a kept window, even with fields of another release, as far as possible. None: it cannot be read."""
    known = {key: row.get(key) for key in Window.__struct_fields__} if isinstance(row, dict) else {}
    try:
        window = msgspec.convert(known, Window)
    except msgspec.ValidationError as error:
        log.event("journal_row_unreadable", "error", table="mode", row=name, why=str(error))
        return None
    if isinstance(row, dict) and row.keys() - known.keys():
        log.event("journal_row_unknown", "warning", table="mode", row=name, fields=sorted(row.keys() - known.keys()))
    return window


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(number: int, window: Window, wall_ns: int) -> dict[str, Any]:
    state = "over" if ends_ns(window) <= wall_ns else "in force" if in_force((window,), wall_ns) else "to come"
    return {"number": number, **msgspec.to_builtins(window), "state": state}
