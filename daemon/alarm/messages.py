"""What the unit says over MQTT: the alarm event, the alarm's state, availability, health.

An alarm event is a CloudEvents 1.0 JSON text in structured mode (https://cloudevents.io, spec 1.0.2): complete in
itself, because many receivers speak MQTT 3.1.1 and see no properties.
"""

from __future__ import annotations

from typing import Any

import msgspec

from daemon.model.events import AlarmEventKind, Level
from daemon.wire import KeeperState, RecorderHealth
from hardware.ports import ClockState

CONTENT_TYPE = "application/cloudevents+json"
REPLAY_MS = 10_000
"""Older than this when it is sent, an alarm event is marked as a replay: nobody should run for it unasked."""


class ClockFigures(msgspec.Struct, frozen=True):
    """What the clock was worth (promise A4)."""

    state: ClockState
    boot_s: float
    """Seconds since boot at the press; comparable under the same boot id, whatever the wall clock did."""


class AlarmData(msgspec.Struct, frozen=True):
    """The content of one alarm event."""

    kind: AlarmEventKind
    alarm_id: str
    """The alarm that this event is about: its own id for `raised`, the open alarm's for `repeated` and `reset`."""
    seq: int | None
    """Counts the unit's alarm events; null when the journal could not be read when the event was made."""
    boot_id: str
    attempt: int
    source: str
    pressed_at: str
    age_ms: int
    """From the press to this attempt, by the clock that does not step."""
    clock: ClockFigures
    replay: bool
    recording_id: str | None
    detail: str = ""


class AlarmEvent(msgspec.Struct, frozen=True, omit_defaults=False):
    """One CloudEvent."""

    id: str
    source: str
    type: str
    time: str
    data: AlarmData
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


class AlarmState(msgspec.Struct, frozen=True):
    """Retained on `alarm/state`."""

    state: str
    """idle, or how far the least delivered of the open alarms has come."""
    open: tuple[str, ...]
    at: str


class Availability(msgspec.Struct, frozen=True):
    """Retained on `availability`; the will says offline for the same boot and session, so that an old will is known."""

    online: bool
    boot_id: str
    session: int


class Health(msgspec.Struct, frozen=True):
    """Retained on `health`, every 15 s, and what `spreekkamer status` shows. Figures only (promise H1)."""

    at: str
    unit: str
    policy: str
    policy_sha256: str
    boot_id: str
    uptime_s: int
    clock: ClockState
    phase: str
    recording_id: str | None
    alarms: dict[str, Level]
    faults: dict[str, str]
    lamps: dict[str, bool]
    broker: str
    """`MQTT 5`, `MQTT 3.1.1 (no reason codes)` or why there is none."""
    undelivered: int
    """Alarm events that no broker has taken yet."""
    queue_max: int
    """Longest that the loop's queue has been."""
    recorder: RecorderHealth | None
    keeper: KeeperState | None
    counters: dict[str, int]


def encode(message: Any) -> bytes:
    """The bytes on the wire."""
    return msgspec.json.encode(message)
