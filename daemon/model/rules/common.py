# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Shared by the room's rules: an ignored cell, facts about a room, and moves that more than one rule makes.

Invariant: a fact changes nothing, and a move is a step like a rule's: the next room and the effects.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from daemon.model.events import (
    AlarmEventKind,
    AlarmHeld,
    AlarmPressed,
    Effect,
    Input,
    Lease,
    Note,
    Raise,
    RecordPressed,
    SetEnd,
    StartRecording,
)
from daemon.model.mobile import AGAIN, WAITED
from daemon.model.policy import NS
from daemon.model.state import Phase, Recording, Room
from hardware.ports import Track

LEASE_NS = 5 * NS
"""How long the recorder may write after the lamp's owner last had the lamp lit (promise R3): it limits what a dead
alarm process can leave being written, and allows a loaded Pi four late rounds."""
RENEW_NS = 1 * NS
"""How often the lease is renewed."""
AGAIN_NS = (1 * NS, 2 * NS, 4 * NS, 8 * NS)
"""Wait before an open alarm's next part after a failed one (promise R8), the last value repeated: a disk that comes
back is used within eight seconds, and one that never does is tried 450 times an hour."""
LATER_NS = 60 * NS
"""How long a press of the record button waits for a device, or for the end of the recording of the person before."""
UNSEEN_MAX = 5
"""Presses while the contact says that nobody is there, without a use in between: one or two are a cleaner's or a
test's, five mean that the contact does not close, or that nobody uses it."""
STEADY_NS = 60 * NS
"""A part of this length has not failed: the next waits as after the first failure."""

Step = tuple[Room, tuple[Effect, ...]]
"""What every rule returns: the next room, and the effects, in order."""


class Ignored(Struct, frozen=True):
    """A cell of the table in which nothing is to be done, and why."""

    why: str

    def __call__(self, room: Room, item: Input, now_ns: int) -> Step:
        """Leave the room as it is and note what was ignored."""
        del now_ns
        return room, (Note(f"ignored_{type(item).__name__}", self.why),)


private = Ignored("nothing is recorded in an objection or a covered window")


# --- facts ----------------------------------------------------------------------------------------------------------


def is_private(room: Room) -> bool:
    """Whether there is an objection or a covered window, under a policy that records anything."""
    return bool(room.rules.tracks) and (bool(room.objection_until_ns) or room.cover is not None)


def can_record(room: Room) -> bool:
    """Whether a device delivers that the policy allows and that is not closed for privacy."""
    return bool(set(room.recorder or ()) & set(room.rules.tracks) - set(room.quiet))


def closed_tracks(room: Room) -> tuple[Track, ...]:
    """Closed devices: for privacy all, except for the sound that an alarm in a covered window may need.

    All as well in a room that nobody uses, where the policy closes them between uses.
    """
    if not is_private(room):
        return room.rules.tracks if room.rules.ring_in_use and _is_idle(room) else ()
    sound_stays = room.rules.cover_alarm_records and not room.objection_until_ns
    return tuple(track for track in room.rules.tracks if track == "video" or not sound_stays)


def _is_idle(room: Room) -> bool:
    """Whether nobody is there, by a contact that is believed, and nothing is wanted."""
    is_away = room.in_use is False and room.unseen < UNSEEN_MAX
    is_wanted = room.recording is not None or room.later is not None or (room.alarms and alarm_may_record(room))
    return is_away and not is_wanted


def is_past(room: Room) -> bool:
    """Whether the recording is of the use before this one."""
    return room.recording is not None and room.recording.over and room.in_use is True


def later_until_ns(press: RecordPressed) -> int:
    """When a press that waits is given up."""
    return press.at_ns + LATER_NS


def alarm_may_record(room: Room) -> bool:
    """Whether the policy allows recording an alarm raised now; an objection weighs more than a window."""
    rules = room.rules
    if not (rules.alarm_records and rules.tracks):
        return False
    if room.objection_until_ns:
        return rules.objection_alarm_records and (room.cover is None or rules.cover_alarm_records)
    return room.cover is None or rules.cover_alarm_records


def asked_until_ns(room: Room, at_ns: int) -> int:
    """When a recording asked for at this moment ends, if nobody ends it."""
    return at_ns + room.rules.maximum_ns + room.rules.post_event_ns


def stop_ns(room: Room) -> int:
    """When the post-event time of a recording begins, if nobody ends it."""
    assert room.recording is not None  # noqa: S101 - only a bug could break it
    return room.recording.until_ns - room.rules.post_event_ns


def closed_ns(room: Room) -> int:
    """When a recorder that never reported closing can no longer be writing: its last lease is over."""
    assert room.recording is not None  # noqa: S101 - only a bug could break it
    return max(room.recording.until_ns + LEASE_NS, room.lease_ns)


# --- moves ----------------------------------------------------------------------------------------------------------


def begin(room: Room, start: StartRecording, now_ns: int) -> Step:
    """From here on the recording is the room's: tell the recorder to begin, and give it its lease."""
    tries = room.recording.tries if room.recording is not None else 0
    recording = Recording(
        start.recording_id, start.until_ns, start.alarm, test=start.test, began_ns=now_ns, tries=tries,
        part=start.continues or start.recording_id,
    )  # fmt: skip
    owed_ns = room.owed_ns if start.continues else start.trigger_ns
    room, lease = renew_lease(replace(room, recording=recording, owed_ns=owed_ns), now_ns)
    return room, (start, *lease)


def renew_lease(room: Room, now_ns: int) -> Step:
    """Let the recorder write five seconds more, if one has the recording."""
    if room.recording is None or room.recording.lost or room.recorder is None:
        return room, ()
    until_ns = now_ns + LEASE_NS
    return replace(room, lease_ns=until_ns), (Lease(room.recording.id, until_ns),)


def set_end(room: Room, until_ns: int, *, alarm: bool, test: bool = False) -> Step:
    """Change when the recording ends, make it an alarm's, or no longer a test."""
    assert room.recording is not None  # noqa: S101 - only a bug could break it
    recording = replace(room.recording, until_ns=until_ns, alarm=alarm, test=test)
    return replace(room, recording=recording), (SetEnd(recording.id, until_ns, alarm, test),)


def new_part(room: Room, fresh_id: str, now_ns: int) -> Step:
    """Continue the recording in a new part; an alarm without one gets its first.

    Time without a recording is counted from the press (promise R8).
    """
    wanted = room.recording
    if wanted is not None and not room.rules.tracks:
        return rest(replace(room, recording=None, lease_ns=0)), ()  # under another policy it never comes
    if wanted is not None:
        room = replace(room, recording=replace(wanted, running=False, lost=True, again_ns=0))
    elif room.phase is Phase.ALARM and alarm_may_record(room):
        wanted = Recording("", room.alarm_until_ns + room.rules.post_event_ns, alarm=True)
    if wanted is None or not (can_record(room) and room.rules.tracks) or now_ns >= wanted.until_ns:
        return room, ()
    trigger_ns, pre_event_ns = room.owed_ns or now_ns, room.rules.pre_event_ns
    start = StartRecording(
        fresh_id, trigger_ns, pre_event_ns, wanted.until_ns, wanted.alarm, wanted.part or None, wanted.test
    )
    return begin(room, start, now_ns)


def put_off(room: Room, now_ns: int, *, refused: bool) -> Step:
    """The recorder stopped writing and could not continue at once: try an open alarm's next part a little later.

    A conversation is over. The lamp goes dark at once, because nothing is written. What was `refused` never began.
    """
    mine = room.recording
    assert mine is not None  # noqa: S101 - only a bug could break it
    if room.phase is not Phase.ALARM:
        return rest(replace(room, recording=None, lease_ns=0)), ()
    tries = 0 if now_ns - mine.began_ns >= STEADY_NS else mine.tries
    wait_ns = AGAIN_NS[min(tries, len(AGAIN_NS) - 1)]
    mine = replace(mine, running=False, lost=True, tries=min(tries + 1, len(AGAIN_NS)), again_ns=now_ns + wait_ns)
    if refused and mine.part == mine.id:
        mine = replace(mine, part="")
    return replace(room, recording=mine, lease_ns=0), (Note("recording_put_off", f"{wait_ns / NS:g} s"),)


def wind_down(room: Room, at_ns: int) -> Step:
    """The end was asked for: the post-event time follows."""
    if room.recording is None:
        return rest(room), ()
    room = replace(room, phase=Phase.ENDING)
    if is_private(room) or is_past(room):  # an alarm that outlived its use: somebody else is there
        return hush(room, at_ns)
    return set_end(room, at_ns + room.rules.post_event_ns, alarm=room.recording.alarm)  # type: ignore[union-attr]


def hush(room: Room, now_ns: int) -> Step:
    """Privacy has begun: end a conversation's recording at this moment, without post-event time."""
    if room.phase is Phase.ALARM or room.recording is None:
        return rest(room), ()
    mine = room.recording
    room, effects = set_end(room, min(mine.until_ns, now_ns), alarm=mine.alarm, test=mine.test)
    return replace(room, phase=Phase.ENDING, quiet=closed_tracks(room)), effects


def seen(room: Room) -> Room:
    """Count a press for which the contact says that nobody is there."""
    return replace(room, unseen=room.unseen + 1) if room.in_use is False else room


def rest(room: Room) -> Room:
    """The room without a recording: ready, private, or with an unrecorded alarm."""
    if room.recording is not None:
        return room if is_private(room) else replace(room, quiet=())
    phase = Phase.ALARM if room.alarms else Phase.PRIVACY if is_private(room) else Phase.READY
    return replace(room, phase=phase, quiet=closed_tracks(room), owed_ns=room.owed_ns if room.alarms else 0)


def sent(room: Room, kind: AlarmEventKind, item: AlarmPressed | AlarmHeld, alarm_id: str) -> Raise:
    """A press as an alarm event."""
    pressed = item if isinstance(item, AlarmPressed) else None
    in_room = pressed.in_room if pressed else True
    return Raise(
        kind,
        item.alarm_id,
        alarm_id,
        item.source,
        item.at_ns,
        room.recording.id if room.recording and in_room and kind != "test" else None,
        detail=(AGAIN if pressed.again else WAITED if pressed.waited else "") if pressed else "",
        source_kind=pressed.source_kind if pressed else "wired",
        in_room=in_room,
        silent=room.rules.silent and in_room,
    )
