# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Privacy in the room: an objection, a covered window, and what an alarm does in them (design 10)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.model.events import (
    CoverChanged,
    Input,
    Lease,
    Note,
    Objection,
    ObjectionFound,
    ObjectionPressed,
    Quiet,
    RecorderJoined,
    RecorderLeft,
    RecordHeld,
    RecordingEnded,
    RecordReleased,
    ResetAsked,
    SetEnd,
    StartRecording,
    TimePassed,
    TracksChanged,
    WalkTestSet,
)
from daemon.model.panel import recording_lit, sign
from daemon.model.policy import NS
from daemon.model.room import deadline_ns, step
from daemon.model.rules.common import LEASE_NS
from daemon.model.state import Phase, Room, Rules
from tests.model.histories import BOTH, RULES, T0, after, alarm, kinds, ready, record

BY_HOLD = replace(RULES, objection_by=("hold",), objection_ns=1800 * NS)
BY_BUTTON = replace(BY_HOLD, objection_by=("button",))
OBJECTION = ObjectionPressed(T0)
COVERED = CoverChanged("B&W, 3 February 2026")
CLOSED = TracksChanged((), "f0")
RESET = ResetAsked("e1", "an operator")
UNTIL_NS = T0 + BY_HOLD.objection_ns
IN_OBJECTION = after(ready(BY_BUTTON), OBJECTION, CLOSED)
IN_WINDOW = after(ready(), COVERED, CLOSED)


def test_an_objection_closes_the_devices_and_ends_by_itself() -> None:
    """R7: an objection closes both devices, shows privacy, and is over after the policy's seconds: the ring anew."""
    room, effects = step(ready(BY_BUTTON), OBJECTION, T0)
    assert effects == (Objection(UNTIL_NS, "asked"), Quiet(BOTH))
    assert (room.phase, sign(room, T0), deadline_ns(room)) == (Phase.PRIVACY, "privacy", UNTIL_NS)
    assert step(room, TimePassed("e"), UNTIL_NS - 1) == (room, ())
    room, effects = step(room, TimePassed("e"), UNTIL_NS)
    assert (room, effects) == (ready(BY_BUTTON), (Objection(0, "time"), Quiet(())))


def test_the_same_button_ends_it() -> None:
    """R7: staff end an objection with what they began it with, when the conversation is over."""
    assert step(IN_OBJECTION, OBJECTION, T0 + NS)[1] == (Objection(0, "asked"), Quiet(()))
    held = after(ready(BY_HOLD), record(), RecordHeld(T0), RecordReleased())
    assert held.phase is Phase.PRIVACY
    assert after(held, record("r2"), RecordHeld(T0 + 9 * NS), RecordReleased()) == ready(BY_HOLD)


def test_where_a_hold_objects_a_press_records_with_its_release() -> None:
    """R5: the recording begins when the button comes up, and reaches back from the press, not from the release."""
    room, effects = step(ready(BY_HOLD), record("r1", T0), T0)
    assert (room.phase, kinds(effects)) == (Phase.READY, ["Note"])
    room, effects = step(room, RecordReleased(), T0 + NS)
    start = StartRecording("r1", T0, RULES.pre_event_ns, T0 + RULES.maximum_ns + RULES.post_event_ns, alarm=False)
    assert effects == (start, Lease("r1", T0 + NS + LEASE_NS))
    assert step(after(ready(BY_HOLD), record(), RecordHeld(T0)), RecordReleased(), T0 + 4 * NS)[1] == ()


@pytest.mark.parametrize(("rules", "press"), [(BY_BUTTON, (OBJECTION,)), (BY_HOLD, (record(), RecordHeld(T0)))])
def test_in_a_walk_test_an_objection_is_seen_and_closes_nothing(rules: Rules, press: tuple[Input, ...]) -> None:
    """R7: what objects is tried like any other button: it is noted, the devices stay open and no objection is counted.
    A nanosecond after the walk test it is one, and so it is in a walk test while somebody is recorded.
    """
    walk, recorded = WalkTestSet(T0 + 1, "an engineer"), after(ready(rules), record(), RecordReleased())
    room, (*before, objects) = after(ready(rules), walk), press
    tried, effects = step(after(room, *before), objects, T0)
    assert effects == (Note("objection_noted", "a walk test: the press has been seen"),)
    assert after(tried, RecordReleased()) == room
    assert recorded.phase is Phase.RECORDING
    for there, now_ns in ((room, T0 + 1), (after(recorded, walk), T0)):
        assert "Objection" in kinds(step(after(there, *before), objects, now_ns)[1])


@pytest.mark.parametrize("room", [after(ready(BY_HOLD), record()), after(ready(BY_HOLD), record(), alarm(), RESET)])
def test_a_press_that_something_else_came_between_begins_nothing(room: Room) -> None:
    """R5: a press that was waiting for its release when the alarm was raised is forgotten with its release."""
    later = after(room, alarm(), RecordReleased())
    assert later.asked is None
    assert after(later, RecordReleased()) == later


def test_an_objection_ends_a_conversation_at_once() -> None:
    """R7: what is being recorded ends at the moment of the objection, without the seconds after it."""
    room, effects = step(after(ready(BY_BUTTON), record()), OBJECTION, T0 + 60 * NS)
    until_ns = T0 + 60 * NS
    assert effects == (
        Objection(until_ns + BY_BUTTON.objection_ns, "asked"), SetEnd("r1", until_ns, alarm=False), Quiet(BOTH),
    )  # fmt: skip
    assert (room.phase, recording_lit(room, until_ns)) == (Phase.ENDING, True)
    noted = step(room, record("r2"), until_ns)
    assert noted == (room, (Note("press_noted", "nothing is recorded in an objection or a covered window"),))
    done = after(room, RecordingEnded("r1", "asked", "", "f"), now_ns=until_ns)
    assert (done.phase, recording_lit(done, until_ns)) == (Phase.PRIVACY, False)


@pytest.mark.parametrize("room", [IN_OBJECTION, IN_WINDOW])
def test_in_privacy_the_record_button_is_noted(room: Room) -> None:
    """R7: in an objection or a covered window a press records nothing and changes nothing."""
    same, effects = step(room, record(), T0)
    assert (same, kinds(effects)) == (room, ["Note"])


@pytest.mark.parametrize("room", [IN_OBJECTION, IN_WINDOW])
def test_in_privacy_an_alarm_raises_and_records_nothing(room: Room) -> None:
    """A1, R7: the alarm goes out as ever, without a recording, and privacy goes on when it is reset."""
    raised, effects = step(room, alarm(), T0 + NS)
    assert kinds(effects) == ["Raise"]
    assert (raised.phase, raised.recording) == (Phase.ALARM, None)
    # Not even when a recorder comes anew, or says that a device delivers after all.
    assert kinds(step(after(raised, RecorderLeft()), _joined(), T0 + NS)[1]) == ["Quiet"]
    assert step(raised, TracksChanged(BOTH, "f1"), T0 + NS)[1] == ()
    assert after(raised, RESET, now_ns=T0 + 2 * NS) == room


def test_an_alarm_records_in_an_objection_where_the_policy_says_so() -> None:
    """A1, R7: then the alarm ends the objection, and its recording begins with the first device that is open again."""
    room = after(ready(replace(BY_BUTTON, objection_alarm_records=True)), OBJECTION)
    room, effects = step(room, alarm(), T0 + NS)
    assert kinds(effects) == ["Raise", "Objection", "Quiet"]
    assert effects[1:] == (Objection(0, "alarm"), Quiet(()))
    assert kinds(step(after(room, CLOSED), TracksChanged(("audio",), "f1"), T0 + 2 * NS)[1]) == [
        "StartRecording",
        "Lease",
    ]


def test_an_alarm_in_a_window_records_sound_where_the_policy_says_so() -> None:
    """R7: the camera stays closed; the microphone's ring runs for the alarm alone."""
    room, effects = step(ready(replace(RULES, cover_alarm_records=True)), COVERED, T0)
    assert effects == (Quiet(("video",)),)
    room = after(room, TracksChanged(("audio",), "f0"))
    assert kinds(step(room, record(), T0)[1]) == ["Note"]
    assert kinds(step(room, alarm(), T0)[1]) == ["Raise", "StartRecording", "Lease"]


def test_a_window_begins_and_ends_by_the_clock_alone() -> None:
    """R7: a window closes the devices at its start, ends a conversation's recording, and opens them at its end."""
    room, effects = step(ready(), COVERED, T0)
    assert (room.phase, sign(room, T0), effects) == (Phase.PRIVACY, "privacy", (Quiet(BOTH),))
    assert deadline_ns(room) is None
    assert step(room, CoverChanged(None), T0) == (ready(), (Quiet(()),))
    assert kinds(step(after(ready(), record()), COVERED, T0)[1]) == ["SetEnd", "Quiet"]


def test_an_alarm_that_is_being_recorded_goes_on_until_it_is_over() -> None:
    """A1: a window that begins in the middle of an alarm closes the devices when the alarm is reset, not before."""
    room, effects = step(after(ready(), alarm()), COVERED, T0 + NS)
    assert (effects, room.quiet) == ((), ())
    room, effects = step(room, RESET, T0 + 9 * NS)
    assert kinds(effects) == ["Raise", "SetEnd", "Quiet"]
    assert effects[1:] == (SetEnd("rec-a1", T0 + 9 * NS, alarm=True), Quiet(BOTH))


def test_in_an_alarm_an_objection_is_noted() -> None:
    """A1: with an alarm open nobody's button stops its recording."""
    room = after(ready(BY_BUTTON), alarm())
    same, effects = step(room, OBJECTION, T0)
    assert (same, kinds(effects)) == (room, ["Note"])


def test_an_objection_and_a_window_each_end_for_themselves() -> None:
    """R7: the devices open when the last of the two is over."""
    both = after(IN_OBJECTION, COVERED)
    assert after(both, CoverChanged(None)).quiet == BOTH
    assert after(both, TimePassed("e"), now_ns=UNTIL_NS).quiet == BOTH
    assert after(both, CoverChanged(None), TimePassed("e"), now_ns=UNTIL_NS).phase is Phase.READY


def _joined(recording_id: str | None = None) -> RecorderJoined:
    return RecorderJoined(BOTH if recording_id else (), recording_id, T0 + 60 * NS, alarm=False, fresh_id="f9")


def test_a_recorder_that_comes_is_told_first() -> None:
    """R7: a recorder is told what is closed before anything else; one that is still writing is told to end."""
    assert step(after(IN_OBJECTION, RecorderLeft()), _joined(), T0)[1] == (Quiet(BOTH),)
    room, effects = step(after(IN_OBJECTION, RecorderLeft()), _joined("x1"), T0 + NS)
    assert effects == (Quiet(BOTH), SetEnd("x1", T0 + NS, alarm=False))
    assert room.phase is Phase.ENDING


def test_a_recording_that_was_closing_ends_also_under_an_alarm() -> None:
    """R3, R7: an alarm in an objection leaves a recording that is being closed to its end: its devices are closed,
    and the lamp must not burn over nothing.
    """
    room, effects = step(after(IN_OBJECTION, alarm(), RecorderLeft()), _joined("x1"), T0 + NS)
    assert effects == (Quiet(BOTH), SetEnd("x1", T0 + NS, alarm=False))
    done = after(room, RecordingEnded("x1", "asked", "", "f"), now_ns=T0 + 2 * NS)
    assert (done.phase, done.recording, recording_lit(done, T0 + 2 * NS)) == (Phase.ALARM, None, False)


def test_after_a_restart_nothing_opens_before_the_journal_has_spoken() -> None:
    """R7: until it is known whether an objection is in force the recorder is told nothing, and then what is so."""
    fresh = Room(BY_BUTTON, settled=False)
    room, effects = step(fresh, _joined(), T0)
    assert effects == ()
    assert step(room, ObjectionFound(), T0)[1] == (Quiet(()),)
    private, effects = step(room, ObjectionFound(T0 + 60 * NS), T0)
    assert (private.phase, deadline_ns(private), effects) == (Phase.PRIVACY, T0 + 60 * NS, (Quiet(BOTH),))
    assert step(room, ObjectionFound(T0 - 1), T0)[1] == (Objection(0, "time"), Quiet(()))


def test_where_nothing_is_recorded_there_is_nothing_to_object_to() -> None:
    """R7: with both tracks off an objection and a window change nothing but the log."""
    off = ready(replace(BY_BUTTON, tracks=()), ())
    assert step(off, OBJECTION, T0) == (off, (Note("objection_noted", "the policy records neither sound nor image"),))
    assert step(off, COVERED, T0)[1] == ()
    assert after(off, COVERED).phase is Phase.READY


def test_a_policy_without_an_objection_knows_none() -> None:
    """R7: a button that the policy does not know does nothing but be noted."""
    assert kinds(step(ready(), OBJECTION, T0)[1]) == ["Note"]


def test_the_lamp_answers_an_objection_before_a_fault() -> None:
    """A5: who pressed for an objection sees that it took, also on a unit that has a fault; a window shows the fault."""
    faults = (("keeper", "gone"),)
    assert sign(replace(IN_OBJECTION, faults=faults), T0) == "privacy"
    assert sign(replace(IN_WINDOW, faults=faults), T0) == "fault"
    assert sign(replace(IN_OBJECTION, faults=(("nobody_listening", "none"),)), T0) == "nobody"
