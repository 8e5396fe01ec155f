# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The hold-up alarm: raised by a press, repeated, delivered, reset, expired, found again after a start.

Invariant: no press is swallowed. It is sent before anything else is done (promise A1), or it waits for the hold or the
second press that the policy requires.
"""

from __future__ import annotations

from msgspec.structs import replace

from daemon.model.events import (
    LEVELS,
    AlarmHeld,
    AlarmPressed,
    AlarmsFound,
    Close,
    Delivered,
    Effect,
    Note,
    Objection,
    Raise,
    ResetAsked,
    StartRecording,
    TimePassed,
    Waits,
)
from daemon.model.rules import recorder, upkeep
from daemon.model.rules.common import (
    Step,
    alarm_may_record,
    begin,
    can_record,
    closed_tracks,
    is_private,
    new_part,
    seen,
    sent,
    set_end,
    wind_down,
)
from daemon.model.state import Alarm, Phase, Recording, Room

ALARMS_MAX = 100
"""Alarms open at once. Later presses are still sent, as `repeated`, but are not open in the room or the journal."""


def press(room: Room, item: AlarmPressed, now_ns: int) -> Step:
    """A press while no alarm is open, as the policy requires. A wireless button has its own safeguards."""
    if not item.in_room:
        return _raise_elsewhere(room, item, now_ns)
    if item.source_kind == "wired" and room.rules.raised_by == "hold":
        return replace(room, waiting_ns=item.at_ns), (Note("press_waits", "this policy raises an alarm by a hold"),)
    if item.source_kind == "wired" and room.rules.raised_by == "two_presses" and not _confirms(room, item.at_ns):
        note = Note("press_waits", "this policy asks for a second press")
        return replace(room, waiting_ns=item.at_ns), (Waits(item.at_ns), note)
    if room.phase is Phase.READY and now_ns < room.walk_until_ns and not item.waited:
        return upkeep.walk_press(room, item, now_ns)
    return _raise(room, item, now_ns)


def hold(room: Room, item: AlarmHeld, now_ns: int) -> Step:
    """If the policy requires a hold, this raises the alarm."""
    if room.rules.raised_by != "hold":
        return room, (Note("hold_noted", "the press itself has already been answered"),)
    if room.phase is Phase.READY and now_ns < room.walk_until_ns:
        return upkeep.walk_press(room, item, now_ns)
    return _raise(room, item, now_ns)


def repeat(room: Room, item: AlarmPressed | AlarmHeld, now_ns: int) -> Step:
    """A press in an open alarm is never swallowed: it is sent as `repeated`, and is open as well."""
    if isinstance(item, AlarmPressed) and not item.in_room:
        return _raise_elsewhere(room, item, now_ns)
    repeated = sent(room, "repeated", item, room.alarms[0].id)
    room = replace(room, waiting_ns=None)
    if len(room.alarms) >= ALARMS_MAX:
        repeated = replace(repeated, closes=(item.alarm_id,))
    else:
        room = replace(room, alarms=(*room.alarms, Alarm(item.alarm_id, item.at_ns)))
    effects: tuple[Effect, ...] = ()
    if recorder.unrecorded(room):
        room, effects = new_part(room, item.recording_id, now_ns)  # a new press does not wait
    return room, (repeated, *effects)


def hold_again(room: Room, item: AlarmHeld, now_ns: int) -> Step:
    """If the press began before this alarm was open, its hold counts; otherwise the press has been answered."""
    if room.waiting_ns == item.at_ns:
        return repeat(room, item, now_ns)
    return room, (Note("hold_noted", "the press itself has already been answered"),)


def delivered(room: Room, item: Delivered, now_ns: int) -> Step:
    """Levels only rise: a late PUBACK after the receiver's acknowledgement changes nothing."""

    def further(alarm: Alarm) -> Alarm:
        up = alarm.id == item.alarm_id and LEVELS.index(item.level) > LEVELS.index(alarm.level)
        return replace(alarm, level=item.level) if up else alarm

    test = further(room.test) if room.test else None
    return replace(room, alarms=tuple(further(alarm) for alarm in room.alarms), test=test), ()


def reset(room: Room, item: ResetAsked, now_ns: int) -> Step:
    """End the alarm by a means that the policy allows; if it names alarms, only those."""
    if item.means not in room.rules.reset_by:
        return room, (Note("reset_refused", f"the policy lets no {item.means} end an alarm"),)
    meant = tuple(alarm for alarm in room.alarms if not item.alarm_ids or alarm.id in item.alarm_ids)
    if not meant:
        return room, (Note("reset_refused", "none of the alarms that it names is open"),)
    return _end(room, meant, item.event_id, f"reset by {item.by}", now_ns)


def outlived(room: Room, item: TimePassed, now_ns: int) -> Step:
    """Nobody has reset it: it ends after the policy's maximum. Until then a postponed recording is tried."""
    if now_ns < room.alarm_until_ns:
        return recorder.again(room, item.fresh_id, now_ns)
    return _end(room, room.alarms, item.event_id, "nobody reset it within the policy's maximum", now_ns)


def found(room: Room, item: AlarmsFound, now_ns: int) -> Step:
    """The process died with alarms open: they are open again, whatever happened before the journal could be read."""
    known = {alarm.id for alarm in room.alarms}
    found = tuple(Alarm(a.alarm_id, a.pressed_ns, a.level) for a in item.alarms if a.alarm_id not in known)
    if not found:
        is_waiting = item.waiting_ns is not None and room.waiting_ns is None and not room.alarms
        return replace(room, waiting_ns=item.waiting_ns) if is_waiting else room, ()
    alarms = (*room.alarms, *found[-ALARMS_MAX:])[:ALARMS_MAX]
    beyond = tuple(alarm.id for alarm in found if alarm not in alarms)
    newest_ns = max(alarm.pressed_ns for alarm in found)
    alarm_until_ns = max(room.alarm_until_ns, newest_ns + room.rules.alarm_maximum_ns)
    may_record, is_open = alarm_may_record(room), can_record(room)
    room, lifted = _open(replace(room, phase=Phase.ALARM, alarms=alarms, alarm_until_ns=alarm_until_ns))
    effects: tuple[Effect, ...] = ()
    if room.recording is not None and (may_record or not is_private(room)):
        room, effects = set_end(room, alarm_until_ns + room.rules.post_event_ns, alarm=True)
    elif room.recording is None and may_record:
        room = _goes_on(room, item, now_ns)
        room, effects = new_part(room, item.fresh_id, now_ns) if item.fresh_id and is_open else (room, ())
    closed = (Close(beyond),) if beyond else ()
    return room, (Note("alarms_found", f"{len(found)} open"), *lifted, *effects, *closed)


def _goes_on(room: Room, item: AlarmsFound, now_ns: int) -> Room:
    """From where the recording of a found alarm continues: after its last part, or since it is owed."""
    part = item.part
    if part is None:
        return replace(room, owed_ns=room.owed_ns or now_ns)  # before that there may have been an unknown part
    pressed_ns = min((alarm.pressed_ns for alarm in room.alarms if alarm.pressed_ns > 0), default=now_ns)
    until_ns = room.alarm_until_ns + room.rules.post_event_ns
    lost = Recording(part, until_ns, alarm=True, lost=True, part=part) if part else None
    return replace(room, owed_ns=room.owed_ns or item.owed_ns or pressed_ns, recording=lost)


def _confirms(room: Room, at_ns: int) -> bool:
    return room.waiting_ns is not None and at_ns - room.waiting_ns <= room.rules.confirm_ns


def _raise(room: Room, item: AlarmPressed | AlarmHeld, now_ns: int) -> Step:
    alarm = Alarm(item.alarm_id, item.at_ns)
    alarm_until_ns = item.at_ns + room.rules.alarm_maximum_ns
    until_ns = alarm_until_ns + room.rules.post_event_ns
    may_record, is_open = alarm_may_record(room), can_record(room)
    room = replace(seen(room), phase=Phase.ALARM, alarms=(alarm,), alarm_until_ns=alarm_until_ns, waiting_ns=None)
    room, lifted = _open(room)
    effects: tuple[Effect, ...] = ()
    if room.recording is not None and (may_record or not is_private(room)):
        room, effects = set_end(room, until_ns, alarm=True)
    elif room.recording is None and may_record:
        room = replace(room, owed_ns=item.at_ns)
        start = StartRecording(item.recording_id, item.at_ns, room.rules.pre_event_ns, until_ns, alarm=True)
        room, effects = begin(room, start, now_ns) if is_open else (room, ())
    return room, (sent(room, "raised", item, item.alarm_id), *lifted, *effects)


def _raise_elsewhere(room: Room, item: AlarmPressed, now_ns: int) -> Step:
    """An outside worker's alarm: it is sent until a receiver has stored it, and has no effect in this room.

    A press that the broker kept may be older than the test.
    """
    button, until_ns = room.outside_test
    if item.source == button and now_ns < until_ns and not item.waited:
        return replace(room, outside_test=("", 0)), (sent(room, "test", item, item.alarm_id),)
    return room, (replace(sent(room, "raised", item, item.alarm_id), closes=(item.alarm_id,)),)


def _open(room: Room) -> Step:
    """An alarm that is recorded opens the devices of a room in which nobody is by the contact."""
    room, lifted = _lift(room)
    return (room if is_private(room) else replace(room, quiet=closed_tracks(room))), lifted


def _lift(room: Room) -> Step:
    """An alarm that is recorded all the same ends the objection; recording begins when a device is open again."""
    if not (room.objection_until_ns and alarm_may_record(room)):
        return room, ()
    room = replace(room, objection_until_ns=0)
    return replace(room, quiet=closed_tracks(room)), (Objection(0, "alarm"),)


def _end(room: Room, ended: tuple[Alarm, ...], event_id: str, detail: str, now_ns: int) -> Step:
    """End these alarms. One raised since its reset was asked for stays open, and the room with it."""
    cancelled = now_ns - min(alarm.pressed_ns for alarm in ended) <= room.rules.cancel_ns
    still_open = tuple(alarm for alarm in room.alarms if alarm not in ended)
    over = Raise(
        "cancelled" if cancelled else "reset", event_id, ended[0].id, "reset", now_ns,
        room.recording.id if room.recording else None, detail, closes=tuple(alarm.id for alarm in ended),
    )  # fmt: skip
    room = replace(room, alarms=still_open)
    if still_open:
        return room, (over,)
    room, effects = wind_down(replace(room, alarm_until_ns=0), now_ns)
    return room, (over, *effects)
