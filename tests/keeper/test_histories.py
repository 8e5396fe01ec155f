"""Years of wrong clocks, cuts, full disks, holds, policies and lost files, on the keeper's real parts."""

from __future__ import annotations

import pytest
from hypothesis import event, given, seed, settings

from tests.keeper.clock_worlds import EVENTS, Event, live

SHARDS = 8
"""Of the ten thousand, so that several processors can share them."""


@given(EVENTS)
@pytest.mark.case("keeper 4")
def test_no_history_of_clocks_deletes_early_or_keeps_too_long(events: list[Event]) -> None:
    """K1, K2, K4: whatever clocks, power and disk do, nothing is deleted before its term or while it is held, and
    nothing is kept more than 60 s beyond it in which the unit was powered and had a time to trust.
    """
    world = live(events)
    event(f"deleted {min(world.deleted, 3)}, believed lies {min(world.believed_lies, 1)}, cuts {min(world.cuts, 1)}")
    event(f"early under a lie: {min(world.early, 1)}")


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
