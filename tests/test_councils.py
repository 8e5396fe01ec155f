# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""docs/ref/councils.md against the tests and scenarios that it names."""

from __future__ import annotations

import pytest

from tests.tools import draw_councils

ROWS = [(part.title, row) for part in draw_councils.parts() for row in part.row]


def test_the_page_is_what_the_list_says() -> None:
    """H2, H5: the page is drawn from the list, by `make docs`."""
    assert draw_councils.PAGE.read_text(encoding="utf-8") == draw_councils.page()


@pytest.mark.parametrize(("title", "row"), ROWS, ids=[f"{title[:7]} {row.at}" for title, row in ROWS])
def test_every_row_names_what_is_there(title: str, row: draw_councils.Row) -> None:
    """H2: each test and scenario of a row exists; a row without one is decided, or says what is not done."""
    assert [shown for shown in row.shown if not draw_councils.exists(shown)] == [], title
    assert row.shown or row.decided or row.open
    assert all("|" not in text for text in (row.at, row.asks, row.does, row.open)), "a cell of a table"


@pytest.mark.parametrize(
    "shown", ["tests/test_councils.py::test_nothing", "tests/nothing.py::test_x", "heusden.robot: Artikel 99", "x: y"]
)
def test_a_name_that_is_not_there_is_found_out(shown: str) -> None:
    """H2: what would be a row's proof is looked up, and not only written down."""
    assert not draw_councils.exists(shown)


def test_every_scenario_of_the_two_papers_has_its_row() -> None:
    """H5: a scenario of tests/scenarios/heusden.robot or dronten.robot is the proof of a row."""
    named = {shown.partition(": ")[2] for _, row in ROWS for shown in row.shown if "::" not in shown}
    papers = draw_councils.scenarios()["heusden.robot"] | draw_councils.scenarios()["dronten.robot"]
    assert papers - named == set()
