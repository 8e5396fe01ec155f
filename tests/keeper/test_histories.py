# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Years of wrong clocks, cuts, full disks, holds, policies and lost files, on the keeper's real parts."""

from __future__ import annotations

import pytest
from hypothesis import event, given, seed, settings

from daemon.model.timeline import NS
from tests.keeper.clock_worlds import EVENTS, Event, live

SHARDS = 40
"""Of the ten thousand: each takes some fifty seconds of a processor, so that the time that a test is given is never the
reason why one fails: one of eight had not ended within fifty minutes on two processors with twenty things to do.
hypothesis draws constants from the modules that are loaded: a shard that is run by its name tries other histories."""


@given(EVENTS)
@pytest.mark.case("keeper 4")
def test_no_history_of_clocks_deletes_early_or_keeps_too_long(events: list[Event]) -> None:
    """K1, K2, K4: whatever clocks, power and disk do, nothing is deleted before its term or while it is held, and
    nothing is kept more than 60 s beyond it in which the unit was powered and had a time to trust.
    """
    world = live(events)
    event(f"deleted {min(world.deleted, 3)}, believed lies {min(world.believed_lies, 1)}, cuts {min(world.cuts, 1)}")
    event(f"early under a lie: {min(world.early, 1)}")


def test_a_boot_that_is_cut_off_before_its_second_hour_loses_half_at_the_most() -> None:
    """K1: found by the search: of 2,041 s with a believed UTC 960 were counted, and a track stayed 60.5 s too long."""
    made, minutes = Event("record", {"terms_h": (1,), "pre_s": 0, "elsewhere": False}), Event("wait", {"ns": 150 * NS})
    for ran_s in (30, 119, 1871, 1919, 3500):
        cut = Event("power", {"off_ns": 150 * NS, "error_ns": 0, "clean": False})
        boot = [Event("sync"), made, minutes]
        live([*boot, cut, *boot, Event("wait", {"ns": ran_s * NS}), cut, Event("wait", {"ns": 3600 * NS}), cut])


def test_what_the_counter_knows_of_a_lost_log_contradicts_a_later_lie() -> None:
    """K1: found by the search: the log was lost, the next boot believed a UTC 22 hours behind, and what the boot before
    had believed stood in the counter alone: a track went 22 hours early.
    """
    live([
        Event("sync"), Event("wait", {"ns": 3189 * NS}),
        Event("record", {"terms_h": (168, 672), "pre_s": 102, "elsewhere": False}),
        Event("lose_files", {"which": "log", "off_ns": 902 * NS}),
        Event("lie", {"error_ns": -80_720 * NS, "for_ns": 517 * NS, "then": "on"}),
        Event("power", {"off_ns": 388_800 * NS, "error_ns": -279 * NS, "clean": False}),
        Event("flap", {"count": 1, "ns": 901 * NS}), Event("wait", {"ns": 168 * 3600 * NS + 2}),
    ])  # fmt: skip


def test_what_a_lost_logs_boot_believed_counts_for_a_recording_of_another_unit() -> None:
    """K1: found by the search: as above, and all that the store held was made elsewhere: the next boot's line of what
    the boot before had believed was passed over when the log was read, for nothing there was made in that boot.
    """
    live([
        Event("sync"), Event("wait", {"ns": 2980 * NS}),
        Event("record", {"terms_h": (168,), "pre_s": 0, "elsewhere": True}), Event("sync"),
        Event("lose_files", {"which": "log", "off_ns": 150 * NS}),
        Event("lie", {"error_ns": -343 * 86_400 * NS, "for_ns": 3079 * NS, "then": "sync"}),
        Event("power", {"off_ns": 150 * NS, "error_ns": 0, "clean": False}), Event("sync"),
        Event("wait", {"ns": 655 * NS}),
    ])  # fmt: skip


def test_a_lie_behind_that_only_the_counter_knows_is_one_that_nothing_contradicts() -> None:
    """K4: found by the search: a boot believed a UTC seven years behind and lost its log. The counter knows the belief,
    and the next boot's UTC is as good as seven years off would have it (decision 9).
    """
    live([
        Event("record", {"terms_h": (24, 24), "pre_s": 24, "elsewhere": False}),
        Event("lie", {"error_ns": -2736 * 86_400 * NS, "for_ns": 1261 * NS, "then": "on"}),
        Event("lose_files", {"which": "log", "off_ns": 900 * NS}), Event("sync"),
        Event("wait", {"ns": 7 * 86_400 * NS}),
    ])  # fmt: skip


def test_what_a_lie_hid_goes_within_a_minute_of_the_truth() -> None:
    """K1: found by the search: a deletion that the disk refused was begun, and a UTC behind said that it was not due.
    It goes when the truth is believed again.
    """
    live([
        Event("record", {"terms_h": (168, 672), "pre_s": 16, "elsewhere": False}), Event("sync"),
        Event("wait", {"ns": 86_400 * NS}),
        Event("power", {"off_ns": 28 * 86_400 * NS, "error_ns": -24_515 * NS, "clean": True}),
        Event("disk", {"ok": False}), Event("sync"), Event("wait", {"ns": 1421 * NS}),
        Event("power", {"off_ns": 86_400 * NS, "error_ns": -322 * 86_400 * NS, "clean": True}),
        Event("lie", {"error_ns": -74 * 86_400 * NS, "for_ns": 899 * NS, "then": "on"}),
        Event("disk", {"ok": True}), Event("flap", {"count": 2, "ns": 901 * NS}),
    ])  # fmt: skip


def test_a_keeper_that_starts_late_in_a_boot_saves_its_count_at_once() -> None:
    """K1: found by the search: a keeper that came an hour into a boot, without a counter of it, saved its count after
    another quarter of an hour. A cut before that took the hour, and a track stayed 45 minutes too long.
    """
    live([
        Event("record", {"terms_h": (168,), "pre_s": 36, "elsewhere": False}),
        Event("lose_files", {"which": "counter", "off_ns": 3602 * NS}),
        Event("power", {"off_ns": 899 * NS, "error_ns": -1436 * NS, "clean": False}),
        Event("wait", {"ns": 8 * 86_400 * NS}),
    ])  # fmt: skip


def test_time_with_an_empty_store_that_a_cut_ends_is_counted_by_nobody() -> None:
    """K4: found by the search: a store was empty for a day, and the power was cut. A UTC a day behind is then what the
    disk has, and what is recorded under it goes a day early once the truth is believed (decision 9).
    """
    live([
        Event("sync"), Event("record", {"terms_h": (1,), "pre_s": 0, "elsewhere": False}),
        Event("wait", {"ns": 90_150 * NS}),
        Event("power", {"off_ns": 150 * NS, "error_ns": 0, "clean": False}),
        Event("record", {"terms_h": (168, 672), "pre_s": 0, "elsewhere": False}),
        Event("lie", {"error_ns": -86_400 * NS, "for_ns": 3600 * NS, "then": "sync"}),
        Event("power", {"off_ns": 150 * NS, "error_ns": 0, "clean": False}), Event("sync"),
        Event("wait", {"ns": 28 * 86_400 * NS}),
    ])  # fmt: skip


def test_the_belief_that_proves_two_later_ones_wrong_stays_when_its_recording_is_gone() -> None:
    """K1: found by the search: two boots believed a UTC behind, the second by less, and what was recorded in it went
    two days early: the belief before both, which neither can follow, had gone with the last recording of its boot.
    """
    made, soon = Event("record", {"terms_h": (1,), "pre_s": 0, "elsewhere": False}), {"off_ns": 0, "error_ns": 0}
    cut = Event("power", {**soon, "clean": False})
    live([
        Event("sync"), Event("wait", {"ns": 1590 * NS}), made, Event("sync"), cut,
        Event("lie", {"error_ns": -30 * 86_400 * NS, "for_ns": 883 * NS, "then": "sync"}), cut,
        Event("lie", {"error_ns": -2 * 86_400 * NS, "for_ns": 600 * NS, "then": "sync"}), made, cut,
        Event("sync"), Event("wait", {"ns": 600 * NS}),
    ])  # fmt: skip


@pytest.mark.histories
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_ten_thousand_histories(shard: int) -> None:
    """K1, K2, K4: as above, ten thousand times (design 8)."""

    @seed(shard)
    @settings(max_examples=10_000 // SHARDS, derandomize=False)
    @given(EVENTS)
    def histories(events: list[Event]) -> None:
        live(events)

    histories()
