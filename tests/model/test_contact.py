# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A button on two lines, edge by edge: when it is pressed, cut, shorted and mended, to the nanosecond."""

from __future__ import annotations

import pytest

from daemon.model.contact import EQUAL_NS, MENDED_NS, NC, Pair, deadline_ns, edge, tick
from daemon.model.debounce import MS, Fact, FactKind
from hardware.ports import Edge

REST = Pair("alarm", no=False, nc=True, changed_ns=0)
NO_, NC_ = "alarm", f"alarm{NC}"
Change = tuple[int, str, bool]
"""When in ms, which line, whether it closes."""
PRESS: list[Change] = [(10, NC_, False), (13, NO_, True)]


def after(*changes: Change, begin: Pair = REST) -> tuple[Pair, list[Edge], list[Fact]]:
    """What these edges come to."""
    pair, edges, facts = begin, list[Edge](), list[Fact]()
    for at_ms, name, closes in changes:
        pair, more, told = edge(pair, Edge(name, closes, at_ms * MS))
        edges += more
        facts += told
    return pair, edges, facts


def trembling(*at_ms: int) -> list[Change]:
    """The closed line opens and closes at these moments."""
    return [(at, NC_, n % 2 == 1) for n, at in enumerate(at_ms)]


def test_a_press_is_one_edge_down_and_one_up() -> None:
    """A1: when both contacts have moved, and when the first moves back."""
    pair, edges, facts = after(*PRESS, (500, NO_, False), (504, NC_, True))
    assert edges == [Edge("alarm", True, 13 * MS), Edge("alarm", False, 500 * MS)]
    assert (facts, pair.no, pair.nc, pair.changed_ns, pair.fault) == ([], False, True, 504 * MS, None)
    assert deadline_ns(pair) is None
    assert deadline_ns(after(*PRESS)[0]) is None, "a press has no end that time decides"


def test_an_edge_that_changes_nothing_is_passed_over() -> None:
    """A1: a line that says twice what it is."""
    assert after((5, NO_, False), (6, NC_, True)) == (REST, [], [])


@pytest.mark.parametrize(
    ("change", "fault", "end"),
    [((10, NC_, False), "cut", "uncut"), ((10, NO_, True), "shorted", "unshorted")],
)
def test_lines_that_stay_equal_are_a_fault_until_they_have_rested(
    change: Change, fault: FactKind, end: FactKind
) -> None:
    """A6: after a tenth of a second, since they became equal; mended after a second at rest, since it began."""
    pair, edges, facts = after(change)
    due_ns = 10 * MS + EQUAL_NS
    assert (edges, facts, deadline_ns(pair)) == ([], [], due_ns)
    assert tick(pair, due_ns - 1) == (pair, ())
    pair, told = tick(pair, due_ns)
    assert told == (Fact("alarm", fault, 10 * MS),)
    assert (pair.fault, deadline_ns(pair)) == (fault, None)
    assert tick(pair, 10**15) == (pair, ())
    pair, edges, facts = after((2_000, change[1], not change[2]), begin=pair)
    due_ns = 2_000 * MS + MENDED_NS
    assert (edges, facts, deadline_ns(pair)) == ([], [], due_ns)
    assert tick(pair, due_ns - 1) == (pair, ())
    pair, told = tick(pair, due_ns)
    assert (told, pair.fault, deadline_ns(pair)) == ((Fact("alarm", end, 2_000 * MS),), None, None)


def test_a_press_counts_while_a_wire_is_cut_and_mends_nothing() -> None:
    """A1, A6: the alarm first."""
    cut = tick(after((10, NC_, False))[0], 200 * MS)[0]
    pair, edges, facts = after((300, NO_, True), begin=cut)
    assert (edges, facts, deadline_ns(pair)) == ([Edge("alarm", True, 300 * MS)], [], None)
    pair, edges, facts = after((5_000, NO_, False), begin=pair)
    assert (edges, facts, pair.fault, deadline_ns(pair)) == ([Edge("alarm", False, 5_000 * MS)], [], "cut", None)


def test_one_fault_can_follow_the_other() -> None:
    """A6: the first ends as the second begins; what time has decided comes before the edge."""
    _, edges, facts = after((10, NC_, False), (150, NC_, True), (160, NO_, True), (300, NO_, False))
    assert edges == []
    assert facts == [
        Fact("alarm", "cut", 10 * MS), Fact("alarm", "uncut", 160 * MS), Fact("alarm", "shorted", 160 * MS),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "cut_ms"),
    [
        (trembling(10, 20, 60, 109), None), (trembling(10, 20, 60, 110), 10), (trembling(10, 20, 60, 150), 10),
        (trembling(10, 20, 119, 129), 10), (trembling(10, 20, 120, 130, 219), None),
        (trembling(10, 20, 120, 130, 220), 120), (trembling(10, 11), None),
        ([*trembling(10, 20, 60), (111, NO_, True)], None),
        ([*trembling(10, 20, 60), (61, NO_, True), (62, NO_, False), (70, NC_, True), (115, NC_, False)], None),
        ([*PRESS, (90, NC_, True), (95, NC_, False), (110, NO_, False), (115, NC_, True)], None),
    ],
    ids=str,
)  # fmt: skip
def test_a_closed_line_that_trembles_alone_is_loose(changes: list[Change], cut_ms: int | None) -> None:
    """A6: for a tenth of a second without as long a rest, since its first tremor; a finger moves both."""
    pair, _, facts = after(*changes)
    assert facts == ([Fact("alarm", "cut", cut_ms * MS)] if cut_ms is not None else [])
    assert pair.fault == ("cut" if facts else None)


def test_a_loose_wire_is_told_once() -> None:
    """A6: until it has rested for a second."""
    pair, _, facts = after(*trembling(*range(10, 1_010, 10)))
    assert facts == [Fact("alarm", "cut", 10 * MS)]
    assert tick(pair, 10**15)[1] == (Fact("alarm", "uncut", 1_000 * MS),)


def test_an_edge_that_comes_late_counts_as_now() -> None:
    """A1: the two lines are read one after the other."""
    pair, edges, _ = after((10, NC_, False), (9, NO_, True))
    assert (edges, pair.changed_ns) == ([Edge("alarm", True, 10 * MS)], 10 * MS)
