# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The words of the room: what can happen to it (inputs) and what it wants done (effects).

Inputs carry everything that deciding needs, fresh ids included, so that the table in `room.py` stays pure.
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
"""Where an alarm event comes from: a button on a wire or without one, a person's command, or the unit itself."""


class AlarmPressed(Input, frozen=True):
    """An alarm button has been down for 50 ms, or a wireless one has said that it was pressed."""

    at_ns: int
    """The first edge of the press."""
    alarm_id: str
    recording_id: str
    """The id that a recording gets if this press starts one."""
    source: str = "alarm"
    """Which button, by its name in unit.toml."""
    source_kind: SourceKind = "wired"
    in_room: bool = True
    """False: an outside worker's button. The alarm goes out, and nothing in this room changes."""
    waited: bool = False
    """The broker has kept it for a unit that was away: nobody says since when."""


class AlarmHeld(Input, frozen=True):
    """The alarm button has been down as long as the policy calls a hold."""

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
    """The record button has been down as long as the policy calls a hold."""

    at_ns: int


class RecordReleased(Input, frozen=True):
    """The record button is up again after a press that counted."""


class ObjectionPressed(Input, frozen=True):
    """The button of an objection has been down for 50 ms: it begins one, and ends it."""

    at_ns: int


class ObjectionFound(Input, frozen=True):
    """The journal has been read, or cannot be: from now on it is known whether an objection is in force."""

    until_ns: int = 0
    """In the time of this boot; 0: none is."""


class CoverChanged(Input, frozen=True):
    """A covered window has begun, or is over."""

    decision: str | None
    """The decision that it rests on; None: no window is in force."""


class PolicyChanged(Input, frozen=True):
    """Another policy is in force from now on."""

    policy: Policy


ResetBy = Literal["operator", "console", "key_switch"]


class ResetAsked(Input, frozen=True):
    """Somebody ends the alarm."""

    event_id: str
    by: str
    """For a person: who."""
    means: ResetBy = "operator"
    """By what; the policy says which may."""
    alarm_ids: tuple[str, ...] = ()
    """The alarms that are meant; empty: all that are open. An alarm that was raised since stays open."""


class AlarmTestAsked(Input, frozen=True):
    """An operator sends one test alarm."""

    event_id: str
    by: str


class RecordingTestAsked(Input, frozen=True):
    """An engineer wants to see that a recording can be made: a few seconds, deleted as soon as they are verified."""

    recording_id: str
    until_ns: int
    by: str


class WalkTestSet(Input, frozen=True):
    """An operator begins a walk test, or ends it: until then a press in a room at rest is a test."""

    until_ns: int
    """0: it ends now."""
    by: str
    button: str = ""
    """An outside worker's, by its name: until then its next press, that one alone, is a test, whatever the room is."""


Level = Literal["raised", "kept", "broker", "stored", "accepted"]
LEVELS: tuple[Level, ...] = ("raised", "kept", "broker", "stored", "accepted")


class OpenAlarm(Struct, frozen=True):
    """What the journal remembers of an alarm that was neither reset nor outlived."""

    alarm_id: str
    pressed_ns: int
    """In the time of this boot; negative when the press was before it."""
    level: Level = "kept"


class AlarmsFound(Input, frozen=True):
    """The alarm process has started again and its journal holds open alarms."""

    alarms: tuple[OpenAlarm, ...]
    fresh_id: str = ""
    """The id for a recording, if the recorder has come before the journal could be read; empty: none is started."""
    waiting_ns: int | None = None
    """A press, in the time of this boot, that waited for its second when the process died."""
    part: str | None = None
    """The recording that the first of them had in this boot; empty: none was begun; None: nobody knows."""


class RecorderJoined(Input, frozen=True):
    """The recorder has connected and says what it can and what it is doing."""

    tracks: tuple[Track, ...]
    recording_id: str | None
    until_ns: int
    alarm: bool
    fresh_id: str
    """The id for a new part, if one has to be started."""


class RecorderLeft(Input, frozen=True):
    """The recorder's connection is gone."""


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
    """A deadline of the room has come."""

    event_id: str
    fresh_id: str = ""
    """The id for a new part, if an open alarm has been waiting for one; empty: none is begun."""


class LeaseDue(Input, frozen=True):
    """A second has gone by since the recorder's lease was renewed."""


class ForgetAsked(Input, frozen=True):
    """An operator wants the pre-event ring dropped now."""


class Delivered(Input, frozen=True):
    """An alarm has come further: in the journal, at the broker, stored by a receiver, accepted by a person."""

    alarm_id: str
    level: Level


class FaultChanged(Input, frozen=True):
    """Something does not work, or works again."""

    fault: FaultName
    detail: str
    """What is wrong, for a person; empty when it is mended."""
    event_id: str = ""
    """Given where the fault is also sent as an alarm event of its own: the buttons (promise A6)."""


# --- effects ----------------------------------------------------------------------------------------------------


class Effect(Struct, frozen=True, tag=True):
    """Root of everything that a room can want done; tagged, because the recorder's go over a socket."""


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
    """Alarms that are no longer open with it, or never were open in this room: one commit, for a process that dies
    between two would find the room's alarm open again after its reset, or an outside worker's open here."""


class Close(Effect, frozen=True):
    """The journal marks these alarms as no longer open; sending goes on until each is delivered."""

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
    """The recording of which this is a new part, after the recorder was interrupted."""
    test: bool = False
    """An engineer's: the keeper verifies and deletes it as soon as it is closed, unless somebody needed it."""


class SetEnd(Effect, frozen=True):
    """The running recording ends at another time, is from now on an alarm's, or is no test any more."""

    recording_id: Id
    until_ns: Ns
    alarm: bool
    test: bool = False


class Lease(Effect, frozen=True):
    """The recorder may write until then; carried out only while the recording lamp reads back as lit."""

    recording_id: Id
    until_ns: Ns


class Forget(Effect, frozen=True):
    """Drop the ring and its keys now."""


class Quiet(Effect, frozen=True):
    """The devices of these tracks are closed, what the ring holds of them is forgotten; the others may be open.

    A recorder opens no device before the first of these.
    """

    tracks: Annotated[tuple[Track, ...], Meta(max_length=2)]


class Objection(Effect, frozen=True):
    """An objection begins or is over: kept, and counted without a name."""

    until_ns: int
    """When it ends by itself; 0: it is over."""
    why: Literal["asked", "time", "alarm"]
    """By what: staff, the policy's seconds, or an alarm that is recorded all the same."""


class Waits(Effect, frozen=True):
    """Remember a press that a second one has to confirm: whoever presses it may find the unit starting again."""

    at_ns: int


class Note(Effect, frozen=True):
    """Something for the event log that changes nothing."""

    event: str
    detail: str = ""
