# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The recorder: it connects and reports its recording, begins, holds its lease, ends, falls silent, disconnects."""

from __future__ import annotations

from msgspec.structs import replace

from daemon.model.events import (
    LeaseDue,
    Note,
    RecorderJoined,
    RecorderLeft,
    RecordingEnded,
    RecordingStarted,
    TimePassed,
    TracksChanged,
)
from daemon.model.rules.common import (
    Step,
    alarm_may_record,
    closed_ns,
    hush,
    new_part,
    put_off,
    renew_lease,
    rest,
    set_end,
)
from daemon.model.state import Phase, Recording, Room


def adopt(room: Room, item: RecorderJoined, now_ns: int) -> Step:
    """The recorder is back, or this process is: whatever it is writing becomes the room's recording.

    It is told now what it missed: an end that was asked for, or that it is an alarm's recording.
    """
    mine = room.recording
    room = replace(room, recorder=item.tracks)
    if item.recording_id is None:
        return room, ()
    room = replace(room, owed_ns=0)
    found = Recording(item.recording_id, item.until_ns, alarm=item.alarm, running=True, part=item.recording_id)
    if room.phase is Phase.PRIVACY:
        return hush(replace(room, recording=found), now_ns)
    if room.phase is Phase.ALARM and room.quiet:  # a recording that was closing when the alarm came has no device left
        return set_end(replace(room, recording=found), min(found.until_ns, now_ns), alarm=found.alarm)
    if room.phase is Phase.READY:
        found = replace(found, over=room.in_use is False)  # whose it was has gone while this process was away
        room = rest(replace(room, phase=Phase.RECORDING, recording=found))
        return room, (Note("recording_adopted", item.recording_id),)
    wanted = found
    if room.phase is Phase.ALARM:
        wanted = replace(found, until_ns=room.alarm_until_ns + room.rules.post_event_ns, alarm=True)
    elif mine is not None and mine.id == found.id:
        wanted = replace(found, until_ns=mine.until_ns, alarm=mine.alarm)
    room = replace(room, recording=found)
    return (room, ()) if wanted == found else set_end(room, wanted.until_ns, alarm=wanted.alarm)


def take_up(room: Room, item: RecorderJoined, now_ns: int) -> Step:
    """A recording is wanted: the one that the recorder is writing, or a new part of the one that it lost."""
    if item.recording_id is not None:
        return adopt(room, item, now_ns)
    return new_part(replace(room, recorder=item.tracks), item.fresh_id, now_ns)


def tracks(room: Room, item: TracksChanged, now_ns: int) -> Step:
    """Begin a wanted recording with the first device: a new recorder connects before its devices are open."""
    room = replace(room, recorder=item.tracks)
    if room.recording is not None and not room.recording.lost:
        return room, ()
    return new_part(room, item.fresh_id, now_ns)


def started(room: Room, item: RecordingStarted, now_ns: int) -> Step:
    """The recorder writes."""
    if room.recording is None or room.recording.id != item.recording_id:
        return room, (Note("recording_unknown", item.recording_id),)
    return replace(room, recording=replace(room.recording, running=True, part=item.recording_id), owed_ns=0), ()


def renew(room: Room, item: LeaseDue, now_ns: int) -> Step:
    """A second has passed: renew the lease to five from now."""
    return renew_lease(room, now_ns)


def cut_off(room: Room, item: RecordingEnded, now_ns: int) -> Step:
    """A recording that is still wanted has ended: a new part follows (promise R8).

    At once after a missed lease, or after `asked` before its time: the end was put off while the recorder was already
    closing. `stopped`: with the next recorder. After a refusal or a disk failure an alarm's is tried again a little
    later, and a conversation is over.
    """
    mine = room.recording
    if mine is None or mine.id != item.recording_id or now_ns >= mine.until_ns:
        return ended(room, item, now_ns)
    if item.why == "stopped":
        return replace(room, recording=replace(mine, running=False, lost=True, again_ns=0), lease_ns=0), ()
    if item.why in ("lease", "asked"):
        return new_part(room, item.fresh_id, now_ns)
    return put_off(room, now_ns, refused=item.why == "refused")


def again(room: Room, fresh_id: str, now_ns: int) -> Step:
    """Try an open alarm's postponed recording, if it is time."""
    mine = room.recording
    if mine is None or not mine.again_ns or now_ns < mine.again_ns or not fresh_id:
        return room, ()
    return new_part(room, fresh_id, now_ns)


def unrecorded(room: Room) -> str:
    """Why an open alarm is not recorded although the policy wants it; empty: it is, or need not be."""
    if room.phase is not Phase.ALARM or not alarm_may_record(room):
        return ""
    if room.recording is not None and not room.recording.lost:
        return ""
    return "an alarm is open and is not recorded; it is tried again and again"


def ended(room: Room, item: RecordingEnded, now_ns: int) -> Step:
    """The recording is closed, and the room at rest."""
    if room.recording is None or room.recording.id != item.recording_id:
        return room, (Note("recording_unknown", item.recording_id),)
    return rest(replace(room, recording=None, lease_ns=0)), ()


def silent(room: Room, item: TimePassed, now_ns: int) -> Step:
    """The recorder never reported closing: once its lease is over it can no longer be writing."""
    if room.recording is None:
        return rest(replace(room, lease_ns=0)), ()
    if now_ns < closed_ns(room):
        return room, ()
    unheard = room.recording.id
    return rest(replace(room, recording=None, lease_ns=0)), (Note("recording_end_unknown", unheard),)


def left(room: Room, item: RecorderLeft, now_ns: int) -> Step:
    """The recorder has gone, and may or may not still be writing; the lamp stays lit until its lease ends.

    If only its connection is lost, it may miss the end of a use.
    """
    recording = replace(room.recording, running=False) if room.recording else None
    forgets = room.forgets or room.in_use is not None
    return replace(room, recorder=None, recording=recording, forgets=forgets), ()
