# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room by example: each row of the behaviour that the design promises (design 10)."""

from __future__ import annotations

import datetime

import pytest
from msgspec.structs import replace

from daemon.model.events import (
    AlarmPressed,
    Delivered,
    FaultChanged,
    Forget,
    ForgetAsked,
    Lease,
    Note,
    Raise,
    RecordHeld,
    ResetAsked,
    SetEnd,
    StartRecording,
    TimePassed,
    WalkTestSet,
)
from daemon.model.mobile import WAITED
from daemon.model.panel import recording_lit, sign
from daemon.model.policy import NS, AlarmPolicy, ButtonPolicy, Policy, TimingPolicy, TrackPolicy
from daemon.model.room import deadline_ns, step
from daemon.model.rules.alarm import ALARMS_MAX
from daemon.model.rules.common import LEASE_NS
from daemon.model.state import Phase, Room, Rules
from hardware.ports import Track
from tests.model.histories import BOTH, RULES, T0, after, alarm, kinds, ready, record

HOLD_RULES = replace(RULES, ends_by="hold")
POST_NS = RULES.post_event_ns
RESET = ResetAsked("e1", "an operator")


def recording(rules: Rules = RULES) -> Room:
    return after(ready(rules), record())


def test_an_ignored_input_changes_nothing_and_is_noted() -> None:
    """A6: a hold in a room that is ready leaves it as it is, and says what was passed over and why."""
    room = ready()
    assert step(room, RecordHeld(T0), T0) == (
        room,
        (Note("ignored_RecordHeld", "a hold begins nothing; the press before it has been answered"),),
    )


def test_rules_are_the_policy_in_nanoseconds() -> None:
    """R5: the room's rules say what the policy says, each length in its own place."""
    policy = Policy(
        "test", datetime.date(2020, 5, 4), video=TrackPolicy(record=True), alarm=AlarmPolicy(maximum_s=61),
        record_button=ButtonPolicy(ends_by="hold"), timing=TimingPolicy(1, 2, 63, 4),
    )  # fmt: skip
    assert Rules.of(policy) == Rules(1 * NS, 2 * NS, 63 * NS, 4 * NS, 61 * NS, True, ("video",), "hold")


# --- ready ------------------------------------------------------------------------------------------------------


def test_ready_record_begins_with_the_seconds_before() -> None:
    """R5: the record button starts a recording that reaches back the pre-event seconds, under a lease."""
    press_ns, now_ns = T0 - 50_000_000, T0
    room, effects = step(ready(), record("r1", press_ns), now_ns)
    until_ns = press_ns + RULES.maximum_ns + POST_NS
    assert effects == (
        StartRecording("r1", press_ns, RULES.pre_event_ns, until_ns, alarm=False),
        Lease("r1", now_ns + LEASE_NS),
    )
    assert (room.phase, sign(room, now_ns), recording_lit(room, now_ns)) == (Phase.RECORDING, "ready", True)


def test_ready_alarm_raises_and_records() -> None:
    """A1: the alarm button raises first, names its recording, and then the recording begins."""
    room, effects = step(ready(), alarm("a1", T0 - 1), T0)
    until_ns = T0 - 1 + RULES.alarm_maximum_ns + POST_NS
    assert effects == (
        Raise("raised", "a1", "a1", "alarm", T0 - 1, "rec-a1", source_kind="wired"),
        StartRecording("rec-a1", T0 - 1, RULES.pre_event_ns, until_ns, alarm=True),
        Lease("rec-a1", T0 + LEASE_NS),
    )
    assert (room.phase, sign(room, T0), recording_lit(room, T0)) == (Phase.ALARM, "raised", True)


@pytest.mark.parametrize(
    ("rules", "recorder"),
    [
        (replace(RULES, alarm_records=False), BOTH),
        (replace(RULES, tracks=()), BOTH),
        (RULES, ()),
        (RULES, None),
    ],
)
def test_ready_alarm_raises_where_nothing_is_recorded(rules: Rules, recorder: tuple[Track, ...] | None) -> None:
    """A1: an alarm goes out whether or not the policy, the devices and the recorder allow a recording."""
    room, effects = step(ready(rules, recorder), alarm(), T0)
    assert effects == (Raise("raised", "a1", "a1", "alarm", T0, None, source_kind="wired"),)
    assert not recording_lit(room, T0)


# --- recording --------------------------------------------------------------------------------------------------


def test_recording_record_ends_it_after_the_seconds_after() -> None:
    """R5: a second press ends the recording when the post-event seconds are over, counted from the press."""
    room, effects = step(recording(), record("r2", T0 + 60 * NS), T0 + 60 * NS)
    assert effects == (SetEnd("r1", T0 + 60 * NS + POST_NS, alarm=False),)
    assert (room.phase, recording_lit(room, T0 + 61 * NS)) == (Phase.ENDING, True)


def test_recording_hold_ends_it_where_the_policy_says_hold() -> None:
    """R5: where a hold ends a recording a press does not, and where a press does a hold does nothing more."""
    held = recording(HOLD_RULES)
    assert after(held, record("r2", T0 + 9 * NS)) == held
    room, effects = step(held, RecordHeld(T0 + 9 * NS), T0 + 11 * NS)
    assert (room.phase, effects) == (Phase.ENDING, (SetEnd("r1", T0 + 9 * NS + POST_NS, alarm=False),))
    for at_ns in (T0, T0 + 9 * NS):
        assert after(recording(), RecordHeld(at_ns)) == recording()


def test_the_press_that_begins_a_recording_does_not_end_it() -> None:
    """R5: where a hold ends a recording, staff who press long to begin one have begun it."""
    assert after(recording(HOLD_RULES), RecordHeld(T0), now_ns=T0 + 2 * NS).phase is Phase.RECORDING
    ending = after(recording(HOLD_RULES), RecordHeld(T0 + 9 * NS))
    again = after(ending, record("r2", T0 + 20 * NS), RecordHeld(T0 + 20 * NS), now_ns=T0 + 22 * NS)
    assert again.phase is Phase.RECORDING


def test_recording_alarm_raises_and_marks_the_same_recording() -> None:
    """A1: an alarm during a conversation raises, and the same recording goes on as an alarm's."""
    room, effects = step(recording(), alarm("a1", T0 + 9 * NS), T0 + 9 * NS)
    until_ns = T0 + 9 * NS + RULES.alarm_maximum_ns + POST_NS
    assert effects == (
        Raise("raised", "a1", "a1", "alarm", T0 + 9 * NS, "r1", source_kind="wired"),
        SetEnd("r1", until_ns, alarm=True),
    )
    assert room.phase is Phase.ALARM


def test_a_recording_has_a_maximum_with_a_warning_before_it() -> None:
    """R5: a forgotten recording warns, stops at its maximum and runs out with its post-event seconds."""
    room, stop_ns = recording(), T0 + RULES.maximum_ns
    assert deadline_ns(room) == stop_ns
    assert [sign(room, stop_ns - RULES.warning_ns + wait) for wait in (-1, 0)] == ["ready", "warning"]
    assert after(room, TimePassed("e"), now_ns=stop_ns - 1) == room
    room, effects = step(room, TimePassed("e"), stop_ns)
    assert (room.phase, effects) == (Phase.ENDING, (Note("maximum_reached", "r1"),))
    assert room.recording is not None
    assert room.recording.until_ns == stop_ns + POST_NS


# --- alarm ------------------------------------------------------------------------------------------------------


def test_alarm_record_is_noted_and_does_nothing() -> None:
    """R5: the record button has no say over an alarm's recording."""
    room = after(ready(), alarm())
    for item in (record(), RecordHeld(T0)):
        same, effects = step(room, item, T0)
        assert (same, kinds(effects)) == (room, ["Note"])


def test_alarm_alarm_is_repeated_and_never_swallowed() -> None:
    """A1: each further press is sent as `repeated`, tied to the first, also beyond what the room can remember."""
    room = after(ready(), alarm())
    for n in range(ALARMS_MAX + 5):
        room, effects = step(room, alarm(f"b{n}", T0 + n), T0 + n)
        closes = () if any(alarm.id == f"b{n}" for alarm in room.alarms) else (f"b{n}",)
        sent = Raise("repeated", f"b{n}", "a1", "alarm", T0 + n, "rec-a1", source_kind="wired", closes=closes)
        assert effects == (sent,), "what no room holds no journal opens again"
    assert len(room.alarms) == ALARMS_MAX


def test_the_lamp_says_how_far_the_alarm_got() -> None:
    """A5: the status lamp follows the alarm's level, and a late word of a lower level does not take it back."""
    room = after(ready(), alarm())
    for level in ("kept", "broker", "stored", "accepted"):
        room = after(room, Delivered("a1", level))
        assert sign(room, T0) == level
    assert sign(after(room, Delivered("a1", "broker"), Delivered("a9", "kept")), T0) == "accepted"
    both = after(ready(), alarm(), alarm("a2", T0 + 1), Delivered("a2", "stored"))
    assert [open_alarm.level for open_alarm in both.alarms] == ["raised", "stored"]


def test_reset_ends_the_alarm_and_then_its_recording() -> None:
    """R5: a reset is sent, closes every open alarm, and the recording ends post-event seconds later."""
    room = after(ready(), alarm(), alarm("a2", T0 + 1))
    room, effects = step(room, RESET, T0 + 9 * NS)
    assert effects == (
        Raise("reset", "e1", "a1", "reset", T0 + 9 * NS, "rec-a1", "reset by an operator", closes=("a1", "a2")),
        SetEnd("rec-a1", T0 + 9 * NS + POST_NS, alarm=True),
    )
    assert (room.phase, room.alarms, sign(room, T0)) == (Phase.ENDING, (), "ready")
    assert recording_lit(room, T0 + 9 * NS)


def test_reset_of_an_alarm_without_a_recording_is_ready_at_once() -> None:
    """A6: with nothing recorded there is nothing to wait for."""
    room, effects = step(after(ready(recorder=None), alarm()), RESET, T0)
    assert (room, kinds(effects)) == (ready(recorder=None), ["Raise"])


@pytest.mark.parametrize("phase_of", [ready(), recording(), after(ready(), alarm(), RESET)])
def test_reset_without_an_alarm_is_noted(phase_of: Room) -> None:
    """A6: a reset where no alarm is open changes nothing and says so."""
    room, effects = step(phase_of, RESET, T0)
    assert (room, effects) == (phase_of, (Note("ignored_ResetAsked", "no alarm is open"),))


def test_an_alarm_that_nobody_resets_ends_at_its_maximum() -> None:
    """R5: at the policy's maximum the alarm is reset by time, not before, and its recording runs out."""
    room, until_ns = after(ready(), alarm(), alarm("a2", T0 + 9 * NS)), T0 + RULES.alarm_maximum_ns
    assert deadline_ns(room) == until_ns
    assert after(room, TimePassed("e"), now_ns=until_ns - 1) == room
    room, effects = step(room, TimePassed("e"), until_ns)
    assert (room.phase, kinds(effects)) == (Phase.ENDING, ["Raise", "SetEnd"])


# --- after reset, and in every phase -----------------------------------------------------------------------------


def test_after_reset_an_alarm_raises_anew_on_the_same_recording() -> None:
    """A1: a press in the post-event seconds is a new alarm, and the recording that still runs goes on for it."""
    room, effects = step(after(ready(), alarm(), RESET), alarm("a2", T0 + NS), T0 + NS)
    assert effects[0] == Raise("raised", "a2", "a2", "alarm", T0 + NS, "rec-a1", source_kind="wired")
    assert effects[1:] == (SetEnd("rec-a1", T0 + NS + RULES.alarm_maximum_ns + POST_NS, alarm=True),)
    assert room.phase is Phase.ALARM


def test_while_ending_the_record_button_goes_on() -> None:
    """R5: staff who press again in the post-event seconds have the same recording go on, an alarm's as an alarm's."""
    for ending, marked in ((after(recording(), record("r2")), False), (after(ready(), alarm(), RESET), True)):
        room, effects = step(ending, record("r3", T0 + NS), T0 + NS)
        assert room.phase is Phase.RECORDING
        assert [e.alarm for e in effects if isinstance(e, SetEnd)] == [marked]
        assert deadline_ns(room) == T0 + NS + RULES.maximum_ns


@pytest.mark.parametrize("tracks", [("audio",), ("video",)])
def test_with_one_device_left_it_records_what_is_left(tracks: tuple[Track, ...]) -> None:
    """R5: with sound or image lost the other is recorded, and the lamp shows the fault besides."""
    faulty = after(ready(recorder=tracks), FaultChanged("camera", "unplugged"))
    assert (sign(faulty, T0), kinds(step(faulty, record(), T0)[1])) == ("fault", ["StartRecording", "Lease"])


@pytest.mark.parametrize(
    ("rules", "recorder", "why"),
    [
        (replace(RULES, tracks=()), (), "the policy records neither sound nor image"),
        (RULES, None, "the recorder is not there"),
        (RULES, (), "no camera and no microphone to record from"),
    ],
)
def test_only_with_nothing_left_it_refuses(rules: Rules, recorder: tuple[Track, ...] | None, why: str) -> None:
    """R7: a press that cannot be recorded begins nothing, and the log says why."""
    room = ready(rules, recorder)
    assert step(room, record(), T0) == (room, (Note("recording_refused", why),))


def test_a_walk_test_records_nothing() -> None:
    """R3: while an engineer tries the buttons, a press of the record button is seen and starts nothing; after it, it
    does.
    """
    room = after(ready(), WalkTestSet(T0 + 60 * NS, "an engineer"))
    tried, effects = step(room, record(), T0)
    assert (tried, kinds(effects)) == (room, ["Note"])
    assert step(room, record(), T0 + 60 * NS)[0].phase is Phase.RECORDING


@pytest.mark.parametrize("room", [ready(), recording(), after(ready(), alarm())])
def test_an_outside_workers_button_is_tested_by_its_name(room: Room) -> None:
    """A1, A5: asked for by name, the next press of an outside worker's button is a test, whatever the room does; the
    one after it is an alarm, and so is another button's, one that the broker had kept, and one that comes too late.
    """
    asked = after(room, WalkTestSet(T0 + 60 * NS, "an engineer", "outside-1"))
    press = AlarmPressed(T0, "a1", "r1", "outside-1", "mobile", in_room=False)
    tested, effects = step(asked, press, T0)
    assert effects == (Raise("test", "a1", "a1", "outside-1", T0, None, source_kind="mobile", in_room=False),)
    assert tested == room
    for state, other, now_ns in (
        (tested, press, T0),
        (asked, replace(press, source="outside-2"), T0),
        (asked, replace(press, waited=True), T0),
        (asked, press, T0 + 60 * NS),
    ):
        assert kinds(step(state, other, now_ns)[1]) == ["Raise"]


def test_a_walk_test_takes_no_press_from_before_it() -> None:
    """A1: a wireless press that the broker has kept for the unit is an alarm in a walk test too, and says so."""
    room = after(ready(), WalkTestSet(T0 + 60 * NS, "an engineer"))
    _, effects = step(room, AlarmPressed(T0, "a1", "r1", "hall", "mobile", waited=True), T0)
    assert isinstance(effects[0], Raise)
    assert (effects[0].kind, effects[0].detail) == ("raised", WAITED)


def test_a_fault_is_shown_until_it_is_mended_and_a_buttons_is_sent() -> None:
    """A6: a fault lights the lamp in any phase that has no alarm; a button's goes out as an event, and its end too."""
    stuck = FaultChanged("alarm_button", "stuck: the alarm button's line", "e1")
    room, effects = step(ready(), stuck, T0)
    assert effects == (Raise("fault", "e1", "e1", "alarm_button", T0, None, stuck.detail),)
    assert (sign(room, T0), sign(after(room, alarm()), T0)) == ("fault", "raised")
    room, effects = step(room, FaultChanged("alarm_button", "", "e2"), T0)
    assert effects == (Raise("fault", "e2", "e2", "alarm_button", T0, None, "mended"),)
    assert room == ready()
    assert step(ready(), FaultChanged("broker", "gone"), T0)[1] == ()


@pytest.mark.parametrize("room", [ready(), recording(), after(ready(), alarm()), after(ready(), alarm(), RESET)])
def test_forgetting_drops_the_ring_in_every_phase(room: Room) -> None:
    """R1: asked to forget, the unit drops its ring, and what is being recorded goes on."""
    assert step(room, ForgetAsked(), T0) == (room, (Forget(),))
