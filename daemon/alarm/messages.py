"""What the unit says over MQTT: the alarm event, the alarm's state, availability, health.

An alarm event is a CloudEvents 1.0 JSON text in structured mode (https://cloudevents.io, spec 1.0.2): complete in
itself, because many receivers speak MQTT 3.1.1 and see no properties.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from daemon.alarm.journal import Course
from daemon.model.events import AlarmEventKind, EndReason, Level, SourceKind
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
    """The button by its name, `reset`, or the fault's name."""
    pressed_at: str
    age_ms: int
    """From the press to this attempt, by the clock that does not step."""
    clock: ClockFigures
    replay: bool
    recording_id: str | None
    detail: str = ""
    source_kind: SourceKind = "wired"
    in_room: bool = True
    """False for an outside worker's button: help is needed somewhere else."""
    silent: bool = False
    """Nothing in the room shows the alarm: do not call there."""


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


class AlarmLine(msgspec.Struct, frozen=True):
    """One line of `spreekkamer status --alarms`: milliseconds from the press to each level; null: not reached."""

    id: str
    seq: int | None
    kind: AlarmEventKind
    source: str
    pressed_at: str
    clock: ClockState
    delivered: bool
    """Nothing more of it has to be sent."""
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
        """An event and its course, as a person wants them side by side."""
        data = event.data
        head = (event.id, data.seq, data.kind, data.source, data.pressed_at, data.clock.state, delivered)
        return cls(*head, *msgspec.structs.astuple(course))


class Availability(msgspec.Struct, frozen=True):
    """Retained on `availability`; the will says offline for the same boot and session, so that an old will is known."""

    online: bool
    boot_id: str
    session: int


class ButtonProof(msgspec.Struct, frozen=True):
    """What shows that a button works: UTC, null for never."""

    last_press: str | None
    last_test: str | None
    last_seen: str | None = None
    """Of a wireless button: when it said anything."""


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
    second_broker: str | None
    """The same of the second broker; null: none is set."""
    receiver: Literal["acknowledges", "listens"]
    """`listens`: the broker's answer counts as delivered, whether anybody stored it or not."""
    consoles: tuple[str, ...]
    """The receivers that say that they listen."""
    undelivered: int
    """Alarm events that no receiver has stored yet; with `listens`: that no broker has taken."""
    buttons: dict[str, ButtonProof]
    """Every button that raises an alarm, by its name in unit.toml."""
    queue_max: int
    """Longest that the loop's queue has been."""
    recorder: RecorderHealth | None
    keeper: KeeperState | None
    counters: dict[str, int]


Text = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+\Z")]
"""An id or a name as others give it: printable ASCII, no space; it is shown and logged, and stands in topics."""


class Ack(msgspec.Struct, frozen=True):
    """Comes in on `alarm/ack`: a receiver has stored an alarm event, or a person has accepted it."""

    id: Text
    """Of the event (the CloudEvent's `id`)."""
    level: Literal["stored", "accepted"]
    by: Text
    """The receiver's own id, as in its presence topic."""


class Presence(msgspec.Struct, frozen=True):
    """Comes in, retained, on `../../console/{id}/state`: whether a receiver listens. Its will says that it does not."""

    online: bool
    session: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """Grows with each start of the receiver: the will of an older session means nothing. 0: it does not say."""
    sites: Annotated[tuple[Text, ...], Meta(max_length=64)] = ()
    """The sites that it listens to; empty: all of the organisation."""


class ResetCommand(msgspec.Struct, frozen=True):
    """Comes in on `command/reset`: a console ends alarms. It names them, so that an old command ends nothing new."""

    alarm_ids: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=100)]
    by: Text


def encode(message: Any) -> bytes:
    """The bytes on the wire."""
    return msgspec.json.encode(message)


class RecordingStarted(msgspec.Struct, frozen=True, tag_field="event", tag="started"):
    """Goes out on `recording/event`: a recording is open, and its pre-event seconds are being written."""

    at: str
    recording_id: str
    continues: str | None
    """The recording of which this is a new part, after the recorder was interrupted."""


class RecordingEnded(msgspec.Struct, frozen=True, tag_field="event", tag="ended"):
    """Goes out on `recording/event`: a recording is closed, and nothing is written to it any more."""

    at: str
    recording_id: str
    why: EndReason
    """As in end.json, or `refused`: nothing was written."""
    detail: str
    """For a person; empty where `why` says it all."""
    lines: int
    """Of its chain."""


class RecordingHead(msgspec.Struct, frozen=True, tag_field="event", tag="head"):
    """Goes out on `recording/head` each minute of a recording: who keeps it can show that a chain was not rewritten."""

    at: str
    recording_id: str
    lines: int
    """Of the chain, up to now."""
    sha256: str
    """Of chain line `lines` - 1, newline included."""


class ArchiveEvent(msgspec.Struct, frozen=True):
    """Goes out on `archive/event`: a receipt of the keeper, as it stands in its audit log."""

    at: str
    line: dict[str, Any]
    """The line of the audit log."""
    head: str
    """SHA-256 of the log's last line, newline included."""
