# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws docs/design/room.md from the room itself: rooms that can be reached, every input, and what `step` answers.

Nothing here reads source: what the page says is what was observed. `make docs` writes it; a test compares.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path

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
    Note,
    ObjectionFound,
    ObjectionPressed,
    OpenAlarm,
    PolicyChanged,
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
from daemon.model.policy import NS, Policy
from daemon.model.room import PHASES, TABLE, step
from daemon.model.state import Phase, Room, Rules
from hardware.ports import Track

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "design" / "room.md"
BOTH: tuple[Track, ...] = ("audio", "video")
POLICY = Policy("off", datetime.date(2021, 11, 16))
"""Under which nothing is recorded. It comes to each room that can be reached, which then is one without tracks."""
WAITS_NS = (0, 20 * 60 * NS)
"""When an input comes after those before it: at once, or when every maximum has passed."""

Outcome = tuple[Phase, tuple[str, ...]]
Cells = dict[tuple[type[Input], Phase], dict[Outcome, str]]


def _rules() -> Iterator[Rules]:
    ways = (
        ("press", "press", ()), ("hold", "hold", ("button",)), ("press", "two_presses", ("hold", "button")),
    )  # fmt: skip
    for (ends_by, raised_by, objection_by), alarm_records in product(ways, (True, False)):
        yield Rules(
            30 * NS, 30 * NS, 15 * 60 * NS, 60 * NS, 60 * NS, alarm_records=alarm_records, tracks=BOTH,
            ends_by=ends_by, raised_by=raised_by, objection_by=objection_by,  # type: ignore[arg-type]
            objection_ns=5 * 60 * NS, objection_alarm_records=ends_by == "hold", cover_alarm_records=ends_by == "hold",
        )  # fmt: skip
    yield Rules(
        30 * NS, 30 * NS, 15 * 60 * NS, 60 * NS, 60 * NS, alarm_records=True, tracks=BOTH, ends_by="press",
        ring_in_use=True,
    )  # fmt: skip


def _inputs(room: Room, now_ns: int) -> Iterator[Input]:
    """Every kind of input, in each way that a room may tell apart."""
    mine = room.recording.id if room.recording else "another"
    yield AlarmPressed(now_ns, f"a{now_ns}", f"ra{now_ns}")
    yield RecordPressed(now_ns, f"r{now_ns}")
    yield RecordHeld(now_ns)
    yield RecordHeld(now_ns - NS)
    yield RecordReleased()
    yield ObjectionPressed(now_ns)
    for until_ns in (0, now_ns - NS, now_ns + 60 * NS):
        yield ObjectionFound(until_ns)
    yield PolicyChanged(POLICY)
    for decision in ("elections", None):
        yield CoverChanged(decision)
    yield AlarmHeld(now_ns, f"h{now_ns}", f"rh{now_ns}")
    yield AlarmPressed(now_ns, f"o{now_ns}", "", "outside", "mobile", in_room=False)
    yield ResetAsked("e", "an operator")
    yield ResetAsked("e", "a console", "console", ("unknown",))
    if room.alarms:
        yield ResetAsked("e", "a console", "console", (room.alarms[0].id,))
    yield AlarmTestAsked("t", "an operator")
    for until_ns in (0, now_ns + 60 * NS):
        yield WalkTestSet(until_ns, "an operator")
    yield RecordingTestAsked(f"x{now_ns}", now_ns + 5 * NS, "an engineer")
    yield AlarmsFound(())
    yield AlarmsFound((OpenAlarm("found", now_ns),), "rf")
    for tracks, recording_id in (((), None), (BOTH, None), (BOTH, mine)):
        yield RecorderJoined(tracks, recording_id, now_ns + 60 * NS, alarm=False, fresh_id=f"j{now_ns}")
    yield RecorderLeft()
    for tracks in ((), BOTH):
        yield TracksChanged(tracks, f"t{now_ns}")
    for recording_id in (mine, "unknown"):
        yield RecordingStarted(recording_id)
        yield RecordingEnded(recording_id, "asked", "", f"p{now_ns}")
    for why in ("refused", "stopped"):
        yield RecordingEnded(mine, why, "", f"p{now_ns}")
    yield TimePassed("e", f"q{now_ns}")
    yield LeaseDue()
    yield ForgetAsked()
    for in_use in (True, False, None) if room.rules.ring_in_use else ():
        yield UseChanged(in_use)
    yield Delivered(room.alarms[0].id if room.alarms else "nobody's", "stored")
    yield FaultChanged("broker", "gone")
    yield FaultChanged("alarm_button", "stuck", "e")


def observe(policies: int | None = None) -> Cells:
    """What each input did in each phase, over every room that can be reached: outcome, and why where it is ignored.

    `policies`: only under so many of them.
    """
    cells: Cells = {(item, phase): {} for item in TABLE for phase in PHASES}
    rooms = [
        (Room(rules, recorder=recorder), NS) for rules in islice(_rules(), policies) for recorder in (None, (), BOTH)
    ]
    seen = {_shape(room) for room, _ in rooms}
    while rooms:
        reached = []
        for (room, then_ns), wait_ns in product(rooms, WAITS_NS):
            now_ns = then_ns + wait_ns
            for item in _inputs(room, now_ns):
                after, effects = step(room, item, now_ns)
                why = next((e.detail for e in effects if isinstance(e, Note) and e.event.startswith("ignored_")), "")
                kinds = tuple(type(effect).__name__ for effect in effects if not isinstance(effect, Note))
                cells[type(item), room.phase].setdefault((after.phase, kinds), why)
                if after is not room and (shape := _shape(after)) not in seen:
                    seen.add(shape)
                    reached.append((after, now_ns))
        rooms = reached
    return cells


def _shape(room: Room) -> Room:
    """A room without its times and names: what makes two rooms different for the table."""
    recording = room.recording and replace(
        room.recording,
        id="r",
        until_ns=0,
        running=False,
        began_ns=0,
        tries=0,
        part="",
        again_ns=room.recording.again_ns and 1,
    )
    alarms = tuple(replace(alarm, id="a", pressed_ns=0, level="raised") for alarm in room.alarms[:2])  # one, or more
    rests = room.phase is Phase.READY  # what waits for a release or for a walk test's end means nothing elsewhere
    return replace(
        room, recording=recording, alarms=alarms, alarm_until_ns=0, lease_ns=0, faults=(), test=None,
        waiting_ns=room.waiting_ns and 1, walk_until_ns=int(rests and room.walk_until_ns > 0),
        objection_until_ns=int(room.objection_until_ns > 0),
        owed_ns=int(room.owed_ns > 0 and not room.rules.ring_in_use),
        asked=RecordPressed(0, "r") if rests and room.asked else None,
        later=RecordPressed(0, "r") if room.later else None,
        # What is counted of a use, and a ring that is still to be forgotten, are seen on the way there.
        use_counts=False, use_recorded=False, use_alarm=False, unseen=0, forgets=False,
    )  # fmt: skip


# --- the page ---------------------------------------------------------------------------------------------------


def page(cells: Cells) -> str:
    """The whole page."""
    return f"""\
# The room: every input in every phase

Drawn by `tests/tools/draw_room.py` (`make docs`) from the answers of `daemon/model/room.py`; do not edit.
It covers every room that inputs can reach from rest, under policies with and without tracks, alarm recordings,
objections, `hold` and `two_presses`, and with a recorder that is absent, has no device, or has both. An in-use contact
is covered under one policy, which closes the devices between uses.

## Phases

{_diagram(cells)}

Inputs that do not change the phase are left out.

## Inputs and phases

Each line in a cell is one observed outcome: the new phase, if it changes, then the effects in order.
`nothing` means at most a note in the log. Policy, devices and time decide which outcome applies.

{_table(cells)}
"""


def _diagram(cells: Cells) -> str:
    moves: dict[tuple[Phase, Phase], list[str]] = {}
    for (item, phase), outcomes in cells.items():
        for after in {after for after, _ in outcomes} - {phase}:
            moves.setdefault((phase, after), []).append(item.__name__)
    lines = [
        f"    {begin.name} --> {end.name}: {', '.join(moves[begin, end])}"
        for begin, end in product(PHASES, PHASES)
        if (begin, end) in moves
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {PHASES[0].name}", *lines, "```"])


def _table(cells: Cells) -> str:
    head = "| input | " + " | ".join(phase.name for phase in PHASES) + " |"
    rows = [
        f"| {item.__name__} | " + " | ".join(_cell(phase, cells[item, phase]) for phase in PHASES) + " |"
        for item in TABLE
    ]
    return "\n".join([head, "|---" * (len(PHASES) + 1) + "|", *rows])


def _cell(phase: Phase, outcomes: dict[Outcome, str]) -> str:
    """One line an outcome: those that stay first, the shorter ones first."""
    reasons = set(outcomes.values())
    if len(outcomes) == 1 and "" not in reasons:
        return f"ignored: {min(reasons)}"
    ordered = sorted(outcomes, key=lambda outcome: (PHASES.index(outcome[0]), len(outcome[1]), outcome[1]))
    ordered.sort(key=lambda outcome: outcome[0] is not phase)
    return "<br>".join(
        (f"→ {after.name}: " if after is not phase else "") + (", ".join(kinds) or "nothing")
        for after, kinds in ordered
    )


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(observe()))
    print(PAGE)  # noqa: T201 - a tool says what it wrote
