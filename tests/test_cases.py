# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""docs/ref/cases.md against the tests that it names: every case is listed, and held by a test or decided."""

from __future__ import annotations

from tests.tools import draw_cases


def test_every_case_that_a_test_names_is_listed() -> None:
    """H5: a test cannot pin a case that nobody listed."""
    assert set(draw_cases.pinned()) <= draw_cases.names()


def test_the_page_is_what_the_tests_say() -> None:
    """H2, H5: the page is drawn from the tests, by `make docs`."""
    assert draw_cases.PAGE.read_text(encoding="utf-8") == draw_cases.page()


def test_every_case_is_held_or_decided() -> None:
    """H5: no case is silently without a test."""
    listed = draw_cases.listed()
    decided = {f"{p} {n}" for p, cases in listed.items() for n, e in cases.items() if isinstance(e, dict)}
    assert draw_cases.names() - decided - set(draw_cases.pinned()) == set()
