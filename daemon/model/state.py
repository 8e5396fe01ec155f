# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The state of the room: its phase, its recording, its open alarms, and the policy's rules for it.

Invariant: these are values. Only `step` in `room.py` makes the next one.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

from msgspec import Struct

from daemon.model.events import Level, RecordPressed, ResetBy
from daemon.model.faults import FaultName
from daemon.model.policy import NS, Policy
from hardware.ports import Track


class Phase(Enum):
    """Phase of the room."""

    READY = "ready"
    RECORDING = "recording"
    ENDING = "ending"
    ALARM = "alarm"
    PRIVACY = "privacy"


class Rules(Struct, frozen=True):
    """The policy's rules for the room, with times in nanoseconds."""

    pre_event_ns: int
    post_event_ns: int
    maximum_ns: int
    warning_ns: int
    alarm_maximum_ns: int
    alarm_records: bool
    tracks: tuple[Track, ...]
    ends_by: Literal["press", "hold"]
    raised_by: Literal["press", "hold", "two_presses"] = "press"
    confirm_ns: int = 10 * NS
    silent: bool = False
    cancel_ns: int = 0
    reset_by: tuple[ResetBy, ...] = ("operator", "console", "key_switch")
    objection_by: tuple[Literal["hold", "button"], ...] = ()
    objection_ns: int = 3600 * NS
    objection_alarm_records: bool = False
    cover_alarm_records: bool = False
    ring_in_use: bool = False
    """Devices are closed while the room is not in use."""
    desk: bool = False
    """A desk for telephone calls: an objection is of one call."""

    @classmethod
    def of(cls, policy: Policy) -> Rules:
        """The rules of a policy."""
        timing = policy.timing
        return cls(
            pre_event_ns=timing.pre_event_s * NS,
            post_event_ns=timing.post_event_s * NS,
            maximum_ns=timing.maximum_s * NS,
            warning_ns=timing.warning_s * NS,
            alarm_maximum_ns=policy.alarm.maximum_s * NS,
            alarm_records=policy.alarm.records,
            tracks=policy.tracks(),
            ends_by=policy.record_button.ends_by,
            raised_by=policy.alarm.raised_by,
            confirm_ns=round(policy.alarm.confirm_s * NS),
            silent=policy.alarm.silent,
            cancel_ns=policy.alarm.cancel_s * NS,
            reset_by=policy.alarm.reset_by,
            objection_by=policy.objection.by,
            objection_ns=policy.objection.maximum_s * NS,
            objection_alarm_records=policy.objection.alarm_records,
            cover_alarm_records=policy.cover.alarm_records,
            ring_in_use=policy.use.ring_while == "in_use",
            desk=policy.place.kind == "desk",
        )


class Recording(Struct, frozen=True):
    """The recording that is running or wanted."""

    id: str
    until_ns: int
    """When it ends if nothing else happens."""
    alarm: bool
    running: bool = False
    """The recorder has reported that it writes."""
    test: bool = False
    """An engineer's test: anything that staff do with it makes it an ordinary recording."""
    lost: bool = False
    """The recorder does not have it (any more); a new part begins as soon as there is a device."""
    began_ns: int = 0
    """When the recorder was told to begin."""
    tries: int = 0
    """Failed parts in a row: the next waits longer."""
    part: str = ""
    """What the next part continues: the newest that the recorder has said it writes, or else the event's first part.
    Empty: no part can have begun."""
    over: bool = False
    """The use of the room in which it was made has ended."""
    again_ns: int = 0
    """When the next part of a lost recording is tried; 0: as soon as a device or a recorder is there."""


class Alarm(Struct, frozen=True):
    """An alarm that nobody has reset."""

    id: str
    pressed_ns: int
    level: Level = "raised"


class Room(Struct, frozen=True):
    """The state of the room."""

    rules: Rules
    phase: Phase = Phase.READY
    recording: Recording | None = None
    alarms: tuple[Alarm, ...] = ()
    alarm_until_ns: int = 0
    """When the alarm ends by itself (policy's maximum)."""
    lease_ns: int = 0
    """Until when the recorder may write; the lamp stays lit as long as this and a recording last."""
    owed_ns: int = 0
    """Since when a wanted recording has not begun: the press. 0: it has, or none is wanted."""
    recorder: tuple[Track, ...] | None = None
    """Tracks that the recorder can record now; None: it is not connected."""
    faults: tuple[tuple[FaultName, str], ...] = ()
    """Active faults: (name, detail), sorted by name."""
    waiting_ns: int | None = None
    """First edge of an alarm press that the policy requires to be held, or confirmed by a second one."""
    walk_until_ns: int = 0
    """Until then a press of an alarm button in a room at rest is a test."""
    outside_test: tuple[str, int] = ("", 0)
    """An outside worker's button, and until when its next press, and only that one, is a test."""
    test: Alarm | None = None
    """The latest test alarm: the lamp shows its level."""
    objection_until_ns: int = 0
    """When the objection ends by itself; 0: there is none. It waits while an alarm is open."""
    cover: str | None = None
    """The decision on which the current covered window is based."""
    quiet: tuple[Track, ...] = ()
    """The tracks whose devices are closed for privacy."""
    settled: bool = True
    """Whether it is known if there is an objection; until then the recorder may not open any device."""
    in_use: bool | None = None
    """Whether somebody is there, by the contact; None: none is fitted, or it has a fault."""
    use_counts: bool = False
    """This use is a conversation: it did not begin in a walk test or in an open alarm, to which people come."""
    use_recorded: bool = False
    """Something of this use was recorded."""
    use_alarm: bool = False
    """An alarm was open in this use."""
    unseen: int = 0
    """Presses since the last use began, while the contact said that nobody was there."""
    forgets: bool = False
    """The ring may hold seconds of a use that has ended: it is forgotten as soon as no recording needs it."""
    later: RecordPressed | None = None
    """A press of the record button that waits for a device, or for the end of the recording of the person before."""
    asked: RecordPressed | None = None
    """A press of the record button that may become a hold, where a hold is an objection."""
