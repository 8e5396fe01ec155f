# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How far an alarm event has come, for operators: a line of `spreekkamer status --alarms`."""

from __future__ import annotations

import msgspec

from daemon.alarm.messages import AlarmEvent
from daemon.alarm.orders import Course
from daemon.model.events import AlarmEventKind
from hardware.ports import ClockState


class AlarmLine(msgspec.Struct, frozen=True):
    """One line of `spreekkamer status --alarms`: milliseconds from the press to each level; null: not reached."""

    id: str
    seq: int | None
    kind: AlarmEventKind
    source: str
    pressed_at: str
    clock: ClockState
    delivered: bool
    """It need not be sent again."""
    attempts: int
    kept_ms: int | None
    broker_ms: int | None
    broker_code: int | None
    stored_ms: int | None
    stored_by: str
    accepted_ms: int | None
    accepted_by: str

    @classmethod
    def of(cls, event: AlarmEvent, course: Course, delivered: bool) -> AlarmLine:  # noqa: FBT001 - a field as it stands
        """An event and its course, side by side."""
        data = event.data
        head = (event.id, data.seq, data.kind, data.source, data.pressed_at, data.clock.state, delivered)
        return cls(*head, *msgspec.structs.astuple(course))
