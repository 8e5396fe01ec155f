# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room in use: at the end of a use what the unit holds of it is forgotten, and the use is counted (promise R9).

A use is a visit or a call, by a contact: a hook, a door, a switch at the desk. Who it was nobody knows here. In doubt
somebody is there: a contact with a fault never keeps anything from being recorded (decision 25).
"""

from __future__ import annotations

from msgspec.structs import replace

from daemon.model.events import Effect, Forget, Note, Objection, StartRecording, UseChanged, UseOver
from daemon.model.rules import record
from daemon.model.rules.common import (
    UNSEEN_MAX,
    Step,
    alarm_may_record,
    begin,
    can_record,
    is_past,
    later_until_ns,
    rest,
    set_end,
    wind_down,
)
from daemon.model.state import Phase, Room


def changed(room: Room, item: UseChanged, now_ns: int) -> Step:
    """What the contact says now. While nobody knows, somebody may be there: what runs goes on, and devices are open.

    Once it is known again, whose seconds the ring holds is not: they are forgotten, at the start of the process too.
    """
    if item.in_use is room.in_use:
        return room, ()
    if item.in_use is None:
        return rest(replace(room, in_use=None)), (Note("use_not_known", "the in-use contact has a fault"),)
    room = replace(room, forgets=room.forgets or room.in_use is not False)
    return _begins(room, now_ns) if item.in_use else _ends(room, now_ns)


def _begins(room: Room, now_ns: int) -> Step:
    """What still runs of the person before ends at this moment, but for an open alarm's recording."""
    counts = not room.alarms and now_ns >= room.walk_until_ns
    room = replace(room, in_use=True, use_counts=counts, use_recorded=False, use_alarm=False, unseen=0)
    mine = room.recording
    if mine is None or not is_past(room) or room.phase is Phase.ALARM:
        return rest(room), ()
    room, effects = set_end(room, min(mine.until_ns, now_ns), alarm=mine.alarm, test=mine.test)
    return replace(room, phase=Phase.ENDING), effects


def _ends(room: Room, now_ns: int) -> Step:
    """A recording has its post-event seconds; one that was asked for while nobody knew runs on until somebody comes."""
    is_known, mine = room.in_use is not None, room.recording
    counted: tuple[Effect, ...] = (UseOver(room.use_recorded, room.use_alarm),) if is_known and room.use_counts else ()
    room = replace(room, in_use=False, later=None, recording=replace(mine, over=True) if mine else None)
    if room.rules.desk and room.objection_until_ns:  # the next caller has not objected
        room, counted = replace(room, objection_until_ns=0), (*counted, Objection(0, "call"))
    if room.phase is Phase.RECORDING and is_known:
        room, effects = wind_down(room, now_ns)
        return room, (*counted, *effects)
    return rest(room), counted


def settled(room: Room, now_ns: int) -> Step:
    """What follows from the room after each input: what a use counts as, what its end owes, a press that waits."""
    if room.in_use:
        is_recorded = room.recording is not None and not room.recording.test
        is_mine = room.phase is Phase.ALARM or not is_past(room)
        room = replace(
            room,
            use_recorded=room.use_recorded or (is_recorded and is_mine),
            use_alarm=room.use_alarm or bool(room.alarms),
        )
    effects: tuple[Effect, ...] = ()
    if room.forgets and _may_forget(room):
        room, effects = replace(room, forgets=False), (Forget(),)
    room, more = _waited(room, now_ns)
    return room, (*effects, *more)


def _waited(room: Room, now_ns: int) -> Step:
    """A press of the record button that waits: it is answered, or given up. An alarm that comes between answers it."""
    asked, is_alarm = room.later, room.phase is Phase.ALARM
    if asked is None:
        return room, ()
    if is_alarm and room.recording is not None:
        return replace(room, later=None), ()
    if now_ns >= later_until_ns(asked) or room.phase not in {Phase.READY, Phase.ENDING, Phase.ALARM}:
        return rest(replace(room, later=None)), (Note("press_given_up", "nothing could be recorded in time"),)
    if room.recording is not None or not can_record(room):
        return room, ()
    room = replace(room, later=None)
    if not is_alarm:
        return record.begin_conversation(room, asked, now_ns)
    until_ns = room.alarm_until_ns + room.rules.post_event_ns
    start = StartRecording(asked.recording_id, asked.at_ns, room.rules.pre_event_ns, until_ns, alarm=True)
    return begin(room, start, now_ns)


def _may_forget(room: Room) -> bool:
    """Not while an alarm's next part may need the ring, nor before the journal has said whether one is open."""
    is_needed = room.phase is Phase.ALARM and alarm_may_record(room)
    return room.settled and room.recorder is not None and room.recording is None and not is_needed


def unseen(room: Room) -> str:
    """The fault of a contact that never closes; empty: it does, or none is fitted."""
    if room.in_use is not False or room.unseen < UNSEEN_MAX:
        return ""
    return f"the in-use contact said that nobody was there at the last {UNSEEN_MAX} presses or more"
