# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What is in force by the calendar: policies by their dates, covered windows by a clock that may be wrong."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.model.policy import NS, Policy, TrackPolicy, Window
from daemon.model.schedule import Calendar, in_force, policy_at
from hardware.ports import ClockReading

DAY = datetime.timedelta(days=1)
DAY_NS = 86_400 * NS


def policy(name: str, day: str, *, audio: bool, video: bool) -> Policy:
    return Policy(name, datetime.date.fromisoformat(day), TrackPolicy(record=audio), TrackPolicy(record=video))


DRONTEN = (
    policy("2014", "2014-01-01", audio=True, video=True),
    policy("sound-off", "2021-11-10", audio=False, video=True),
    policy("all-off", "2021-11-16", audio=False, video=False),
)


def on(policies: tuple[Policy, ...], day: datetime.date, *, synchronised: bool) -> tuple[int, Policy]:
    """The policy at noon of a day."""
    begin_ns = [policy.in_force_from.toordinal() * DAY_NS for policy in policies]
    return policy_at(policies, begin_ns, day.toordinal() * DAY_NS + DAY_NS // 2, synchronised=synchronised)


@pytest.mark.parametrize(
    ("day", "name", "tracks"),
    [
        ("2013-12-31", "2014", ()),
        ("2014-01-01", "2014", ("audio", "video")),
        ("2021-11-09", "2014", ("audio", "video")),
        ("2021-11-10", "sound-off", ("video",)),
        ("2021-11-15", "sound-off", ("video",)),
        ("2021-11-16", "all-off", ()),
        ("2035-01-01", "all-off", ()),
    ],
)
def test_each_policy_from_its_day_to_the_next(day: str, name: str, tracks: tuple[str, ...]) -> None:
    """R7: a policy is in force from its day to the next one's; before the first nothing is recorded."""
    index, found = on(DRONTEN, datetime.date.fromisoformat(day), synchronised=True)
    assert (DRONTEN[index].name, found.name, found.tracks()) == (name, name, tracks)


def test_a_policy_is_in_force_from_its_first_moment() -> None:
    """R7: the nanosecond before is the last one of the policy before it."""
    found = [policy_at(DRONTEN[:2], (0, 9), at_ns, synchronised=True)[0] for at_ns in (8, 9)]
    assert found == [0, 1]


@given(st.dates())
def test_a_clock_without_a_reference_opens_nothing(day: datetime.date) -> None:
    """R7, K4: whatever an unsynchronised clock says, no track is recorded that any of the policies switches off."""
    assert on(DRONTEN, day, synchronised=False)[1].tracks() == ()
    assert on(DRONTEN[:2], day, synchronised=False)[1].tracks() == ("video",)
    assert on(DRONTEN[:1], day, synchronised=False)[1] == DRONTEN[0], "a unit that never sees a reference records"


@given(st.dates())
def test_what_is_not_in_force_purges_nothing(day: datetime.date) -> None:
    """K4: a track that is off only because its policy has not begun, or a clock is wrong, is kept."""
    purging = TrackPolicy(record=True, existing="purge")
    policies = tuple(replace(one, audio=purging, video=purging) for one in DRONTEN[:1]) + DRONTEN[1:]
    for synchronised in (True, False):
        found = on(policies, day, synchronised=synchronised)[1]
        for track in (found.audio, found.video):
            assert (track.record, track.existing) in {(True, "purge"), (True, "keep"), (False, "keep")}


def test_a_track_that_is_off_until_a_clock_is_right_is_kept_and_the_other_is_as_it_was() -> None:
    """R7, K4: one that its policy switches off purges as that says."""
    purging = TrackPolicy(record=True, existing="purge")
    kept = replace(purging, record=False, existing="keep")
    first = replace(DRONTEN[0], audio=purging, video=purging)
    silent = replace(first, audio=TrackPolicy(existing="purge"))
    blind = replace(first, video=TrackPolicy(existing="purge"))
    for one, begun in ((first, replace(first, audio=kept, video=kept)), (silent, replace(silent, video=kept)),
                       (blind, replace(blind, audio=kept))):  # fmt: skip
        assert policy_at((one,), (9,), 8, synchronised=True) == (0, begun)
        assert policy_at((one,), (9,), 9, synchronised=False) == (0, one)
    assert policy_at((first, silent), (0, 9), 5, synchronised=False) == (0, replace(first, audio=kept))
    assert policy_at((first, blind), (0, 9), 5, synchronised=False) == (0, replace(first, video=kept))


# --- windows ----------------------------------------------------------------------------------------------------------

T0 = datetime.datetime(2026, 3, 18, 6, tzinfo=datetime.UTC)
T0_NS = round(T0.timestamp()) * NS
ELECTION = Window(T0, T0 + datetime.timedelta(hours=15), "elections")
COUNT = Window(T0 + datetime.timedelta(hours=14), T0 + 2 * DAY, "count")


def test_a_window_is_in_force_from_its_first_moment_to_its_end() -> None:
    """R7: a window holds its first nanosecond and not its last; where two overlap the one that ends later counts."""
    hour_ns = 3600 * NS
    found = [
        in_force((ELECTION, COUNT), T0_NS + at_ns) for at_ns in (-1, 0, 14 * hour_ns - 1, 14 * hour_ns, 48 * hour_ns)
    ]
    assert found == [None, ELECTION, ELECTION, COUNT, None]


@given(st.integers(-(10**19), 10**19), st.integers(0, 10**15))
def test_a_clock_that_loses_its_reference_and_steps_changes_no_window(step_ns: int, later_ns: int) -> None:
    """R7: after a reference UTC goes on by the boot clock, whatever the wall clock does without one."""
    calendar = Calendar().read(ClockReading(5 * NS, T0_NS, "synchronised"))
    stepped = ClockReading(5 * NS + later_ns, T0_NS + later_ns + step_ns, "unsynchronised")
    assert calendar.read(stepped).wall_ns(stepped) == T0_NS + later_ns
    back = ClockReading(stepped.boot_ns, T0_NS + step_ns, "synchronised")
    assert calendar.read(back).wall_ns(back) == T0_NS + step_ns, "a reference is believed"


def test_a_clock_that_never_had_a_reference_is_gone_by() -> None:
    """R7: a unit without any reference covers its camera by the clock that it has."""
    now = ClockReading(5 * NS, T0_NS, "unsynchronised")
    assert Calendar().read(now).wall_ns(now) == T0_NS


def test_after_a_reference_the_boot_clock_counts_until_there_is_one_again() -> None:
    """R7: by example."""
    calendar = Calendar().read(ClockReading(5 * NS, T0_NS, "synchronised"))
    lost, found = ClockReading(9 * NS, 77, "unsynchronised"), ClockReading(9 * NS, 77, "synchronised")
    assert calendar.read(lost).wall_ns(lost) == T0_NS + 4 * NS
    assert calendar.read(found).wall_ns(found) == 77
