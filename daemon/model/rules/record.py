# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The record button: it begins a conversation's recording, lets it continue, and ends it."""

from __future__ import annotations

from msgspec.structs import replace

from daemon.model.events import Note, RecordHeld, RecordPressed, RecordReleased, StartRecording, TimePassed
from daemon.model.policy import NS
from daemon.model.rules import privacy
from daemon.model.rules.common import (
    Ignored,
    Step,
    asked_until_ns,
    begin,
    is_past,
    is_private,
    private,
    rest,
    seen,
    set_end,
    stop_ns,
    wind_down,
)
from daemon.model.state import Phase, Room

HOLD_NS_MAX = 10 * NS
"""The longest hold that a policy allows: a later release counts from there."""

not_recording = Ignored("a hold begins nothing; the press before it has been answered")


def press(room: Room, item: RecordPressed, now_ns: int) -> Step:
    """If a hold is an objection, recording begins on release, with the pre-event time of the press."""
    if "hold" in room.rules.objection_by:
        return replace(room, asked=item), (Note("press_waits", "this policy takes a hold as an objection"),)
    return begin_conversation(room, item, now_ns)


def release(room: Room, item: RecordReleased, now_ns: int) -> Step:
    """The waiting press was not a hold: begin the recording."""
    asked, room = room.asked, replace(room, asked=None)
    if asked is None:
        return room, ()
    return begin_conversation(room, replace(asked, at_ns=max(asked.at_ns, now_ns - HOLD_NS_MAX)), now_ns)


def forget(room: Room, item: RecordReleased, now_ns: int) -> Step:
    """A release no longer means anything: something else has come between."""
    return replace(room, asked=None), ()


def hold(room: Room, item: RecordHeld, now_ns: int) -> Step:
    """While nothing is recorded a hold is an objection, or nothing."""
    if "hold" in room.rules.objection_by:
        return privacy.objection(replace(room, asked=None), item, now_ns)
    return (private if room.phase is Phase.PRIVACY else not_recording)(room, item, now_ns)


def end_press(room: Room, item: RecordPressed, now_ns: int) -> Step:
    """A press ends the recording, unless the policy requires a hold."""
    if room.rules.ends_by == "hold":
        return room, (Note("press_noted", "this policy ends a recording by holding the button"),)
    return wind_down(room, item.at_ns)


def end_hold(room: Room, item: RecordHeld, now_ns: int) -> Step:
    """A hold is an objection or ends the recording, by the policy; the hold that began it does not end it."""
    if "hold" in room.rules.objection_by:
        return privacy.objection(room, item, now_ns)
    if room.rules.ends_by == "press":
        return room, (Note("hold_noted", "the press itself has already been answered"),)
    if room.recording is not None and room.recording.until_ns == asked_until_ns(room, item.at_ns):
        return room, (Note("hold_noted", "the same press has begun the recording; the next hold ends it"),)
    return wind_down(room, item.at_ns)


def go_on(room: Room, item: RecordPressed, now_ns: int) -> Step:
    """Staff want it recorded after all: the same recording continues, unless it is of the person before."""
    if is_private(room):
        return room, (Note("press_noted", private.why),)
    if is_past(room):
        return replace(room, later=item), (Note("press_waits", "the recording of the use before is being closed"),)
    if room.recording is None:
        return begin_conversation(room, item, now_ns)
    until_ns = asked_until_ns(room, item.at_ns)
    return set_end(replace(room, phase=Phase.RECORDING), until_ns, alarm=room.recording.alarm)


def maximum(room: Room, item: TimePassed, now_ns: int) -> Step:
    """Nobody has ended it: its post-event time begins after the policy's maximum."""
    if room.recording is None or now_ns < stop_ns(room):
        return room, ()
    return replace(room, phase=Phase.ENDING), (Note("maximum_reached", room.recording.id),)


def waited(room: Room, item: TimePassed, now_ns: int) -> Step:
    """A press has waited for its devices: whether it is given up is settled after each input."""
    return room, ()


def begin_conversation(room: Room, item: RecordPressed, now_ns: int) -> Step:
    """A conversation's recording begins, or a note says why not."""
    if room.phase is Phase.READY and now_ns < room.walk_until_ns:
        return room, (Note("press_noted", "a walk test: the press has been seen, and records nothing"),)
    if not room.rules.tracks:
        return room, (Note("recording_refused", "the policy records neither sound nor image"),)
    if room.recorder is None:
        return room, (Note("recording_refused", "the recorder is not there"),)
    if room.quiet:  # nobody is there by the contact: whoever presses is
        return rest(replace(room, later=item)), (Note("press_waits", "the devices are being opened"),)
    if not room.recorder:
        return room, (Note("recording_refused", "no camera and no microphone to record from"),)
    until_ns = asked_until_ns(room, item.at_ns)
    start = StartRecording(item.recording_id, item.at_ns, room.rules.pre_event_ns, until_ns, alarm=False)
    room, effects = begin(seen(room), start, now_ns)
    return replace(room, phase=Phase.RECORDING), effects
