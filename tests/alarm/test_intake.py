# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The loop's intake: edges first, places for every source, and what finds no place is counted."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.alarm.intake import PLACES, Intake
from hardware.ports import Edge
from tests.waiting import wait_for

EDGE = Edge("alarm", active=True, at_ns=1)


@pytest.mark.case("alarm 2")
def test_an_edge_is_never_refused_and_comes_first() -> None:
    """A1, A2: with every other place taken an edge is taken, and it is the next item of the loop."""
    intake: Intake[str] = Intake()
    for source, places in PLACES.items():
        assert all(intake.put(source, source) for _ in range(places))
        assert not intake.put(source, source)
    for _ in range(50_000):
        intake.edge(EDGE)
    assert all(intake.take(0.0) is EDGE for _ in range(50_000))
    assert intake.lost == dict.fromkeys(PLACES, 1)


@pytest.mark.case("alarm 2")
@pytest.mark.parametrize("flooding", PLACES)
def test_a_flood_of_one_source_costs_the_others_nothing(flooding: str) -> None:
    """A2: whoever floods, one item of each other source is taken within as many turns as there are sources."""
    intake: Intake[str] = Intake()
    while intake.put(flooding, flooding):
        pass
    others = PLACES.keys() - {flooding}
    assert all(intake.put(source, source) for source in others)
    taken = [intake.take(0.0) for _ in PLACES]
    assert others <= set(taken)
    assert intake.lost[flooding] == 1
    assert sum(intake.lost.values()) == 1


@given(st.lists(st.sampled_from([*PLACES, "edge", "take"]), max_size=60))
def test_nothing_is_lost_doubled_or_out_of_order(acts: list[str]) -> None:
    """A1: whatever comes and goes in whatever order, each item is taken once, in its source's order."""
    intake: Intake[tuple[str, int]] = Intake()
    put: dict[str, list[int]] = {}
    taken: dict[str, list[int]] = {}

    def take() -> bool:
        item = intake.take(0.0)
        if item is None:
            return False
        source, n = ("edge", item.at_ns) if isinstance(item, Edge) else item
        taken.setdefault(source, []).append(n)
        return True

    for n, act in enumerate(acts):
        if act == "take":
            take()
        elif act == "edge":
            intake.edge(Edge("alarm", active=True, at_ns=n))
            put.setdefault(act, []).append(n)
        else:
            assert intake.put(act, (act, n))
            put.setdefault(act, []).append(n)
    while take():
        pass
    assert taken == put
    assert len(intake) == 0


def test_edges_that_are_taken_at_once_leave_nothing_behind() -> None:
    """A1: after all edges were taken at once the other items are still there, each once."""
    intake: Intake[str] = Intake()
    intake.put("journal", "a")
    intake.edge(EDGE)
    intake.put("keeper", "b")
    assert intake.edges() == [EDGE]
    assert [intake.take(0.0) for _ in range(4)] == ["a", "b", None, None]


def test_many_threads_at_once() -> None:
    """A1: items of many threads are all taken, by a loop that sleeps between them."""
    intake: Intake[int] = Intake()
    threads = [
        threading.Thread(target=lambda: [intake.put("journal", n) for n in range(500)]) for n in range(8)
    ]  # fmt: skip
    found: list[object] = []
    for thread in threads:
        thread.start()

    def all_there() -> bool:
        while (item := intake.take(0.01)) is not None:
            found.append(item)
        return len(found) == 4000

    wait_for("all of them", all_there)
    for thread in threads:
        thread.join()


def test_somebody_who_wants_the_loop_to_look_wakes_it() -> None:
    """A2: `wake` ends the wait, also when it comes first."""
    intake: Intake[int] = Intake()
    intake.wake()
    assert intake.take(600.0) is None
