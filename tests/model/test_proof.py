# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Buttons that nobody has tested lately."""

from __future__ import annotations

import pytest

from daemon.model.proof import DAY_NS, Proof, overdue

FITTED, TESTED = 100 * DAY_NS, 110 * DAY_NS


@pytest.mark.parametrize(
    ("tested_ns", "now_ns", "words"),
    [
        (None, FITTED + 32 * DAY_NS - 1, ""),
        (None, FITTED + 32 * DAY_NS, "hall-1: never tested in 32 days"),
        (TESTED, TESTED + 32 * DAY_NS - 1, ""),
        (TESTED, TESTED + 32 * DAY_NS, "hall-1: not tested for 32 days"),
        (TESTED, TESTED + 33 * DAY_NS - 1, "hall-1: not tested for 32 days"),
        (FITTED - DAY_NS, FITTED + 31 * DAY_NS, ""),
        (FITTED - DAY_NS, FITTED + 32 * DAY_NS, "hall-1: not tested for 32 days"),
    ],
)
def test_a_button_is_overdue_after_whole_days_without_a_test(tested_ns: int | None, now_ns: int, words: str) -> None:
    """A7: one that was never tested counts from the day that the unit had it; the words change once a day."""
    button = Proof("hall-1", FITTED, tested_ns)
    assert overdue((button,), now_ns, test_every_d=31) == words
    assert overdue((button,), now_ns, test_every_d=0) == "", "not asked for"


def test_each_overdue_button_is_named() -> None:
    """A7: and no other."""
    buttons = (Proof("a", 0, None), Proof("b", 0, 60 * DAY_NS), Proof("c", 0, 9 * DAY_NS))
    assert overdue(buttons, 70 * DAY_NS, 31) == "a: never tested in 70 days; c: not tested for 61 days"
