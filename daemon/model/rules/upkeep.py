# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Engineers' requests and the unit's own findings: walk tests, test alarms, test recordings, faults, a new policy."""

from __future__ import annotations

from msgspec.structs import replace

from daemon.model.events import (
    AlarmHeld,
    AlarmPressed,
    AlarmTestAsked,
    Effect,
    FaultChanged,
    Forget,
    ForgetAsked,
    Note,
    Objection,
    PolicyChanged,
    Raise,
    RecordingTestAsked,
    StartRecording,
    WalkTestSet,
)
from daemon.model.rules.common import Step, begin, can_record, rest, sent
from daemon.model.state import Alarm, Phase, Room, Rules


def walk_test(room: Room, item: WalkTestSet, now_ns: int) -> Step:
    """A press is a test only in a room at rest: while people are recorded or an alarm is open, it is an alarm.

    An outside worker's button has no room: it is tested by name, by the person who holds it.
    """
    if item.button:
        room = replace(room, outside_test=(item.button, item.until_ns))
        return room, (Note("outside_test", f"{item.button}, {item.by}" if item.until_ns else f"{item.button}, ended"),)
    if item.until_ns and room.phase is not Phase.READY:
        return room, (Note("walk_test_refused", "the room is in use"),)
    return replace(room, walk_until_ns=item.until_ns), (Note("walk_test", item.by if item.until_ns else "ended"),)


def try_alarm(room: Room, item: AlarmTestAsked, now_ns: int) -> Step:
    """Send a test alarm; the lamp shows its level."""
    room = replace(room, test=Alarm(item.event_id, now_ns))
    test = Raise("test", item.event_id, item.event_id, "operator", now_ns, None, item.by, "operator")
    return room, (test,)


def try_record(room: Room, item: RecordingTestAsked, now_ns: int) -> Step:
    """Record nothing from before the request; it ends by itself."""
    if not can_record(room) or not room.rules.tracks:
        return room, (Note("recording_refused", "there is nothing to record from"),)
    start = StartRecording(item.recording_id, now_ns, 0, item.until_ns, alarm=False, test=True)
    room, effects = begin(room, start, now_ns)
    return replace(room, phase=Phase.ENDING), (Note("recording_test", item.by), *effects)


def fault(room: Room, item: FaultChanged, now_ns: int) -> Step:
    """Lamps and health show it; a button's fault is also sent as an alarm event (promise A6)."""
    faults = {name: detail for name, detail in room.faults if name != item.fault}
    if item.detail:
        faults[item.fault] = item.detail
    room = replace(room, faults=tuple(sorted(faults.items())))
    if not item.event_id:
        return room, ()
    detail = item.detail or "mended"
    return room, (Raise("fault", item.event_id, item.event_id, item.fault, now_ns, None, detail),)


def policy(room: Room, item: PolicyChanged, now_ns: int) -> Step:
    """A new policy: the recorder ends what it forbids, and restarts without the tracks that are off."""
    effects: tuple[Effect, ...] = (Note("policy_in_force", item.policy.name),)
    if room.objection_until_ns and not item.policy.tracks():
        room, effects = replace(room, objection_until_ns=0), (*effects, Objection(0, "time"))
    return rest(replace(room, rules=Rules.of(item.policy), asked=None)), effects


def forget(room: Room, item: ForgetAsked, now_ns: int) -> Step:
    """Have the recorder drop its ring now."""
    return room, (Forget(),)


def walk_press(room: Room, item: AlarmPressed | AlarmHeld, now_ns: int) -> Step:
    """A press in a walk test: it is sent as a test, and no alarm is open."""
    room = replace(room, test=Alarm(item.alarm_id, item.at_ns), waiting_ns=None)
    return room, (sent(room, "test", item, item.alarm_id),)
