# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Holds as values: what may be asked for, when a review is due, and what a clock can and cannot end."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.model import holds as rules
from daemon.model.holds import DAY_NS, REVIEW_DAYS_MAX, By, Hold, Standing, Wish, review_fault, standing
from daemon.model.policy import NS, HoldPolicy
from hardware.ports import ClockReading, ClockState

DAY = datetime.date(2026, 11, 22)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DAY_WALL_NS = rules._first_ns(DAY, AMSTERDAM)
NAG, LAPSE = HoldPolicy(), HoldPolicy(after_review="lapse", lapse_after_d=28)
STATES = st.sampled_from(("synchronised", "unsynchronised"))
DATES = st.dates(datetime.date(1971, 1, 1), datetime.date.max)
WALL_NS = st.integers(-(2**62), 2**62)


def at(wall_ns: int, state: ClockState = "synchronised") -> ClockReading:
    """A moment."""
    return ClockReading(0, wall_ns, state)


def hold(review: datetime.date, placed_wall_ns: int = DAY_WALL_NS) -> Hold:
    """A hold with this review."""
    wish = Wish("a", "2026-0417", "manager", "a threat at the counter", review)
    return rules.place(wish, ("c" * 32, "a" * 32), ("audio", "video"), at(placed_wall_ns), By(1000, "custodian"))


@given(st.integers(1, REVIEW_DAYS_MAX), st.integers(0, DAY_NS - 1))
@example(1, DAY_NS - 1)
@example(REVIEW_DAYS_MAX, 0)
def test_a_review_within_ninety_days_is_taken(days: int, into_ns: int) -> None:
    """K2: any day after today and up to ninety days ahead will do, at any hour of today; no other."""
    now = at(DAY_WALL_NS + into_ns)
    assert review_fault(DAY + datetime.timedelta(days=days), now, AMSTERDAM) == ""
    for wrong in (-1, 0, REVIEW_DAYS_MAX + 1):
        assert "expected a date after today" in review_fault(DAY + datetime.timedelta(days=wrong), now, AMSTERDAM)


@given(DATES, WALL_NS)
def test_a_wrong_clock_refuses_no_hold(review: datetime.date, wall_ns: int) -> None:
    """K2, K4: a clock that does not claim to be right refuses no date, whatever it shows."""
    assert review_fault(review, at(wall_ns, "unsynchronised"), AMSTERDAM) == ""


@given(DATES, WALL_NS, STATES, st.sampled_from((NAG, LAPSE)))
def test_only_a_policy_and_a_right_clock_end_a_hold(
    review: datetime.date, wall_ns: int, state: ClockState, policy: HoldPolicy
) -> None:
    """K2, K4: nothing lapses but by a policy that says so, by a clock that follows a reference, and days after the
    review; and what lapses was due.
    """
    stands = standing(hold(review), at(wall_ns, state), policy, AMSTERDAM)
    if stands.lapses:
        assert policy.after_review == "lapse"
        assert state == "synchronised"
        assert stands.is_due
        last = review + datetime.timedelta(days=policy.lapse_after_d)
        assert wall_ns >= rules._first_ns(last, AMSTERDAM)


def test_a_hold_says_what_was_asked_for_and_by_whom() -> None:
    """K3: each word of the request, ids, tracks, the clock and its state, and who placed it are in the hold."""
    wish = Wish("a", "2026-0417", "manager", "a threat at the counter", DAY)
    held = rules.place(wish, ("c" * 32, "a" * 32), ("audio",), at(5, "unsynchronised"), By(1000, "custodian"))
    assert held == Hold(
        "c" * 32, "a" * 32, ("audio",), wish.kind, "2026-0417", "manager", "a threat at the counter", DAY, 5,
        "unsynchronised", 1000, "custodian",
    )  # fmt: skip


REVIEW = datetime.datetime(2026, 11, 21, 23, tzinfo=datetime.UTC)
"""The first moment of DAY in Amsterdam."""


@pytest.mark.parametrize(
    ("ahead_d", "later_ns", "state", "policy", "expected"),
    [
        (0, -1, "synchronised", NAG, Standing(False, 0, False, None)),
        (0, 0, "synchronised", NAG, Standing(True, 0, False, None)),
        (0, DAY_NS - 1, "synchronised", NAG, Standing(True, 0, False, None)),
        (0, DAY_NS, "unsynchronised", NAG, Standing(True, 1, False, None)),
        (0, 28 * DAY_NS, "synchronised", NAG, Standing(True, 28, False, None)),
        (0, -1, "synchronised", LAPSE, Standing(False, 0, False, "2026-12-20")),
        (0, 28 * DAY_NS - 1, "synchronised", LAPSE, Standing(True, 27, False, "2026-12-20")),
        (0, 28 * DAY_NS, "unsynchronised", LAPSE, Standing(True, 28, False, "2026-12-20")),
        (0, 28 * DAY_NS, "synchronised", LAPSE, Standing(True, 28, True, "2026-12-20")),
        # Nobody could have asked for a date so far ahead by a right clock: it is looked at now.
        (REVIEW_DAYS_MAX + 1, 0, "synchronised", NAG, Standing(False, 0, False, None)),
        (REVIEW_DAYS_MAX + 1, -1, "synchronised", NAG, Standing(True, 0, False, None)),
        (REVIEW_DAYS_MAX + 1, -1, "unsynchronised", NAG, Standing(False, 0, False, None)),
    ],
)
def test_a_review_is_due_on_its_day(
    ahead_d: int, later_ns: int, state: ClockState, policy: HoldPolicy, expected: Standing
) -> None:
    """K2: due from the first moment of its day in the policy's zone, overdue by whole days of it, and released only
    where the policy says so, on the day that it names before.
    """
    now_ns = round(REVIEW.timestamp()) * NS + later_ns
    held = hold(DAY + datetime.timedelta(days=ahead_d))
    assert standing(held, at(now_ns, state), policy, AMSTERDAM) == expected


@given(DATES, WALL_NS, WALL_NS, STATES)
def test_due_stays_due(review: datetime.date, one_ns: int, other_ns: int, state: ClockState) -> None:
    """K2: a review that has passed is due, and is more overdue the later it gets."""
    earlier, later = sorted((one_ns, other_ns))
    first = standing(hold(review), at(earlier, state), NAG, AMSTERDAM)
    second = standing(hold(review), at(later, state), NAG, AMSTERDAM)
    if earlier >= rules._first_ns(review, AMSTERDAM):
        assert first.is_due
        assert second.is_due
        assert second.overdue_d >= first.overdue_d


def test_a_date_that_a_wrong_clock_let_pass_is_due_when_the_clock_is_right() -> None:
    """K2: a review years ahead, taken while the clock was at 1970, is told as soon as the clock is right, and ends
    nothing.
    """
    far = hold(datetime.date(2031, 1, 1), placed_wall_ns=0)
    stands = standing(far, at(DAY_WALL_NS), LAPSE, AMSTERDAM)
    assert (stands.is_due, stands.overdue_d, stands.lapses) == (True, 0, False)


@given(DATES, st.integers(1, 5))
def test_an_extension_keeps_what_it_is_about(review: datetime.date, times: int) -> None:
    """K2: extended however often, a hold is about the same tracks of the same recording and incident, since the same
    moment; its file says the same when it is read back.
    """
    first = found = hold(DAY)
    for _ in range(times):
        found = rules.extend(found, rules.Extension("c", "secretary", "still open", review), By(1001, "owner"))
    same = ("hold_id", "recording_id", "tracks", "kind", "incident", "placed_wall_ns")
    assert [getattr(found, name) for name in same] == [getattr(first, name) for name in same]
    assert (found.revision, found.review) == (times, review)
    assert (found.uid, found.role, found.on_behalf_of, found.reason) == (1001, "owner", "secretary", "still open")
    assert msgspec.json.decode(msgspec.json.encode(found), type=Hold) == found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("incident", ""), ("incident", "x" * 65), ("incident", "a\nb"), ("incident", "-rf"), ("incident", "a\u202eb"),
        ("on_behalf_of", "J. de Vries"), ("on_behalf_of", ""),
        ("reason", ""), ("reason", "x" * 201), ("reason", "two\nlines"), ("reason", "\x1b[2J"), ("reason", "a\u2028b"),
        ("reason", "a\u202eb"),
        ("review", "soon"), ("review", "2026-13-01"), ("review", 20261130),
        ("tracks", ["smell"]), ("tracks", "audio"), ("kind", "curiosity"), ("recording", ""),
    ],
)  # fmt: skip
def test_what_is_no_wish_is_refused(field: str, value: object) -> None:
    """K2: a hold without a number, a role, a reason or a date of the form that was asked for is none."""
    good = {"recording": "a", "incident": "2026-0417", "on_behalf_of": "manager", "reason": "a threat",
            "review": "2026-11-30"}  # fmt: skip
    assert msgspec.convert(good, Wish).tracks == ()
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**good, field: value}, Wish)
