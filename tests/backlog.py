# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A month of alarm events that no receiver has stored, in a journal as the alarm process leaves it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec

from daemon.alarm import aside, messages, tables
from daemon.alarm.orders import CloseAlarms, Keep, Row
from daemon.times import utc

NS = 1_000_000_000
EVERY_NS = 120 * NS
"""One in two minutes: twenty thousand in four weeks."""


def event(event_id: str, wall_ns: int, boot_ns: int, boot_id: str = "the boot before") -> messages.AlarmEvent:
    """One of them, as it was first sent."""
    at = utc(wall_ns)
    clock = messages.ClockFigures("synchronised", round(boot_ns / 1e9, 3))
    data = messages.AlarmData(
        "raised", event_id, 1, boot_id, 1, "alarm", at, 51, clock, replay=False, recording_id=None
    )  # fmt: skip
    return messages.AlarmEvent(
        event_id, "spreekkamer/voorbeeldstad/stadhuis/kamer", "nl.spreekkamer.alarm.raised.v1", at, data
    )


def fill(path: Path, count: int) -> list[str]:
    """Writes them, reset but never stored; returns their ids, the oldest first."""
    now_ns = time.time_ns()
    db, _ = aside.open_journal(path)
    ids = [f"old-{n:06d}" for n in range(count)]
    with contextlib.closing(db), tables.transaction(db):
        for n, event_id in enumerate(ids):
            wall_ns = now_ns - (count - n) * EVERY_NS
            body = msgspec.json.encode(event(event_id, wall_ns, n * NS)).decode()
            row = Row(event_id, event_id, "raised", body, "the boot before", n * NS, wall_ns, wall_ns)
            tables.carry_out(db, Keep(row))
        tables.carry_out(db, CloseAlarms(tuple(ids), now_ns))
    return ids
