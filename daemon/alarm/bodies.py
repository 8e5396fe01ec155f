# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Rows of the journal as alarm events, whichever release wrote them.

Invariant: an undelivered event is sent. Fields that this release does not know are sent as they were kept; if only the
columns are readable, the event is made from those.
"""

from __future__ import annotations

from typing import Any

import msgspec

from daemon import log
from daemon.alarm import messages, orders
from daemon.times import utc

DEPTH_MAX = 100
"""Maximum nesting in a body; ours have three levels. Deeper ones could defeat any parser."""
KIND_MAX = 64
"""Maximum length of an unknown kind, in characters."""


def read(row: orders.Row, source: str, seq: int) -> tuple[messages.AlarmEvent, dict[str, Any] | None]:
    """Return a row as an event, and the raw body to send; None: send the event itself. Never raises."""
    try:
        raw = _raw(row)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        log.event("journal_row_unreadable", "error", table="alarm_event", row=row.event_id[:64], why=str(error)[:200])
        return _made(row, source, seq), None
    try:
        return msgspec.convert(raw, messages.AlarmEvent), raw
    except msgspec.ValidationError as error:  # of another release: it is sent all the same
        log.event("journal_row_unknown", "warning", event_id=row.event_id[:64], kind=row.kind, why=str(error)[:200])
        return _made(row, source, seq), raw


def attempt(raw: dict[str, Any], *, simulated: bool, **now: object) -> bytes:
    """Return the text of an attempt: as kept, except for the fields of this moment, where it has them.

    `simulated` is always set, even where an earlier release did not write it.
    """
    data = raw.get("data")
    if isinstance(data, dict):
        now = {name: value for name, value in now.items() if name in data}
        raw = raw | {"data": data | now | {"simulated": simulated}}
    return messages.encode(raw)


def _raw(row: orders.Row) -> dict[str, Any]:
    if row.body.count("{") + row.body.count("[") > DEPTH_MAX:
        raise ValueError("it has more tables and lists than any event")
    raw: dict[str, Any] = msgspec.json.decode(row.body, type=dict[str, Any])
    if raw.get("id") != row.event_id:
        raise ValueError("it is not the event of this row")
    messages.encode(raw)
    return raw


def _made(row: orders.Row, source: str, seq: int) -> messages.AlarmEvent:
    """Build the event from the columns alone."""
    kind: Any = row.kind[:KIND_MAX]
    at = utc(row.pressed_wall_ns)
    clock = messages.ClockFigures("unsynchronised", round(row.pressed_boot_ns / 1e9, 3))
    data = messages.AlarmData(
        kind, row.alarm_id, seq, row.boot_id, 0, "unknown", at, 0, clock, replay=False, recording_id=None,
        detail="the unit's journal has no more of this event than its kind and its time",
    )  # fmt: skip
    return messages.AlarmEvent(row.event_id, source, f"nl.spreekkamer.alarm.{kind}.v1", at, data)
