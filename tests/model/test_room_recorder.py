# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room and its recorder: leases, parts, and processes that die and come back (design 10, last paragraph)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.model.events import (
    AlarmsFound,
    Close,
    Lease,
    LeaseDue,
    Note,
    OpenAlarm,
    Quiet,
    RecorderJoined,
    RecorderLeft,
    RecordingEnded,
    RecordingStarted,
    ResetAsked,
    SetEnd,
    StartRecording,
    TimePassed,
    TracksChanged,
    Waits,
)
from daemon.model.panel import recording_lit
from daemon.model.policy import NS
from daemon.model.room import deadline_ns, lease_deadline_ns, step
from daemon.model.rules.alarm import ALARMS_MAX
from daemon.model.rules.common import LEASE_NS, RENEW_NS, STEADY_NS
from daemon.model.rules.recorder import unrecorded
from daemon.model.state import Phase, Room
from tests.model.histories import BOTH, IN_ALARM, RECORDING, RULES, T0, after, alarm, kinds, ready, record

POST_NS = RULES.post_event_ns
ENDING = after(RECORDING, record("r2"))
LOST = after(RECORDING, RecorderLeft(), RecorderJoined((), None, 0, alarm=False, fresh_id="f0"))
OPEN = Quiet(())
"""What a recorder is told first when it comes to a room without privacy."""
ALARM_UNTIL_NS = T0 + RULES.alarm_maximum_ns + POST_NS


def joined(recording_id: str | None = None, until_ns: int = 0, *, alarm: bool = False) -> RecorderJoined:
    return RecorderJoined(BOTH, recording_id, until_ns, alarm, "fresh")


def ended(recording_id: str, why: str) -> RecordingEnded:
    return RecordingEnded(recording_id, why, "", "fresh")  # type: ignore[arg-type]  # all of them are tried below


# --- the lease --------------------------------------------------------------------------------------------------


def test_the_lease_is_renewed_each_second() -> None:
    """R3: while something is recorded the lease is renewed every second, for five."""
    assert lease_deadline_ns(RECORDING) == T0 + RENEW_NS
    room, effects = step(RECORDING, LeaseDue(), T0 + RENEW_NS)
    assert effects == (Lease("r1", T0 + RENEW_NS + LEASE_NS),)
    assert lease_deadline_ns(room) == T0 + 2 * RENEW_NS


@pytest.mark.parametrize(
    "room", [ready(), after(RECORDING, RecorderLeft()), LOST, after(ready(recorder=None), alarm())]
)
def test_there_is_no_lease_without_a_recording_or_a_recorder(room: Room) -> None:
    """R3: nobody may write when nothing is recorded, nobody is there to write, or who is there has no recording."""
    assert lease_deadline_ns(room) is None
    assert not [effect for effect in step(room, LeaseDue(), T0)[1] if isinstance(effect, Lease)]


def test_the_lamp_stays_lit_while_a_lost_recorder_may_write() -> None:
    """R3: a recorder that is gone may write until its lease is over; so long the lamp stays lit, and no longer."""
    for room in (after(RECORDING, RecorderLeft()), LOST):
        assert [recording_lit(room, T0 + LEASE_NS + wait) for wait in (-1, 0)] == [True, False]


def test_a_recorder_that_never_says_that_it_closed_keeps_the_lamp_lit_for_its_last_lease() -> None:
    """R3: the room is ready only when the last lease that it gave is over, and it stops giving them."""
    last_ns = T0 + POST_NS + LEASE_NS - 1
    closing = after(ENDING, LeaseDue(), now_ns=T0 + POST_NS + NS)
    assert lease_deadline_ns(closing) == T0 + POST_NS + 2 * NS  # a slow disk has a lease's length to close
    room = after(ENDING, LeaseDue(), now_ns=last_ns)
    assert lease_deadline_ns(room) is None
    assert deadline_ns(room) == last_ns + LEASE_NS
    assert after(room, TimePassed("e"), now_ns=last_ns + LEASE_NS - 1) == room
    room, effects = step(room, TimePassed("e"), last_ns + LEASE_NS)
    assert (room.phase, room.recording, effects) == (Phase.READY, None, (Note("recording_end_unknown", "r1"),))


# --- ends -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["asked", "lease", "store", "refused", "stopped"])
def test_an_end_in_its_time_is_the_end(why: str) -> None:
    """R5: when its post-event seconds are over, a recording that is closed is done, whatever closed it."""
    room, effects = step(ENDING, ended("r1", why), T0 + POST_NS)
    assert (room, effects) == (ready(), ())
    assert not recording_lit(room, T0 + POST_NS)


@pytest.mark.parametrize("room", [RECORDING, ENDING, IN_ALARM])
@pytest.mark.parametrize("why", ["lease", "asked"])
def test_a_recording_that_ends_too_soon_goes_on_as_a_new_part(room: Room, why: str) -> None:
    """R5: after a missed lease, or an end that crossed with its being put off, a new part follows with the same end."""
    mine = room.recording
    assert mine is not None
    after_it, effects = step(after(room, RecordingStarted(mine.id)), ended(mine.id, why), T0 + 9 * NS)
    assert effects == (
        StartRecording("fresh", T0 + 9 * NS, RULES.pre_event_ns, mine.until_ns, mine.alarm, mine.id),
        Lease("fresh", T0 + 9 * NS + LEASE_NS),
    )
    assert after_it.phase is room.phase


FAILED = ("refused", "store", "full")


@pytest.mark.parametrize("why", FAILED)
def test_after_a_refusal_a_conversation_is_over(why: str) -> None:
    """R3: a conversation that the recorder cannot go on with is over, and its lamp dark."""
    assert step(RECORDING, ended("r1", why), T0) == (ready(), ())
    assert step(ENDING, ended("r1", why), T0) == (ready(), ())


@pytest.mark.case("recorder 1")
@pytest.mark.parametrize("why", FAILED)
def test_an_open_alarm_is_tried_again_until_it_is_recorded(why: str) -> None:
    """R8, R3: whatever ended the last part, the next follows after 1, 2, 4 and then each 8 s, as long as the alarm is
    open; until then the lamp is dark, no lease is given, and a fault says so.
    """
    room, now_ns, waited_s = IN_ALARM, T0, []
    for n in range(8):
        assert room.recording is not None
        room, _ = step(room, RecordingEnded(room.recording.id, why, "", "unused"), now_ns)  # type: ignore[arg-type]
        due_ns = deadline_ns(room)
        assert due_ns is not None
        assert not recording_lit(room, now_ns)
        assert (lease_deadline_ns(room), unrecorded(room)[:16]) == (None, "an alarm is open")
        assert step(room, TimePassed("e", f"p{n}"), due_ns - 1) == (room, ())
        waited_s.append((due_ns - now_ns) / NS)
        now_ns = due_ns
        room, effects = step(room, TimePassed("e", f"p{n}"), now_ns)
        assert kinds(effects) == ["StartRecording", "Lease"]
        assert [(e.continues, e.alarm, e.until_ns) for e in effects if isinstance(e, StartRecording)] == [
            (None if why == "refused" else "rec-a1", True, ALARM_UNTIL_NS)
        ]
        assert not unrecorded(room)
    assert waited_s == [1, 2, 4, 8, 8, 8, 8, 8]


@pytest.mark.case("recorder 1")
def test_a_part_that_lasted_begins_the_waits_anew() -> None:
    """R8: a part of a minute was no failure to begin: after it the next is tried in a second again."""
    room = IN_ALARM
    for n in range(4):
        assert room.recording is not None
        room = after(room, ended(room.recording.id, "store"))
        room = after(room, TimePassed("e", f"p{n}"), now_ns=T0 + 8 * NS)
    assert room.recording is not None
    room, _ = step(room, ended(room.recording.id, "store"), T0 + 8 * NS + STEADY_NS)
    assert deadline_ns(room) == T0 + 8 * NS + STEADY_NS + NS


@pytest.mark.case("recorder 1")
def test_whoever_presses_again_does_not_wait() -> None:
    """R8, A1: a second press in an alarm whose recording has failed goes out, and tries the recording at once."""
    room, _ = step(IN_ALARM, ended("rec-a1", "store"), T0)
    room, effects = step(room, alarm("a2"), T0)
    assert kinds(effects) == ["Raise", "StartRecording", "Lease"]
    assert step(IN_ALARM, alarm("a2"), T0)[1][1:] == (), "one that is recorded goes on as it is"


@pytest.mark.case("recorder 1")
def test_a_device_that_comes_does_not_wait_either() -> None:
    """R8: an alarm without any device is recorded with the first one, however long its next try is off."""
    room, _ = step(IN_ALARM, ended("rec-a1", "refused"), T0)
    room = after(room, TracksChanged((), "f1"))
    assert deadline_ns(room) == room.alarm_until_ns, "nothing to try with: it waits for a device"
    assert kinds(step(room, TracksChanged(("audio",), "f2"), T0)[1]) == ["StartRecording", "Lease"]


@pytest.mark.case("recorder 8")
@pytest.mark.parametrize("room", [RECORDING, ENDING, IN_ALARM])
def test_a_recorder_that_was_stopped_is_followed_by_its_successor(room: Room) -> None:
    """R8, R3: an upgrade or a policy at midnight in a recording: the lamp goes dark with the recorder, and the next one
    takes the recording up as a new part.
    """
    assert room.recording is not None
    stopped, effects = step(room, ended(room.recording.id, "stopped"), T0)
    assert (effects, recording_lit(stopped, T0)) == ((), False)
    _, effects = step(after(stopped, RecorderLeft()), joined(), T0 + 2 * NS)
    assert [e.continues for e in effects if isinstance(e, StartRecording)] == [room.recording.id]


@pytest.mark.parametrize("item", [ended("r9", "asked"), RecordingStarted("r9")])
@pytest.mark.parametrize("room", [ready(), RECORDING, ENDING, IN_ALARM])
def test_word_of_another_recording_changes_nothing(room: Room, item: RecordingEnded | RecordingStarted) -> None:
    """R5: what is said of a recording that is not the room's is noted and passed over."""
    assert step(room, item, T0) == (room, (Note("recording_unknown", "r9"),))


# --- a recorder that comes back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [RECORDING, ENDING, IN_ALARM])
def test_a_recorder_that_lost_it_begins_a_new_part(room: Room) -> None:
    """R5: a recorder that comes back empty-handed takes up what is wanted as a new part."""
    assert room.recording is not None
    _, effects = step(after(room, RecorderLeft()), joined(), T0 + 9 * NS)
    assert kinds(effects) == ["Quiet", "StartRecording", "Lease"]
    assert [e.continues for e in effects if isinstance(e, StartRecording)] == [room.recording.id]


@pytest.mark.parametrize("room", [RECORDING, ENDING, IN_ALARM])
def test_a_recorder_that_joins_before_its_devices_begins_with_the_first_one(room: Room) -> None:
    """R5: a recorder that was started again says first that it has no device yet; the part begins when it has one."""
    assert room.recording is not None
    waiting = after(room, RecorderLeft(), RecorderJoined((), None, 0, alarm=False, fresh_id="f0"))
    after_it, effects = step(waiting, TracksChanged(("audio",), "f1"), T0 + 9 * NS)
    assert kinds(effects) == ["StartRecording", "Lease"]
    assert step(after_it, TracksChanged(BOTH, "f2"), T0 + 9 * NS)[1] == ()


def test_devices_that_come_and_go_do_not_touch_what_runs() -> None:
    """R5: a device that is lost and comes back during a recording is the recorder's business: a gap, not a new part."""
    for room in (RECORDING, ENDING, IN_ALARM):
        assert step(after(room, TracksChanged((), "f1")), TracksChanged(BOTH, "f2"), T0) == (room, ())


def test_an_alarm_without_a_device_records_as_soon_as_there_is_one() -> None:
    """R5, R8: an alarm that found no device begins its recording with the first one, for as long as the alarm may last;
    it is told from the press on, so that what is missing until then is.
    """
    room = after(ready(recorder=()), alarm())
    _, effects = step(room, TracksChanged(("video",), "fresh"), T0 + 9 * NS)
    assert effects[0] == StartRecording("fresh", T0, RULES.pre_event_ns, ALARM_UNTIL_NS, alarm=True)
    begun = after(room, TracksChanged(("video",), "fresh"), RecordingStarted("fresh"))
    _, effects = step(begun, ended("fresh", "lease"), T0 + 20 * NS)
    assert effects[0].trigger_ns == T0 + 20 * NS, "what was begun is told by its own part"  # type: ignore[attr-defined]
    assert after(room, ResetAsked("e", "x")).owed_ns == 0
    silent = after(ready(replace(RULES, alarm_records=False), ()), alarm())
    assert step(silent, TracksChanged(("video",), "fresh"), T0)[1] == ()


def test_a_recorder_that_comes_back_is_told_what_it_missed() -> None:
    """R5: an end, or an alarm, that was asked for while the recorder was away is asked for again when it is back."""
    old_until_ns = T0 + RULES.maximum_ns + POST_NS
    missed_end = after(RECORDING, RecorderLeft(), record("r2"))
    assert step(missed_end, joined("r1", old_until_ns), T0)[1] == (OPEN, SetEnd("r1", T0 + POST_NS, alarm=False))
    missed_alarm = after(RECORDING, RecorderLeft(), alarm())
    assert step(missed_alarm, joined("r1", old_until_ns), T0)[1] == (OPEN, SetEnd("r1", ALARM_UNTIL_NS, alarm=True))
    assert step(after(RECORDING, RecorderLeft()), joined("r1", old_until_ns), T0)[1] == (OPEN,)


def test_a_recorder_that_writes_something_else_keeps_its_own_end() -> None:
    """R5: what a recorder was told by another alarm process is adopted with the end that it was told."""
    room, effects = step(after(ENDING, RecorderLeft()), joined("x1", T0 + 60 * NS), T0)
    assert room.recording is not None
    assert (room.recording.id, room.recording.until_ns, effects) == ("x1", T0 + 60 * NS, (OPEN,))


# --- an alarm process that comes back ------------------------------------------------------------------------------


def test_open_alarms_are_open_again() -> None:
    """A1: an alarm that the journal holds open is open again, as kept, until the policy's maximum after its press."""
    room, effects = step(Room(RULES), AlarmsFound((OpenAlarm("a1", -5 * NS),)), T0)
    assert (room.phase, [(a.id, a.level) for a in room.alarms]) == (Phase.ALARM, [("a1", "kept")])
    assert (deadline_ns(room), kinds(effects)) == (RULES.alarm_maximum_ns - 5 * NS, ["Note"])
    assert step(Room(RULES), AlarmsFound(()), T0) == (Room(RULES), ())


@pytest.mark.case("alarm 1")
def test_a_press_that_waits_for_its_second_outlives_a_restart() -> None:
    """A1: under a policy of two presses the unit may die between them: the second raises, as long as it would have."""
    rules = replace(RULES, raised_by="two_presses")
    _, (waits, _) = step(ready(rules), alarm(), T0)
    assert waits == Waits(T0)
    again = after(Room(rules), AlarmsFound((), waiting_ns=T0))
    within = T0 + rules.confirm_ns
    assert kinds(step(again, alarm("a2", within), within)[1]) == ["Raise"]
    assert kinds(step(again, alarm("a2", within + 1), within + 1)[1]) == ["Waits", "Note"]
    assert after(IN_ALARM, AlarmsFound((), waiting_ns=T0)).waiting_ns is None, "an open alarm waits for nothing"


@pytest.mark.parametrize("room", [RECORDING, ENDING, IN_ALARM])
def test_open_alarms_count_however_late_the_journal_is_read(room: Room) -> None:
    """A3: a disk that gives up the journal only after the recorder came, or after a press, loses no open alarm."""
    found, effects = step(room, AlarmsFound((OpenAlarm("a0", T0 - 60 * NS), *known(room))), T0 + NS)
    assert {alarm.id for alarm in found.alarms} == {"a0", *(alarm.id for alarm in room.alarms)}
    assert [alarm.id for alarm in found.alarms][: len(room.alarms)] == [alarm.id for alarm in room.alarms]
    assert (found.phase, kinds(effects)) == (Phase.ALARM, ["Note", "SetEnd"])
    assert found.recording is not None
    assert found.recording.alarm
    assert found.alarm_until_ns >= max(room.alarm_until_ns, T0 - 60 * NS + RULES.alarm_maximum_ns)


def known(room: Room) -> tuple[OpenAlarm, ...]:
    """The room's own alarms as a journal would name them."""
    return tuple(OpenAlarm(alarm.id, alarm.pressed_ns) for alarm in room.alarms)


def test_a_journal_full_of_open_alarms_is_bounded() -> None:
    """A1: of more open alarms than a room can hold the newest are open again; for the journal too."""
    rows = tuple(OpenAlarm(f"a{n}", n) for n in range(ALARMS_MAX + 50))
    found, effects = step(Room(RULES), AlarmsFound(rows), T0)
    assert Close(tuple(row.alarm_id for row in rows[:50])) in effects
    assert [alarm.id for alarm in found.alarms] == [row.alarm_id for row in rows[-ALARMS_MAX:]]
    assert len(after(IN_ALARM, AlarmsFound(rows)).alarms) == ALARMS_MAX


def test_alarms_that_are_known_are_not_found_again() -> None:
    """A1: an alarm that the room has is not taken twice."""
    assert step(IN_ALARM, AlarmsFound(known(IN_ALARM)), T0) == (IN_ALARM, ())


def test_an_open_alarm_takes_up_its_recording() -> None:
    """R5: the alarm's running recording is adopted and told that it is one; with none running a new one begins."""
    found = after(Room(RULES), AlarmsFound((OpenAlarm("a1", T0),)))
    room, effects = step(found, joined("x1", T0 + 60 * NS), T0)
    assert effects == (OPEN, SetEnd("x1", ALARM_UNTIL_NS, alarm=True))
    assert lease_deadline_ns(room) == RENEW_NS - LEASE_NS  # overdue: the loop renews at once
    assert step(found, joined("x1", ALARM_UNTIL_NS, alarm=True), T0)[1] == (OPEN,)
    assert kinds(step(found, joined(), T0)[1]) == ["Quiet", "StartRecording", "Lease"]
    later = step(found, joined(), T0 + 9 * NS)[1][1]
    assert later.trigger_ns == T0, "what is missing since it was found is told"  # type: ignore[attr-defined]
    assert room.owed_ns == 0
    late = step(ready(), AlarmsFound((OpenAlarm("a1", T0),), "fresh"), T0)[1]
    assert kinds(late) == ["Note", "StartRecording", "Lease"]
    assert kinds(step(ready(), AlarmsFound((OpenAlarm("a1", T0),)), T0)[1]) == ["Note"]


@pytest.mark.parametrize("comes_first", [True, False], ids=["recorder first", "journal first"])
@pytest.mark.parametrize("part", ["x1", "", None])
def test_an_open_alarm_that_was_found_goes_on_from_its_part(part: str | None, comes_first: bool) -> None:  # noqa: FBT001
    """R8: alarm process and recorder died together. The next part goes on from the one that the journal remembers, or
    is told since the press where none was begun; where nobody knows, since now, because there may have been one.
    """
    found = AlarmsFound((OpenAlarm("a0", -5 * NS), OpenAlarm("a1", T0)), "fresh", part=part)
    now_ns = T0 + 9 * NS
    if comes_first:
        room, effects = step(ready(), found, now_ns)
    else:
        room, effects = step(step(Room(RULES), found, now_ns)[0], joined(), now_ns)
    [start] = [effect for effect in effects if isinstance(effect, StartRecording)]
    assert start.continues == (part or None)
    assert start.trigger_ns == (now_ns if part is None else T0)
    assert (start.alarm, start.until_ns) == (True, room.alarm_until_ns + RULES.post_event_ns)
    assert room.recording is not None
    assert (room.recording.id, room.recording.lost) == (start.recording_id, False)


def test_what_is_owed_since_a_start_is_told_since_then() -> None:
    """R8: an alarm that is older than this boot, and a process that died before the recorder came: the first part is
    told since the first of its processes found the alarm, and not since the last.
    """
    found = AlarmsFound((OpenAlarm("a0", -5 * NS),), "fresh", part="", owed_ns=T0 - 60 * NS)
    [start] = [one for one in step(ready(), found, T0)[1] if isinstance(one, StartRecording)]
    assert (start.continues, start.trigger_ns) == (None, T0 - 60 * NS)


@pytest.mark.case("keeper 7")
@pytest.mark.parametrize(
    ("tries", "continues"),
    [("started killed refused killed", "rec-a1"), ("started refused", "rec-a1"), ("started disk", "rec-a1"),
     ("refused", None), ("refused refused", None), ("killed", "rec-a1"), ("killed refused killed", "rec-a1"),
     ("refused killed refused", "x1"), ("started killed started", "x2"), ("disk", "rec-a1")],
)  # fmt: skip
def test_a_part_goes_on_from_one_that_has_begun(tries: str, continues: str | None) -> None:
    """R8, K2: parts of an open alarm that are refused or die before the recorder has said that it writes them: the one
    that comes goes on from the newest that is known to be written, or else from the first that may be. So a hold on
    one keeps them all, whichever of them came to nothing.
    """
    room, now_ns = IN_ALARM, T0
    for n, what in enumerate(tries.split(), 1):
        assert room.recording is not None
        this, now_ns = room.recording.id, now_ns + 10 * NS
        if what == "started":
            room = step(room, RecordingStarted(this), now_ns)[0]
        if what in {"started", "killed"}:
            room = step(room, RecorderLeft(), now_ns)[0]
            room, effects = step(room, replace(joined(), fresh_id=f"x{n}"), now_ns)
        else:
            why = "refused" if what == "refused" else "store"
            room = step(room, replace(ended(this, why), fresh_id=f"x{n}"), now_ns)[0]
            room, effects = step(room, TimePassed("e1", f"x{n}"), now_ns + 9 * NS)
    [start] = [one for one in effects if isinstance(one, StartRecording)]
    assert start.continues == continues


def test_a_part_that_still_runs_is_the_alarms_recording() -> None:
    """R8: the recorder outlived the alarm process: it has the part that the journal remembers, and no other begins."""
    room = after(Room(RULES), AlarmsFound((OpenAlarm("a1", T0),), part="x1"))
    assert step(room, joined("x1", ALARM_UNTIL_NS, alarm=True), T0)[1] == (OPEN,)


def test_a_running_recording_is_adopted() -> None:
    """R3: what a recorder is writing when the alarm process comes back is the room's: lit, under lease, and it ends."""
    room, effects = step(Room(RULES), joined("x1", T0 + 60 * NS), T0)
    assert (room.phase, effects) == (Phase.RECORDING, (OPEN, Note("recording_adopted", "x1")))
    assert recording_lit(room, T0)
    assert kinds(step(room, LeaseDue(), T0)[1]) == ["Lease"]
    assert deadline_ns(room) == T0 + 60 * NS - POST_NS


def test_an_alarm_that_was_reset_while_the_recorder_was_away_runs_out() -> None:
    """R5: after a reset without a recorder the recording that comes back gets the reset's end, not the alarm's."""
    room = after(IN_ALARM, RecorderLeft(), ResetAsked("e1", "an operator"))
    _, effects = step(room, joined("rec-a1", ALARM_UNTIL_NS, alarm=True), T0 + NS)
    assert effects == (OPEN, SetEnd("rec-a1", T0 + POST_NS, alarm=True))
