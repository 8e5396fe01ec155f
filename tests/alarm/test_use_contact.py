# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The in-use contact: what it says, and when nobody can know (promises A6, R9); uses are counted in numbers an hour."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.alarm.acts import Acts
from daemon.alarm.lines import Lines
from daemon.alarm.uses import HOUR_NS, USES, Uses
from daemon.model import acts, events
from daemon.model.contact import NC
from daemon.model.fitted import USES_MAX, USES_NS
from hardware.ports import Edge
from tests.alarm.test_lines import MS, POLICY, T0, Story
from tests.alarm.test_privacy_rows import NOW, Clock

ONE = {"in_use": False}
LONGEST_MS = POLICY.use.maximum_s * 1000
STILL_MS = USES_NS / MS


def said(story: Story, levels: dict[str, bool], until_ms: float) -> list[bool | str | None]:
    """What the contact says, and its faults, when the loop wakes at each edge and at each deadline of the lines."""
    lines = Lines(POLICY)
    inputs = [*lines.start(levels, T0), *lines.states()]
    edges = [Edge(line, active, T0 + round(ms * MS)) for line, active, ms in sorted(story, key=lambda one: one[2])]
    for edge in [*edges, None]:
        at_ns = edge.at_ns if edge else T0 + round(until_ms * MS)
        while lines.next_ns is not None and lines.next_ns < at_ns:
            inputs += [*lines.tick(lines.next_ns), *lines.states()]
        inputs += [*(lines.edge(edge) if edge else lines.tick(at_ns)), *lines.states()]
    return [item.in_use if isinstance(item, events.UseChanged) else item.detail for item in inputs]  # type: ignore[attr-defined]


def uses(*spans_ms: tuple[float, float]) -> Story:
    return [("in_use", closed, ms) for begin, end in spans_ms for closed, ms in ((True, begin), (False, end))]


CHATTERS, STUCK = "the in-use contact chatters", "the in-use contact is stuck"
FOUR = uses(*((n * 5000, n * 5000 + 3000) for n in range(USES_MAX + 1)))
STORIES: dict[str, tuple[Story, dict[str, bool], float, list[bool | str | None]]] = {
    "open at start": ([], ONE, 60_000, [False]),
    "closed at start is a use, and no fault": ([], {"in_use": True}, 60_000, [True]),
    "closed at start, and opened": ([("in_use", False, 900)], {"in_use": True}, 2000, [True, False]),
    "one use": (uses((0, 60_000)), ONE, 70_000, [False, True, False]),
    "a touch of 49 ms is none": (uses((0, 49)), ONE, 2000, [False]),
    "a hook that bounces goes on": (uses((0, 9000), (9350, 20_000)), ONE, 19_000, [False, True]),
    "half a second is the end of a use": (uses((0, 9000), (9500, 20_000)), ONE, 19_000, [False, True, False, True]),
    "four uses in half a minute": (
        FOUR, ONE, 15_000 + 3000 + STILL_MS - 1, [False, True, False, True, False, True, False, CHATTERS, None],
    ),
    "and half a minute of rest": (
        FOUR, ONE, 15_000 + 3000 + STILL_MS + 1,
        [False, True, False, True, False, True, False, CHATTERS, None, "", False],
    ),
    "it trembles": ([("in_use", n % 2 == 0, n * 5.0) for n in range(100)], ONE, 5000, [False, CHATTERS, None]),
    "it trembles while somebody is there": (
        [("in_use", True, 0), *(("in_use", n % 2 == 1, 5000 + n * 5.0) for n in range(100))], ONE, 6000,
        [False, True, CHATTERS, None],
    ),
    "closed for longer than anybody stays": (
        [("in_use", True, 0)], ONE, LONGEST_MS + 1000, [False, True, STUCK, None],
    ),
    "and opened": (
        uses((0, LONGEST_MS + 1000)), ONE, LONGEST_MS + 2000, [False, True, STUCK, None, "", False],
    ),
    "a cut wire": (
        [("in_use" + NC, False, 0)], {"in_use": False, "in_use" + NC: True}, 2000,
        [False, "the in-use contact has a cut wire", None],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*STORIES])
def test_what_the_contact_says(name: str) -> None:
    """A6, R9: a use begins and ends with the contact; one that sticks, trembles or has lost its wire is a fault, and
    says nothing until it is known again.
    """
    story, levels, until_ms, wanted = STORIES[name]
    assert said(story, levels, until_ms) == wanted


def test_a_contact_that_trembles_again_and_again_is_not_believed_for_ten_minutes() -> None:
    """A6: each spell ends with a rest; after the third the contact has to be at rest for ten minutes."""
    tremble = [
        ("in_use", n % 2 == 0, spell * 60_000 + n * 5.0) for spell in range(3) for n in range(100)
    ]  # fmt: skip
    told = said(tremble, ONE, 120_000 + 590_000)
    assert (told[0], told[-1]) == (False, None)
    assert said(tremble, ONE, 120_000 + 640_000)[-2:] == ["", False]


# --- counted, never named ---------------------------------------------------------------------------------------------


class Journal:
    """The orders that a journal is given, and the modes that it would have."""

    def __init__(self) -> None:
        self.modes: dict[str, Any] = {}
        self.told: list[dict[str, Any]] = []

    def give(self, order: Any) -> bool:
        """Takes every one."""
        self.modes |= order.modes
        if order.new is not None:
            self.told.append(order.new.act.fields)
        return True


def counting(journal: Journal) -> Uses:
    found = Uses(Acts(Clock(), journal.give), NOW.boot_ns)
    found.opened(journal.modes)
    return found


def test_uses_are_told_in_numbers_an_hour() -> None:
    """H2, R9: the log has numbers, at most once an hour and none for an hour in which nobody came."""
    journal = Journal()
    counted = counting(journal)
    counted.over(events.UseOver(recorded=True, alarm=False))
    counted.over(events.UseOver(recorded=False, alarm=False))
    counted.tick(NOW.boot_ns + HOUR_NS - 1)
    assert journal.told == []
    counted.tick(NOW.boot_ns + HOUR_NS)
    assert journal.told == [{"uses": 2, "recorded": 1, "alarms": 0}]
    counted.tick(NOW.boot_ns + 2 * HOUR_NS)
    assert len(journal.told) == 1


def test_no_restart_loses_a_use_or_counts_it_twice() -> None:
    """H2: what the log does not have yet is in the journal, and leaves it with the line."""
    journal = Journal()
    counting(journal).over(events.UseOver(recorded=True, alarm=True))
    counting(journal).over(events.UseOver(recorded=False, alarm=False))
    counting(journal).tick(NOW.boot_ns + HOUR_NS)
    assert journal.told == [{"uses": 2, "recorded": 1, "alarms": 1}]
    counting(journal).tick(NOW.boot_ns + HOUR_NS)
    assert len(journal.told) == 1


@pytest.mark.parametrize("row", [None, 7, "3", [1, 2], [1, 2, 3], [-1, -1, -1], [10**9, 0, 0], [1.5, 1, 1], {"a": 1}])
def test_a_row_of_another_release_is_no_count(row: Any) -> None:
    """H2: what is not a count adds nothing, and ends nothing."""
    journal = Journal()
    journal.modes = {USES: row}
    counted = counting(journal)
    counted.over(events.UseOver(recorded=False, alarm=False))
    counted.tick(NOW.boot_ns + HOUR_NS)
    assert journal.told == [{"uses": 1, "recorded": 0, "alarms": 0}]
    assert acts.Uses(1, 0, 0).event == "uses"
