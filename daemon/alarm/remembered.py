# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the journal remembers of the room, for the alarm process that starts after this one in the same boot."""

from __future__ import annotations

from typing import Any

from daemon.alarm.acts import Acts
from daemon.model.events import OpenAlarm
from daemon.model.state import Room
from hardware.ports import Clock

WAITS = "waits"
"""The journal's mode for a press that waits for its second."""
PART = "part"
"""The mode for the recording of an open alarm."""


class Remembered:
    """Owned by the loop: every method is called from its thread alone."""

    def __init__(self, clock: Clock, acts: Acts) -> None:
        self._clock, self._acts = clock, acts
        self._part = ("", "")
        """The open alarm and its recording, as the journal has been told."""

    def keep_waiting(self, at_ns: int) -> None:
        """Keep a press that waits for its second."""
        self._acts.keep(None, {WAITS: {"boot_id": self._clock.boot_id(), "at_ns": at_ns}})

    def keep_part(self, room: Room) -> None:
        """Keep the recording of an open alarm, or that none was begun since its press.

        A room that neither has one nor is owed one (an objection, a recording that is over) is in neither case.
        """
        alarm_id = room.alarms[0].id if room.alarms and room.rules.tracks else ""
        part = (alarm_id, room.recording.part if room.recording else "")
        if alarm_id and (part[1] or room.owed_ns) and part != self._part:
            of = {"boot_id": self._clock.boot_id(), "alarm_id": alarm_id, "recording_id": part[1]}
            self._acts.keep(None, {PART: {**of, "owed_ns": room.owed_ns}})
        self._part = part

    def waiting_ns(self, row: Any) -> int | None:
        """Boot time of the press that `row` keeps, if it was in this boot; the policy says how long it counts."""
        if not isinstance(row, dict) or row.get("boot_id") != self._clock.boot_id():
            return None
        at_ns = row.get("at_ns")
        return at_ns if isinstance(at_ns, int) and at_ns <= self._clock.boot_ns() else None

    def part_of(self, alarms: tuple[OpenAlarm, ...], row: Any) -> tuple[str | None, int]:
        """The recording that `row` keeps of one of these alarms, and since when one was owed, if it was in this boot.

        None: unknown; 0: unknown.
        """
        if not isinstance(row, dict) or row.get("boot_id") != self._clock.boot_id():
            return None, 0
        is_open = any(alarm.alarm_id == row.get("alarm_id") for alarm in alarms)
        part, owed_ns = row.get("recording_id"), row.get("owed_ns")
        if not (isinstance(owed_ns, int) and 0 <= owed_ns <= self._clock.boot_ns()):
            owed_ns = 0
        return (part, owed_ns) if is_open and isinstance(part, str) else (None, 0)
