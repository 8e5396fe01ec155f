# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Room on the store's disk: how full it is, when that is told, and what is kept for alarms."""

from __future__ import annotations

import tomllib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.config import shipped
from daemon.model.policy import NO_POLICY, Policy, TrackPolicy
from daemon.model.space import BACK_PCT, LEVELS_PCT, Level, Thresholds, filled_pct, level, thresholds
from daemon.model.unit import Unit
from hardware.ports import DiskSpace

GB = 1_000_000_000


def test_a_disk_is_as_full_as_df_says() -> None:
    """K2: what root keeps for itself is neither used nor free; a disk on which nothing can be written is full."""
    assert filled_pct(DiskSpace(100 * GB, 45 * GB, 50 * GB)) == 53
    assert filled_pct(DiskSpace(100 * GB, 0, 95 * GB)) == 100
    assert filled_pct(DiskSpace(100 * GB, 100 * GB, 0)) == 0
    assert filled_pct(DiskSpace(0, 0, 0)) == 100


@given(st.lists(st.integers(0, 100), min_size=1))
def test_each_level_is_told_once_on_the_way_up(percents: list[int]) -> None:
    """K2: at or above a level it, or a higher one, has been told; below by more than a little, none is left."""
    told: Level = 0
    for percent in percents:
        told = level(percent, told)
        assert told >= max((mark for mark in LEVELS_PCT if percent >= mark), default=0)
        assert told <= max((mark for mark in LEVELS_PCT if percent + BACK_PCT > mark), default=0)


def test_a_recording_more_or_less_is_not_told_each_time() -> None:
    """K2: a disk that goes up and down across a level by a percent is told of once."""
    told: Level = 0
    lines = 0
    for percent in (84, 85, 84, 85, 84, 86, 84, 85):
        lines += level(percent, told) != told
        told = level(percent, told)
    assert (told, lines) == (85, 2), "70, then 85"


UNIT = msgspec.convert(tomllib.loads((shipped() / "unit.toml").read_text()), Unit)


def limits(free_bytes_min: int | None, policy: Policy = NO_POLICY) -> Thresholds:
    """Of a unit with a megabit of image a second and a tenth of sound."""
    unit = replace(
        UNIT,
        recorder=replace(UNIT.recorder, free_bytes_min=free_bytes_min),
        camera=replace(UNIT.camera, bitrate_bps=1_000_000),
        microphone=replace(UNIT.microphone, bitrate_bps=100_000),
    )
    return thresholds(unit, policy)


def test_room_is_kept_for_the_longest_alarm_and_a_conversation_needs_its_own() -> None:
    """K2: by the bit rates of the tracks that are recorded, with what stands before and after, and a quarter more."""
    both = replace(
        NO_POLICY,
        audio=TrackPolicy(record=True),
        video=TrackPolicy(record=True),
        alarm=replace(NO_POLICY.alarm, maximum_s=760),
        timing=replace(NO_POLICY.timing, maximum_s=1760),
    )
    alarm_bytes = 1000 * 1_100_000 // 8 * 5 // 4
    assert limits(None, both) == Thresholds(3 * alarm_bytes, alarm_bytes)
    sound = replace(both, video=TrackPolicy())
    assert limits(None, sound) == Thresholds(3 * alarm_bytes // 11, alarm_bytes // 11)
    assert type(limits(None, both).alarm_bytes) is int, "whole bytes"
    assert limits(None) == Thresholds(0, 0)
    assert limits(7, both) == Thresholds(7, 7), "the engineer's number"


def test_a_conversation_is_refused_below_its_room_until_there_is_a_little_more() -> None:
    """K2: what was refused is taken again at two percent more, so that it does not come and go."""
    room = Thresholds(5_250_000_000, 1)
    words = "less than 5.25 GB is free: what is left is kept for alarms"
    assert room.refusal(5_250_000_000) == ""
    assert room.refusal(5_250_000_000 - 1) == words
    assert room.refusal(5_355_000_000 - 1, before=words) == words
    assert room.refusal(5_355_000_000, before=words) == ""
    assert Thresholds(49, 0).refusal(49, before=words) == "", "of so little a fiftieth is nothing"
    assert Thresholds(1_135_000_000, 0).refusal(0) == words.replace("5.25", "1.14")


@pytest.mark.parametrize(
    ("percent", "before", "after"),
    [(69, 0, 0), (70, 0, 70), (84, 70, 70), (85, 70, 85), (95, 0, 95), (84, 85, 85), (83, 85, 70), (68, 70, 0),
     (69, 95, 0), (94, 95, 95), (93, 95, 85)],
)  # fmt: skip
def test_a_level_begins_at_its_percent_and_is_over_two_below(percent: int, before: Level, after: Level) -> None:
    """K2: each of them, up and down."""
    assert level(percent, before) == after
