"""When a track has to go, for any store and any pair of clocks."""

from __future__ import annotations

from hypothesis import event, given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.model.retention import Due, Kept, age_ns, due, next_expiry_ns
from hardware.ports import ClockReading

HOUR_NS = 3600 * 1_000_000_000
WEEK_NS = 168 * HOUR_NS
BOOTS = ("this-boot", "an-older-boot")
NOW = ClockReading(boot_ns=2000 * HOUR_NS, wall_ns=500_000 * HOUR_NS, state="synchronised")

# Wall clocks from 1970 to 2100, wrong ones included; ages that are near a term come up often.
walls_ns = st.integers(0, 1_140_000 * HOUR_NS)
clocks = st.builds(
    ClockReading,
    boot_ns=st.integers(0, 3000 * HOUR_NS),
    wall_ns=walls_ns,
    state=st.sampled_from(["synchronised", "unsynchronised"]),
)


@st.composite
def tracks(draw: st.DrawFn, now: ClockReading) -> Kept:
    term_ns = draw(st.sampled_from([HOUR_NS, WEEK_NS, 4 * WEEK_NS]))
    near_ns = st.integers(-2, 2).map(lambda off: term_ns + off) | st.integers(0, 5 * WEEK_NS)
    return Kept(
        recording_id=draw(st.sampled_from("abcdef")),
        track=draw(st.sampled_from(["audio", "video"])),
        oldest_wall_ns=draw(walls_ns | near_ns.map(lambda age_ns: now.wall_ns - age_ns)),
        oldest_boot_ns=draw(st.integers(0, 3000 * HOUR_NS) | near_ns.map(lambda age_ns: now.boot_ns - age_ns)),
        boot_id=draw(st.sampled_from(BOOTS)),
        clock_trusted=draw(st.booleans()),
        term_ns=term_ns,
        held=draw(st.booleans()),
    )


@st.composite
def stores(draw: st.DrawFn) -> tuple[tuple[Kept, ...], ClockReading]:
    now = draw(clocks)
    return tuple(draw(st.lists(tracks(now), max_size=4))), now


def known_ages_ns(kept: Kept, now: ClockReading) -> list[int]:
    """What each clock says of a track, where it may be believed at all."""
    wall = [now.wall_ns - kept.oldest_wall_ns] if kept.clock_trusted and now.state == "synchronised" else []
    return wall + ([now.boot_ns - kept.oldest_boot_ns] if kept.boot_id == BOOTS[0] else [])


def kept_for(age_ns: int, **changes: object) -> Kept:
    """A week's sound of this age by both clocks of `NOW`."""
    made = Kept("a", "audio", NOW.wall_ns - age_ns, NOW.boot_ns - age_ns, BOOTS[0], clock_trusted=True, term_ns=WEEK_NS)
    return replace(made, **changes)


@given(stores())
def test_due_is_exactly_what_is_as_old_as_its_term(drawn: tuple[tuple[Kept, ...], ClockReading]) -> None:
    """K1, K2: what goes is what a clock that may be believed says is as old as its term, and is not held."""
    store, now = drawn
    found = [item.kept for item in due(store, now, BOOTS[0])]
    wanted = [kept for kept in store if not kept.held and any(a >= kept.term_ns for a in known_ages_ns(kept, now))]
    event(f"{min(len(wanted), 2)} due")
    assert sorted(map(repr, found)) == sorted(map(repr, wanted))


@given(stores())
def test_what_is_held_never_goes(drawn: tuple[tuple[Kept, ...], ClockReading]) -> None:
    """K2: what an incident holds is never due, and nobody waits for it either."""
    store, now = drawn
    held = tuple(replace(kept, held=True) for kept in store)
    assert due(held, now, BOOTS[0]) == ()
    assert next_expiry_ns(held, now, BOOTS[0]) is None


@given(stores(), walls_ns)
def test_a_wrong_clock_deletes_nothing(drawn: tuple[tuple[Kept, ...], ClockReading], wrong_ns: int) -> None:
    """K4: whatever an unsynchronised wall clock says, it changes nothing about what is due."""
    store, now = drawn
    unsure = replace(now, state="unsynchronised")
    stepped = replace(unsure, wall_ns=wrong_ns)
    first, second = due(store, unsure, BOOTS[0]), due(store, stepped, BOOTS[0])
    assert [(item.kept, item.late_ns) for item in first] == [(item.kept, item.late_ns) for item in second]
    older = tuple(replace(kept, boot_id=BOOTS[1]) for kept in store)
    assert due(older, stepped, BOOTS[0]) == ()


@given(stores(), walls_ns)
def test_powered_on_time_counts_whatever_the_wall_says(
    drawn: tuple[tuple[Kept, ...], ClockReading], wrong_ns: int
) -> None:
    """K4: what was recorded in this boot goes when the unit has been on for its term, by any wall clock."""
    store, now = drawn
    here = tuple(replace(kept, boot_id=BOOTS[0], held=False) for kept in store)
    gone = {repr(item.kept) for item in due(here, replace(now, wall_ns=wrong_ns), BOOTS[0])}
    assert {repr(kept) for kept in here if now.boot_ns - kept.oldest_boot_ns >= kept.term_ns} <= gone


@given(stores(), st.integers(0, 6 * WEEK_NS))
def test_the_next_expiry_is_when_something_becomes_due(
    drawn: tuple[tuple[Kept, ...], ClockReading], wait_ns: int
) -> None:
    """K1: before the next expiry nothing becomes due, at it something is, and 0 means that something is due now."""
    store, now = drawn
    next_ns = next_expiry_ns(store, now, BOOTS[0])
    assert (next_ns == 0) == bool(due(store, now, BOOTS[0]))
    assert (next_ns is None) == all(kept.held for kept in store)
    if next_ns is not None and wait_ns < next_ns:
        assert due(store, _later(now, wait_ns), BOOTS[0]) == ()
    # What no clock can date yet, or dates to the future, is looked at again after a whole term.
    dated = tuple(kept for kept in store if min(known_ages_ns(kept, now), default=-1) >= 0 and not kept.held)
    at_ns = next_expiry_ns(dated, now, BOOTS[0])
    assert at_ns is None or due(dated, _later(now, at_ns), BOOTS[0])


def _later(now: ClockReading, wait_ns: int) -> ClockReading:
    return replace(now, boot_ns=now.boot_ns + wait_ns, wall_ns=now.wall_ns + wait_ns)


@given(stores())
def test_the_longest_overdue_goes_first(drawn: tuple[tuple[Kept, ...], ClockReading]) -> None:
    """K1: what is most overdue is deleted first, and each says since when and how late."""
    store, now = drawn
    found = due(store, now, BOOTS[0])
    assert [item.late_ns for item in found] == sorted((item.late_ns for item in found), reverse=True)
    assert all(item.late_ns == age_ns(item.kept, now, BOOTS[0]) - item.kept.term_ns >= 0 for item in found)
    assert all(item.since_wall_ns == now.wall_ns - item.late_ns for item in found)


def test_a_term_is_exact_to_the_nanosecond() -> None:
    """K1: one nanosecond before its term a track stays; at its term it goes, on time."""
    kept = kept_for(WEEK_NS)
    assert due((kept_for(WEEK_NS - 1),), NOW, BOOTS[0]) == ()
    assert due((kept,), NOW, BOOTS[0]) == (Due(kept, NOW.wall_ns, 0),)


def test_the_larger_age_counts() -> None:
    """K4: where both clocks may be believed, the older of the two ages counts."""
    assert age_ns(kept_for(5, oldest_boot_ns=NOW.boot_ns - 9), NOW, BOOTS[0]) == 9
    assert age_ns(kept_for(5, oldest_wall_ns=NOW.wall_ns - 9), NOW, BOOTS[0]) == 9


def test_what_cannot_be_dated_has_no_age() -> None:
    """K4: a track of another boot whose clock was not trusted is as new as can be: it is not deleted on a guess."""
    assert age_ns(kept_for(9 * WEEK_NS, boot_id=BOOTS[1], clock_trusted=False), NOW, BOOTS[0]) == 0
    assert age_ns(kept_for(-WEEK_NS), NOW, BOOTS[0]) == 0
