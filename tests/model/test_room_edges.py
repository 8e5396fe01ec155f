# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room's moments to the nanosecond, and its facts about privacy in every combination."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from daemon.model.events import (
    AlarmsFound,
    CoverChanged,
    OpenAlarm,
    Quiet,
    RecorderLeft,
    RecordingEnded,
    RecordReleased,
    SetEnd,
    StartRecording,
    TimePassed,
    TracksChanged,
    UseChanged,
    UseOver,
    WalkTestSet,
)
from daemon.model.policy import NS
from daemon.model.room import deadline_ns, lease_deadline_ns, step
from daemon.model.rules.common import (
    LATER_NS,
    LEASE_NS,
    RENEW_NS,
    alarm_may_record,
    can_record,
    closed_tracks,
    is_private,
)
from daemon.model.rules.record import HOLD_NS_MAX
from daemon.model.state import Phase, Room
from tests.model.histories import BOTH, IDLE, IN_ALARM, IN_USE, RECORDING, RULES, T0, after, ready, record

POST_NS = RULES.post_event_ns
ENDING = after(RECORDING, record("r2"))
UNTIL_NS = T0 + RULES.maximum_ns + POST_NS


# --- privacy, in every combination ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "tracks", "objects", "covered", "objection_records", "cover_records"),
    list(itertools.product([True, False], [BOTH, ()], *[[True, False]] * 4)),
)
def test_what_is_closed_and_what_an_alarm_may_record(
    records: bool, tracks: tuple[str, ...], objects: bool, covered: bool, objection_records: bool, cover_records: bool  # noqa: FBT001
) -> None:  # fmt: skip
    """R7: privacy is an objection or a window under a policy that records; an alarm is recorded where the policy allows
    it for each of the two that there is; in a window its sound stays open for that, and never in an objection.
    """
    rules = replace(
        RULES, alarm_records=records, tracks=tracks, objection_alarm_records=objection_records,
        cover_alarm_records=cover_records,
    )  # fmt: skip
    room = replace(ready(rules), objection_until_ns=T0 if objects else 0, cover="elections" if covered else None)
    private = bool(tracks) and (objects or covered)
    assert is_private(room) is private
    allowed = (objection_records or not objects) and (cover_records or not covered)
    assert alarm_may_record(room) is (records and bool(tracks) and allowed)
    sound_stays = cover_records and not objects
    assert closed_tracks(room) == (() if not private else ("video",) if sound_stays else BOTH)


@pytest.mark.parametrize(
    ("recorder", "tracks", "quiet", "can"),
    [
        (None, BOTH, (), False), ((), BOTH, (), False), (BOTH, (), (), False), (BOTH, BOTH, BOTH, False),
        (("audio",), ("video",), (), False), (("audio",), BOTH, ("audio",), False),
        (("audio",), BOTH, ("video",), True), (BOTH, ("video",), ("audio",), True),
    ],
)  # fmt: skip
def test_a_room_can_record_what_is_there_allowed_and_open(
    recorder: tuple[str, ...] | None, tracks: tuple[str, ...], quiet: tuple[str, ...], *, can: bool
) -> None:
    """R7: a device that delivers, that the policy allows, and that is not closed."""
    assert can_record(replace(ready(replace(RULES, tracks=tracks)), recorder=recorder, quiet=quiet)) is can


# --- moments ----------------------------------------------------------------------------------------------------------


def test_a_lease_is_renewed_until_one_lease_after_the_end() -> None:
    """R3: a nanosecond before that it is, and then no more."""
    last_ns = UNTIL_NS + 2 * LEASE_NS - RENEW_NS
    assert lease_deadline_ns(replace(RECORDING, lease_ns=last_ns - 1)) == UNTIL_NS + LEASE_NS - 1
    assert lease_deadline_ns(replace(RECORDING, lease_ns=last_ns)) is None
    assert deadline_ns(ENDING) == T0 + POST_NS + LEASE_NS


def test_a_lost_recording_has_a_new_part_until_its_end() -> None:
    """R5: not at its end, nor after it."""
    assert RECORDING.recording is not None
    lost = replace(RECORDING, recording=replace(RECORDING.recording, lost=True))
    assert [effect.recording_id for effect in step(lost, TracksChanged(BOTH, "x"), UNTIL_NS - 1)[1]
            if isinstance(effect, StartRecording)] == ["x"]  # fmt: skip
    assert step(lost, TracksChanged(BOTH, "x"), UNTIL_NS)[1] == ()


def test_a_part_that_is_due_needs_a_name() -> None:
    """R8: time that passes without a fresh name begins nothing."""
    put_off = after(IN_ALARM, RecordingEnded("rec-a1", "store", "", "unused"))
    assert step(put_off, TimePassed("e"), T0 + NS) == (put_off, ())
    assert len(step(put_off, TimePassed("e", "x"), T0 + NS)[1]) == 2


def test_a_press_that_waits_for_a_device_waits_its_whole_minute() -> None:
    """R5: a nanosecond before it is given up it still waits, and a device that comes then records it."""
    room = after(IDLE, record())
    assert step(room, TimePassed("e", "f"), T0 + LATER_NS - 1) == (room, ())
    begun, _ = step(room, TracksChanged(("audio",), "f1"), T0 + LATER_NS - 1)
    assert (begun.phase, begun.later) == (Phase.RECORDING, None)


def test_a_release_that_comes_late_reaches_back_a_holds_length() -> None:
    """R5: where a hold objects, the longest hold is ten seconds: a later release counts from there."""
    held = after(ready(replace(RULES, objection_by=("hold",))), record())
    for late_ns, began_ns in ((HOLD_NS_MAX, T0), (HOLD_NS_MAX + 7, T0 + 7)):
        effects = step(held, RecordReleased(), T0 + late_ns)[1]
        assert [one.trigger_ns for one in effects if isinstance(one, StartRecording)] == [began_ns]


def test_what_has_ended_is_not_lengthened() -> None:
    """R7, R9: who comes, and a window that begins, after a recording's own end leave that end as it is."""
    for ending, item in (
        (after(IN_USE, record(), UseChanged(False)), UseChanged(True)),
        (ENDING, CoverChanged("elections")),
    ):
        assert ending.recording is not None
        until_ns = ending.recording.until_ns
        assert step(ending, item, until_ns + 9)[1][0] == SetEnd("r1", until_ns, alarm=False)
        assert step(ending, item, until_ns - 9)[1][0] == SetEnd("r1", until_ns - 9, alarm=False)


def test_a_use_counts_from_the_end_of_a_walk_test() -> None:
    """H2: who comes as it ends is a visitor."""
    walked = after(ready(), UseChanged(False), WalkTestSet(T0 + 9, "an engineer"))
    for now_ns, counted in ((T0 + 8, False), (T0 + 9, True)):
        used = after(walked, UseChanged(True), now_ns=now_ns)
        assert isinstance(step(used, UseChanged(False), T0 + NS)[1][0], UseOver) is counted


def test_of_found_alarms_the_newest_decides_the_end_and_the_oldest_of_this_boot_what_is_owed() -> None:
    """R8: an alarm from before this boot has no press that the ring could reach."""
    for oldest_ns, owed_ns in ((-5, T0), (0, T0), (1, 1)):
        found = AlarmsFound((OpenAlarm("a1", T0), OpenAlarm("a0", oldest_ns)), "x", part="")
        room, effects = step(ready(), found, T0 + 9)
        assert [one.trigger_ns for one in effects if isinstance(one, StartRecording)] == [owed_ns]
        assert deadline_ns(room) == T0 + RULES.alarm_maximum_ns
    later = after(IN_ALARM, AlarmsFound((OpenAlarm("a0", -5),)))
    assert later.alarm_until_ns == IN_ALARM.alarm_until_ns


def test_a_change_of_what_is_closed_is_told_once() -> None:
    """R7: and what closed devices deliver is not believed until the recorder says so anew."""
    room, effects = step(after(ready(replace(RULES, ring_in_use=True)), UseChanged(True)), UseChanged(False), T0)
    assert (effects[-1], room.recorder) == (Quiet(BOTH), ())
    covered, _ = step(ready(), CoverChanged("elections"), T0)
    assert covered.recorder == BOTH, "in privacy the recorder is not asked to record anyway"
    gone = after(Room(RULES), RecorderLeft(), UseChanged(True))
    assert (gone.recorder, gone.forgets) == (None, True)
