# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The whole unit as one table: what every press, answer and silence does to the room.

Invariant: everything that decides is in this file and the rules it names. A row of TABLE is an input, its columns are
the phases, a cell is the rule that answers it: `alarm.press` is `press` in `rules/alarm.py`. A cell without a dot is
ignored, for the reason above the table (that of `private`, which rules return too, is in `rules/common.py`). Nothing
else changes a room.

    READY      nothing is written
    RECORDING  a conversation is recorded because staff asked
    ENDING     the post-event seconds of a recording run out
    ALARM      an alarm is open, with a recording if the policy and the devices allow one
    PRIVACY    nothing may be recorded: an objection, or a covered window; devices are closed, the alarm works

`step(room, input, now_ns)` returns the next room and the effects in the order of carrying them out: the alarm first,
then the lamps (which follow from the room, see `panel.py`), then the recorder. Inputs and effects are in `events.py`,
the room is in `state.py`; docs/design/room.md is drawn from what `step` answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from daemon.model.events import (
    AlarmHeld,
    AlarmPressed,
    AlarmsFound,
    AlarmTestAsked,
    CoverChanged,
    Delivered,
    FaultChanged,
    ForgetAsked,
    Input,
    LeaseDue,
    ObjectionFound,
    ObjectionPressed,
    PolicyChanged,
    Quiet,
    RecorderJoined,
    RecorderLeft,
    RecordHeld,
    RecordingEnded,
    RecordingStarted,
    RecordingTestAsked,
    RecordPressed,
    RecordReleased,
    ResetAsked,
    TimePassed,
    TracksChanged,
    UseChanged,
    WalkTestSet,
)
from daemon.model.rules import alarm, privacy, record, recorder, upkeep, use
from daemon.model.rules.common import (
    LEASE_NS,
    RENEW_NS,
    Ignored,
    Step,
    closed_ns,
    is_private,
    later_until_ns,
    private,
    stop_ns,
)
from daemon.model.state import Phase, Room

Rule = Callable[[Room, Any, int], Step]
Row = tuple[Rule, Rule, Rule, Rule, Rule]

PHASES = (Phase.READY, Phase.RECORDING, Phase.ENDING, Phase.ALARM, Phase.PRIVACY)


def always(rule: Rule) -> Row:
    """The same answer in every phase."""
    return rule, rule, rule, rule, rule


no_alarm = Ignored("no alarm is open")
alarm_decides = Ignored("an alarm is open: the record button has no say over its recording")
alarm_first = Ignored("an alarm is open: an objection can be made when it is over")
nothing_due = Ignored("no deadline runs in this phase")
in_use = Ignored("the room is in use: a recording is tested in a room at rest")

# fmt: off
TABLE: dict[type[Input], Row] = {
    # input              READY              RECORDING         ENDING            ALARM             PRIVACY

    # the alarm button, and the levels of an alarm
    AlarmPressed:       (alarm.press,       alarm.press,      alarm.press,      alarm.repeat,     alarm.press),
    AlarmHeld:          (alarm.hold,        alarm.hold,       alarm.hold,       alarm.hold_again, alarm.hold),
    Delivered:          always(alarm.delivered),
    ResetAsked:         (no_alarm,          no_alarm,         no_alarm,         alarm.reset,      no_alarm),

    # the record button
    RecordPressed:      (record.press,      record.end_press, record.go_on,     alarm_decides,    private),
    RecordReleased:     (record.release,    record.forget,    record.forget,    record.forget,    record.forget),
    RecordHeld:         (record.hold,       record.end_hold,  record.hold,      alarm_decides,    record.hold),

    # privacy
    ObjectionPressed:   (privacy.press,     privacy.press,    privacy.press,    alarm_first,      privacy.press),
    CoverChanged:       always(privacy.cover),

    # the recorder
    RecorderJoined:     (recorder.adopt,    recorder.take_up, recorder.take_up, recorder.take_up, recorder.adopt),
    TracksChanged:      always(recorder.tracks),
    RecordingStarted:   always(recorder.started),
    LeaseDue:           (nothing_due,       recorder.renew,   recorder.renew,   recorder.renew,   nothing_due),
    RecordingEnded:     (recorder.ended,    recorder.cut_off, recorder.cut_off, recorder.cut_off, recorder.ended),
    RecorderLeft:       always(recorder.left),

    # a deadline of this phase
    TimePassed:         (record.waited,     record.maximum,   recorder.silent,  alarm.outlived,   privacy.over),

    # the process has started again, with its journal
    AlarmsFound:        always(alarm.found),
    ObjectionFound:     always(privacy.found),

    # engineers, operators, and the unit itself
    WalkTestSet:        always(upkeep.walk_test),
    AlarmTestAsked:     always(upkeep.try_alarm),
    RecordingTestAsked: (upkeep.try_record, in_use,           in_use,           in_use,           private),
    FaultChanged:       always(upkeep.fault),
    PolicyChanged:      always(upkeep.policy),
    ForgetAsked:        always(upkeep.forget),
    UseChanged:         always(use.changed),
}
# fmt: on


def step(room: Room, item: Input, now_ns: int) -> Step:
    """Return the next room and the effects, in order. Every input has an answer in every phase.

    Which devices are closed follows from the room: the recorder is told first when it connects, otherwise last and on
    change. Devices that are closed after a use deliver nothing until the recorder says so anew: a press may follow.
    """
    then, effects = TABLE[type(item)][PHASES.index(room.phase)](room, item, now_ns)
    then, more = use.settled(then, now_ns)
    effects = (*effects, *more)
    if not then.settled:
        return then, effects
    if isinstance(item, RecorderJoined):
        return then, (Quiet(then.quiet), *effects)
    if (then.quiet, then.settled) != (room.quiet, room.settled):
        if then.recorder and then.quiet and not is_private(then):
            then = replace(then, recorder=())
        return then, (*effects, Quiet(then.quiet))
    return then, effects


def deadline_ns(room: Room) -> int | None:
    """When `TimePassed` is due next; None: nothing is pending."""
    if room.phase is Phase.RECORDING and room.recording is not None:
        return stop_ns(room)
    if room.phase is Phase.ENDING:
        return closed_ns(room) if room.recording else 0
    if room.phase is Phase.ALARM:
        again_ns = room.recording.again_ns if room.recording else 0
        return min(room.alarm_until_ns, again_ns or room.alarm_until_ns)
    waits_ns = later_until_ns(room.later) if room.later else 0
    return room.objection_until_ns or waits_ns or None


def lease_deadline_ns(room: Room) -> int | None:
    """When `LeaseDue` is due next; None: nothing is recorded, or nobody is there to record."""
    if room.recording is None or room.recording.lost or room.recorder is None:
        return None
    due_ns = room.lease_ns - LEASE_NS + RENEW_NS
    # Not for ever: a recording not closed a lease after its end gets no more; only then the lamp goes dark.
    return due_ns if due_ns < room.recording.until_ns + LEASE_NS else None
