# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the room remembers after an input, field by field: the next input is judged by it."""

from __future__ import annotations

import datetime
from typing import cast

import pytest
from msgspec.structs import replace

from daemon.model.events import (
    AlarmHeld,
    AlarmPressed,
    AlarmsFound,
    AlarmTestAsked,
    CoverChanged,
    Delivered,
    Forget,
    Lease,
    ObjectionFound,
    ObjectionPressed,
    OpenAlarm,
    PolicyChanged,
    Raise,
    RecorderJoined,
    RecorderLeft,
    RecordHeld,
    RecordingEnded,
    RecordingStarted,
    RecordingTestAsked,
    RecordReleased,
    ResetAsked,
    SetEnd,
    StartRecording,
    TimePassed,
    TracksChanged,
    UseChanged,
    UseOver,
)
from daemon.model.mobile import AGAIN, WAITED
from daemon.model.policy import NS, Policy, TrackPolicy
from daemon.model.room import deadline_ns, step
from daemon.model.rules.common import LEASE_NS
from daemon.model.state import Phase, Recording, Room
from tests.model.histories import (
    BEGINS,
    BOTH,
    ENDED,
    ENDS,
    IDLE,
    IN_ALARM,
    IN_USE,
    RECORDING,
    RULES,
    T0,
    after,
    alarm,
    kinds,
    ready,
    record,
)

POST_NS = RULES.post_event_ns
HOLD = replace(RULES, raised_by="hold")
BY_HOLD = replace(RULES, objection_by=("hold",), objection_ns=1800 * NS)
BY_BUTTON = replace(RULES, objection_by=("button",), objection_ns=1800 * NS)
HELD = AlarmHeld(T0, "a1", "rec-a1")
TRIAL = RecordingTestAsked("t1", T0 + 60 * NS, "an engineer")
OUTSIDE = AlarmPressed(T0, "a1", "r1", "outside-1", "mobile", in_room=False)
OFF = Policy("everything off", datetime.date(2021, 11, 16), TrackPolicy(record=False), TrackPolicy(record=False))


def mine(room: Room) -> Recording:
    """The room's recording."""
    assert room.recording is not None
    return room.recording


def joined(recording_id: str | None = None, tracks: tuple[str, ...] = BOTH) -> RecorderJoined:
    """A recorder that comes, and what it writes."""
    return RecorderJoined(tracks, recording_id, T0 + 60 * NS, alarm=False, fresh_id="fresh")  # type: ignore[arg-type]


# --- alarms -----------------------------------------------------------------------------------------------------------


def test_an_event_says_whether_it_is_silent() -> None:
    """A5: receivers beside the counter are told where the policy wants an alarm silent; an outside worker's is none of
    this room's.
    """
    silent = ready(replace(RULES, silent=True))
    for room, press, is_silent in (
        (silent, alarm(), True), (ready(), alarm(), False), (silent, OUTSIDE, False),
        (replace(silent, rules=replace(HOLD, silent=True)), HELD, True),
    ):  # fmt: skip
        [event] = [one for one in step(room, press, T0)[1] if isinstance(one, Raise)]
        assert event.silent is is_silent


@pytest.mark.parametrize(("change", "detail"), [({"again": True}, AGAIN), ({"waited": True}, WAITED), ({}, "")])
def test_a_press_that_the_broker_kept_says_so(change: dict[str, bool], detail: str) -> None:
    """A4: that it may be old, and that it may have been sent before."""
    press = replace(AlarmPressed(T0, "a1", "r1", "hall", "mobile"), **change)
    assert cast("Raise", step(ready(), press, T0)[1][0]).detail == detail


def test_a_hold_is_an_event_of_a_wired_button() -> None:
    """A1: with no word of its own, and with the recording that it begins."""
    assert step(ready(HOLD), HELD, T0)[1][0] == Raise("raised", "a1", "a1", "alarm", T0, "rec-a1", source_kind="wired")


def test_an_outside_alarm_is_closed_with_its_own_event() -> None:
    """A1: it is never open here; a test is one only of the button that was named, in its time, and not kept before."""
    raised = Raise("raised", "a1", "a1", "outside-1", T0, None, source_kind="mobile", in_room=False, closes=("a1",))
    for asked, press, now_ns in (
        (("", 0), OUTSIDE, T0), (("outside-2", T0 + 9), OUTSIDE, T0), (("outside-1", T0 + 9), OUTSIDE, T0 + 9),
        (("outside-1", T0), OUTSIDE, T0 + 9),
    ):  # fmt: skip
        assert step(replace(RECORDING, outside_test=asked), press, now_ns)[1] == (raised,)
    kept = step(replace(ready(), outside_test=("outside-1", T0 + 9)), replace(OUTSIDE, waited=True), T0)[1]
    assert kept == (replace(raised, detail=WAITED),)


def test_a_press_that_waits_for_its_hold_is_remembered_until_it_is_answered() -> None:
    """A1: by its first edge; the alarm that the hold repeats answers it, and a test says whose it was."""
    assert after(ready(HOLD), alarm()).waiting_ns == T0
    waits = replace(ready(HOLD), waiting_ns=T0, phase=Phase.ALARM, alarms=IN_ALARM.alarms)
    assert after(waits, HELD).waiting_ns is None
    [test] = step(replace(RECORDING, phase=Phase.READY, walk_until_ns=T0 + 9), alarm(), T0)[1]
    assert (cast("Raise", test).alarm_id, cast("Raise", test).recording_id) == ("a1", None)


def test_whoever_presses_again_names_the_next_part() -> None:
    """R8: a press in an alarm that is not recorded begins the part with its own id."""
    lost = after(IN_ALARM, RecordingEnded("rec-a1", "store", "", "f"))
    effects = step(lost, alarm("a2"), T0)[1]
    assert [one.recording_id for one in effects if isinstance(one, StartRecording)] == ["rec-a2"]


def test_a_test_alarm_rises_like_an_alarm() -> None:
    """A5: its level is the latest that was told, also beside an alarm."""
    room = after(ready(), AlarmTestAsked("t1", "an engineer"), Delivered("t1", "stored"), Delivered("t1", "broker"))
    assert room.test is not None
    assert room.test.level == "stored"
    assert after(room, Delivered("other", "accepted")).test == room.test


def test_an_alarm_that_ends_by_time_has_the_id_that_was_made_for_it() -> None:
    """A1: of the loop's own event."""
    assert cast("Raise", step(IN_ALARM, TimePassed("e7", "f"), T0 + RULES.alarm_maximum_ns)[1][0]).event_id == "e7"


# --- alarms that are found, and recordings in privacy -----------------------------------------------------------------

FOUND = AlarmsFound((OpenAlarm("a0", T0),), "fresh")
FOUND_UNTIL_NS = T0 + RULES.alarm_maximum_ns + POST_NS


def test_a_recording_becomes_an_alarms_unless_privacy_is_closing_it() -> None:
    """R7, R8: where the policy records no alarms a conversation's recording still goes on for one; what an objection is
    closing does not, whether the alarm is pressed or found.
    """
    plain = after(ready(replace(RULES, alarm_records=False)), record())
    closing = after(ready(BY_BUTTON), record(), ObjectionPressed(T0))
    for item in (FOUND, alarm("a0")):
        effects = step(plain, item, T0)[1]
        assert SetEnd("r1", FOUND_UNTIL_NS, alarm=True) in effects
        assert len(step(closing, item, T0)[1]) == 1
    assert SetEnd("r1", FOUND_UNTIL_NS, alarm=True) in step(RECORDING, FOUND, T0)[1]
    unrecorded, effects = step(ready(replace(RULES, alarm_records=False)), FOUND, T0)
    assert (unrecorded.recording, unrecorded.owed_ns, len(effects)) == (None, 0, 1)


def test_a_found_alarm_waits_for_a_device_with_what_is_known_of_its_part() -> None:
    """R8: the part that it goes on from, lost; without one nothing, and what is owed since."""
    room = after(ready(recorder=()), replace(FOUND, part="x1"))
    assert room.recording == Recording("x1", FOUND_UNTIL_NS, alarm=True, lost=True, part="x1")
    assert after(ready(recorder=()), replace(FOUND, part="")).recording is None
    old = after(ready(recorder=()), AlarmsFound((OpenAlarm("a0", -5),), "fresh", part=""), now_ns=T0 + 9)
    assert old.owed_ns == T0 + 9
    [start] = [one for one in step(ready(), FOUND, T0)[1] if isinstance(one, StartRecording)]
    assert start.recording_id == "fresh"


def test_an_alarm_that_is_recorded_all_the_same_ends_the_objection_and_not_the_window() -> None:
    """R7: the camera stays closed while the window lasts."""
    rules = replace(BY_BUTTON, objection_alarm_records=True, cover_alarm_records=True)
    room = after(ready(rules), ObjectionPressed(T0), CoverChanged("elections"), alarm())
    assert (room.objection_until_ns, room.quiet) == (0, ("video",))


def test_an_objection_that_is_found_ends_what_is_recorded() -> None:
    """R7: at the moment at which it is found."""
    room = replace(after(Room(BY_BUTTON), joined("x1")), settled=False)
    effects = step(room, ObjectionFound(T0 + 60 * NS), T0 + 9)[1]
    assert SetEnd("x1", T0 + 9, alarm=False) in effects


def test_a_hold_objects_in_a_recording_and_is_noted_where_nothing_is_recorded() -> None:
    """R7: and a press that has become a hold, or has begun a recording, waits no more."""
    recording = after(ready(BY_HOLD), record(), RecordReleased())
    assert (recording.phase, recording.asked) == (Phase.RECORDING, None)
    room, effects = step(recording, RecordHeld(T0), T0 + 2 * NS)
    assert kinds(effects) == ["Objection", "SetEnd", "Quiet"]
    assert room.objection_until_ns == T0 + 2 * NS + BY_HOLD.objection_ns
    assert after(ready(BY_HOLD), record(), RecordHeld(T0)).asked is None
    private = after(ready(BY_BUTTON), ObjectionPressed(T0))
    [note] = step(private, RecordHeld(T0), T0)[1]
    assert note.detail == "nothing is recorded in an objection or a covered window"  # type: ignore[attr-defined]


# --- uses -------------------------------------------------------------------------------------------------------------


def test_each_use_is_counted_for_itself() -> None:
    """H2: neither a recording nor an alarm of the use before is this one's; an alarm that is still open is."""
    recorded = after(after(IN_USE, record(), ENDS), ENDED, now_ns=T0 + POST_NS)
    assert UseOver(recorded=False, alarm=False) in step(after(recorded, BEGINS), ENDS, T0)[1]
    alarmed = replace(IN_USE, use_alarm=True, use_recorded=True)
    assert UseOver(recorded=False, alarm=False) in step(after(alarmed, ENDS, BEGINS), ENDS, T0)[1]
    assert not after(IN_USE, record(), ENDS, BEGINS).use_recorded
    assert after(IN_USE, alarm(), ENDS, BEGINS).use_recorded
    assert replace(IN_USE, unseen=3) != IN_USE
    assert after(replace(IN_USE, unseen=3), ENDS, BEGINS).unseen == 0
    assert step(IN_USE, ENDS, T0)[0].forgets is False


def test_what_began_while_nobody_knew_goes_on_when_somebody_is_there() -> None:
    """R8, R9: the recording is this person's; one of a use that ended is the last one's, and a trial stays a trial."""
    room, effects = step(RECORDING, BEGINS, T0 + NS)
    assert (room.recording, effects) == (RECORDING.recording, ())
    unknown = after(IN_USE, record(), UseChanged(None), ENDS, BEGINS)
    assert unknown.phase is Phase.ENDING
    tried = after(IN_USE, TRIAL, ENDS)
    assert step(tried, BEGINS, T0 + NS)[1] == (SetEnd("t1", T0 + NS, alarm=False, test=True),)
    assert mine(after(tried, BEGINS)).test
    assert step(after(ready(), TRIAL), CoverChanged("x"), T0)[1][0] == SetEnd("t1", T0, alarm=False, test=True)


def test_a_press_that_waits_goes_with_its_person() -> None:
    """R9: the next one has not asked for a recording."""
    waits = after(IN_USE, record(), ENDS, BEGINS, record("r2"))
    assert waits.later is not None
    assert after(waits, ENDS).later is None


def test_a_press_that_waited_is_recorded_for_the_alarm_that_came() -> None:
    """R5, R8: from the press on, for as long as the alarm may last."""
    idle = after(replace(IDLE, rules=replace(IDLE.rules, alarm_records=False)), record(), alarm("a1", T0 + 5))
    room, effects = step(idle, TracksChanged(BOTH, "f1"), T0 + NS)
    until_ns = T0 + 5 + RULES.alarm_maximum_ns + POST_NS
    start = StartRecording("r1", T0, RULES.pre_event_ns, until_ns, alarm=True)
    assert effects == (start, Lease("r1", T0 + NS + LEASE_NS))
    assert room.later is None


def test_the_ring_stays_while_an_alarm_waits_for_a_device() -> None:
    """R8: it holds the seconds before the press."""
    waiting = after(ready(recorder=()), ENDS, BEGINS, alarm())
    assert Forget() not in step(waiting, ENDS, T0)[1]


# --- the recorder -----------------------------------------------------------------------------------------------------


def test_what_the_recorder_says_of_its_recording_is_remembered() -> None:
    """R8: that it runs, and under which name; a recorder that has gone, stopped or failed runs nothing."""
    assert not mine(RECORDING).running
    started = after(replace(RECORDING, owed_ns=5), RecordingStarted("r1"))
    assert (mine(started).running, mine(started).part, started.owed_ns) == (True, "r1", 0)
    gone = after(started, RecorderLeft())
    assert mine(gone).running is False
    alarmed = after(IN_ALARM, RecordingStarted("rec-a1"))
    stopped = after(alarmed, RecordingEnded("rec-a1", "stopped", "", "f"))
    assert (mine(stopped).running, mine(stopped).again_ns, stopped.lease_ns) == (False, 0, 0)
    failed = after(alarmed, RecordingEnded("rec-a1", "store", "", "f"))
    assert (mine(failed).running, mine(failed).part, failed.lease_ns) == (False, "rec-a1", 0)
    assert mine(after(failed, RecordingEnded("rec-a1", "stopped", "", "f"))).again_ns == 0
    assert mine(after(IN_ALARM, RecordingEnded("rec-a1", "refused", "", "f"))).part == ""
    lost = after(started, RecorderLeft(), joined(tracks=()))
    assert (mine(lost).running, mine(lost).lost, mine(lost).again_ns) == (False, True, 0)
    assert mine(after(started, joined(tracks=()))).running is False


def test_a_recording_that_is_adopted_runs() -> None:
    """R3, R9: under its own name; of a use that has ended it is, if nobody is there by the contact."""
    for in_use, over in ((None, False), (True, False), (False, True)):
        found = mine(after(replace(Room(RULES), in_use=in_use), joined("x1")))
        assert found == Recording("x1", T0 + 60 * NS, alarm=False, running=True, part="x1", over=over)
    missed = after(RECORDING, RecorderLeft(), alarm(), ResetAsked("e", "a test"))
    assert step(missed, joined("r1"), T0)[1][1] == SetEnd("r1", T0 + POST_NS, alarm=True)


def test_a_trial_that_is_lost_goes_on_as_a_trial() -> None:
    """R3: the next part is one too, and so says its order."""
    lost = after(ready(), TRIAL, RecorderLeft())
    [start] = [one for one in step(lost, joined(), T0 + NS)[1] if isinstance(one, StartRecording)]
    assert (start.test, start.continues) == (True, "t1")
    assert not mine(after(ready(), TRIAL, record("r2"))).test, "staff want it"


def test_time_that_passes_in_an_alarm_begins_nothing_that_runs_or_has_no_device() -> None:
    """R8: a part is tried when it is due, and not before."""
    for room in (IN_ALARM, after(ready(recorder=()), alarm())):
        assert step(room, TimePassed("e", "f"), T0 + NS) == (room, ())


def test_what_is_owed_is_the_first_parts() -> None:
    """R8: since its press; a part that goes on owes what the room knows, and a room at rest owes nothing."""
    begun = after(ready(), record())
    assert (begun.owed_ns, mine(begun).tries) == (T0, 0)
    waiting = after(ready(recorder=()), alarm())
    assert after(waiting, ENDS).owed_ns == T0
    part = after(replace(RECORDING, owed_ns=7), RecordingEnded("r1", "lease", "", "f"), now_ns=T0 + NS)
    assert part.owed_ns == 7
    assert after(RECORDING, RecordingStarted("r1"), RecordingEnded("r1", "lease", "", "f")).owed_ns == 0
    assert after(RECORDING, ENDED, now_ns=T0 + RULES.maximum_ns + POST_NS).owed_ns == 0


def test_a_lost_recording_that_a_new_policy_forbids_is_over() -> None:
    """R7: no device will ever come for it."""
    lost = after(RECORDING, RecorderLeft(), PolicyChanged(OFF))
    room, effects = step(lost, joined(), T0)
    assert (room.recording, room.lease_ns, room.phase, kinds(effects)) == (None, 0, Phase.READY, ["Quiet"])


def test_a_room_that_ends_without_a_recording_is_at_rest() -> None:
    """R5: time that passes leaves no lease, and a press begins anew."""
    room = Room(RULES, Phase.ENDING, lease_ns=5, recorder=BOTH)
    assert deadline_ns(room) == 0
    assert step(room, TimePassed("e"), T0) == (replace(room, phase=Phase.READY, lease_ns=0), ())
    assert kinds(step(room, record(), T0)[1]) == ["StartRecording", "Lease"]
    unheard = after(after(RECORDING, record("r2")), TimePassed("e"), now_ns=T0 + POST_NS + LEASE_NS)
    assert (unheard.recording, unheard.lease_ns) == (None, 0)


def test_devices_open_for_what_is_recorded() -> None:
    """R7: when privacy is over while a recording still closes, its devices are open; while it lasts they are not."""
    closing = after(ready(BY_BUTTON), record(), ObjectionPressed(T0))
    assert closing.quiet == BOTH
    assert after(closing, ObjectionPressed(T0)).quiet == ()
    assert after(closing, CoverChanged("elections"), ObjectionPressed(T0)).quiet == BOTH
