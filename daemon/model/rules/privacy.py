# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Privacy: a resident's objection and the covered window. Nothing is recorded then, and the alarm works."""

from __future__ import annotations

from msgspec.structs import replace

from daemon.model.events import CoverChanged, Note, Objection, ObjectionFound, ObjectionPressed, RecordHeld, TimePassed
from daemon.model.rules.common import Step, hush, rest
from daemon.model.state import Phase, Room


def press(room: Room, item: ObjectionPressed, now_ns: int) -> Step:
    """The objection button counts if the policy has one."""
    if "button" not in room.rules.objection_by:
        return room, (Note("objection_noted", "the policy knows no objection by a button"),)
    return objection(room, item, now_ns)


def cover(room: Room, item: CoverChanged, now_ns: int) -> Step:
    """Begin a window at once, unless an alarm is being recorded: that continues, and then the devices close."""
    room = replace(room, cover=item.decision)
    if item.decision is None:
        return rest(room), ()
    return hush(room, now_ns)


def over(room: Room, item: TimePassed, now_ns: int) -> Step:
    """An objection that nobody has ended is over after the policy's time."""
    if not room.objection_until_ns or now_ns < room.objection_until_ns:
        return room, ()
    return rest(replace(room, objection_until_ns=0)), (Objection(0, "time"),)


def found(room: Room, item: ObjectionFound, now_ns: int) -> Step:
    """The process has restarted: an objection that is not over continues."""
    room = replace(room, settled=True)
    if not item.until_ns or room.objection_until_ns:
        return room, ()
    if item.until_ns <= now_ns or not room.rules.tracks:  # over, or a new policy records nothing to object to
        return room, (Objection(0, "time"),)
    if item.in_use and room.rules.desk and room.in_use is False:  # its caller has hung up meanwhile
        return room, (Objection(0, "call"),)
    return hush(replace(room, objection_until_ns=item.until_ns), now_ns)


def objection(room: Room, item: RecordHeld | ObjectionPressed, now_ns: int) -> Step:
    """A resident objects: nothing more of this conversation is held or recorded, until it is over."""
    if room.phase is Phase.READY and now_ns < room.walk_until_ns:
        return room, (Note("objection_noted", "a walk test: the press has been seen"),)
    if not room.rules.tracks:
        return room, (Note("objection_noted", "the policy records neither sound nor image"),)
    if room.objection_until_ns:
        return rest(replace(room, objection_until_ns=0)), (Objection(0, "asked"),)
    until_ns = now_ns + room.rules.objection_ns
    room, effects = hush(replace(room, objection_until_ns=until_ns), now_ns)
    return room, (Objection(until_ns, "asked"), *effects)
