# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Blocks to aim by, as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.check.media import COLUMNS, SHADES, drawn, shade

SHARPNESS = st.none() | st.integers(-5, 300)


def test_blocks_are_drawn_row_by_row() -> None:
    """H1: nine rows of sixteen shades, two letters each, and each row's own brightness."""
    sharp = [None] * 16 + [20] * 16 + [100] * 16 * 7
    lines = drawn([50] * 16 * 9, sharp).splitlines()
    assert len(lines) == 10
    assert lines[0] == f"│{' ' * 2 * COLUMNS}│  50 %"
    assert lines[1].startswith("│░░")
    assert lines[8].startswith("│▓▓")


def test_before_the_first_picture() -> None:
    """H1: nothing is drawn of what has not been seen."""
    assert "waiting" in drawn(None, None)


@given(SHARPNESS, SHARPNESS)
def test_a_sharper_block_is_never_drawn_paler(one: int | None, other: int | None) -> None:
    """H1: the shade follows the figure, over all that a camera can say."""
    low, high = sorted((one, other), key=lambda value: -1000 if value is None else value)
    assert SHADES.index(shade(low)) <= SHADES.index(shade(high))
