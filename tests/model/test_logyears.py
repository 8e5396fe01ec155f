# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The years of the log: one file each, whatever the clock does, and every line accounted for when one has gone."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.model.ledger import START, YEARS_MAX, Gap, Walk, parse
from daemon.model.logyears import Mark, Turn, is_over, needs, step
from daemon.records import sha256
from tests.auditlog import line, raw, sample

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
Raws = list[bytes]


@given(st.lists(st.integers(2020, 2040), max_size=40))
@example([2030, 2031, 2030, 2031])
def test_whatever_the_clock_says_each_year_is_closed_once_and_in_order(believed: list[int]) -> None:
    """K3, K4: of any years that a unit believes one after the other: files are closed under increasing years, each
    once; the newest then has the believed year; nothing is done twice.
    """
    newest: int | None = None
    closed: list[int] = []
    for now in believed:
        match step(newest, closed, now):
            case Turn(closes=closes, begins=begins):
                assert (closes, begins) == (newest, now)
                closed.append(closes)
                newest = begins
            case Mark(year=year):
                newest = year
        assert newest == now
        assert step(newest, closed, now) is None
    assert closed == sorted(set(closed))


def wall_ns(text: str) -> int:
    """A moment in Amsterdam."""
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("moment", "over"),
    [("2031-12-31T23:59:59", False), ("2032-01-01T00:00:00", True), ("2027-01-01T00:00:00", False)],
)
def test_a_term_is_whole_years_after_the_end_in_the_policys_zone(moment: str, over: bool) -> None:  # noqa: FBT001 - a row
    """K1: five years of 2026 end with the last second of 2031 where the municipality is."""
    assert is_over(2026, 5, wall_ns(moment), AMSTERDAM) is over


def test_what_must_stay_known_keeps_its_year() -> None:
    """K2, K4: a line about a recording that is there, about a hold, or about a boot that dates one is needed."""
    name, hold = "a" * 32, "b" * 32
    assert needs(line("recording_began", recording_id=name), {name}, ())
    assert needs(line("hold_placed", hold_id=hold), {hold}, ())
    assert needs(line("boot", boot_id="one"), (), {"one"})
    assert needs(line("adopted", of_boot="old", boot_id="new"), (), {"old"})
    assert not needs(line("recording_began", recording_id=name), {hold}, {"one"})
    assert not needs(line("alarm_raised", boot_id="one"), {name}, {"one"}), "a press of that boot dates nothing"
    foreign = parse(raw(0, START, event="holiday"))
    assert foreign is not None
    assert not needs(foreign, {name}, {"one"})


# --- a log whose years have gone --------------------------------------------------------------------------------------


def years_of(sizes: list[int], gone: Mapping[int, int]) -> list[Raws]:
    """A log of years of so many lines, each beginning with its year; `gone`: year -> the year that says it went."""
    n, head, files, spans = 0, START, list[Raws](), dict[int, tuple[int, int, str]]()
    for year, size in enumerate(sizes):
        first, raws = n, Raws()
        events: list[dict[str, Any]] = [sample("year_began", year=2026 + year, closed=2025 + year)] if year else []
        events += [sample("verified")] * size
        for which in [which for which, when in gone.items() if when == year]:
            begins, lines, last = spans[which]
            about = {"first": begins, "lines": lines, "head": last}
            events.append(sample("year_deleted", year=2026 + which, **about))
        for event in events:
            raws.append(raw(n, head, **event))
            n, head = n + 1, sha256(raws[-1])
        spans[year] = (first, n, head)
        files.append(raws)
    return files


def walk(files: list[Raws], witnessed: Mapping[int, str] | None = None) -> Walk:
    """A pass over what is there."""
    found = Walk(witnessed)
    for raws in files:
        for one in raws:
            found.take(one)
    found.finish()
    return found


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], dict[int, int], set[int]]:
    """Sizes of years, which of them a later one says to have gone, and which are not there."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=7))
    told = {year: draw(st.integers(year + 1, len(sizes) - 1)) for year in draw(st.sets(st.integers(0, len(sizes) - 2)))}
    return sizes, told, draw(st.sets(st.integers(0, len(sizes) - 2)))


@given(histories(), st.booleans())
def test_a_year_is_missed_unless_a_line_that_is_there_says_that_it_went(
    history: tuple[list[int], dict[int, int], set[int]],
    witnessed: bool,  # noqa: FBT001 - drawn
) -> None:
    """K3, K7: of any years that are not there each is either told by a line that is, or a fault with its first line;
    years that are there are judged as before, whatever says that they went. A witness's heads of what went are passed.
    """
    sizes, told, absent = history
    files = years_of(sizes, told)
    heads = {}
    for raws in files if witnessed else ():
        for one in raws:
            heads[json.loads(one)["n"] + 1] = sha256(one)
    found = walk([raws for year, raws in enumerate(files) if year not in absent], heads)
    lines = {year: json.loads(raws[0])["n"] for year, raws in enumerate(files)}
    said = {year for year in absent if told.get(year) is not None and told[year] not in absent}
    # Years that are not there next to each other are one gap: it holds together only if each of them is told.
    gaps, unsaid = list[list[int]](), list[int]()
    for year in sorted(absent):
        if gaps and gaps[-1][-1] == year - 1:
            gaps[-1].append(year)
        else:
            gaps.append([year])
    unsaid = [gap[0] for gap in gaps if not set(gap) <= said]
    blamed = [fault.n for fault in found.faults if "the file of a year" in fault.what]
    assert blamed == [lines[year] for year in unsaid]
    assert bool(found.faults) == bool(unsaid)
    assert [gone.act.year - 2026 for gone in found.gone] == sorted(
        absent - {y for g in gaps if g[0] in unsaid for y in g}
    )


def test_a_line_that_no_keeper_signed_lets_no_year_go() -> None:
    """K3: somebody takes a year away and adds a line that says so: the next start lists it, and it says nothing."""
    files = years_of([3, 3], {0: 1})
    assert walk(files[1:]).faults == []
    last = json.loads(files[1][-1])
    void = raw(last["n"] + 1, sha256(files[1][-1]), **sample("unsigned", first=last["n"], lines=1))
    (fault,) = walk([[*files[1], void]]).faults
    assert "the file of a year" in fault.what


@pytest.mark.parametrize("wrong", ["head", "lines", "first"])
def test_a_line_about_another_year_lets_none_go(wrong: str) -> None:
    """K3: only the line with that year's first line, length and last hash accounts for it."""
    files = years_of([3, 3, 3], {0: 2})
    told = json.loads(files[2][-1])
    told[wrong] = "f" * 64 if wrong == "head" else told[wrong] + 1
    files[2][-1] = raw(
        told["n"], told["prev"], **{key: value for key, value in told.items() if key not in {"n", "prev"}}
    )
    assert [fault.n for fault in walk(files[1:]).faults] == [0]


def test_a_head_that_was_witnessed_at_the_end_of_a_year_is_compared_when_the_year_has_gone() -> None:
    """K7: the next file's first line has that hash: another one was witnessed, and that shows."""
    files = years_of([3, 3], {0: 1})
    right = sha256(files[0][-1])
    found = walk(files[1:], {3: right, 2: "e" * 64})
    assert (found.faults, found.compared, found.passed) == ([], {3}, 2)
    assert [fault.n for fault in walk(files[1:], {3: "e" * 64}).faults] == [2]


def test_years_that_have_gone_are_told_with_where_they_were() -> None:
    """K3: which lines, what they ended with, and when those on either side were written; zero where there is none."""
    files = years_of([3, 2, 2, 2], {0: 3, 1: 3, 2: 3})
    heads = [sha256(raws[-1]) for raws in files]
    ends = [json.loads(raws[0])["n"] for raws in files]
    told = {json.loads(one)["first"]: json.loads(one)["n"] for one in files[3] if b"year_deleted" in one}
    written_ns = line("verified").at_wall_ns
    all_gone, two_gone = walk(files[3:]), walk([files[0], *files[3:]])
    assert [(one.n, one.act.year, one.act.head) for one in all_gone.gone] == [
        (told[ends[year]], 2026 + year, heads[year]) for year in range(3)
    ]
    assert all_gone.gone_gaps == (Gap(0, ends[3], heads[2], 0, written_ns),)
    assert [one.act.year for one in two_gone.gone] == [2027, 2028]
    assert two_gone.gone_gaps == (Gap(ends[1], ends[3], heads[2], written_ns, written_ns),)
    (fault,) = walk([files[0], *files[2:3], files[3][:1]]).faults
    assert str(fault) == (
        f"line {ends[1]} is missing, with all up to line {ends[2] - 1}: the file of a year, and no line says that its"
        " term was over"
    )


BEGAN = 1_100
"""Number of the first line of a log whose first year has gone."""


def log_that_says(*events: dict[str, Any]) -> Raws:
    """A log of one year, those before it gone, with these lines in it."""
    head, found = "e" * 64, Raws()
    for n, event in enumerate([sample("year_began", year=2027, closed=2026), *events], BEGAN):
        found.append(raw(n, head, **event))
        head = sha256(found[-1])
    return found


def gone(first: int, lines: int) -> dict[str, Any]:
    return sample("year_deleted", year=2026, first=first, lines=lines, head="e" * 64)


def void(first: int, lines: int) -> dict[str, Any]:
    return sample("unsigned", first=first, lines=lines)


RIGHT = gone(0, BEGAN)


@pytest.mark.parametrize(
    ("events", "is_told"),
    [
        ([RIGHT], True), ([gone(0, 0), RIGHT], True), ([gone(0, 0)], False), ([gone(5, 0), RIGHT], True),
        ([gone(0, BEGAN + 2), RIGHT], True), ([gone(0, BEGAN + 1), RIGHT], False), ([RIGHT, gone(0, 9)], True),
        ([gone(0, 9), gone(9, BEGAN)], True), ([gone(0, 9), gone(10, BEGAN)], False), ([gone(0, BEGAN - 1)], False),
        ([RIGHT, void(BEGAN + 1, 1)], False), ([RIGHT, void(BEGAN + 1, 2)], True), ([RIGHT, void(BEGAN, 1)], True),
        ([RIGHT, void(BEGAN, 2)], False), ([RIGHT, RIGHT, void(BEGAN + 2, 1)], True), ([void(BEGAN, 1), RIGHT], True),
        ([RIGHT, void(BEGAN + 1, 1), RIGHT], True), ([gone(BEGAN, BEGAN + 1), RIGHT], True),
        ([*(gone(n, n + 1) for n in range(1, YEARS_MAX)), RIGHT], True),
        ([*(gone(n, n + 1) for n in range(1, YEARS_MAX + 1)), RIGHT], False),
    ],
)  # fmt: skip
def test_which_lines_let_a_year_go(events: list[dict[str, Any]], is_told: bool) -> None:  # noqa: FBT001 - a row
    """K3: those that say it of all its lines and end before themselves, that no later line calls unsigned, of two the
    first, up to a bound.
    """
    found = walk([log_that_says(*events)])
    assert [fault.n for fault in found.faults] == ([] if is_told else [0])
    assert bool(found.gone) is is_told


@pytest.mark.parametrize(("more", "first"), [(0, 0), (1, 2 * YEARS_MAX)])
def test_more_years_than_a_log_has_are_missing_lines(more: int, first: int) -> None:
    """K3: a forger can write any number of lines that begin a year; what is held back for the end has a bound."""
    events = sample("year_began", year=2027, closed=2026)
    found = walk([[raw(2 * n + 1, "f" * 64, **events) for n in range(YEARS_MAX + more)]])
    assert (found.faults_n, found.faults[0].n) == (YEARS_MAX + more, first)


def test_a_year_that_begins_after_a_line_that_is_none_or_closes_none_hides_nothing() -> None:
    """K3: only a year that follows another begins behind a gap."""
    said, first = log_that_says(RIGHT), sample("year_began", year=2027, closed=None)
    words = "is no line of this log, or something was put in before it"
    assert [fault.what for fault in walk([[b"holiday\n", *said]]).faults] == [
        words, f"is missing, with all up to line {BEGAN - 1}",
    ]  # fmt: skip
    assert [fault.n for fault in walk([[raw(BEGAN, "e" * 64, **first)]]).faults] == [0]


def test_a_head_of_no_lines_is_not_one_of_a_year_that_has_gone() -> None:
    """K7: and one beyond its end is compared with its own line."""
    said = log_that_says(RIGHT)
    found = walk([said], {0: "a" * 64, 1: "b" * 64, BEGAN: "e" * 64, BEGAN + 1: sha256(said[0])})
    assert (found.faults, found.compared, found.passed) == ([], {BEGAN, BEGAN + 1}, 2)
    (fault,) = walk([said], {BEGAN: "c" * 64}).faults
    assert str(fault) == f"line {BEGAN - 1} is not the line that was witnessed"
