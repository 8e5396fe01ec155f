# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room's state, and the one way to change it.

Invariant: nothing else assigns `room`. Whoever answers a process, a receiver or a person calls `step`; `Lines` and
`Outbox`, which do not know the room, return their inputs to the caller.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Protocol

from daemon import log
from daemon.alarm.mishaps import Mishaps
from daemon.model import events, room
from daemon.model.faults import FaultName
from daemon.model.state import Room, Rules
from hardware.ports import Clock


class Effects(Protocol):
    """Whoever carries out what the table decides."""

    def carry_out(self, effect: events.Effect) -> None:
        """Carry out one effect."""

    def changed(self, before: Room) -> None:
        """Show the new state. Called after the effects of the input that changed it."""


class Control:
    """Owned by the loop: every method is called from its thread alone."""

    effects: Effects
    """Set once, before the first step."""

    def __init__(self, rules: Rules, clock: Clock, mishaps: Mishaps) -> None:
        self.room, self.clock = Room(rules, settled=False), clock
        self._mishaps = mishaps

    def step(self, *inputs: events.Input) -> None:
        """Decide each input by the room's table and carry out its effects, in order.

        One that raises does not keep the next from being decided, which may be a press; then it is raised.
        """
        with ExitStack() as each:
            for item in reversed(inputs):
                each.callback(self._step, item)

    def fault(self, name: FaultName, detail: str) -> None:
        """Set a fault to what is wrong; empty: nothing."""
        if dict(self.room.faults).get(name, "") != detail:
            self._step(events.FaultChanged(name, detail))

    def _step(self, item: events.Input) -> None:
        before = self.room
        if isinstance(item, events.FaultChanged):
            level: log.Level = "warning" if item.detail else "info"
            log.event("fault" if item.detail else "fault_over", level, name=item.fault, detail=item.detail)
        self.room, effects = room.step(before, item, self.clock.boot_ns())
        for effect in effects:
            # An effect that raises does not keep the others from being carried out: an alarm is kept and sent before
            # all else.
            self._mishaps.guard(type(effect).__name__, self.effects.carry_out, effect)
        if self.room is not before:
            self._mishaps.guard("the state of the room", self.effects.changed, before)
