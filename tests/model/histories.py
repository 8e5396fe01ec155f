# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Rooms on paper: rules, rooms brought to a phase by their own inputs, and a history that is checked at every step."""

from __future__ import annotations

from msgspec.structs import replace

from daemon.model.events import (
    AlarmHeld,
    AlarmPressed,
    Effect,
    Input,
    Lease,
    LeaseDue,
    Quiet,
    Raise,
    RecorderJoined,
    RecordingEnded,
    RecordPressed,
    ResetAsked,
    SetEnd,
    StartRecording,
    TimePassed,
    TracksChanged,
    UseChanged,
)
from daemon.model.panel import recording_lit
from daemon.model.policy import NS
from daemon.model.room import deadline_ns, lease_deadline_ns, step
from daemon.model.rules.common import UNSEEN_MAX, alarm_may_record
from daemon.model.state import Phase, Room, Rules
from hardware.ports import Track

BOTH: tuple[Track, ...] = ("audio", "video")
RULES = Rules(
    pre_event_ns=30 * NS,
    post_event_ns=30 * NS,
    maximum_ns=5400 * NS,
    warning_ns=120 * NS,
    alarm_maximum_ns=3600 * NS,
    alarm_records=True,
    tracks=BOTH,
    ends_by="press",
)
T0 = 1000 * NS


def ready(rules: Rules = RULES, recorder: tuple[Track, ...] | None = BOTH) -> Room:
    """A room in which nothing happens, with a recorder that can record these tracks (None: there is none)."""
    return Room(rules, recorder=recorder)


def after(room: Room, *inputs: Input, now_ns: int = T0) -> Room:
    """The room that these inputs at one moment lead to."""
    for item in inputs:
        room, _ = step(room, item, now_ns)
    return room


def alarm(name: str = "a1", at_ns: int = T0) -> AlarmPressed:
    """A press of the alarm button."""
    return AlarmPressed(at_ns, name, f"rec-{name}")


def record(name: str = "r1", at_ns: int = T0) -> RecordPressed:
    """A press of the record button."""
    return RecordPressed(at_ns, name)


RECORDING, IN_ALARM = after(ready(), record()), after(ready(), alarm())
BEGINS, ENDS = UseChanged(True), UseChanged(False)
IN_USE = after(ready(), ENDS, BEGINS)
IDLE = after(ready(replace(RULES, ring_in_use=True)), ENDS, TracksChanged((), "f"))
"""Nobody is in the room: its devices are closed."""
ENDED = RecordingEnded("r1", "asked", "", "f1")


def kinds(effects: tuple[Effect, ...]) -> list[str]:
    """What is to be done, in order."""
    return [type(effect).__name__ for effect in effects]


class History:
    """A room, its clock, and what the recorder may be writing. `do` takes an input and checks what always holds."""

    def __init__(self, rules: Rules) -> None:
        self.room, self.now_ns = Room(rules), T0
        self.may_write_ns: dict[str, int] = {}
        """Per recording that the recorder may have open: until when it holds a lease."""
        self.ids: set[str] = set()

    def do(self, item: Input) -> tuple[Effect, ...]:
        """Takes one input, then lets the loop do what is due at once."""
        effects = self._step(item)
        for _ in range(4):
            due_ns, lease_due_ns = deadline_ns(self.room), lease_deadline_ns(self.room)
            if due_ns is not None and due_ns <= self.now_ns:
                self._step(self._time())
            elif lease_due_ns is not None and lease_due_ns <= self.now_ns:
                self._step(LeaseDue())
            else:
                return effects
        raise AssertionError(f"the loop never sleeps: {self.room}")

    def sleep(self, wait_ns: int) -> None:
        """Lets time pass as the loop does, from deadline to deadline; a lease is renewed on the way."""
        until_ns = self.now_ns + wait_ns
        while self.now_ns < until_ns:
            wakes = [ns for ns in (deadline_ns(self.room), lease_deadline_ns(self.room)) if ns is not None]
            later = [ns for ns in wakes if self.now_ns < ns < until_ns]
            self.now_ns = min(later, default=until_ns)
            for deadline, item in ((deadline_ns, self._time()), (lease_deadline_ns, LeaseDue())):
                due_ns = deadline(self.room)
                if due_ns is not None and due_ns <= self.now_ns:
                    self.do(item)

    def _time(self) -> TimePassed:
        return TimePassed(f"time-{self.now_ns}", f"part-{len(self.ids)}-{self.now_ns}")

    def _step(self, item: Input) -> tuple[Effect, ...]:
        before = self.room
        self.room, effects = step(before, item, self.now_ns)
        assert step(before, item, self.now_ns) == (self.room, effects), "the same call gives the same answer"
        self._check_phase()
        self._check_alarms(before, item, effects)
        self._check_recording(before, item, effects)
        self._check_lamp(item, effects)
        self._check_quiet(before, item, effects)
        return effects

    def _check_phase(self) -> None:
        room = self.room
        assert (room.phase is Phase.ALARM) == bool(room.alarms), room
        if room.phase is not Phase.ALARM:
            assert (room.phase in {Phase.READY, Phase.PRIVACY}) == (room.recording is None), room
            assert room.phase is not Phase.RECORDING or not room.quiet, "no conversation is recorded in privacy"
        if room.recording is None:
            private = bool(room.rules.tracks) and (bool(room.objection_until_ns) or room.cover is not None)
            assert (room.phase is Phase.PRIVACY) == (private and not room.alarms), room
            wanted = room.later is not None or (room.alarms and alarm_may_record(room))
            idle = room.rules.ring_in_use and room.in_use is False and room.unseen < UNSEEN_MAX and not wanted
            assert ("video" in room.quiet) == ((private or idle) and "video" in room.rules.tracks), (
                "the camera is closed, or is not"
            )
            assert private or idle or not room.quiet, room

    def _check_alarms(self, before: Room, item: Input, effects: tuple[Effect, ...]) -> None:
        """A1: each press is raised, and an open alarm ends by a reset or by the policy's maximum, and then in order."""
        raised = [effect for effect in effects if isinstance(effect, Raise)]
        if isinstance(item, AlarmPressed) and not item.in_room:
            button, until_ns = before.outside_test
            kind = "test" if button == item.source and self.now_ns < until_ns and not item.waited else "raised"
            assert [(effect.kind, effect.in_room) for effect in raised] == [(kind, False)]
            assert [effect.closes for effect in raised] == [(item.alarm_id,) if kind == "raised" else ()]
            assert kind == "raised" or self.room.outside_test[1] == 0, "one press is a test, and the next an alarm"
            assert (before.alarms, before.recording) == (self.room.alarms, self.room.recording)
            return
        if isinstance(item, AlarmPressed) and not raised:
            assert not before.alarms, "in an open alarm each press counts"
            assert item.source_kind == "wired", "a wireless button has its own safeguards"
            assert not self._is_enough(before, item), "one press is enough, or this one confirms the one before"
            assert self.room.waiting_ns == item.at_ns
        elif isinstance(item, AlarmHeld):
            self._check_hold(before, item, raised)
        elif isinstance(item, AlarmPressed) and raised[0].kind == "test":
            assert before.phase is Phase.READY
            assert self.now_ns < before.walk_until_ns, "a press is a test only in a walk test"
            assert not item.waited, "what the broker has kept may have been pressed before it"
        elif isinstance(item, AlarmPressed):
            assert [(effect.kind, effect.event_id) for effect in raised] == [
                ("repeated" if before.alarms else "raised", item.alarm_id)
            ]
            assert effects[0] is raised[0], "the alarm goes out before anything else is done"
            assert before.alarms or self._is_enough(before, item), "the policy asks for a hold, or for a second press"
        gone = {alarm.id for alarm in before.alarms} - {alarm.id for alarm in self.room.alarms}
        if gone:
            outlived = isinstance(item, TimePassed) and self.now_ns >= before.alarm_until_ns
            assert isinstance(item, ResetAsked) or outlived, item
            assert [effect.kind for effect in raised] in (["reset"], ["cancelled"])
            named = isinstance(item, ResetAsked) and item.alarm_ids
            assert not named or gone <= set(item.alarm_ids), "an alarm that the reset does not name stays open"  # type: ignore[attr-defined]
            assert [set(effect.closes) for effect in raised] == [gone], "closed in the commit of the event that ends it"

    @staticmethod
    def _is_enough(before: Room, item: AlarmPressed) -> bool:
        """Whether this press alone raises: by the policy, or because it is the second one in time."""
        if item.source_kind != "wired" or before.rules.raised_by == "press":
            return True
        waits_ns = before.waiting_ns
        in_time = waits_ns is not None and item.at_ns - waits_ns <= before.rules.confirm_ns
        return before.rules.raised_by == "two_presses" and in_time

    def _check_hold(self, before: Room, item: AlarmHeld, raised: list[Raise]) -> None:
        """A1: a hold raises where the policy wants one, is a test in a walk test at rest, else nothing."""
        if before.alarms:
            assert [one.kind for one in raised] == (["repeated"] if before.waiting_ns == item.at_ns else [])
            return
        wanted = before.rules.raised_by == "hold"
        tried = before.phase is Phase.READY and self.now_ns < before.walk_until_ns
        assert [(one.kind, one.event_id) for one in raised] == [
            ("test" if tried else "raised", item.alarm_id) for _ in range(wanted)
        ]

    def _check_recording(self, before: Room, item: Input, effects: tuple[Effect, ...]) -> None:
        """R3, R5: what is begun has a device, a policy, a lease and no other beside it; orders name the room's own."""
        for index, effect in enumerate(effects):
            if isinstance(effect, StartRecording):
                assert self.room.recorder, "nobody is there to record"
                assert self.room.rules.tracks, "the policy records nothing"
                assert effect.until_ns > self.now_ns
                assert effect.recording_id not in self.ids, "an id is used once"
                self.ids.add(effect.recording_id)
                following = effects[index + 1]
                assert isinstance(following, Lease), "a recording is begun with its lease"
                assert following.recording_id == effect.recording_id
                ended = isinstance(item, RecordingEnded) and before.recording is not None
                free = before.recording is None or before.recording.lost or isinstance(item, RecorderJoined)
                assert free or ended, "beside a recording that may be running"
            if isinstance(effect, (StartRecording, SetEnd, Lease)):
                assert self.room.recording is not None
                assert effect.recording_id == self.room.recording.id
            if isinstance(effect, SetEnd):
                assert (effect.until_ns, effect.alarm) == (self.room.recording.until_ns, self.room.recording.alarm)  # type: ignore[union-attr]

    def _check_quiet(self, before: Room, item: Input, effects: tuple[Effect, ...]) -> None:
        """R7: the recorder is told what is closed when it comes and at each change, and begins nothing behind it."""
        told = [effect.tracks for effect in effects if isinstance(effect, Quiet)]
        changed = isinstance(item, RecorderJoined) or before.quiet != self.room.quiet
        assert told == ([self.room.quiet] if changed else [])
        started = any(isinstance(effect, StartRecording) for effect in effects)
        assert not started or set(self.room.quiet) < set(self.room.rules.tracks), "nothing is open to record from"

    def _check_lamp(self, item: Input, effects: tuple[Effect, ...]) -> None:
        """R3: the lamp is lit before a byte may be written and as long as one may."""
        if isinstance(item, RecordingEnded):
            self.may_write_ns.pop(item.recording_id, None)
        if isinstance(item, RecorderJoined):  # it says what it writes: that, and nothing else
            kept_ns = self.may_write_ns.get(item.recording_id or "", 0)
            self.may_write_ns = {item.recording_id: kept_ns} if item.recording_id else {}
        for effect in effects:
            if isinstance(effect, Lease):
                self.may_write_ns[effect.recording_id] = effect.until_ns
        if any(self.now_ns < until_ns for until_ns in self.may_write_ns.values()):
            assert recording_lit(self.room, self.now_ns), (self.may_write_ns, self.room)
        if self.room.recording is None:
            assert not recording_lit(self.room, self.now_ns), "lit, and nothing is recorded"
