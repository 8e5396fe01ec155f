# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room in use: what is held of one person is gone before the next one comes, and uses are counted (promise R9)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.model.events import (
    AlarmsFound,
    CoverChanged,
    Forget,
    Input,
    Lease,
    Objection,
    ObjectionFound,
    OpenAlarm,
    Quiet,
    RecorderJoined,
    RecorderLeft,
    RecordingEnded,
    RecordingTestAsked,
    ResetAsked,
    SetEnd,
    StartRecording,
    TimePassed,
    TracksChanged,
    UseChanged,
    UseOver,
    WalkTestSet,
)
from daemon.model.panel import recording_lit
from daemon.model.policy import NS
from daemon.model.room import deadline_ns, step
from daemon.model.rules.common import LATER_NS, UNSEEN_MAX
from daemon.model.rules.use import unseen
from daemon.model.state import Phase, Room, Rules
from tests.model.histories import (
    BEGINS,
    BOTH,
    ENDED,
    ENDS,
    IN_USE,
    RULES,
    T0,
    after,
    alarm,
    kinds,
    ready,
    record,
)

ONLY_IN_USE = replace(RULES, ring_in_use=True)
NOT_KNOWN = UseChanged(None)


def test_at_the_end_of_a_use_the_ring_is_forgotten() -> None:
    """R9: who goes takes the seconds along that were held; the use counts, without a recording and without an alarm."""
    room, effects = step(IN_USE, ENDS, T0 + NS)
    assert effects == (UseOver(recorded=False, alarm=False), Forget())
    assert room.in_use is False
    assert step(room, ENDS, T0 + 2 * NS) == (room, ()), "told twice it is one end"


def test_a_recording_ends_with_the_use_and_never_reaches_into_the_next() -> None:
    """R9: a conversation's recording has its post-event seconds when the person goes, and ends at once when the next
    one comes; the ring is forgotten with its end.
    """
    recording = after(IN_USE, record())
    room, effects = step(recording, ENDS, T0 + 60 * NS)
    assert effects == (
        UseOver(recorded=True, alarm=False), SetEnd("r1", T0 + 60 * NS + RULES.post_event_ns, alarm=False),
    )  # fmt: skip
    room, effects = step(room, BEGINS, T0 + 65 * NS)
    assert effects == (SetEnd("r1", T0 + 65 * NS, alarm=False),)
    room, effects = step(room, ENDED, T0 + 66 * NS)
    assert (room.phase, effects) == (Phase.READY, (Forget(),))


def test_the_next_ones_press_waits_for_the_end_of_the_one_before() -> None:
    """R9, R5: who presses while the recording of the person before is being closed gets a recording of their own, from
    their press on, as soon as it is closed.
    """
    room = after(IN_USE, record(), ENDS, BEGINS)
    room, effects = step(room, record("r2", T0 + NS), T0 + NS)
    assert kinds(effects) == ["Note"]
    assert room.recording is not None
    assert room.recording.until_ns <= T0
    room, effects = step(room, ENDED, T0 + 2 * NS)
    assert kinds(effects) == ["Forget", "StartRecording", "Lease"]
    assert isinstance(effects[1], StartRecording)
    assert (effects[1].recording_id, effects[1].trigger_ns, effects[1].continues) == ("r2", T0 + NS, None)


def test_a_press_in_the_same_use_goes_on() -> None:
    """R5: staff who stop and press again in one conversation have one recording, as without a contact."""
    room, effects = step(after(IN_USE, record(), record("x", T0 + NS)), record("r2", T0 + 2 * NS), T0 + 2 * NS)
    assert room.phase is Phase.RECORDING
    assert kinds(effects) == ["SetEnd"]


def test_an_alarm_is_recorded_whoever_goes() -> None:
    """R8, R9: the end of a use leaves an open alarm and its recording as they are; what is held is forgotten when that
    recording is over.
    """
    raised = after(IN_USE, alarm())
    room, effects = step(raised, ENDS, T0 + NS)
    assert effects == (UseOver(recorded=True, alarm=True),)
    assert raised.recording is not None
    assert (room.phase, room.recording) == (Phase.ALARM, replace(raised.recording, over=True))
    room, effects = step(room, BEGINS, T0 + 2 * NS)
    assert (room.phase, effects) == (Phase.ALARM, ()), "somebody comes to help"
    room, effects = step(room, ResetAsked("e", "a test"), T0 + 5 * NS)
    assert effects[-1] == SetEnd("rec-a1", T0 + 5 * NS, alarm=True), "its seconds after would be the next person's"
    room, effects = step(room, RecordingEnded("rec-a1", "asked", "", "f"), T0 + 6 * NS)
    assert (room.phase, effects) == (Phase.READY, (Forget(),))


def test_an_alarm_while_the_one_before_is_closed_loses_nothing() -> None:
    """R8 before R9: an alarm takes over the recording that is being closed, as any: nothing of it is missing."""
    room, effects = step(after(IN_USE, record(), ENDS, BEGINS), alarm(), T0 + NS // 2)
    assert kinds(effects) == ["Raise", "SetEnd"]
    assert room.recording is not None
    assert (room.recording.id, room.recording.alarm) == ("r1", True)


def test_the_ring_stays_while_an_alarms_recording_is_owed() -> None:
    """R8: the recorder is away and an alarm waits for it: the seconds before the press are not forgotten for a use that
    ends meanwhile; they are when the alarm is over.
    """
    room = after(IN_USE, RecorderLeft(), alarm(), ENDS)
    room, effects = step(room, RecorderJoined(BOTH, None, 0, alarm=False, fresh_id="part"), T0 + NS)
    assert kinds(effects) == ["Quiet", "StartRecording", "Lease"]
    room = after(room, ResetAsked("e", "a test"), now_ns=T0 + 5 * NS)
    assert Forget() in step(room, RecordingEnded("part", "asked", "", "f"), T0 + 60 * NS)[1]


def test_who_comes_to_an_alarm_or_tests_the_room_is_no_conversation() -> None:
    """H2: in an alarm people come and go, and an engineer moves the contact: neither is counted."""
    helped = after(IN_USE, alarm(), ENDS, BEGINS)
    assert step(helped, ENDS, T0 + NS)[1] == ()
    tried = after(after(ready(), ENDS), WalkTestSet(T0 + 900 * NS, "an engineer"), BEGINS)
    assert step(tried, ENDS, T0 + NS)[1] == (Forget(),)


def test_a_test_recording_is_no_recording_of_a_use() -> None:
    """H2: an engineer's trial counts for nothing."""
    room = after(IN_USE, RecordingTestAsked("x", T0 + 5 * NS, "an engineer"))
    assert UseOver(recorded=False, alarm=False) in step(room, ENDS, T0 + NS)[1]


# --- who was away, and what nobody knows ------------------------------------------------------------------------------


def test_a_recorder_that_was_away_forgets() -> None:
    """R9: it may have missed the end of a use. Without a contact nobody knows of uses, and nothing is forgotten."""
    joins = RecorderJoined(BOTH, None, 0, alarm=False, fresh_id="j")
    for room in (after(IN_USE, RecorderLeft()), after(IN_USE, RecorderLeft(), ENDS, BEGINS), after(IN_USE, ENDS)):
        assert kinds(step(after(room, RecorderLeft()), joins, T0)[1]) == ["Quiet", "Forget"]
    assert kinds(step(after(ready(), RecorderLeft()), joins, T0)[1]) == ["Quiet"]


def test_an_alarm_process_that_starts_in_a_use_forgets_when_it_knows_of_no_alarm() -> None:
    """R9, R8: whether a use ended while it was away nobody knows; the ring goes once the journal has said that no open
    alarm needs it.
    """
    begins = after(Room(RULES, settled=False), BEGINS, RecorderJoined(BOTH, None, 0, alarm=False, fresh_id="j"))
    assert Forget() in step(begins, ObjectionFound(0), T0)[1]
    found = AlarmsFound((OpenAlarm("a1", T0),), "part")
    assert Forget() not in step(after(begins, found), ObjectionFound(0), T0)[1]


def test_while_nobody_knows_somebody_is_there() -> None:
    """R8: a contact with a fault opens the devices, ends no recording, forgets nothing and counts nothing; once it is
    known again, the ring is forgotten.
    """
    room, effects = step(IDLE, NOT_KNOWN, T0)
    assert (kinds(effects), effects[-1]) == (["Note", "Quiet"], Quiet(()))
    assert step(room, ENDS, T0)[1] == (Forget(), Quiet(BOTH))
    recording = after(IN_USE, record())
    room, effects = step(recording, NOT_KNOWN, T0)
    assert (room.phase, room.recording, kinds(effects)) == (Phase.RECORDING, recording.recording, ["Note"])
    assert step(room, ENDS, T0)[1] == (), "it ends when somebody comes, or by a press"
    assert step(after(room, ENDS), BEGINS, T0 + NS)[1] == (SetEnd("r1", T0 + NS, alarm=False),)


def test_a_contact_that_never_closes_is_a_fault_and_the_devices_stay_open() -> None:
    """A6, R8: five presses without a use between them mean that nobody is seen: it is told, the seconds before a press
    are held as without a contact, until a use begins.
    """
    room = after(ready(ONLY_IN_USE), ENDS, TracksChanged((), "f0"))
    for n in range(UNSEEN_MAX):
        assert (room.quiet, unseen(room)) == (BOTH, ""), n
        room = after(room, record(f"r{n}"), TracksChanged(BOTH, "f"), record("end", T0))
        room = after(room, RecordingEnded(f"r{n}", "asked", "", "f"), now_ns=T0 + 60 * NS)
        room = after(room, TracksChanged((), "f0")) if room.quiet else room
    assert (room.quiet, room.phase) == ((), Phase.READY)
    assert unseen(room)
    room = after(room, BEGINS)
    assert not unseen(room)
    assert after(room, ENDS).quiet == BOTH


# --- devices that are closed between uses -----------------------------------------------------------------------------


def test_between_uses_the_devices_are_closed_where_the_policy_says_so() -> None:
    """R9, R7: nobody there, no camera and no microphone; they open when somebody comes. Elsewhere they stay open."""
    room, effects = step(after(ready(ONLY_IN_USE), BEGINS), ENDS, T0)
    assert effects == (UseOver(recorded=False, alarm=False), Forget(), Quiet(BOTH))
    assert step(after(room, TracksChanged((), "f")), BEGINS, T0)[1] == (Quiet(()),)
    assert step(IN_USE, ENDS, T0)[0].quiet == ()
    assert step(room, RecorderJoined((), None, 0, alarm=False, fresh_id="j"), T0)[1][0] == Quiet(BOTH)


def test_they_close_again_after_a_recording() -> None:
    """R9: the post-event seconds run out, and nobody is there."""
    room = after(after(ready(ONLY_IN_USE), BEGINS), record(), ENDS)
    assert room.quiet == ()
    assert step(room, ENDED, T0 + 60 * NS)[1] == (Forget(), Quiet(BOTH))


IDLE = after(ready(ONLY_IN_USE), ENDS, TracksChanged((), "f0"))


def test_a_press_in_a_room_that_nobody_uses_opens_it() -> None:
    """R8, A6: a contact that says nobody is there, and somebody presses: the devices open, and it is recorded as soon
    as one delivers; an alarm goes out at once. The room is closed again afterwards.
    """
    room, effects = step(IDLE, record(), T0)
    assert (kinds(effects), effects[-1]) == (["Note", "Quiet"], Quiet(()))
    room, effects = step(room, TracksChanged(("audio",), "f1"), T0 + 2 * NS)
    assert kinds(effects) == ["StartRecording", "Lease"]
    assert room.phase is Phase.RECORDING
    room = after(room, record("end", T0 + 3 * NS))
    assert step(room, ENDED, T0 + 60 * NS)[0].quiet == BOTH
    room, effects = step(IDLE, alarm(), T0)
    assert (kinds(effects), effects[-1]) == (["Raise", "Quiet"], Quiet(()))
    room, effects = step(room, TracksChanged(("audio",), "f1"), T0 + 2 * NS)
    assert kinds(effects) == ["StartRecording", "Lease"]
    assert recording_lit(room, T0 + 2 * NS)


@pytest.mark.parametrize("press", [record(), alarm()])
def test_a_press_right_after_the_end_waits_for_an_open_device(press: Input) -> None:
    """R5: a recorder that is just closing its devices is not asked to record: it would refuse, and lose the press."""
    closing = after(ready(ONLY_IN_USE), BEGINS, ENDS)
    room, effects = step(closing, press, T0)
    assert "StartRecording" not in kinds(effects)
    assert "StartRecording" in kinds(step(room, TracksChanged(("audio",), "f1"), T0 + NS)[1])


def test_an_alarm_takes_nothing_from_a_press_that_waits() -> None:
    """R5, R8: staff have asked for a recording; whether the policy records alarms or not, it is made."""
    for rules in (ONLY_IN_USE, replace(ONLY_IN_USE, alarm_records=False)):
        idle = after(ready(rules), ENDS, TracksChanged((), "f0"))
        room = after(idle, record(), alarm())
        assert (room.phase, room.quiet) == (Phase.ALARM, ())
        room, effects = step(room, TracksChanged(("audio",), "f1"), T0 + NS)
        assert kinds(effects) == ["StartRecording", "Lease"]
        assert (room.phase, room.later) == (Phase.ALARM, None)


def test_an_alarm_that_the_policy_does_not_record_opens_nothing() -> None:
    """R7: nobody asked for a camera."""
    idle = after(ready(replace(ONLY_IN_USE, alarm_records=False)), ENDS)
    assert step(idle, alarm(), T0)[0].quiet == BOTH


def test_a_press_that_found_no_device_is_given_up() -> None:
    """R5: a device that comes a minute later begins nothing that nobody waits for any more, and is closed."""
    room = after(IDLE, record())
    assert deadline_ns(room) == T0 + LATER_NS
    assert room.quiet == ()
    for item in (TimePassed("e", "f"), TracksChanged(("audio",), "f1")):
        then, effects = step(room, item, T0 + LATER_NS)
        assert (then.phase, kinds(effects), then.later, then.quiet) == (Phase.READY, ["Note", "Quiet"], None, BOTH)


@pytest.mark.parametrize("room", [after(IN_USE, CoverChanged("elections")), after(IDLE, CoverChanged("elections"))])
def test_in_a_covered_window_a_use_opens_nothing(room: Room) -> None:
    """R7: who comes into a covered room opens no device, and who goes is counted."""
    used = after(room, BEGINS)
    assert used.quiet == BOTH
    assert kinds(step(used, ENDS, T0)[1])[0] == "UseOver"


def test_the_lease_of_what_ends_is_not_renewed_for_ever() -> None:
    """R3: a recorder that never says that it closed gets no lease by a change of use."""
    room = after(IN_USE, record(), ENDS, BEGINS)
    assert Lease not in {type(effect) for effect in step(room, BEGINS, T0 + 9 * NS)[1]}


@pytest.mark.parametrize("rules", [RULES, ONLY_IN_USE], ids=["always", "in use"])
def test_at_a_desk_an_objection_is_of_one_call(rules: Rules) -> None:
    """R9, R8: who hangs up takes the objection along, so that the next caller's alarm is recorded; a visitor's in a
    room stays until staff end it; while the contact is not known nothing ends, and with the next end seen it does.
    """
    objecting = after(ready(), ENDS, BEGINS, ObjectionFound(T0 + 3600 * NS))
    for desk in (True, False):
        room = replace(objecting, rules=replace(rules, desk=desk))
        hung_up, effects = step(room, ENDS, T0 + 60 * NS)
        assert (Objection(0, "call") in effects) is desk
        assert (hung_up.objection_until_ns == 0) is desk
        called, _ = step(hung_up, BEGINS, T0 + 70 * NS)
        assert (called.phase is Phase.READY) is desk
        unknown, effects = step(room, NOT_KNOWN, T0 + 60 * NS)
        assert unknown.objection_until_ns
        known, effects = step(unknown, ENDS, T0 + 61 * NS)
        assert (Objection(0, "call") in effects) is desk
        assert step(known, ENDS, T0 + 62 * NS)[1] == ()


@pytest.mark.parametrize(
    ("desk", "contact", "in_call", "lasts"),
    [
        (True, False, True, False), (True, True, True, True), (True, None, True, True), (True, False, False, True),
        (False, False, True, True),
    ],
    ids=["hung up", "it goes on", "not known", "before its call", "a room"],
)  # fmt: skip
def test_who_hung_up_while_the_process_was_away_took_the_objection_along(
    *, desk: bool, contact: bool | None, in_call: bool, lasts: bool
) -> None:
    """R9, R8: a power cut, or an upgrade, in a call with an objection ends the call unseen: the next caller's alarm is
    recorded. An objection that staff noted before the call waits for it.
    """
    room = Room(replace(RULES, desk=desk), settled=False)
    room, _ = step(room, UseChanged(contact), T0)
    room, effects = step(room, ObjectionFound(T0 + 3600 * NS, in_call), T0)
    assert bool(room.objection_until_ns) is lasts
    assert (Objection(0, "call") in effects) is not lasts
    assert room.settled
