# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the unit knows of its room: the phase it is in, its recording, its open alarms, what the policy says of it.

The law here: these are values. Only `step` in `room.py` makes the next one.
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
    """Where the room stands."""

    READY = "ready"
    RECORDING = "recording"
    ENDING = "ending"
    ALARM = "alarm"
    PRIVACY = "privacy"


class Rules(Struct, frozen=True):
    """What the policy says about the room, in nanoseconds: the rules of the table go by it."""

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

    @classmethod
    def of(cls, policy: Policy) -> Rules:
        """The rules that a policy means."""
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
        )


class Recording(Struct, frozen=True):
    """The recording that runs or is wanted."""

    id: str
    until_ns: int
    """When it ends if nothing else happens."""
    alarm: bool
    running: bool = False
    """The recorder has said that it writes."""
    test: bool = False
    """An engineer's: whatever staff do with it makes it a recording like any other."""
    lost: bool = False
    """The recorder does not have it (any more); a new part begins as soon as there is a device to record from."""
    began_ns: int = 0
    """When the recorder was told to begin."""
    tries: int = 0
    """Parts in a row that came to little: the next is waited for longer."""
    again_ns: int = 0
    """When the next part of a lost one is tried; 0: as soon as a device or a recorder comes."""


class Alarm(Struct, frozen=True):
    """An alarm that nobody has reset."""

    id: str
    pressed_ns: int
    level: Level = "raised"


class Room(Struct, frozen=True):
    """All that the unit knows of its room."""

    rules: Rules
    phase: Phase = Phase.READY
    recording: Recording | None = None
    alarms: tuple[Alarm, ...] = ()
    alarm_until_ns: int = 0
    """When the alarm ends by itself (policy's maximum)."""
    lease_ns: int = 0
    """Until when the recorder may write; the lamp stays lit as long as this and a recording last."""
    owed_ns: int = 0
    """Since when what is wanted has no recording that was begun: the press. 0: it has, or nothing is wanted."""
    recorder: tuple[Track, ...] | None = None
    """The tracks that the recorder can record now; None while it is not there."""
    faults: tuple[tuple[FaultName, str], ...] = ()
    """What does not work now: (name, detail), in order of name."""
    waiting_ns: int | None = None
    """First edge of an alarm press that the policy wants held, or confirmed by a second one."""
    walk_until_ns: int = 0
    """Until then a press of an alarm button in a room at rest is a test."""
    outside_test: tuple[str, int] = ("", 0)
    """An outside worker's button, and until when its next press is a test; that one alone."""
    test: Alarm | None = None
    """The latest test alarm: the lamp shows how far it has come."""
    objection_until_ns: int = 0
    """When the objection that is in force ends by itself; 0: there is none. While an alarm is open it waits."""
    cover: str | None = None
    """The decision on which the covered window rests that is in force."""
    quiet: tuple[Track, ...] = ()
    """The tracks whose devices are closed for privacy."""
    settled: bool = True
    """Whether it is known if an objection is in force; until then the recorder is not told to open anything."""
    asked: RecordPressed | None = None
    """A press of the record button that may become a hold, where a hold is an objection."""
