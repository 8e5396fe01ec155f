# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The edges of what is believed of time, boot by boot, and the date that a person reads; histories are elsewhere."""

from __future__ import annotations

import pytest

from daemon.model import timeline as model
from daemon.model.timeline import (
    DATED_NS,
    DAY_NS,
    DRIFT_NS,
    LOOK_NS,
    NS,
    STABLE_DAY_NS,
    STABLE_NS,
    STEP_NS,
    UNCOUNTED_NS,
    Boot,
    Candidate,
    Date,
    Stamp,
    Timeline,
)
from hardware.ports import ClockReading

H_NS = 3600 * NS
T_NS = 1_800_000_000 * NS
KNOWN = Timeline("a", 0, {"a": Boot(0, T_NS, T_NS)}, T_NS, 0)
"""A unit that believed this UTC in its first boot."""


def look(timeline: Timeline, at_ns: int, offset_ns: int) -> Timeline:
    """A look at a synchronised clock that shows this UTC minus powered-on time."""
    return model.look(timeline, ClockReading(at_ns, model.powered_ns(timeline, at_ns) + offset_ns, "synchronised"))


def stood(offset_ns: int, for_ns: int, timeline: Timeline | None = None) -> Timeline:
    """Looks at a UTC, each as far from the last as still counts, until it has stood for so long."""
    timeline = timeline or model.start(None, "a", 0)
    for at_ns in (*range(0, for_ns, LOOK_NS), for_ns):
        timeline = look(timeline, at_ns, offset_ns)
    return timeline


# --- looks ------------------------------------------------------------------------------------------------------------


def test_a_utc_is_believed_at_the_very_nanosecond() -> None:
    """K4: ten minutes for the first, two and a half within a day of the one before, on either side of it; a look every
    fifteen seconds is enough, and a nanosecond more is not.
    """
    assert stood(T_NS, STABLE_DAY_NS - 1).believed_ns is None
    assert stood(T_NS, STABLE_DAY_NS) == Timeline(
        "a", STABLE_DAY_NS, {"a": Boot(0, T_NS, T_NS)}, T_NS, STABLE_DAY_NS, Candidate(T_NS, 0)
    )
    for off_ns in (DAY_NS, -DAY_NS):
        boot = model.start(KNOWN, "b", 0)
        assert stood(T_NS + off_ns, STABLE_NS - 1, boot).believed_ns is None
        assert stood(T_NS + off_ns, STABLE_NS, boot).believed_ns == STABLE_NS
        beyond = off_ns + (1 if off_ns > 0 else -1)
        assert stood(T_NS + beyond, STABLE_DAY_NS - 1, boot).believed_ns is None
    first = look(model.start(None, "a", 0), 0, T_NS)
    assert look(first, LOOK_NS, T_NS).seen == Candidate(T_NS, 0)
    assert look(first, LOOK_NS + 1, T_NS).seen == Candidate(T_NS, LOOK_NS + 1)


@pytest.mark.parametrize("way", [1, -1])
def test_a_step_is_more_than_a_second(way: int) -> None:
    """K4: what a time daemon slews is no step, on either side; a nanosecond beyond it has to stand anew."""
    first = look(model.start(None, "a", 0), 0, T_NS)
    assert look(first, NS, T_NS + way * STEP_NS).seen == Candidate(T_NS, 0)
    assert look(first, NS, T_NS + way * (STEP_NS + 1)).seen == Candidate(T_NS + way * (STEP_NS + 1), NS)
    assert model.is_believed(KNOWN, T_NS + way * STEP_NS)
    assert not model.is_believed(KNOWN, T_NS + way * (STEP_NS + 1))
    assert not model.is_believed(model.start(KNOWN, "b", 0), T_NS), "not in this boot"


def test_what_is_believed_is_not_believed_anew() -> None:
    """K4: a UTC within a second of the believed one leaves it as it is, however long it stands."""
    near = stood(T_NS + STEP_NS, 2 * STABLE_DAY_NS, KNOWN)
    assert (near.offset_ns, near.believed_ns, near.boots) == (T_NS, 0, KNOWN.boots)


# --- starts -----------------------------------------------------------------------------------------------------------


def test_a_start_counts_from_what_was_kept() -> None:
    """K4: the first boot from nought, the next from the last look or from the latest known moment, and at the most an
    hour after that look; what a boot believed is the next one's upper limit and no belief of its own.
    """
    assert model.start(None, "a", 5) == Timeline("a", 5, {"a": Boot(0)})
    assert model.start(model.start(None, "a", 0), "b", 0).boots["b"] == Boot(0)
    before = Timeline("a", 10 * H_NS, KNOWN.boots, T_NS, 0, Candidate(T_NS, 0))
    for known, began_ns in (
        ([], 10 * H_NS),
        ([Stamp("a", 9 * H_NS)], 10 * H_NS),
        ([Stamp("a", 10 * H_NS + 7), Stamp("a", 9 * H_NS), Stamp("nowhere", 10 * H_NS + 9)], 10 * H_NS + 7),
        ([Stamp("a", 99 * H_NS)], 10 * H_NS + UNCOUNTED_NS),
    ):
        found = model.start(before, "b", 3, known)
        assert found == Timeline("b", 3, {**KNOWN.boots, "b": Boot(began_ns)}, T_NS)


# --- what each boot is dated by ---------------------------------------------------------------------------------------


def offsets(now_ns: int | None, *boots: Boot) -> list[int | None]:
    """What is derived for each of these boots."""
    found = model.settled({str(n): boot for n, boot in enumerate(boots)}, now_ns)
    assert list(found) == [str(n) for n in range(len(boots))]
    return [boot.offset_ns for boot in found.values()]


def own(offset_ns: int) -> Boot:
    """A boot that believed this itself."""
    return Boot(0, own_ns=offset_ns)


def test_true_offsets_never_fall() -> None:
    """K4: one that seems to fall by a crystal's drift counts as the higher; one that falls by more is not used, and its
    boot has the next one's as its limit.
    """
    later_ns = T_NS + DAY_NS
    assert offsets(later_ns, own(T_NS), own(T_NS - DRIFT_NS), own(later_ns)) == [T_NS, T_NS, later_ns]
    assert offsets(later_ns, own(T_NS), own(T_NS - DRIFT_NS - 1), own(later_ns)) == [T_NS, later_ns, later_ns]
    assert offsets(later_ns, own(T_NS), own(T_NS + 1), own(later_ns)) == [T_NS, T_NS + 1, later_ns]


def test_an_offset_beyond_the_current_one_was_a_utc_ahead() -> None:
    """K4: by more than a second it is not used, nor is any other held against it."""
    low_ns = T_NS + STEP_NS - DRIFT_NS
    assert offsets(T_NS, own(T_NS + STEP_NS), own(low_ns), own(T_NS)) == [T_NS, T_NS, T_NS]
    assert offsets(T_NS, own(T_NS + STEP_NS + 1), own(low_ns), own(T_NS)) == [low_ns, low_ns, T_NS]


def test_a_boot_without_a_utc_has_the_next_ones_as_its_limit() -> None:
    """K4: those after the last belief have none, and nothing has one before anything is believed."""
    assert offsets(T_NS, Boot(0), own(T_NS - 5), Boot(0), own(T_NS), Boot(0)) == [T_NS - 5, T_NS - 5, T_NS, T_NS, None]
    assert offsets(None, Boot(0, 7), Boot(0)) == [7, None]


def test_an_adopted_boot_dates_itself_alone() -> None:
    """K4: a recording's own clock is used for its boot, up to the next belief, and for no other boot."""
    adopted = Boot(0, own_ns=T_NS, adopted=True)
    assert offsets(T_NS + 5, Boot(0), adopted, Boot(0)) == [None, T_NS, None]
    assert offsets(T_NS - 5, Boot(0), adopted, own(T_NS - 5)) == [T_NS - 5, T_NS - 5, T_NS - 5]
    assert offsets(T_NS + 5, own(T_NS + 3), adopted, own(T_NS + 5)) == [T_NS + 3, T_NS, T_NS + 5]
    assert offsets(T_NS, Boot(0), Boot(0, adopted=True)) == [None, None]


def test_an_adopted_boot_stands_before_the_one_that_found_it() -> None:
    """K4: what a log says of it replaces what was known, believed or not."""
    now = Timeline("c", 0, {"x": Boot(1), "a": Boot(0, T_NS, T_NS), "c": Boot(9)}, T_NS)
    for believed in (True, False):
        found = model.take_adopted(now, "x", 7, T_NS - 3, believed=believed)
        assert list(found.boots) == ["a", "x", "c"]
        limit_ns = T_NS if believed else T_NS - 3  # a belief never falls; a recording's clock may
        assert found.boots["x"] == Boot(7, limit_ns, T_NS - 3, adopted=not believed)
    unknown = model.take_adopted(model.start(None, "c", 0), "x", 7, T_NS)
    assert unknown.boots["x"] == Boot(7, T_NS, T_NS, adopted=True)


def test_a_boot_is_kept_with_those_that_date_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """K4: the newest beliefs; and however old, the last before it, which shows a UTC behind, and the first after it,
    which is its limit; the same of this boot, and a recording's own clock dates no other.
    """
    adopted = Boot(0, T_NS, T_NS, adopted=True)
    boots = {
        "a": own(T_NS), "b": own(T_NS + DAY_NS), "x": adopted, "c": Boot(0), "d": own(T_NS + 2 * DAY_NS), "e": Boot(0),
        "f": Boot(0),
    }  # fmt: skip
    line = Timeline("f", 0, boots, T_NS + 2 * DAY_NS)
    assert "".join(model.keep(line, set()).boots) == "abdf"
    monkeypatch.setattr(model, "BELIEFS_MAX", 1)
    for left, kept in (("", "df"), ("a", "abdf"), ("c", "bcdf"), ("e", "def"), ("x", "bxdf"), ("b", "abdf")):
        assert "".join(model.keep(line, set(left)).boots) == kept


def test_only_a_boots_own_belief_is_exact() -> None:
    """K4: not a later boot's, nor one that was corrected, nor a recording's own clock."""
    exact = [Boot(0, 5, 5), Boot(0, 5, None), Boot(0, 5, 4), Boot(0, 5, 5, adopted=True), Boot(0)]
    assert [boot.exact for boot in exact] == [True, False, False, False, False]


# --- ages and dates ---------------------------------------------------------------------------------------------------


def test_an_age_is_powered_on_time_and_proven_time_off() -> None:
    """K4: never less than nothing, and a UTC that fell takes nothing from it."""
    line = Timeline("b", 0, {"a": Boot(0, T_NS), "b": Boot(10, T_NS + 7), "x": Boot(0)}, T_NS + 7)
    assert [model.age_ns(line, Stamp(boot, 3), 5) for boot in ("a", "b", "x", "nowhere")] == [19, 2, 12, 0]
    assert model.age_ns(line, Stamp("b", 9), 5) == 0
    fallen = Timeline("b", 0, {"a": Boot(0, T_NS + 9), "b": Boot(10, T_NS)}, T_NS)
    assert model.age_ns(fallen, Stamp("a", 3), 5) == 12
    unknown = Timeline("b", 0, {"a": Boot(0, T_NS), "b": Boot(10)})
    assert model.age_ns(unknown, Stamp("a", 3), 5) == 12


@pytest.mark.parametrize("boots", [{}, {"a": Boot(0)}])
@pytest.mark.parametrize(("trusted", "by"), [(True, "clock"), (False, "unsure")])
def test_without_a_count_a_date_is_the_clocks(boots: dict[str, Boot], by: str, *, trusted: bool) -> None:
    """K4, K7: a person reads what the clock said, and that it may be wrong where it was not synchronised."""
    assert model.date(boots, Stamp("a", 5), T_NS, trusted=trusted) == Date(T_NS, by)  # type: ignore[arg-type]


@pytest.mark.parametrize("trusted", [True, False])
def test_a_boot_that_believed_a_utc_counts_from_it(*, trusted: bool) -> None:
    """K4, K7: a date within a minute of the count is the clock's own, on either side; beyond it the count replaces it,
    whether that clock was trusted or not.
    """
    boots, at = {"a": Boot(2, T_NS, T_NS)}, Stamp("a", 5)
    count_ns = T_NS + 7
    for way in (1, -1):
        near_ns, far_ns = count_ns + way * DATED_NS, count_ns + way * (DATED_NS + 1)
        assert model.date(boots, at, near_ns, trusted=trusted) == Date(near_ns, "clock")
        assert model.date(boots, at, far_ns, trusted=trusted) == Date(count_ns, "count")


def test_a_boot_that_a_later_one_dates_was_then_or_earlier() -> None:
    """K4, K7: its own clock is taken up to a minute after that limit if it was trusted, and if it was not, where an
    earlier boot that believed a UTC shows that it cannot have been before.
    """
    limit = Boot(10, T_NS + DAY_NS)
    boots, at = {"a": Boot(0, T_NS, T_NS), "b": limit, "c": Boot(20, T_NS + DAY_NS, T_NS + DAY_NS)}, Stamp("b", 5)
    latest, earliest_ns = Date(T_NS + DAY_NS + 15, "latest"), T_NS + 15
    edge_ns = latest.wall_ns + DATED_NS
    assert model.date(boots, at, edge_ns, trusted=True) == Date(edge_ns, "clock")
    assert model.date(boots, at, edge_ns + 1, trusted=True) == latest
    assert model.date(boots, at, 0, trusted=True) == Date(0, "clock")
    assert model.date(boots, at, edge_ns, trusted=False) == Date(edge_ns, "unsure")
    assert model.date(boots, at, edge_ns + 1, trusted=False) == latest
    assert model.date(boots, at, earliest_ns, trusted=False) == Date(earliest_ns, "unsure")
    assert model.date(boots, at, earliest_ns - 1, trusted=False) == latest
    for before in (Boot(0, T_NS), Boot(0)):  # no belief of its own
        assert model.date({**boots, "a": before}, at, edge_ns, trusted=False) == latest
    assert model.date({"b": limit, "a": boots["a"]}, at, edge_ns, trusted=False) == latest, "a later boot shows nothing"
