# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A contact on paper: edges from a list of durations, and what the debouncer makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from daemon.model import debounce
from daemon.model.debounce import Fact, Line, Tuning
from hardware.ports import Edge

MS = 1_000_000
REST_NS = 40_000 * MS  # longer than anything that the debouncer waits for


def edges(durations_ms: Iterable[float], start_ms: float = 1000.0) -> list[Edge]:
    """Closed, open, closed ... for these milliseconds each, beginning with closed; a last edge opens it if need be."""
    at_ns, active, found = round(start_ms * MS), True, []
    for duration_ms in durations_ms:
        found.append(Edge("alarm", active, at_ns))
        at_ns, active = at_ns + round(duration_ms * MS), not active
    if not active:
        found.append(Edge("alarm", active, at_ns))
    return found


def play(
    changes: Sequence[Edge],
    tuning: Tuning | None = None,
    ticks_ns: Iterable[int] = (),
    *,
    rest_ns: int = REST_NS,
    active: bool = False,
) -> tuple[Line, list[Fact]]:
    """Gives a line its edges, lets time pass at these moments and for `rest_ns` after the last edge.

    Each step is checked for what holds always: a deadline that has passed is a loop that never sleeps again, and a fact
    is of its own button.
    """
    tuning = tuning or Tuning()
    line, facts = Line.at_start("alarm", active=active, now_ns=0)
    said = list(facts)
    end_ns = (changes[-1].at_ns if changes else 0) + rest_ns
    moments = [(change.at_ns, 0, change) for change in changes]
    moments += [(at_ns, 1, None) for at_ns in (*ticks_ns, end_ns) if at_ns <= end_ns]  # type: ignore[misc]
    for at_ns, _, change in sorted(moments, key=lambda moment: moment[:2]):
        step = debounce.edge(line, change, tuning) if change else debounce.tick(line, at_ns, tuning)
        line, said = step[0], said + list(step[1])
        due_ns = debounce.deadline_ns(line, tuning)
        assert due_ns is None or due_ns > at_ns, f"at {at_ns} the next deadline is {due_ns}: {line}"
        assert {fact.button for fact in step[1]} <= {line.button}
    return line, said


def facts_of(durations_ms: Iterable[float], *, rest_ns: int = REST_NS, active: bool = False) -> list[tuple[str, float]]:
    """What is said of a contact, with milliseconds since its first edge."""
    changes = edges(durations_ms)
    _, said = play(changes, rest_ns=rest_ns, active=active)
    return [(fact.kind, (fact.at_ns - changes[0].at_ns) / MS) for fact in said]


def runs(changes: Sequence[Edge], gap_ns: int = debounce.GAP_NS) -> list[tuple[int, int]]:
    """The plain definition of a press: closed stretches, joined where they are open for less than a gap."""
    closed = [(a.at_ns, b.at_ns) for a, b in pairwise(changes) if a.active and not b.active]
    joined: list[tuple[int, int]] = []
    for begin_ns, end_ns in closed:
        if joined and begin_ns - joined[-1][1] < gap_ns:
            joined[-1] = (joined[-1][0], end_ns)
        else:
            joined.append((begin_ns, end_ns))
    return joined
