"""The whole unit as one table: what every press, answer and silence does to the room.

The law here: everything that decides lives in this file. A row of TABLE names an input, its columns are the phases,
a cell is the rule that answers it. A cell that says `ignored` gives its reason. Nothing else changes a room.

    READY      nothing is written
    RECORDING  a conversation is recorded because staff asked
    ENDING     the post-event seconds of a recording run out
    ALARM      an alarm is open, with a recording if the policy and the devices allow one
    PRIVACY    nothing may be recorded: an objection, or a covered window; devices are closed, the alarm works

`step(room, input, now_ns)` returns the next room and the effects in the order in which they are to be carried out:
the alarm first, then the lamps (which follow from the room, see `panel.py`), then the recorder.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from daemon.model.events import (
    LEVELS,
    AlarmEventKind,
    AlarmHeld,
    AlarmPressed,
    AlarmsFound,
    AlarmTestAsked,
    Close,
    CoverChanged,
    Delivered,
    Effect,
    FaultChanged,
    FaultName,
    Forget,
    ForgetAsked,
    Input,
    Lease,
    LeaseDue,
    Level,
    Note,
    Objection,
    ObjectionFound,
    ObjectionPressed,
    PolicyChanged,
    Quiet,
    Raise,
    RecorderJoined,
    RecorderLeft,
    RecordHeld,
    RecordingEnded,
    RecordingStarted,
    RecordingTestAsked,
    RecordPressed,
    RecordReleased,
    ResetAsked,
    ResetBy,
    SetEnd,
    StartRecording,
    TimePassed,
    TracksChanged,
    WalkTestSet,
)
from daemon.model.mobile import WAITED
from daemon.model.policy import NS, Policy
from hardware.ports import Track

LEASE_NS = 5 * NS
"""How long the recorder may write after the lamp's owner last held the lamp lit (promise R3): it bounds what a dead
alarm process can leave being written, and spares a loaded Pi four late rounds."""
RENEW_NS = 1 * NS
"""How often the lease is renewed."""

HOLD_NS_MAX = 10 * NS
"""The longest hold that a policy knows: a release that comes later than that counts from there."""
ALARMS_MAX = 100
"""Alarms open at once; the hundredth press without a reset is still sent, and noted as `repeated` from then on."""


class Phase(Enum):
    """Where the room stands."""

    READY = "ready"
    RECORDING = "recording"
    ENDING = "ending"
    ALARM = "alarm"
    PRIVACY = "privacy"


class Rules(Struct, frozen=True):
    """What the policy says about the room, in nanoseconds."""

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


Step = tuple[Room, tuple[Effect, ...]]
Rule = Callable[[Room, Any, int], Step]


class Ignored(Struct, frozen=True):
    """A cell of the table in which nothing is to be done, and why."""

    why: str

    def __call__(self, room: Room, item: Input, now_ns: int) -> Step:
        """Leaves the room as it is and notes what was passed over."""
        del now_ns
        return room, (Note(f"ignored_{type(item).__name__}", self.why),)


# --- the record button ----------------------------------------------------------------------------------------------


def _press_record(room: Room, item: RecordPressed, now_ns: int) -> Step:
    """Where a hold is an objection the recording begins with the release, and has the seconds before the press."""
    if "hold" in room.rules.objection_by:
        return replace(room, asked=item), (Note("press_waits", "this policy takes a hold as an objection"),)
    return _begin(room, item, now_ns)


def _release(room: Room, item: RecordReleased, now_ns: int) -> Step:
    asked, room = room.asked, replace(room, asked=None)
    if asked is None:
        return room, ()
    return _begin(room, replace(asked, at_ns=max(asked.at_ns, now_ns - HOLD_NS_MAX)), now_ns)


def _forget_press(room: Room, item: RecordReleased, now_ns: int) -> Step:
    return replace(room, asked=None), ()


def _begin(room: Room, item: RecordPressed, now_ns: int) -> Step:
    if room.phase is Phase.READY and now_ns < room.walk_until_ns:
        return room, (Note("press_noted", "a walk test: the press has been seen, and records nothing"),)
    if not room.rules.tracks:
        return room, (Note("recording_refused", "the policy records neither sound nor image"),)
    if room.recorder is None:
        return room, (Note("recording_refused", "the recorder is not there"),)
    if not room.recorder:
        return room, (Note("recording_refused", "no camera and no microphone to record from"),)
    until_ns = _asked_until_ns(room, item.at_ns)
    start = StartRecording(item.recording_id, item.at_ns, room.rules.pre_event_ns, until_ns, alarm=False)
    room, effects = _start(room, start, now_ns)
    return replace(room, phase=Phase.RECORDING), effects


def _test_recording(room: Room, item: RecordingTestAsked, now_ns: int) -> Step:
    """Nothing from before the engineer asked; it ends by itself."""
    if not _is_open(room) or not room.rules.tracks:
        return room, (Note("recording_refused", "there is nothing to record from"),)
    start = StartRecording(item.recording_id, now_ns, 0, item.until_ns, alarm=False, test=True)
    room, effects = _start(room, start, now_ns)
    return replace(room, phase=Phase.ENDING), (Note("recording_test", item.by), *effects)


def _end_by_press(room: Room, item: RecordPressed, now_ns: int) -> Step:
    if room.rules.ends_by == "hold":
        return room, (Note("press_noted", "this policy ends a recording by holding the button"),)
    return _wind_down(room, item.at_ns)


def _end_by_hold(room: Room, item: RecordHeld, now_ns: int) -> Step:
    if "hold" in room.rules.objection_by:
        return _object(room, item, now_ns)
    if room.rules.ends_by == "press":
        return room, (Note("hold_noted", "the press itself has already been answered"),)
    if room.recording is not None and room.recording.until_ns == _asked_until_ns(room, item.at_ns):
        return room, (Note("hold_noted", "the same press has begun the recording; the next hold ends it"),)
    return _wind_down(room, item.at_ns)


def _go_on(room: Room, item: RecordPressed, now_ns: int) -> Step:
    """Staff want it recorded after all: the same recording goes on."""
    if _is_private(room):
        return room, (Note("press_noted", _private.why),)
    if room.recording is None:
        return _begin(room, item, now_ns)
    until_ns = _asked_until_ns(room, item.at_ns)
    return _set_end(replace(room, phase=Phase.RECORDING), until_ns, alarm=room.recording.alarm)


# --- privacy --------------------------------------------------------------------------------------------------------


def _hold_objects(room: Room, item: RecordHeld, now_ns: int) -> Step:
    if "hold" in room.rules.objection_by:
        return _object(replace(room, asked=None), item, now_ns)
    return (_private if room.phase is Phase.PRIVACY else _not_recording)(room, item, now_ns)


def _press_objects(room: Room, item: ObjectionPressed, now_ns: int) -> Step:
    if "button" not in room.rules.objection_by:
        return room, (Note("objection_noted", "the policy knows no objection by a button"),)
    return _object(room, item, now_ns)


def _object(room: Room, item: RecordHeld | ObjectionPressed, now_ns: int) -> Step:
    """A resident objects: from here on nothing of this conversation is held or recorded, until it is over."""
    if room.phase is Phase.READY and now_ns < room.walk_until_ns:
        return room, (Note("objection_noted", "a walk test: the press has been seen"),)
    if not room.rules.tracks:
        return room, (Note("objection_noted", "the policy records neither sound nor image"),)
    if room.objection_until_ns:
        return _rest(replace(room, objection_until_ns=0)), (Objection(0, "asked"),)
    until_ns = now_ns + room.rules.objection_ns
    room, effects = _hush(replace(room, objection_until_ns=until_ns), now_ns)
    return room, (Objection(until_ns, "asked"), *effects)


def _objection_found(room: Room, item: ObjectionFound, now_ns: int) -> Step:
    """The process has started again: an objection that is not over goes on."""
    room = replace(room, settled=True)
    if not item.until_ns or room.objection_until_ns:
        return room, ()
    if item.until_ns <= now_ns or not room.rules.tracks:  # over, or a new policy records nothing that one can object to
        return room, (Objection(0, "time"),)
    return _hush(replace(room, objection_until_ns=item.until_ns), now_ns)


def _cover(room: Room, item: CoverChanged, now_ns: int) -> Step:
    """A window begins at once but for an alarm that is being recorded: that goes on, and then the devices close."""
    room = replace(room, cover=item.decision)
    if item.decision is None:
        return _rest(room), ()
    return _hush(room, now_ns)


def _under(room: Room, item: PolicyChanged, now_ns: int) -> Step:
    """Another policy: what it ends is ended by the recorder, which starts anew without the tracks that are off."""
    effects: tuple[Effect, ...] = (Note("policy_in_force", item.policy.name),)
    if room.objection_until_ns and not item.policy.tracks():
        room, effects = replace(room, objection_until_ns=0), (*effects, Objection(0, "time"))
    return _rest(replace(room, rules=Rules.of(item.policy), asked=None)), effects


def _privacy_over(room: Room, item: TimePassed, now_ns: int) -> Step:
    if not room.objection_until_ns or now_ns < room.objection_until_ns:
        return room, ()
    return _rest(replace(room, objection_until_ns=0)), (Objection(0, "time"),)


def _hush(room: Room, now_ns: int) -> Step:
    """Privacy has begun: a conversation's recording ends at this moment, without seconds after it."""
    if room.phase is Phase.ALARM or room.recording is None:
        return _rest(room), ()
    mine = room.recording
    room, effects = _set_end(room, min(mine.until_ns, now_ns), alarm=mine.alarm, test=mine.test)
    return replace(room, phase=Phase.ENDING, quiet=_closed(room)), effects


def _rest(room: Room) -> Room:
    """The room as it stands when nothing is recorded: ready or private, or with an alarm that has no recording."""
    if room.recording is not None:
        return room if _is_private(room) else replace(room, quiet=())
    phase = Phase.ALARM if room.alarms else Phase.PRIVACY if _is_private(room) else Phase.READY
    return replace(room, phase=phase, quiet=_closed(room))


def _is_private(room: Room) -> bool:
    return bool(room.rules.tracks) and (bool(room.objection_until_ns) or room.cover is not None)


def _closed(room: Room) -> tuple[Track, ...]:
    """Which devices are closed: all, but for the sound that an alarm in a covered window may need."""
    if not _is_private(room):
        return ()
    sound_stays = room.rules.cover_alarm_records and not room.objection_until_ns
    return tuple(track for track in room.rules.tracks if track == "video" or not sound_stays)


def _is_open(room: Room) -> bool:
    """Whether a device delivers that is not closed for privacy."""
    return bool(set(room.recorder or ()) - set(room.quiet))


def _lift(room: Room) -> Step:
    """An alarm that is recorded all the same ends the objection; its recording begins when a device is open again."""
    if not (room.objection_until_ns and _alarm_may_record(room)):
        return room, ()
    room = replace(room, objection_until_ns=0)
    return replace(room, quiet=_closed(room)), (Objection(0, "alarm"),)


def _alarm_may_record(room: Room) -> bool:
    """Whether the policy lets an alarm be recorded that is raised now; an objection weighs more than a window."""
    rules = room.rules
    if not (rules.alarm_records and rules.tracks):
        return False
    if room.objection_until_ns:
        return rules.objection_alarm_records and (room.cover is None or rules.cover_alarm_records)
    return room.cover is None or rules.cover_alarm_records


# --- the alarm button -----------------------------------------------------------------------------------------------


def _press_alarm(room: Room, item: AlarmPressed, now_ns: int) -> Step:
    """What one press means while no alarm is open: as the policy wants it. A wireless button has its own safeguards."""
    if not item.in_room:
        return _raise_elsewhere(room, item, now_ns)
    if item.source_kind == "wired" and room.rules.raised_by == "hold":
        return replace(room, waiting_ns=item.at_ns), (Note("press_waits", "this policy raises an alarm by a hold"),)
    if item.source_kind == "wired" and room.rules.raised_by == "two_presses" and not _confirms(room, item.at_ns):
        return replace(room, waiting_ns=item.at_ns), (Note("press_waits", "this policy asks for a second press"),)
    if room.phase is Phase.READY and now_ns < room.walk_until_ns and not item.waited:
        return _walk_press(room, item, now_ns)
    return _raise_alarm(room, item, now_ns)


def _confirms(room: Room, at_ns: int) -> bool:
    return room.waiting_ns is not None and at_ns - room.waiting_ns <= room.rules.confirm_ns


def _hold_alarm(room: Room, item: AlarmHeld, now_ns: int) -> Step:
    if room.rules.raised_by != "hold":
        return room, (Note("hold_noted", "the press itself has already been answered"),)
    if room.phase is Phase.READY and now_ns < room.walk_until_ns:
        return _walk_press(room, item, now_ns)
    return _raise_alarm(room, item, now_ns)


def _raise_alarm(room: Room, item: AlarmPressed | AlarmHeld, now_ns: int) -> Step:
    alarm = Alarm(item.alarm_id, item.at_ns)
    alarm_until_ns = item.at_ns + room.rules.alarm_maximum_ns
    until_ns = alarm_until_ns + room.rules.post_event_ns
    may_record, is_open = _alarm_may_record(room), _is_open(room)
    room = replace(room, phase=Phase.ALARM, alarms=(alarm,), alarm_until_ns=alarm_until_ns, waiting_ns=None)
    room, lifted = _lift(room)
    effects: tuple[Effect, ...] = ()
    if room.recording is not None and (may_record or not _is_private(room)):
        room, effects = _set_end(room, until_ns, alarm=True)
    elif room.recording is None and may_record and is_open:
        start = StartRecording(item.recording_id, item.at_ns, room.rules.pre_event_ns, until_ns, alarm=True)
        room, effects = _start(room, start, now_ns)
    return room, (_sent(room, "raised", item, item.alarm_id), *lifted, *effects)


def _repeat_alarm(room: Room, item: AlarmPressed | AlarmHeld, now_ns: int) -> Step:
    if isinstance(item, AlarmPressed) and not item.in_room:
        return _raise_elsewhere(room, item, now_ns)
    repeated = _sent(room, "repeated", item, room.alarms[0].id)
    if len(room.alarms) < ALARMS_MAX:
        room = replace(room, alarms=(*room.alarms, Alarm(item.alarm_id, item.at_ns)))
    return replace(room, waiting_ns=None), (repeated,)


def _hold_again(room: Room, item: AlarmHeld, now_ns: int) -> Step:
    """Of a press that began before this alarm was open only the hold counts; any other has been answered as a press."""
    if room.waiting_ns == item.at_ns:
        return _repeat_alarm(room, item, now_ns)
    return room, (Note("hold_noted", "the press itself has already been answered"),)


def _raise_elsewhere(room: Room, item: AlarmPressed, now_ns: int) -> Step:
    """An outside worker's: it goes out and is sent until a receiver has stored it; this room has no part in it.

    One that the broker has kept may have been made before anybody spoke of a test.
    """
    button, until_ns = room.outside_test
    if item.source == button and now_ns < until_ns and not item.waited:
        return replace(room, outside_test=("", 0)), (_sent(room, "test", item, item.alarm_id),)
    return room, (_sent(room, "raised", item, item.alarm_id), Close((item.alarm_id,)))


def _sent(room: Room, kind: AlarmEventKind, item: AlarmPressed | AlarmHeld, alarm_id: str) -> Raise:
    pressed = item if isinstance(item, AlarmPressed) else None
    in_room = pressed.in_room if pressed else True
    return Raise(
        kind,
        item.alarm_id,
        alarm_id,
        item.source,
        item.at_ns,
        room.recording.id if room.recording and in_room and kind != "test" else None,
        detail=WAITED if pressed and pressed.waited else "",
        source_kind=pressed.source_kind if pressed else "wired",
        in_room=in_room,
        silent=room.rules.silent and in_room,
    )


def _walk_press(room: Room, item: AlarmPressed | AlarmHeld, now_ns: int) -> Step:
    room = replace(room, test=Alarm(item.alarm_id, item.at_ns), waiting_ns=None)
    return room, (_sent(room, "test", item, item.alarm_id),)


def _test(room: Room, item: AlarmTestAsked, now_ns: int) -> Step:
    room = replace(room, test=Alarm(item.event_id, now_ns))
    test = Raise("test", item.event_id, item.event_id, "operator", now_ns, None, item.by, "operator")
    return room, (test,)


def _walk(room: Room, item: WalkTestSet, now_ns: int) -> Step:
    """A press is a test only in a room at rest: where people are being recorded or an alarm is open, it is an alarm.

    An outside worker's button has no room: it is tested by its name, by whoever has it in the hand.
    """
    if item.button:
        room = replace(room, outside_test=(item.button, item.until_ns))
        return room, (Note("outside_test", f"{item.button}, {item.by}" if item.until_ns else f"{item.button}, ended"),)
    if item.until_ns and room.phase is not Phase.READY:
        return room, (Note("walk_test_refused", "the room is in use"),)
    return replace(room, walk_until_ns=item.until_ns), (Note("walk_test", item.by if item.until_ns else "ended"),)


def _reset(room: Room, item: ResetAsked, now_ns: int) -> Step:
    if item.means not in room.rules.reset_by:
        return room, (Note("reset_refused", f"the policy lets no {item.means} end an alarm"),)
    meant = tuple(alarm for alarm in room.alarms if not item.alarm_ids or alarm.id in item.alarm_ids)
    if not meant:
        return room, (Note("reset_refused", "none of the alarms that it names is open"),)
    return _end_alarms(room, meant, item.event_id, f"reset by {item.by}", now_ns)


def _alarms_found(room: Room, item: AlarmsFound, now_ns: int) -> Step:
    """The process died with alarms open: they are open again, whatever happened before the journal could be read."""
    known = {alarm.id for alarm in room.alarms}
    found = tuple(Alarm(a.alarm_id, a.pressed_ns, a.level) for a in item.alarms if a.alarm_id not in known)
    if not found:
        return room, ()
    alarms = (*room.alarms, *found[-ALARMS_MAX:])[:ALARMS_MAX]
    newest_ns = max(alarm.pressed_ns for alarm in found)
    alarm_until_ns = max(room.alarm_until_ns, newest_ns + room.rules.alarm_maximum_ns)
    may_record, is_open = _alarm_may_record(room), _is_open(room)
    room, lifted = _lift(replace(room, phase=Phase.ALARM, alarms=alarms, alarm_until_ns=alarm_until_ns))
    effects: tuple[Effect, ...] = ()
    if room.recording is not None and (may_record or not _is_private(room)):
        room, effects = _set_end(room, alarm_until_ns + room.rules.post_event_ns, alarm=True)
    elif room.recording is None and item.fresh_id and is_open:
        room, effects = _new_part(room, item.fresh_id, now_ns)
    return room, (Note("alarms_found", f"{len(found)} open"), *lifted, *effects)


# --- the recorder ---------------------------------------------------------------------------------------------------


def _adopt(room: Room, item: RecorderJoined, now_ns: int) -> Step:
    """The recorder is back, or this process is: whatever it is writing becomes the room's recording.

    What it missed while it was away it is told now: an end that was asked for, or that it is an alarm's recording.
    """
    mine = room.recording
    room = replace(room, recorder=item.tracks)
    if item.recording_id is None:
        return room, ()
    found = Recording(item.recording_id, item.until_ns, alarm=item.alarm, running=True)
    if room.phase is Phase.PRIVACY:
        return _hush(replace(room, recording=found), now_ns)
    if room.phase is Phase.READY:
        return replace(room, phase=Phase.RECORDING, recording=found), (Note("recording_adopted", item.recording_id),)
    wanted = found
    if room.phase is Phase.ALARM:
        wanted = replace(found, until_ns=room.alarm_until_ns + room.rules.post_event_ns, alarm=True)
    elif mine is not None and mine.id == found.id:
        wanted = replace(found, until_ns=mine.until_ns, alarm=mine.alarm)
    room = replace(room, recording=found)
    return (room, ()) if wanted == found else _set_end(room, wanted.until_ns, alarm=wanted.alarm)


def _take_up(room: Room, item: RecorderJoined, now_ns: int) -> Step:
    """A recording is wanted: the one that the recorder is writing, or a new part of the one that it lost."""
    if item.recording_id is not None:
        return _adopt(room, item, now_ns)
    return _new_part(replace(room, recorder=item.tracks), item.fresh_id, now_ns)


def _recorder_left(room: Room, item: RecorderLeft, now_ns: int) -> Step:
    recording = replace(room.recording, running=False) if room.recording else None
    return replace(room, recorder=None, recording=recording), ()


def _tracks_changed(room: Room, item: TracksChanged, now_ns: int) -> Step:
    """What is wanted and had no device begins with the first one: a new recorder joins before its devices are open."""
    room = replace(room, recorder=item.tracks)
    if room.recording is not None and not room.recording.lost:
        return room, ()
    return _new_part(room, item.fresh_id, now_ns)


def _started(room: Room, item: RecordingStarted, now_ns: int) -> Step:
    if room.recording is None or room.recording.id != item.recording_id:
        return room, (Note("recording_unknown", item.recording_id),)
    return replace(room, recording=replace(room.recording, running=True)), ()


def _ended(room: Room, item: RecordingEnded, now_ns: int) -> Step:
    if room.recording is None or room.recording.id != item.recording_id:
        return room, (Note("recording_unknown", item.recording_id),)
    return _rest(replace(room, recording=None, lease_ns=0)), ()


def _ended_in_use(room: Room, item: RecordingEnded, now_ns: int) -> Step:
    """A recording that is still wanted has ended: a new part follows, but not after a refusal or a disk that failed.

    `asked` before its time: the end was put off while the recorder was closing already.
    """
    mine = room.recording
    if item.why not in ("lease", "asked") or mine is None or mine.id != item.recording_id or now_ns >= mine.until_ns:
        return _ended(room, item, now_ns)
    return _new_part(room, item.fresh_id, now_ns)


# --- time, the lease, delivery, faults ------------------------------------------------------------------------------


def _maximum_reached(room: Room, item: TimePassed, now_ns: int) -> Step:
    if room.recording is None or now_ns < _stop_ns(room):
        return room, ()
    return replace(room, phase=Phase.ENDING), (Note("maximum_reached", room.recording.id),)


def _silent_end(room: Room, item: TimePassed, now_ns: int) -> Step:
    """The recorder never said that it closed: once its lease is over it cannot be writing any more."""
    if room.recording is None:
        return _rest(replace(room, lease_ns=0)), ()
    if now_ns < _closed_ns(room):
        return room, ()
    unheard = room.recording.id
    return _rest(replace(room, recording=None, lease_ns=0)), (Note("recording_end_unknown", unheard),)


def _alarm_outlived(room: Room, item: TimePassed, now_ns: int) -> Step:
    if now_ns < room.alarm_until_ns:
        return room, ()
    return _end_alarms(room, room.alarms, item.event_id, "nobody reset it within the policy's maximum", now_ns)


def _renew(room: Room, item: LeaseDue, now_ns: int) -> Step:
    if room.recording is None or room.recording.lost or room.recorder is None:
        return room, ()
    until_ns = now_ns + LEASE_NS
    return replace(room, lease_ns=until_ns), (Lease(room.recording.id, until_ns),)


def _delivered(room: Room, item: Delivered, now_ns: int) -> Step:
    """Levels only go up: a late PUBACK after the receiver's word changes nothing."""

    def further(alarm: Alarm) -> Alarm:
        up = alarm.id == item.alarm_id and LEVELS.index(item.level) > LEVELS.index(alarm.level)
        return replace(alarm, level=item.level) if up else alarm

    test = further(room.test) if room.test else None
    return replace(room, alarms=tuple(further(alarm) for alarm in room.alarms), test=test), ()


def _fault_changed(room: Room, item: FaultChanged, now_ns: int) -> Step:
    faults = {name: detail for name, detail in room.faults if name != item.fault}
    if item.detail:
        faults[item.fault] = item.detail
    room = replace(room, faults=tuple(sorted(faults.items())))
    if not item.event_id:
        return room, ()
    detail = item.detail or "mended"
    return room, (Raise("fault", item.event_id, item.event_id, item.fault, now_ns, None, detail),)


def _forget(room: Room, item: ForgetAsked, now_ns: int) -> Step:
    return room, (Forget(),)


# --- what the rules share -------------------------------------------------------------------------------------------


def _start(room: Room, start: StartRecording, now_ns: int) -> Step:
    recording = Recording(start.recording_id, start.until_ns, start.alarm, test=start.test)
    room, lease = _renew(replace(room, recording=recording), LeaseDue(), now_ns)
    return room, (start, *lease)


def _set_end(room: Room, until_ns: int, *, alarm: bool, test: bool = False) -> Step:
    assert room.recording is not None  # noqa: S101 - only a bug could break it
    recording = replace(room.recording, until_ns=until_ns, alarm=alarm, test=test)
    return replace(room, recording=recording), (SetEnd(recording.id, until_ns, alarm, test),)


def _wind_down(room: Room, at_ns: int) -> Step:
    """The end is asked for: the post-event seconds follow."""
    if room.recording is None:
        return _rest(room), ()
    room = replace(room, phase=Phase.ENDING)
    if _is_private(room):
        return _hush(room, at_ns)
    return _set_end(room, at_ns + room.rules.post_event_ns, alarm=room.recording.alarm)  # type: ignore[union-attr]


def _new_part(room: Room, fresh_id: str, now_ns: int) -> Step:
    """The recording that is wanted goes on as a new part; an alarm that has none yet gets its first."""
    wanted = room.recording
    if wanted is not None and not room.rules.tracks:
        return _rest(replace(room, recording=None, lease_ns=0)), ()  # another policy is in force: it never comes
    if wanted is not None:
        room = replace(room, recording=replace(wanted, running=False, lost=True))
    elif room.phase is Phase.ALARM and _alarm_may_record(room):
        wanted = Recording("", room.alarm_until_ns + room.rules.post_event_ns, alarm=True)
    if wanted is None or not (_is_open(room) and room.rules.tracks) or now_ns >= wanted.until_ns:
        return room, ()
    start = StartRecording(
        fresh_id, now_ns, room.rules.pre_event_ns, wanted.until_ns, wanted.alarm, wanted.id or None, wanted.test
    )
    return _start(room, start, now_ns)


def _end_alarms(room: Room, ended: tuple[Alarm, ...], event_id: str, detail: str, now_ns: int) -> Step:
    """These alarms are over. One that was raised since its reset was asked for stays open, and the room with it."""
    cancelled = now_ns - min(alarm.pressed_ns for alarm in ended) <= room.rules.cancel_ns
    rest = tuple(alarm for alarm in room.alarms if alarm not in ended)
    over = Raise(
        "cancelled" if cancelled else "reset", event_id, ended[0].id, "reset", now_ns,
        room.recording.id if room.recording else None, detail,
    )  # fmt: skip
    closed = Close(tuple(alarm.id for alarm in ended))
    room = replace(room, alarms=rest)
    if rest:
        return room, (over, closed)
    room, effects = _wind_down(replace(room, alarm_until_ns=0), now_ns)
    return room, (over, closed, *effects)


def _asked_until_ns(room: Room, at_ns: int) -> int:
    """When a recording ends that a press at this moment asks for, if nobody ends it."""
    return at_ns + room.rules.maximum_ns + room.rules.post_event_ns


def _closed_ns(room: Room) -> int:
    """When a recorder that never said that it closed cannot be writing any more: its last lease is over then."""
    assert room.recording is not None  # noqa: S101 - only a bug could break it
    return max(room.recording.until_ns + LEASE_NS, room.lease_ns)


def _stop_ns(room: Room) -> int:
    """When a recording that nobody ends begins its post-event seconds."""
    assert room.recording is not None  # noqa: S101 - only a bug could break it
    return room.recording.until_ns - room.rules.post_event_ns


# --- the table ------------------------------------------------------------------------------------------------------

_no_alarm = Ignored("no alarm is open")
_not_recording = Ignored("a hold begins nothing; the press before it has been answered")
_alarm_decides = Ignored("an alarm is open: the record button has no say over its recording")
_alarm_first = Ignored("an alarm is open: an objection can be made when it is over")
_nothing_due = Ignored("no deadline runs in this phase")
_in_use = Ignored("the room is in use: a recording is tested in a room at rest")
_private = Ignored("nothing is recorded in an objection or a covered window")

PHASES = (Phase.READY, Phase.RECORDING, Phase.ENDING, Phase.ALARM, Phase.PRIVACY)

# fmt: off
TABLE: dict[type[Input], tuple[Rule, Rule, Rule, Rule, Rule]] = {
    # input            READY             RECORDING         ENDING            ALARM             PRIVACY
    AlarmPressed:     (_press_alarm,     _press_alarm,     _press_alarm,     _repeat_alarm,    _press_alarm),
    AlarmHeld:        (_hold_alarm,      _hold_alarm,      _hold_alarm,      _hold_again,      _hold_alarm),
    RecordPressed:    (_press_record,    _end_by_press,    _go_on,           _alarm_decides,   _private),
    RecordHeld:       (_hold_objects,    _end_by_hold,     _hold_objects,    _alarm_decides,   _hold_objects),
    RecordReleased:   (_release,         _forget_press,    _forget_press,    _forget_press,    _forget_press),
    ObjectionPressed: (_press_objects,   _press_objects,   _press_objects,   _alarm_first,     _press_objects),
    ObjectionFound:   (_objection_found, _objection_found, _objection_found, _objection_found, _objection_found),
    CoverChanged:     (_cover,           _cover,           _cover,           _cover,           _cover),
    PolicyChanged:    (_under,           _under,           _under,           _under,           _under),
    ResetAsked:       (_no_alarm,        _no_alarm,        _no_alarm,        _reset,           _no_alarm),
    AlarmTestAsked:   (_test,            _test,            _test,            _test,            _test),
    WalkTestSet:      (_walk,            _walk,            _walk,            _walk,            _walk),
    AlarmsFound:      (_alarms_found,    _alarms_found,    _alarms_found,    _alarms_found,    _alarms_found),
    RecordingTestAsked: (_test_recording, _in_use,         _in_use,          _in_use,          _private),
    RecorderJoined:   (_adopt,           _take_up,         _take_up,         _take_up,         _adopt),
    RecorderLeft:     (_recorder_left,   _recorder_left,   _recorder_left,   _recorder_left,   _recorder_left),
    TracksChanged:    (_tracks_changed,  _tracks_changed,  _tracks_changed,  _tracks_changed,  _tracks_changed),
    RecordingStarted: (_started,         _started,         _started,         _started,         _started),
    RecordingEnded:   (_ended,           _ended_in_use,    _ended_in_use,    _ended_in_use,    _ended),
    TimePassed:       (_nothing_due,     _maximum_reached, _silent_end,      _alarm_outlived,  _privacy_over),
    LeaseDue:         (_nothing_due,     _renew,           _renew,           _renew,           _nothing_due),
    ForgetAsked:      (_forget,          _forget,          _forget,          _forget,          _forget),
    Delivered:        (_delivered,       _delivered,       _delivered,       _delivered,       _delivered),
    FaultChanged:     (_fault_changed,   _fault_changed,   _fault_changed,   _fault_changed,   _fault_changed),
}
# fmt: on


def step(room: Room, item: Input, now_ns: int) -> Step:
    """The next room and what is to be done, in order. Every input has an answer in every phase."""
    then, effects = TABLE[type(item)][PHASES.index(room.phase)](room, item, now_ns)
    if not then.settled:
        return then, effects
    if isinstance(item, RecorderJoined):
        return then, (Quiet(then.quiet), *effects)
    if (then.quiet, then.settled) != (room.quiet, room.settled):
        return then, (*effects, Quiet(then.quiet))
    return then, effects


def deadline_ns(room: Room) -> int | None:
    """When the room wants to hear `TimePassed` next; None when nothing is pending."""
    if room.phase is Phase.RECORDING and room.recording is not None:
        return _stop_ns(room)
    if room.phase is Phase.ENDING:
        return _closed_ns(room) if room.recording else 0
    if room.phase is Phase.ALARM:
        return room.alarm_until_ns
    return room.objection_until_ns or None


def lease_deadline_ns(room: Room) -> int | None:
    """When the room wants to hear `LeaseDue` next; None while nothing is recorded or nobody is there to record."""
    if room.recording is None or room.recording.lost or room.recorder is None:
        return None
    due_ns = room.lease_ns - LEASE_NS + RENEW_NS
    # Not for ever: what has not been closed a lease after its end is left to run out, and only then the lamp goes dark.
    return due_ns if due_ns < room.recording.until_ns + LEASE_NS else None
