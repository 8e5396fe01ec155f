# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the event log says of an input that changes little, and what engineers' requests and resets send."""

from __future__ import annotations

import datetime

import pytest
from msgspec.structs import replace

from daemon.model.events import (
    AlarmHeld,
    AlarmsFound,
    AlarmTestAsked,
    FaultChanged,
    Input,
    Lease,
    Note,
    Objection,
    ObjectionFound,
    ObjectionPressed,
    OpenAlarm,
    PolicyChanged,
    Quiet,
    Raise,
    RecordHeld,
    RecordingEnded,
    RecordingTestAsked,
    ResetAsked,
    StartRecording,
    TimePassed,
    UseChanged,
    WalkTestSet,
)
from daemon.model.policy import NS, Policy, TrackPolicy
from daemon.model.room import step
from daemon.model.rules.common import LATER_NS, LEASE_NS, UNSEEN_MAX
from daemon.model.rules.recorder import unrecorded
from daemon.model.rules.use import unseen
from daemon.model.state import Alarm, Phase, Room, Rules
from tests.model.histories import IDLE, IN_ALARM, IN_USE, RECORDING, RULES, T0, after, alarm, ready, record

WALK_NS = T0 + 60 * NS
WALK = WalkTestSet(WALK_NS, "an engineer")
HOLD, TWICE = replace(RULES, raised_by="hold"), replace(RULES, raised_by="two_presses")
BY_HOLD = replace(RULES, objection_by=("hold",), objection_ns=1800 * NS)
BY_BUTTON = replace(RULES, objection_by=("button",), objection_ns=1800 * NS)
HELD = AlarmHeld(T0, "a1", "rec-a1")
OFF = Policy("everything off", datetime.date(2021, 11, 16), TrackPolicy(record=False), TrackPolicy(record=False))


@pytest.mark.parametrize(
    ("room", "item", "event", "detail"),
    [
        (ready(), WALK, "walk_test", "an engineer"),
        (after(ready(), WALK), WalkTestSet(0, "an engineer"), "walk_test", "ended"),
        (RECORDING, WALK, "walk_test_refused", "the room is in use"),
        (ready(), WalkTestSet(WALK_NS, "an engineer", "outside-1"), "outside_test", "outside-1, an engineer"),
        (ready(), WalkTestSet(0, "an engineer", "outside-1"), "outside_test", "outside-1, ended"),
        (ready(HOLD), alarm(), "press_waits", "this policy raises an alarm by a hold"),
        (ready(TWICE), alarm(), "press_waits", "this policy asks for a second press"),
        (ready(), HELD, "hold_noted", "the press itself has already been answered"),
        (after(ready(HOLD), HELD), HELD, "hold_noted", "the press itself has already been answered"),
        (after(ready(replace(RULES, reset_by=("operator",))), alarm()), ResetAsked("e", "x", "key_switch"),
         "reset_refused", "the policy lets no key_switch end an alarm"),
        (IN_ALARM, ResetAsked("e", "x", "operator", ("a9",)), "reset_refused",
         "none of the alarms that it names is open"),
        (IN_ALARM, AlarmsFound(tuple(OpenAlarm(name, T0) for name in ("a1", "b", "c"))), "alarms_found", "2 open"),
        (ready(), ObjectionPressed(T0), "objection_noted", "the policy knows no objection by a button"),
        (ready(BY_HOLD), record(), "press_waits", "this policy takes a hold as an objection"),
        (after(ready(replace(RULES, ends_by="hold")), record()), record("r2"), "press_noted",
         "this policy ends a recording by holding the button"),
        (RECORDING, RecordHeld(T0), "hold_noted", "the press itself has already been answered"),
        (after(ready(replace(RULES, ends_by="hold")), record()), RecordHeld(T0), "hold_noted",
         "the same press has begun the recording; the next hold ends it"),
        (after(ready(), WALK), record(), "press_noted", "a walk test: the press has been seen, and records nothing"),
        (after(IN_USE, record(), UseChanged(False), UseChanged(True)), record("r2"), "press_waits",
         "the recording of the use before is being closed"),
        (IDLE, record(), "press_waits", "the devices are being opened"),
        (IDLE, UseChanged(None), "use_not_known", "the in-use contact has a fault"),
        (RECORDING, RecordingTestAsked("t", WALK_NS, "an engineer"), "ignored_RecordingTestAsked",
         "the room is in use: a recording is tested in a room at rest"),
        (ready(recorder=()), RecordingTestAsked("t", WALK_NS, "an engineer"), "recording_refused",
         "there is nothing to record from"),
        (IN_ALARM, RecordingEnded("rec-a1", "full", "", "f"), "recording_put_off", "1 s"),
        (ready(), PolicyChanged(OFF), "policy_in_force", "everything off"),
    ],
)  # fmt: skip
def test_what_was_made_of_it_is_in_the_log(room: Room, item: Input, event: str, detail: str) -> None:
    """A6, H1: a press that waits, a hold that was answered before, a request that is refused: the event log has each
    once, and says why.
    """
    assert [effect for effect in step(room, item, T0)[1] if isinstance(effect, Note)] == [Note(event, detail)]


def test_a_press_that_is_given_up_is_in_the_log() -> None:
    """R5: nothing came to record it with."""
    effects = step(after(IDLE, record()), TimePassed("e", "f"), T0 + LATER_NS)[1]
    assert effects[0] == Note("press_given_up", "nothing could be recorded in time")


def test_the_two_faults_of_a_room_say_what_is_wrong() -> None:
    """H1: an alarm that nothing records, and a contact that never closes, in whole sentences."""
    lost = after(IN_ALARM, RecordingEnded("rec-a1", "full", "", "f"))
    assert unrecorded(lost) == "an alarm is open and is not recorded; it is tried again and again"
    assert unrecorded(IN_ALARM) == unrecorded(RECORDING) == unrecorded(ready()) == ""
    never = replace(ready(), in_use=False, unseen=UNSEEN_MAX)
    assert unseen(never) == "the in-use contact said that nobody was there at the last 5 presses or more"
    assert [unseen(replace(never, in_use=known)) for known in (True, None)] == ["", ""]


# --- resets -----------------------------------------------------------------------------------------------------------


def ends(room: Room, now_ns: int) -> Raise:
    """The event that a reset sends."""
    sent = step(room, ResetAsked("e", "a test"), now_ns)[1][0]
    assert isinstance(sent, Raise)
    return sent


def test_a_reset_soon_after_the_press_cancels_it() -> None:
    """A5: within the policy's seconds of the press a reset says that it was a mistake, and after them that it is over;
    of several alarms the first press counts.
    """
    rules = replace(RULES, cancel_ns=10 * NS)
    one, two = after(ready(rules), alarm()), after(ready(rules), alarm(), alarm("a2", T0 + 9 * NS))
    assert [ends(one, T0 + 10 * NS + late).kind for late in (0, 1)] == ["cancelled", "reset"]
    assert [ends(two, T0 + 10 * NS + late).kind for late in (0, 1)] == ["cancelled", "reset"]
    assert ends(after(ready(), alarm()), T0 + 1).kind == "reset"


def test_an_alarm_that_was_named_ends_alone() -> None:
    """A1: a reset that names one of two alarms leaves the other open, and the room in its alarm."""
    both = after(ready(), alarm(), alarm("a2", T0 + 1))
    room, effects = step(both, ResetAsked("e", "a console", "console", ("a2",)), T0 + NS)
    over = Raise("reset", "e", "a2", "reset", T0 + NS, "rec-a1", "reset by a console", closes=("a2",))
    assert effects == (over,)
    assert (room.phase, room.alarms, room.alarm_until_ns) == (Phase.ALARM, (Alarm("a1", T0),), both.alarm_until_ns)


def test_what_ends_by_time_says_so() -> None:
    """A5: the event of an alarm that nobody reset gives the reason."""
    _, effects = step(IN_ALARM, TimePassed("e", "f"), T0 + RULES.alarm_maximum_ns)
    assert isinstance(effects[0], Raise)
    assert (effects[0].detail, effects[0].closes) == ("nobody reset it within the policy's maximum", ("a1",))


# --- engineers --------------------------------------------------------------------------------------------------------


def test_a_test_alarm_is_sent_and_shown() -> None:
    """A5: it goes out as a test, in the name of who asked, opens no alarm, and the lamp has its level to show."""
    room, effects = step(ready(), AlarmTestAsked("t1", "an engineer"), T0)
    assert effects == (Raise("test", "t1", "t1", "operator", T0, None, "an engineer", "operator"),)
    assert room == replace(ready(), test=Alarm("t1", T0))


@pytest.mark.parametrize(("rules", "press"), [(RULES, alarm("a1", T0 - 1)), (HOLD, replace(HELD, at_ns=T0 - 1))])
def test_a_press_in_a_walk_test_is_shown_like_one(rules: Rules, press: Input) -> None:
    """A5: the lamp shows how far the press of a walk test got; a press that waited for another does no more."""
    room, _ = step(replace(after(ready(rules), WALK), waiting_ns=5), press, T0)
    assert room == replace(ready(rules), walk_until_ns=WALK_NS, test=Alarm("a1", T0 - 1))


def test_a_test_recording_begins_with_its_request_and_ends_by_itself() -> None:
    """R3: nothing from before, under a lease, marked as a test."""
    room, effects = step(ready(), RecordingTestAsked("t1", WALK_NS, "an engineer"), T0)
    start = StartRecording("t1", T0, 0, WALK_NS, alarm=False, test=True)
    assert effects == (Note("recording_test", "an engineer"), start, Lease("t1", T0 + LEASE_NS))
    assert room.phase is Phase.ENDING


def test_faults_stand_side_by_side() -> None:
    """H1: each fault has its own end, and they are listed by name."""
    room = after(ready(), FaultChanged("keeper", "gone"), FaultChanged("broker", "gone"))
    assert room.faults == (("broker", "gone"), ("keeper", "gone"))
    room = after(room, FaultChanged("keeper", "new"))
    assert room.faults == (("broker", "gone"), ("keeper", "new"))
    assert after(room, FaultChanged("broker", "")).faults == (("keeper", "new"),)


def test_a_policy_that_records_nothing_ends_an_objection_and_a_press_that_waits() -> None:
    """R7: there is nothing left to object to, and nothing that a release could begin."""
    room, effects = step(after(ready(BY_BUTTON), ObjectionPressed(T0)), PolicyChanged(OFF), T0)
    assert effects == (Note("policy_in_force", "everything off"), Objection(0, "time"), Quiet(()))
    assert (room.objection_until_ns, room.rules, room.phase) == (0, Rules.of(OFF), Phase.READY)
    assert after(after(ready(BY_HOLD), record()), PolicyChanged(OFF)).asked is None
    records = Policy("image", datetime.date(2021, 11, 16), video=TrackPolicy(record=True))
    kept = after(after(ready(BY_BUTTON), ObjectionPressed(T0)), PolicyChanged(records))
    assert (kept.objection_until_ns, kept.phase) == (T0 + BY_BUTTON.objection_ns, Phase.PRIVACY)


def test_an_objection_that_was_found_is_in_force_until_its_end() -> None:
    """R7: one that ends at this moment is over; a second word of it changes nothing."""
    fresh = Room(BY_BUTTON, settled=False)
    assert step(fresh, ObjectionFound(T0), T0)[1][0] == Objection(0, "time")
    assert after(fresh, ObjectionFound(T0 + 1)).objection_until_ns == T0 + 1
    assert after(fresh, ObjectionFound(T0 + 9), ObjectionFound(T0 + 5)).objection_until_ns == T0 + 9
