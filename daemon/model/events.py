# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room's inputs (what can happen to it) and effects (what it wants done).

Inputs carry everything needed to decide, new ids included, so that the table in `room.py` stays pure.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from daemon.model.bounds import Id, Ns
from daemon.model.faults import FaultName
from daemon.model.policy import Policy
from hardware.ports import Track

# --- inputs -----------------------------------------------------------------------------------------------------


class Input(Struct, frozen=True):
    """Root of everything that can happen to a room."""


SourceKind = Literal["wired", "mobile", "operator", "console", "unit"]
"""Source of an alarm event: a wired or a wireless button, a person's command, or the unit itself."""


class AlarmPressed(Input, frozen=True):
    """An alarm button has been down for 50 ms, or a wireless one has reported a press."""

    at_ns: int
    """The first edge of the press."""
    alarm_id: str
    recording_id: str
    """The id of a recording started by this press."""
    source: str = "alarm"
    """Name of the button in unit.toml."""
    source_kind: SourceKind = "wired"
    in_room: bool = True
    """False: an outside worker's button. The alarm is sent, and nothing in this room changes."""
    waited: bool = False
    """The broker kept it while the unit was away: its time is unknown."""
    again: bool = False
    """Waited, and the broker had sent it before: what this unit told of it then, if anything, is not in its journal."""


class AlarmHeld(Input, frozen=True):
    """The alarm button has been down for the policy's hold time."""

    at_ns: int
    """The first edge of the press."""
    alarm_id: str
    recording_id: str
    source: str = "alarm"


class RecordPressed(Input, frozen=True):
    """The record button has been down for 50 ms."""

    at_ns: int
    recording_id: str


class RecordHeld(Input, frozen=True):
    """The record button has been down for the policy's hold time."""

    at_ns: int


class RecordReleased(Input, frozen=True):
    """The record button is up again after a press that counted."""


class ObjectionPressed(Input, frozen=True):
    """The objection button has been down for 50 ms: it begins an objection, or ends it."""

    at_ns: int


class ObjectionFound(Input, frozen=True):
    """The journal has been read, or cannot be: it is now known whether there is an objection."""

    until_ns: int = 0
    """Boot time of its end; 0: there is none."""
    in_use: bool = False
    """It was noted in a use, as the contact said then: at a desk, in its call."""


class CoverChanged(Input, frozen=True):
    """A covered window has begun, or is over."""

    decision: str | None
    """The decision that it is based on; None: no window applies."""


class PolicyChanged(Input, frozen=True):
    """Another policy is in force from now on."""

    policy: Policy


ResetBy = Literal["operator", "console", "key_switch"]


class ResetAsked(Input, frozen=True):
    """Somebody ends the alarm."""

    event_id: str
    by: str
    """Who, for a person."""
    means: ResetBy = "operator"
    """By which means; the policy says which are allowed."""
    alarm_ids: tuple[str, ...] = ()
    """The alarms to end; empty: all open ones. An alarm that was raised since stays open."""


class AlarmTestAsked(Input, frozen=True):
    """An operator sends one test alarm."""

    event_id: str
    by: str


class RecordingTestAsked(Input, frozen=True):
    """An engineer tests recording: a few seconds, deleted as soon as they are verified."""

    recording_id: str
    until_ns: int
    by: str


class WalkTestSet(Input, frozen=True):
    """An operator begins or ends a walk test: during it a press in a room at rest is a test."""

    until_ns: int
    """0: it ends now."""
    by: str
    button: str = ""
    """An outside worker's button, by name: only its next press is a test, whatever the state of the room."""


Level = Literal["raised", "kept", "broker", "stored", "accepted"]
LEVELS: tuple[Level, ...] = ("raised", "kept", "broker", "stored", "accepted")


class OpenAlarm(Struct, frozen=True):
    """An alarm in the journal that is still open."""

    alarm_id: str
    pressed_ns: int
    """Boot time of the press; negative if it was before this boot."""
    level: Level = "kept"


class AlarmsFound(Input, frozen=True):
    """The alarm process has restarted, and its journal has open alarms."""

    alarms: tuple[OpenAlarm, ...]
    fresh_id: str = ""
    """The id for a recording, if the recorder connected before the journal could be read; empty: none is started."""
    waiting_ns: int | None = None
    """Boot time of a press that was waiting for its second when the process died."""
    part: str | None = None
    """The recording that the first of them had in this boot; empty: none was begun; None: unknown."""
    owed_ns: int = 0
    """Since when one was owed, if that is known: an alarm can be older than this boot."""


class RecorderJoined(Input, frozen=True):
    """The recorder has connected, and reports its tracks and its open recording."""

    tracks: tuple[Track, ...]
    recording_id: str | None
    until_ns: int
    alarm: bool
    fresh_id: str
    """The id for a new part, if one has to be started."""


class RecorderLeft(Input, frozen=True):
    """The recorder has disconnected."""


class TracksChanged(Input, frozen=True):
    """A camera or microphone came or went."""

    tracks: tuple[Track, ...]
    fresh_id: str
    """The id for a recording, if an alarm has been waiting for a device."""


class RecordingStarted(Input, frozen=True):
    """The first byte of a recording is about to be durable."""

    recording_id: str


EndReason = Literal["asked", "lease", "store", "full", "refused", "stopped"]


class RecordingEnded(Input, frozen=True):
    """A recording is closed: no byte is written any more."""

    recording_id: str
    why: EndReason
    detail: str
    fresh_id: str


class TimePassed(Input, frozen=True):
    """A deadline of the room has passed."""

    event_id: str
    fresh_id: str = ""
    """The id for a new part, if an open alarm has been waiting for one; empty: none is begun."""


class LeaseDue(Input, frozen=True):
    """The recorder's lease is due for renewal, a second after the last."""


class UseChanged(Input, frozen=True):
    """The contact says that the room is in use, or is not."""

    in_use: bool | None
    """None: the contact has a fault, and nobody knows."""


class ForgetAsked(Input, frozen=True):
    """An operator drops the pre-event ring."""


class Delivered(Input, frozen=True):
    """An alarm has reached a level: in the journal, at the broker, stored by a receiver, accepted by a person."""

    alarm_id: str
    level: Level


class FaultChanged(Input, frozen=True):
    """A fault has begun, changed or ended."""

    fault: FaultName
    detail: str
    """What is wrong, for a person; empty: it is over."""
    event_id: str = ""
    """Set if the fault is also sent as an alarm event: the buttons' (promise A6)."""


# --- effects ----------------------------------------------------------------------------------------------------


class Effect(Struct, frozen=True, tag=True):
    """Root of all effects; tagged, because the recorder's cross a socket."""


AlarmEventKind = Literal["raised", "repeated", "cancelled", "reset", "fault", "test"]


class Raise(Effect, frozen=True):
    """Keep an alarm event in the journal and publish it; the two start together."""

    kind: AlarmEventKind
    event_id: str
    alarm_id: str
    source: str
    pressed_ns: int
    recording_id: str | None
    detail: str = ""
    source_kind: SourceKind = "unit"
    in_room: bool = True
    silent: bool = False
    closes: tuple[str, ...] = ()
    """Alarms that this event ends, or that were never open in this room. One commit: a process that died between two
    would find the room's alarm open again after its reset, or an outside worker's open here."""


class Close(Effect, frozen=True):
    """Mark these alarms as closed in the journal; sending goes on until each is delivered."""

    alarm_ids: tuple[str, ...]


class StartRecording(Effect, frozen=True):
    """Write the ring and what follows, from `trigger_ns` minus the pre-event time until `until_ns`.

    The recorder waits for the first lease.
    """

    recording_id: Id
    trigger_ns: Ns
    pre_event_ns: Ns
    until_ns: Ns
    alarm: bool
    continues: Id | None = None
    """The recording that this one continues, after the recorder was interrupted."""
    test: bool = False
    """An engineer's test: the keeper verifies and deletes it as soon as it is closed, unless somebody needed it."""


class SetEnd(Effect, frozen=True):
    """Change the end of the open recording, make it an alarm's, or no longer a test."""

    recording_id: Id
    until_ns: Ns
    alarm: bool
    test: bool = False


class Lease(Effect, frozen=True):
    """The recorder may write until then. Carried out only while the recording lamp reads back as lit."""

    recording_id: Id
    until_ns: Ns


class UseOver(Effect, frozen=True):
    """A use of the room has ended: counted, and nobody named."""

    recorded: bool
    """Something of it was."""
    alarm: bool
    """One was open in it."""


class Forget(Effect, frozen=True):
    """Drop the ring and its keys now."""


class Quiet(Effect, frozen=True):
    """Close the devices of these tracks and drop their part of the ring; the others may be open.

    A recorder opens no device before the first of these.
    """

    tracks: Annotated[tuple[Track, ...], Meta(max_length=2)]


class Objection(Effect, frozen=True):
    """An objection begins or ends: keep it, and count it without a name."""

    until_ns: int
    """When it ends by itself; 0: it is over."""
    why: Literal["asked", "time", "alarm", "call"]
    """By whom: staff, the policy's time, an alarm that is recorded all the same, or the end of its call at a desk."""


class Waits(Effect, frozen=True):
    """Remember a press that a second one has to confirm: the unit may restart between the two."""

    at_ns: int


class Note(Effect, frozen=True):
    """An entry for the event log that changes nothing."""

    event: str
    detail: str = ""
