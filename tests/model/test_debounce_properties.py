# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One button line under any contact: properties against the plain definition of a press in `contacts.runs`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import event, example, given
from hypothesis import strategies as st

from daemon.model import debounce
from daemon.model.debounce import Fact, Tuning
from hardware.ports import Edge
from tests.model.contacts import MS, edges, play, runs

# In microseconds, so that sums are exact: also the very lengths at which the law turns, and holds, and stuck buttons.
bounce_us = st.integers(10, 9_999)
any_us = (
    st.integers(10, 120_000)
    | st.sampled_from([9_999, 10_000, 20_000, 49_999, 50_000, 100_000])
    | st.integers(120_000, 40_000_000)
)


def contact(durations_us: list[int]) -> list[Edge]:
    return edges(us / 1000 for us in durations_us)


contacts = st.lists(any_us, min_size=1, max_size=40).map(contact)
noises = st.lists(st.integers(50, 60_000) | bounce_us, min_size=1, max_size=120).map(contact)
noise_then_press = st.tuples(st.lists(bounce_us, min_size=20, max_size=60), st.integers(50_000, 40_000_000)).map(
    lambda drawn: contact([*drawn[0][: len(drawn[0]) // 2 * 2], drawn[1]])
)
anything = contacts | noises | noise_then_press
ends = st.lists(bounce_us, max_size=16).filter(lambda us: len(us) % 2 == 0 and sum(us) < 100_000)


@st.composite
def settled_presses(draw: st.DrawFn) -> list[float]:
    """One press by a finger: bounce, at least 20 ms of quiet before it ends, bounce; at least 50 ms in all; in ms."""
    makes, breaks = draw(ends), draw(ends)
    least_us = max(20_000, 50_000 - sum(makes))
    steady_us = draw(st.just(least_us) | st.integers(least_us, 40_000_000))
    return [us / 1000 for us in (*makes, steady_us, *breaks)]


def kinds(said: Sequence[Fact], *wanted: str) -> list[str]:
    return [fact.kind for fact in said if fact.kind in wanted]


@given(settled_presses())
@example([0.1, 9.9] * 8 + [20.0])
@example([0.1, 9.9] * 9 + [20.0])
@example([50.0])
def test_a_settled_press_is_one_press(press: list[float]) -> None:
    """A1: a press of 50 ms and more that was quiet for 20 ms before its end is one press, whatever its ends do."""
    changes = edges(press)
    _, said = play(changes)
    assert [fact.at_ns for fact in said if fact.kind == "pressed"] == [changes[0].at_ns]
    assert kinds(said, "released") == ["released"]


@given(st.lists(st.tuples(settled_presses(), st.integers(200, 5000)), min_size=1, max_size=6))
def test_presses_in_a_row_are_each_one(presses: list[tuple[list[float], int]]) -> None:
    """A1: of presses in a row none is lost and none is counted twice."""
    changes: list[Edge] = []
    for press, pause_ms in presses:
        start_ms = changes[-1].at_ns / MS + pause_ms if changes else 1000.0
        changes += edges(press, start_ms)
    assert kinds(play(changes)[1], "pressed") == ["pressed"] * len(presses)


@given(anything)
def test_nothing_short_is_a_press(changes: list[Edge]) -> None:
    """A1: what is told as a press began within a run of 50 ms and more; one run is one press at most."""
    long = [(begin, end) for begin, end in runs(changes) if end - begin >= debounce.PRESS_NS]
    begun = [fact.at_ns for fact in play(changes)[1] if fact.kind == "pressed"]
    event(f"{min(len(begun), 3)} pressed")
    homes = [next((run for run in long if run[0] <= at_ns < run[1]), None) for at_ns in begun]
    assert None not in homes
    assert len(set(homes)) == len(homes)


@given(anything)
def test_without_chatter_each_long_run_is_a_press(changes: list[Edge]) -> None:
    """A1: as long as a line does not chatter, its presses are its runs of 50 ms and more, each at its first edge."""
    _, said = play(changes)
    until_ns = next((fact.at_ns for fact in said if fact.kind == "chatter"), None)
    event("chatter" if until_ns is not None else "no chatter")
    long = [begin for begin, end in runs(changes) if end - begin >= debounce.PRESS_NS]
    begun = [fact.at_ns for fact in said if fact.kind == "pressed"]
    if until_ns is None:
        assert begun == long
    else:  # what the chatter began in is a press only if it had settled before
        last_ns = max((begin for begin, _ in runs(changes) if begin <= until_ns), default=0)
        assert [at_ns for at_ns in begun if at_ns < last_ns] == [at_ns for at_ns in long if at_ns < last_ns]


@given(noises)
def test_chatter_that_stays_closed_is_a_press(noise: list[Edge]) -> None:
    """A6: after any noise at all a contact of 50 ms that does not move is a press, or is part of one that was told."""
    steady = edges([50], start_ms=noise[-1].at_ns / MS + 10)
    _, said = play([*noise, *steady])
    assert [fact for fact in said if fact.kind == "pressed" and fact.at_ns == steady[0].at_ns]


@given(anything, st.booleans())
def test_facts_alternate(changes: list[Edge], active: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """A6: pressed and released, stuck and unstuck, chatter and settled each take turns; held belongs to a press."""
    changes = [Edge("alarm", not active, 1 * MS), *changes] if active else changes
    _, said = play(changes, active=active)
    for begin, end in (("pressed", "released"), ("stuck", "unstuck"), ("chatter", "settled")):
        found = kinds(said, begin, end, *(["held_at_boot"] if begin == "pressed" else []))
        assert [kind != end for kind in found] == [index % 2 == 0 for index in range(len(found))], found
    for before, held in pairwise([None, *(fact for fact in said if fact.kind in ("pressed", "held"))]):
        assert held is None or held.kind == "pressed" or (before is not None and before.kind == "pressed"), said


@given(anything)
def test_times_go_forward(changes: list[Edge]) -> None:
    """A4: the times of one kind of fact only go up, and a release comes after its press and says how long that was."""
    _, said = play(changes)
    for kind in {fact.kind for fact in said}:
        times = [fact.at_ns for fact in said if fact.kind == kind]
        assert times == sorted(set(times)), kind
    for before, after in pairwise(fact for fact in said if fact.kind in ("pressed", "released")):
        assert after.at_ns > before.at_ns
        assert after.kind == "pressed" or after.lasted_ns == after.at_ns - before.at_ns


@given(anything, st.lists(st.integers(0, 60_000 * MS), max_size=60), st.integers(50, 3000))
def test_how_often_the_loop_looks_changes_nothing(changes: list[Edge], ticks_ns: list[int], hold_ms: int) -> None:
    """A2: a loop that looks at its clock often, seldom or only at the end finds the same facts in the same order."""
    tuning = Tuning(hold_ns=hold_ms * MS)
    often = sorted([*ticks_ns, *(change.at_ns + wait for change in changes for wait in (1, 10 * MS, 50 * MS))])
    line, said = play(changes, tuning)
    assert play(changes, tuning, often) == (line, said)


@given(anything, st.integers(50, 3000))
@example(contact([40_000, 2_000, 9_000]), 50)
def test_a_press_is_held_when_it_lasts(changes: list[Edge], hold_ms: int) -> None:
    """A6: a press that lasted as long as a hold was told as held, once, and a shorter one was not."""
    _, said = play(changes, Tuning(hold_ns=hold_ms * MS))
    turns = [fact for fact in said if fact.kind in ("pressed", "held", "released")]
    held = [fact.at_ns for fact in turns if fact.kind == "held"]
    released = [fact for fact in turns if fact.kind == "released"]
    assert held == [fact.at_ns - fact.lasted_ns for fact in released if fact.lasted_ns >= hold_ms * MS]


@given(anything)
def test_waking_at_each_deadline_is_enough(changes: list[Edge]) -> None:
    """A1: a loop that sleeps until the line's own deadline finds what one that looks each millisecond finds."""
    _, said = play(changes, ticks_ns=range(0, 2000 * MS, MS), rest_ns=0)
    line, woken = debounce.Line.at_start("alarm", active=False, now_ns=0)
    found = list(woken)
    for change, following in pairwise([*changes, None]):
        assert change is not None
        line, more = debounce.edge(line, change, Tuning())
        found += more
        while following and (due_ns := debounce.deadline_ns(line, Tuning())) is not None and due_ns <= following.at_ns:
            line, more = debounce.tick(line, due_ns, Tuning())
            found += more
    assert found == said
