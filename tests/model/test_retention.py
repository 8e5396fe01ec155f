# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""When a track has to go, for any store and any boot clock; the clocks themselves have tests of their own."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.model.retention import Circumstances, Due, Kept, due, late_why, next_expiry_ns
from daemon.model.timeline import NS, Boot, Stamp, Timeline, age_ns
from hardware.ports import ClockReading

H_NS = 3600 * NS
WEEK_NS = 168 * H_NS
T_NS = 1_800_000_000 * NS
# Two boots, ten hours of powered-on time in the first, a day off between them.
LINE = Timeline("b", 0, {"a": Boot(0, T_NS), "b": Boot(10 * H_NS, T_NS + 24 * H_NS)}, T_NS + 24 * H_NS, 0)
NOW = ClockReading(2000 * H_NS, T_NS + 2034 * H_NS, "synchronised")


@st.composite
def tracks(draw: st.DrawFn) -> Kept:
    term_ns = draw(st.sampled_from([H_NS, WEEK_NS, 4 * WEEK_NS]))
    boot_ns = draw(st.integers(0, 3000 * H_NS) | st.integers(-2, 2).map(lambda off: NOW.boot_ns - term_ns + off))
    return Kept(
        recording_id=draw(st.sampled_from("abcdef")),
        track=draw(st.sampled_from(["audio", "video"])),
        oldest=Stamp(draw(st.sampled_from(["a", "b", "unknown"])), boot_ns),
        term_ns=term_ns,
        held=draw(st.booleans()),
    )


stores = st.lists(tracks(), max_size=4).map(tuple)


def kept_for(age: int, **changes: object) -> Kept:
    """A week's sound of this boot, of this age."""
    return replace(Kept("a", "audio", Stamp("b", NOW.boot_ns - age), WEEK_NS), **changes)


@given(stores)
def test_due_is_exactly_what_is_as_old_as_its_term(store: tuple[Kept, ...]) -> None:
    """K1, K2: what goes is what is as old as its term and is not held; the longest overdue goes first."""
    found = due(store, LINE, NOW)
    wanted = [kept for kept in store if not kept.held and age_ns(LINE, kept.oldest, NOW.boot_ns) >= kept.term_ns]
    event(f"{min(len(wanted), 2)} due")
    assert sorted(repr(item.kept) for item in found) == sorted(map(repr, wanted))
    assert [item.late_ns for item in found] == sorted((item.late_ns for item in found), reverse=True)


@given(stores)
def test_what_a_policy_purges_goes_now_unless_it_is_held(store: tuple[Kept, ...]) -> None:
    """K2: of a track that a policy wants gone all is due at once, late only if its term was over; a hold stands."""
    purged = tuple(replace(kept, purged=True) for kept in store)
    late = {repr(item.kept): item.late_ns for item in due(purged, LINE, NOW)}
    for kept in purged:
        over_ns = age_ns(LINE, kept.oldest, NOW.boot_ns) - kept.term_ns
        assert late.get(repr(kept)) == (None if kept.held else max(0, over_ns))
    assert next_expiry_ns(purged, LINE, NOW) == (0 if late else None)


@given(stores)
def test_what_is_held_never_goes(store: tuple[Kept, ...]) -> None:
    """K2: what an incident holds is never due, and nobody waits for it either."""
    held = tuple(replace(kept, held=True) for kept in store)
    assert due(held, LINE, NOW) == ()
    assert next_expiry_ns(held, LINE, NOW) is None


@given(stores, st.integers(0, 5_000_000 * H_NS), st.sampled_from(["synchronised", "unsynchronised"]))
def test_the_wall_clock_decides_nothing(store: tuple[Kept, ...], wall_ns: int, state: str) -> None:
    """K4: whatever the wall clock says at this moment, it changes nothing about what is due: only what is believed."""
    wrong = replace(NOW, wall_ns=wall_ns, state=state)
    assert [item.kept for item in due(store, LINE, wrong)] == [item.kept for item in due(store, LINE, NOW)]
    assert next_expiry_ns(store, LINE, wrong) == next_expiry_ns(store, LINE, NOW)


@given(stores)
def test_a_keeper_that_sleeps_until_the_next_expiry_is_in_time(store: tuple[Kept, ...]) -> None:
    """K1: at the next expiry something is due, a nanosecond before it nothing is that was not before."""
    store = tuple(kept for kept in store if not kept.held and kept.oldest.boot_id != "unknown")
    left = tuple(kept for kept in store if kept not in [item.kept for item in due(store, LINE, NOW)])
    wait_ns = next_expiry_ns(left, LINE, NOW)
    if wait_ns is None:
        assert left == ()
        return
    assert wait_ns > 0
    assert due(left, LINE, replace(NOW, boot_ns=NOW.boot_ns + wait_ns - 1)) == ()
    assert due(left, LINE, replace(NOW, boot_ns=NOW.boot_ns + wait_ns)) != ()


def test_the_very_nanosecond() -> None:
    """K1: a track goes at its term, not before."""
    assert due((kept_for(WEEK_NS - 1),), LINE, NOW) == ()
    assert due((kept_for(WEEK_NS),), LINE, NOW) == (Due(kept_for(WEEK_NS), NOW.wall_ns, 0),)
    assert due((kept_for(WEEK_NS + 5),), LINE, NOW) == (Due(kept_for(WEEK_NS + 5), NOW.wall_ns - 5, 5),)
    assert next_expiry_ns((kept_for(WEEK_NS - 1),), LINE, NOW) == 1
    assert next_expiry_ns((kept_for(WEEK_NS + 5),), LINE, NOW) == 0


@pytest.mark.parametrize(
    ("late_ns", "of", "why"),
    [
        (60 * NS, Circumstances(0), ""),
        (61 * NS, Circumstances(0), "busy"),
        (61 * NS, Circumstances(NOW.boot_ns - 10 * NS), "keeper"),
        (NOW.boot_ns + 1, Circumstances(0), "off"),
        (NOW.boot_ns, Circumstances(0), "busy"),  # due as this boot began, when UTC was believed and the keeper ran
        (5 * H_NS, Circumstances(0, refused=True), "disk"),
        (NOW.boot_ns + 1, Circumstances(0, refused=True, was_held=True), "held"),
    ],
)
def test_a_late_deletion_says_why(late_ns: int, of: Circumstances, why: str) -> None:
    """K1: what a late deletion is blamed on; a minute is not late."""
    assert late_why(late_ns, LINE, NOW, of) == why


def test_a_clock_that_was_not_trusted_is_a_reason() -> None:
    """K1, K4: a track that fell due in this boot before its UTC was believed is late because of the clock."""
    line = replace(LINE, believed_ns=NOW.boot_ns - NS)
    assert late_why(2 * H_NS, line, NOW, Circumstances(0)) == "clock"
