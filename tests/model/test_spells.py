# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A fault that comes and goes: a handful of events, a count, and an end when it has been at rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.model.spells import NS, REST_NS, Spells, begins, deadline_ns, ends, tick

T0 = 1000 * NS


def story(gaps_s: list[float]) -> tuple[Spells, int, int]:
    """Spells of a tenth of a second with so many seconds between: the state, the number of tellings, the moment."""
    spells, told, now_ns = Spells(), 0, T0
    for gap_s in gaps_s:
        spells, tell = begins(spells, now_ns)
        told += tell
        now_ns += NS // 10
        spells, tell = ends(spells, now_ns)
        told += tell
        now_ns += round(gap_s * NS)
        spells, tell = tick(spells, now_ns)
        told += tell
    return spells, told, now_ns


@pytest.mark.case("alarm 9")
@pytest.mark.parametrize("every_s", [0.5, 1.26, 60, 250])
def test_a_weekend_of_a_restless_contact_is_a_handful_of_events(every_s: float) -> None:
    """A6: a contact that trembles for two days is told a dozen times, and counted."""
    spells, told, _ = story([every_s] * round(2 * 86_400 / every_s))
    assert told <= 12
    assert spells.locked
    assert spells.count == round(2 * 86_400 / every_s)


@pytest.mark.parametrize("spells", [1, 2])
def test_one_that_comes_and_goes_twice_is_told_each_time(spells: int) -> None:
    """A6: a fault that is over is told as over, at once."""
    assert story([1.0] * spells)[1] == 2 * spells


@given(st.lists(st.floats(0, 2000), max_size=60))
def test_after_a_rest_it_is_over_and_told_once(gaps_s: list[float]) -> None:
    """A6: whatever a contact did, at rest for ten minutes it has no fault, and whoever was told was told that."""
    spells, _, now_ns = story(gaps_s)
    due_ns = deadline_ns(spells)
    if spells.shown:
        assert due_ns is not None
        assert due_ns <= now_ns + REST_NS
        spells, tell = tick(spells, due_ns)
        assert tell
    assert not spells.shown
    assert not spells.on
    assert deadline_ns(spells) is None


def begun(*at_s: float) -> tuple[Spells, list[bool]]:
    """Spells that begin at these seconds and end at once, and which of their beginnings were told."""
    spells, told = Spells(), list[bool]()
    for one_s in at_s:
        spells, tell = begins(spells, T0 + round(one_s * NS))
        told.append(tell)
        spells, _ = ends(spells, T0 + round(one_s * NS))
    return spells, told


@pytest.mark.parametrize(
    ("at_s", "locked", "restless"),
    [
        ((0, 300), False, False), ((0, 1, 600), True, False), ((0, 1, 600.1), False, False),
        ((0, 700, 701, 1300), True, False), ((0, 1, 2, 30), True, False),
        ((0, 7, 14, 21, 30), True, True), ((0, 7, 14, 21, 30.1), True, False), ((0, 9, 10, 20, 30, 39), True, True),
    ],
)  # fmt: skip
def test_three_spells_in_ten_minutes_lock_and_five_in_half_a_minute_are_restless(
    at_s: tuple[float, ...], *, locked: bool, restless: bool
) -> None:
    """A6: counted back from the latest."""
    spells, _ = begun(*at_s)
    assert (spells.locked, spells.restless, spells.count) == (locked, restless, len(at_s))


def test_a_locked_fault_is_told_when_it_is_restless_and_each_ten_times() -> None:
    """A6: the tenth, the hundredth and so on: somebody sees that it has not stopped."""
    _, told = begun(*(40.0 * number for number in range(120)))
    assert [number for number, tell in enumerate(told, 1) if tell] == [1, 2, 3, 10, 100]
    _, told = begun(*(3.0 * number for number in range(12)))
    assert [number for number, tell in enumerate(told, 1) if tell] == [1, 2, 3, 5, 10]


def test_a_lock_ends_after_ten_minutes_at_rest() -> None:
    """A6: not while the fault is present, not a moment earlier, and then nothing of it is remembered."""
    spells, _ = begun(0, 1, 2)
    over_ns = T0 + 2 * NS
    assert (spells.shown, spells.on, deadline_ns(spells)) == (True, False, over_ns + REST_NS)
    assert ends(spells, over_ns + 1) == (spells, False), "it was over already"
    assert tick(spells, over_ns + REST_NS - 1) == (spells, False)
    assert tick(spells, over_ns + REST_NS) == (Spells(), True)
    again, tell = begins(spells, over_ns + REST_NS - 1)
    assert (again.locked, again.shown, tell, deadline_ns(again)) == (True, True, False, None)
    once, _ = begun(0)
    assert (once.on, once.shown, once.over_ns, deadline_ns(once)) == (False, False, T0, None)
