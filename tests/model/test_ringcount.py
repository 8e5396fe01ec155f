# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Seconds of the ring, as its recorders report them."""

from __future__ import annotations

from daemon.model.ringcount import RingCount, count


def test_no_second_is_counted_twice_and_none_is_lost() -> None:
    """K3: a report again, one that goes back, one of a single track, and another recorder's, which begins at 0."""
    meter = count(RingCount(), "a", {"video": 9.0, "audio": 10.0})
    assert meter == RingCount("a", {"video": 9.0, "audio": 10.0}, {"video": 9.0, "audio": 10.0})
    assert count(meter, "a", {"video": 9.0, "audio": 10.0}) == meter
    meter = count(meter, "a", {"audio": 4.0})
    assert meter == RingCount("a", {"video": 9.0, "audio": 10.0}, {"video": 9.0, "audio": 10.0})
    meter = count(meter, "a", {"audio": 12.5})
    assert meter == RingCount("a", {"video": 9.0, "audio": 12.5}, {"video": 9.0, "audio": 12.5})
    assert count(meter, "b", {"audio": 2.0}) == RingCount("b", {"audio": 2.0}, {"video": 9.0, "audio": 14.5})


def test_the_first_figure_of_a_recorder_counts_from_nought() -> None:
    """K3: a fraction of a second is no whole one, and a figure that makes no sense is none."""
    meter = count(count(RingCount(), "a", {"audio": 0.25}), "a", {"audio": 0.75})
    assert meter == RingCount("a", {"audio": 0.75}, {"audio": 0.75})
    assert count(RingCount(), "a", {"audio": -5.0}).due_s == {"audio": 0.0}
