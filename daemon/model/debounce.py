# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

r"""One button line, from raw edges to facts: pressed, held, released, stuck, chattering, held at boot.

Invariant: a press of at least 50 ms is one `Pressed`, whatever the contact does at its ends. A line that never settles
is a fact of its own: neither a press nor ignored (promises A1, A6). Pure: edges and `now_ns` in, facts and the next
deadline out.

    level   ___/‾|_|‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾|_|‾\\____________
               ^ first edge       ^ 50 ms       gaps under 10 ms belong to the press
               start of the press   Pressed     Released after 10 ms of silence
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from hardware.ports import Edge

MS = 1_000_000
PRESS_NS = 50 * MS
"""Shortest press that counts (promise A1; alarm panels ask for 400 ms, EN 50131-3)."""
GAP_NS = 10 * MS
"""A release shorter than this is contact bounce: switches bounce for under 5 ms, fingers need over 30."""
SETTLE_NS = 20 * MS
"""A press counts once the line has been quiet this long: twice the gap, so that a chattering line never qualifies."""
UNSETTLED_NS = 100 * MS
"""A line not quiet for SETTLE_NS within this time is chattering: bounce ends twenty times sooner."""
RUNS_MAX = 10
"""More pulses per second than a finger can make: the fastest reach seven or eight."""
RUN_WINDOW_NS = 1000 * MS
STUCK_NS = 30_000 * MS
"""A button held down this long is stuck or leant on. Either is reported, and its press stands."""
TRANSIT_NS = 20 * MS
"""Maximum delay of an edge from the line to here. A driver's thread takes under a millisecond; a busy machine is
allowed twenty, and a press that waits for them is still reported within 70 ms."""


FINGER_NS = 30 * MS
"""Minimum time in which a finger releases and presses again."""
STEADY_NS = 400 * MS
"""How long a restless contact that is locked out has to be closed without trembling to count as a press: what alarm
panels require of any press (EN 50131-3)."""


class Tuning(Struct, frozen=True):
    """How a button's line is judged."""

    hold_ns: Annotated[int, Meta(ge=PRESS_NS)] = 2_000 * MS
    """Duration of a hold, from the policy."""
    steady: bool = False
    """The contact is locked out as restless: a press has to be closed for STEADY_NS without trembling."""
    stuck_ns: Annotated[int, Meta(ge=PRESS_NS)] = STUCK_NS
    """Down for longer than this is stuck."""
    gap_ns: Annotated[int, Meta(ge=GAP_NS)] = GAP_NS
    """A release shorter than this belongs to the press."""
    runs_max: Annotated[int, Meta(ge=1, le=RUNS_MAX)] = RUNS_MAX
    run_window_ns: Annotated[int, Meta(ge=RUN_WINDOW_NS)] = RUN_WINDOW_NS
    """More runs than `runs_max` within this is chatter, which ends after as long at rest."""


FactKind = Literal[
    "pressed",
    "held",
    "released",
    "stuck",
    "unstuck",
    "chatter",
    "settled",
    "held_at_boot",
    "cut",
    "uncut",
    "shorted",
    "unshorted",
]


class Fact(Struct, frozen=True):
    """A new fact about one button."""

    button: str
    kind: FactKind
    at_ns: int
    """When it began: for `pressed` the first edge of the press."""
    lasted_ns: int = 0
    """For `released`: duration of the press."""


class Line(Struct, frozen=True):
    """State of one line; `Line.at_start` makes the first."""

    button: str
    active: bool
    changed_ns: int
    """Last edge."""
    quiet_since_ns: int
    """Start of the unsettled stretch formed by the last edges; equals changed_ns after a quiet time."""
    run_ns: int | None = None
    """First edge of the run that may become a press; None: the line is at rest."""
    pressed: bool = False
    held: bool = False
    stuck: bool = False
    chatter: bool = False
    at_boot: bool = False
    """The line was active at start and has not been released since."""
    doubt_ns: int | None = None
    """Since when the line's level contradicts its edges; None: it does not."""
    decided_ns: int | None = None
    """The latest decision confirmed by the line's level: an edge from before it is bounce."""
    runs_ns: tuple[int, ...] = ()
    """Starts of the latest runs, at most RUNS_MAX + 1: one more than a finger makes in a second."""

    @classmethod
    def at_start(cls, button: str, *, active: bool, now_ns: int) -> tuple[Line, tuple[Fact, ...]]:
        """The first state of a line. One that is already active is held at boot: a fact, not a press."""
        line = cls(button, active, now_ns, now_ns, run_ns=now_ns if active else None, at_boot=active)
        return line, (Fact(button, "held_at_boot", now_ns),) if active else ()


def edge(line: Line, change: Edge, tuning: Tuning) -> tuple[Line, tuple[Fact, ...]]:
    """Take one raw edge. Edges of one line come in order of time; a repeated level is ignored.

    A late edge is ignored too when its press or release has been decided, or when a level read from the line has
    replaced it.
    """
    if change.at_ns < line.changed_ns or (line.decided_ns is not None and change.at_ns <= line.decided_ns):
        return line, ()
    line, facts = tick(replace(line, doubt_ns=None), change.at_ns, tuning)
    if change.active == line.active:
        return line, facts
    quiet = line.quiet_since_ns if change.at_ns - line.changed_ns < SETTLE_NS else change.at_ns
    line = replace(line, active=change.active, changed_ns=change.at_ns, quiet_since_ns=quiet)
    if change.active and line.run_ns is None:
        line = replace(line, run_ns=change.at_ns, runs_ns=(*line.runs_ns[-RUNS_MAX:], change.at_ns))
    line, more = _settle(line, change.at_ns, tuning)
    return line, facts + more


def tick(line: Line, now_ns: int, tuning: Tuning, *, reads: bool | None = None) -> tuple[Line, tuple[Fact, ...]]:
    """Let time pass on a line: decide everything that is due by `now_ns`, in order.

    `reads`: the line's level now, read besides its edges; None: it was not read. If the level contradicts the edges, an
    edge is on its way, which tells how long the press really was, or that the release was bounce: nothing is decided
    until it has come, or TRANSIT_NS have passed. Then what is known decides, so that no alarm waits for a driver that
    lost an edge, and the level counts as that edge.
    """
    if reads is not None and line.run_ns is not None and is_due(line, now_ns, tuning):
        if reads is not line.active:
            line = replace(line, doubt_ns=now_ns if line.doubt_ns is None else line.doubt_ns)
            return _believes(line, tuning) if is_due(line, now_ns, tuning) else (line, ())
        line = replace(line, doubt_ns=None)
    facts: tuple[Fact, ...] = ()
    while (due := deadline_ns(line, tuning)) is not None and due <= now_ns:
        before = line
        line, more = _settle(line, due, tuning)
        facts += more
        if line is before:
            break
        # After a touch that counted for nothing every edge is still needed: its bounce may be the press.
        if reads is not None and any(fact.kind in {"pressed", "released"} for fact in more):
            line = replace(line, decided_ns=due)
    return line, facts


def _believes(line: Line, tuning: Tuning) -> tuple[Line, tuple[Fact, ...]]:
    """The edge that would explain the level has not come: decide by what is known, and take the level for it."""
    doubt_ns, line = line.doubt_ns, replace(line, doubt_ns=None)
    assert doubt_ns is not None  # noqa: S101 - only a bug could break it
    if not line.active and (not line.pressed or doubt_ns - line.changed_ns < FINGER_NS):
        # A finger cannot have pressed again so soon; and of two touches that count for nothing one may be a press.
        return replace(line, active=True), ()
    return edge(line, Edge(line.button, not line.active, max(doubt_ns, line.changed_ns)), tuning)


def deadline_ns(line: Line, tuning: Tuning) -> int | None:
    """When `tick` has something to decide next; None: nothing is pending."""
    due: list[int] = []
    if line.run_ns is not None and not line.at_boot:
        if not line.active:
            due.append(line.changed_ns + tuning.gap_ns)
        elif not line.pressed:
            due.append(_press_ns(line, line.run_ns, tuning))
        elif not line.held:
            due.append(line.run_ns + tuning.hold_ns)
        elif not line.stuck:
            due.append(line.run_ns + tuning.stuck_ns)
    elif line.at_boot and not line.active:
        due.append(line.changed_ns + tuning.gap_ns)
    if line.chatter:
        due.append(line.changed_ns + tuning.run_window_ns)
    if not due:
        return None
    return min(due) if line.doubt_ns is None else max(min(due), line.doubt_ns + TRANSIT_NS)


def is_due(line: Line, now_ns: int, tuning: Tuning) -> bool:
    """Whether `tick` would decide something now."""
    due_ns = deadline_ns(line, tuning)
    return due_ns is not None and due_ns <= now_ns


def _press_ns(line: Line, run_ns: int, tuning: Tuning) -> int:
    """When a run counts if the line stays quiet: quiet for longer while it chatters, or is restless."""
    quiet_ns = STEADY_NS if tuning.steady else PRESS_NS if line.chatter else SETTLE_NS
    return max(run_ns + PRESS_NS, line.changed_ns + quiet_ns)


def _settle(line: Line, now_ns: int, tuning: Tuning) -> tuple[Line, tuple[Fact, ...]]:
    """Decide what is due at `now_ns`; each rule fires at most once."""
    facts: tuple[Fact, ...] = ()
    for rule in (_chatters, _settles, _releases, _presses, _holds, _sticks):
        line, more = rule(line, now_ns, tuning)
        facts += more
    return line, facts


def _chatters(line: Line, now_ns: int, tuning: Tuning) -> tuple[Line, tuple[Fact, ...]]:
    restless = line.changed_ns - line.quiet_since_ns > UNSETTLED_NS
    first = -1 - tuning.runs_max
    tapping = len(line.runs_ns) >= -first and line.runs_ns[-1] - line.runs_ns[first] < tuning.run_window_ns
    if line.chatter or now_ns != line.changed_ns or not (restless or tapping):
        return line, ()
    since = line.quiet_since_ns if restless else line.runs_ns[first]
    return replace(line, chatter=True), (Fact(line.button, "chatter", since),)


def _settles(line: Line, now_ns: int, tuning: Tuning) -> tuple[Line, tuple[Fact, ...]]:
    if not line.chatter or now_ns - line.changed_ns < tuning.run_window_ns:
        return line, ()
    return replace(line, chatter=False, runs_ns=()), (Fact(line.button, "settled", now_ns),)


def _releases(line: Line, now_ns: int, tuning: Tuning) -> tuple[Line, tuple[Fact, ...]]:
    if line.run_ns is None or line.active or now_ns - line.changed_ns < tuning.gap_ns:
        return line, ()
    lasted = line.changed_ns - line.run_ns
    facts: tuple[Fact, ...] = ()
    # A late bounce can keep the line from settling until the finger has left: if it was long enough, it is a press.
    if not (line.pressed or line.at_boot or line.chatter) and lasted >= (STEADY_NS if tuning.steady else PRESS_NS):
        facts = (Fact(line.button, "pressed", line.run_ns),)
    counted = line.pressed or bool(facts)
    if line.stuck:
        facts += (Fact(line.button, "unstuck", line.changed_ns),)
    if counted or line.at_boot:
        if counted and not line.held and lasted >= tuning.hold_ns:
            facts += (Fact(line.button, "held", line.run_ns),)
        facts += (Fact(line.button, "released", line.changed_ns, lasted),)
    return replace(line, run_ns=None, pressed=False, held=False, stuck=False, at_boot=False), facts


def _presses(line: Line, now_ns: int, tuning: Tuning) -> tuple[Line, tuple[Fact, ...]]:
    if line.run_ns is None or line.at_boot or line.pressed or not line.active:
        return line, ()
    if now_ns < _press_ns(line, line.run_ns, tuning):
        return line, ()
    # After chatter only the settled part is a press: before it, nobody can tell a finger from the fault.
    since = line.changed_ns if line.chatter or tuning.steady else line.run_ns
    return replace(line, pressed=True, run_ns=since), (Fact(line.button, "pressed", since),)


def _holds(line: Line, now_ns: int, tuning: Tuning) -> tuple[Line, tuple[Fact, ...]]:
    if line.run_ns is None or line.held or not (line.pressed and line.active) or now_ns - line.run_ns < tuning.hold_ns:
        return line, ()
    return replace(line, held=True), (Fact(line.button, "held", line.run_ns),)


def _sticks(line: Line, now_ns: int, tuning: Tuning) -> tuple[Line, tuple[Fact, ...]]:
    if line.run_ns is None or line.stuck or not (line.held and line.active) or now_ns - line.run_ns < tuning.stuck_ns:
        return line, ()
    return replace(line, stuck=True), (Fact(line.button, "stuck", line.run_ns),)
