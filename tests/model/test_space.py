# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Room on the store's disk: how full it is, when that is told, and what is kept for alarms."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.model.space import BACK_PCT, LEVELS_PCT, Level, filled_pct, level
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
