# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The room under any history: what `History` checks at every step, and where each history must end."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from daemon.model.events import (
    LEVELS,
    AlarmHeld,
    AlarmPressed,
    AlarmsFound,
    AlarmTestAsked,
    CoverChanged,
    Delivered,
    Effect,
    FaultChanged,
    Forget,
    ForgetAsked,
    Input,
    Lease,
    LeaseDue,
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
    WalkTestSet,
)
from daemon.model.policy import NS, AlarmPolicy, Policy, TimingPolicy, TrackPolicy
from daemon.model.rules.common import LEASE_NS, alarm_may_record, can_record, is_past, is_private
from daemon.model.state import Phase, Room, Rules
from hardware.ports import Track
from tests.model.histories import BOTH, RULES, History, alarm, record

TRACKS: tuple[tuple[Track, ...], ...] = ((), ("audio",), ("video",), BOTH)
WAITS_NS = (0, NS // 100, NS, 4 * NS, 5 * NS, 6 * NS, 30 * NS, 61 * NS, 300 * NS, 1000 * NS)
POLICIES = tuple(
    Policy(
        "a-policy", datetime.date(2021, 11, 16), TrackPolicy(record=audio), TrackPolicy(record=video),
        timing=TimingPolicy(30, post_event_s, 60, 0), alarm=AlarmPolicy(maximum_s=60),
    )
    for audio, video, post_event_s in ((False, False, 0), (False, True, 10), (True, True, 120))
)  # fmt: skip
WHYS = ("asked", "lease", "store", "refused", "stopped", "full")
# What makes a history a history stands more than once.
DEEDS = (
    "alarm", "record", "record", "record", "hold", "reset", "reset", "found", "joined", "joined", "joined", "left",
    "tracks", "tracks", "started", "ended", "ended", "time", "lease", "delivered", "fault", "forget", "wait", "wait",
    "alarm", "alarm held", "outside", "mobile", "reset one", "test", "walk", "released", "released", "objection",
    "objection found", "policy", "cover", "cover", "recording test", "walk outside", "alarm held",
    "in use", "in use", "not in use", "not in use", "in use not known",
)  # fmt: skip

rules = st.builds(
    Rules,
    pre_event_ns=st.sampled_from([0, 30 * NS]),
    post_event_ns=st.sampled_from([0, 10 * NS, 120 * NS]),
    maximum_ns=st.sampled_from([60 * NS, 600 * NS]),
    warning_ns=st.just(120 * NS),
    alarm_maximum_ns=st.sampled_from([60 * NS, 500 * NS]),
    alarm_records=st.booleans(),
    tracks=st.sampled_from([BOTH, BOTH, ("video",), ()]),
    ends_by=st.sampled_from(["press", "hold"]),
    raised_by=st.sampled_from(["press", "press", "hold", "two_presses"]),
    silent=st.booleans(),
    objection_by=st.sampled_from([(), ("hold",), ("button",), ("hold", "button")]),
    objection_ns=st.just(300 * NS),
    objection_alarm_records=st.booleans(),
    cover_alarm_records=st.booleans(),
    cancel_ns=st.sampled_from([0, 10 * NS]),
    ring_in_use=st.sampled_from([False, False, True]),
    reset_by=st.sampled_from([("operator", "console", "key_switch"), ("operator",), ("console",)]),
)
often = settings(max_examples=2 * settings.default.max_examples)  # type: ignore[union-attr]
deeds = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 119)), min_size=8, max_size=60)


def _input(history: History, deed: str, dice: int, n: int) -> Input:
    """What a deed is in this room now: `dice` picks among what can be; ids that the room knows come up often."""
    room, now_ns, fresh = history.room, history.now_ns, f"id-{n}"
    mine = room.recording.id if room.recording else fresh
    open_id = room.alarms[dice % len(room.alarms)].id if room.alarms else fresh
    writes = (None, None, mine, mine, f"{fresh}-other")[dice % 5]
    why: Any = WHYS[dice % 6]
    makers: dict[str, Callable[[], Input]] = {
        "alarm": lambda: alarm(fresh, now_ns - dice * NS // 1000),
        "record": lambda: record(fresh, now_ns - dice * NS // 1000),
        "hold": lambda: RecordHeld(now_ns - 2 * NS),
        "alarm held": lambda: AlarmHeld(max(room.waiting_ns or 0, now_ns - NS), fresh, f"rec-{fresh}"),
        "outside": lambda: AlarmPressed(
            now_ns, fresh, f"rec-{fresh}", f"outside-{dice % 2}", "mobile", in_room=False, waited=dice % 5 == 0
        ),
        "mobile": lambda: AlarmPressed(now_ns, fresh, f"rec-{fresh}", "hall", "mobile", waited=dice % 5 == 0),
        "reset": lambda: ResetAsked(fresh, "a test"),
        "reset one": lambda: ResetAsked(fresh, "a console", "console", (open_id,)),
        "test": lambda: AlarmTestAsked(fresh, "a test"),
        "walk": lambda: WalkTestSet(now_ns + dice * NS if dice % 3 else 0, "a test"),
        "walk outside": lambda: WalkTestSet(now_ns + dice * NS if dice % 3 else 0, "a test", f"outside-{dice % 2}"),
        "recording test": lambda: RecordingTestAsked(f"{fresh}-rec", now_ns + 5 * NS, "a test"),
        "found": lambda: AlarmsFound(
            (OpenAlarm(open_id if dice % 2 else fresh, now_ns - dice * 60 * NS),), f"{fresh}-rec" if dice % 3 else ""
        ),
        "joined": lambda: RecorderJoined(TRACKS[dice % 4], writes, now_ns + dice * NS, dice % 2 == 0, fresh),
        "left": RecorderLeft,
        "tracks": lambda: TracksChanged(TRACKS[dice % 4], fresh),
        "started": lambda: RecordingStarted(mine),
        "ended": lambda: RecordingEnded(mine if dice % 8 else "nobody's", why, "", fresh),
        "delivered": lambda: Delivered(open_id, LEVELS[dice % 5]),
        "fault": lambda: FaultChanged("broker" if dice % 2 else "alarm_button", "broken" if dice % 3 else "", fresh),
        "time": lambda: TimePassed(fresh),
        "lease": LeaseDue,
        "forget": ForgetAsked,
        "in use": lambda: UseChanged(True),
        "not in use": lambda: UseChanged(False),
        "in use not known": lambda: UseChanged(None),
        "released": RecordReleased,
        "objection": lambda: ObjectionPressed(now_ns),
        "objection found": lambda: ObjectionFound((now_ns + dice * NS - NS) if dice % 3 else 0),
        "policy": lambda: PolicyChanged(POLICIES[dice % 3]),
        "cover": lambda: CoverChanged("elections" if dice % 2 else None),
    }
    return makers[deed]()


def _run(history: History, story: list[tuple[str, int]]) -> None:
    history.do(RecorderJoined(BOTH, None, 0, alarm=False, fresh_id="first"))
    for n, (deed, dice) in enumerate(story):
        if deed == "wait":
            history.sleep(WAITS_NS[dice % len(WAITS_NS)])
        else:
            history.do(_input(history, deed, dice, n))


@often
@given(rules, deeds)
@example(RULES, [("alarm", 0), ("joined", 0), ("lease", 0), ("tracks", 1), ("ended", 3)])
def test_what_always_holds(rules: Rules, story: list[tuple[str, int]]) -> None:
    """A1, R3, R5: in any history each press is raised, no lease is given in the dark, and the loop can sleep."""
    history = History(rules)
    _run(history, story)
    event(f"ends {history.room.phase.value}")
    event(f"{min(len(history.ids), 3)} recordings")


@given(rules, deeds)
def test_what_nobody_ends_ends(rules: Rules, story: list[tuple[str, int]]) -> None:
    """R5: left alone, with a recorder that says nothing, any room is ready again within the policy's maxima."""
    history = History(rules)
    _run(history, story)
    adopted_ns = 120 * NS  # the longest that a recorder of another life says in these histories
    post_event_ns = 120 * NS  # the longest of these rules, and of the policies that may follow them
    longest_ns = max(rules.maximum_ns, rules.alarm_maximum_ns, adopted_ns) + 2 * post_event_ns + 3 * LEASE_NS
    history.sleep(longest_ns + rules.objection_ns)
    assert history.room.phase is (Phase.PRIVACY if history.room.cover and history.room.rules.tracks else Phase.READY)
    assert not history.room.objection_until_ns
    assert not any(history.now_ns < until_ns for until_ns in history.may_write_ns.values())


@pytest.mark.case("recorder 1")
@given(rules, deeds, st.sampled_from(["refused", "store", "full"]), st.integers(2, 12))
def test_an_open_alarm_is_recorded_or_tried_again(
    rules: Rules, story: list[tuple[str, int]], why: Any, failures: int
) -> None:
    """R8: in any history, an alarm that the policy records and a device could record has a recording, or a moment at
    which the next part is tried; and when a recorder fails as often as it likes, the next try is within eight seconds.
    """
    history = History(rules)
    _run(history, story)
    history.do(alarm("the-alarm", history.now_ns))
    history.do(RecorderJoined(BOTH, None, 0, alarm=False, fresh_id="the-recorder"))
    for n in range(failures):
        room, mine = history.room, history.room.recording
        if room.phase is not Phase.ALARM or not (alarm_may_record(room) and can_record(room)):
            return
        assert mine is not None
        assert not mine.lost or history.now_ns < mine.again_ns <= history.now_ns + 8 * NS
        if mine.lost:
            history.sleep(mine.again_ns - history.now_ns)
        else:
            history.do(RecordingEnded(mine.id, why, "", f"unused-{n}"))


@given(rules, deeds, st.sampled_from(["refused", "store", "lease", "asked", "stopped"]))
def test_a_recorder_that_fails_is_not_hammered(rules: Rules, story: list[tuple[str, int]], why: Any) -> None:
    """R5: a recorder that refuses, stops or finds its disk full is asked again only when something has changed."""
    history = History(rules)
    _run(history, story)
    starts = 0
    for n in itertools.count():
        recording = history.room.recording
        if recording is None or n == 5:
            break
        effects = history.do(RecordingEnded(recording.id, why, "", f"again-{n}"))
        starts += sum(isinstance(effect, StartRecording) for effect in effects)
    assert starts == 0 or why in ("lease", "asked")


@given(deeds)
def test_one_deed_begins_one_recording(story: list[tuple[str, int]]) -> None:
    """R5: no single input ever begins two recordings or gives two leases, whatever came before it."""
    history = History(Rules(0, 0, 60 * NS, 0, 60 * NS, alarm_records=True, tracks=BOTH, ends_by="press"))
    for n, (deed, dice) in enumerate(story):
        effects = history.do(_input(history, "alarm" if deed == "wait" else deed, dice, n))
        assert sum(isinstance(effect, StartRecording) for effect in effects) <= 1
        assert sum(isinstance(effect, Lease) for effect in effects) <= 1


class Strangers(History):
    """A history that remembers whether the ring can hold seconds of a use that has ended."""

    since_ns: int | None = None
    """Since when it can; None: it was forgotten since."""

    def _step(self, item: Input) -> tuple[Effect, ...]:
        before, was_past = self.room, is_past(self.room)
        effects = super()._step(item)
        if self._may_hide_an_end(before, item):
            self.since_ns = self.now_ns
        for effect in effects:
            if isinstance(effect, Forget):
                self.since_ns = None
            if isinstance(effect, StartRecording) and effect.continues is None and self.since_ns is not None:
                pressed_ns = min((alarm.pressed_ns for alarm in self.room.alarms), default=self.now_ns)
                assert pressed_ns <= self.since_ns, "the ring holds seconds of somebody who has gone"
            if isinstance(effect, SetEnd) and not self.room.alarms and (was_past or is_past(self.room)):
                assert effect.until_ns <= self.now_ns, "the recording of one who has gone goes on with the next"
        mine = self.room.recording
        if mine and not self.room.alarms and is_past(self.room):
            assert mine.until_ns <= self.now_ns
        return effects

    def _may_hide_an_end(self, before: Room, item: Input) -> bool:
        """A use ends, or may have: while nobody knew, or while the recorder could not be told."""
        if isinstance(item, RecorderLeft):
            return before.in_use is not None
        return isinstance(item, UseChanged) and item.in_use is not before.in_use and item.in_use is not None and not (
            before.in_use is False and item.in_use
        )  # fmt: skip


@often
@given(rules, deeds)
@example(RULES, [("in use", 0), ("record", 0), ("not in use", 0), ("in use", 0), ("record", 0), ("ended", 0)])
@example(RULES, [("in use", 0), ("left", 0), ("not in use", 0), ("in use", 0), ("joined", 0), ("record", 0)])
@example(RULES, [("in use", 0), ("in use not known", 0), ("in use", 0), ("record", 0)])
def test_nobodys_seconds_are_in_the_next_ones_recording(rules: Rules, story: list[tuple[str, int]]) -> None:
    """R9: in any history a recording that begins finds a ring that was forgotten since the last use, unless its alarm
    is older, and the recording of a conversation ends when the next use begins, whoever presses what in between.
    """
    _run(Strangers(rules), story)


@given(rules, deeds, st.sampled_from([UseChanged(True), UseChanged(False), UseChanged(None)]))
def test_whatever_the_contact_says_an_alarm_is_recorded(
    rules: Rules, story: list[tuple[str, int]], says: UseChanged
) -> None:
    """R8, A6: in any history, and whatever a contact says or hides then, an alarm that the policy records opens the
    devices, and is recorded as soon as one delivers.
    """
    history = History(rules)
    _run(history, story)
    history.do(says)
    history.do(alarm("the-alarm", history.now_ns))
    if history.room.phase is not Phase.ALARM or is_private(history.room) or not alarm_may_record(history.room):
        return
    assert not history.room.quiet
    history.do(RecorderJoined((), None, 0, alarm=False, fresh_id="the-recorder"))
    history.do(UseChanged(not says.in_use))
    history.do(TracksChanged(BOTH, "the-part"))
    assert not history.room.quiet
    assert history.room.recording is not None
    assert not history.room.recording.lost


class Owing(History):
    """A history that remembers which alarms were raised in the room and by nothing closed."""

    owed: frozenset[str] = frozenset()

    def _step(self, item: Input) -> tuple[Effect, ...]:
        effects = super()._step(item)
        for effect in effects:
            if isinstance(effect, Raise) and effect.kind in {"raised", "repeated"} and effect.in_room:
                self.owed |= {effect.event_id}
            if isinstance(effect, Raise):
                self.owed -= set(effect.closes)
        assert self.owed <= {alarm.id for alarm in self.room.alarms}
        return effects


@often
@given(rules, deeds)
def test_no_alarm_is_lost_without_a_reset(rules: Rules, story: list[tuple[str, int]]) -> None:
    """A1: in any history each alarm that was raised in the room is open until a reset or the policy's maximum closes
    it, by name and with an event of its own.
    """
    _run(Owing(rules), story)
