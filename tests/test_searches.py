# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Hypothesis' search under the profile `ci`: the same in every worker, whatever was loaded there before."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ANYTHING = st.lists(st.one_of(st.integers(), st.text(), st.floats(allow_nan=False), st.binary()), max_size=30)


def search() -> list[str]:
    """What a property is tried with."""
    tried: list[str] = []

    @given(ANYTHING)
    def keep(example: list[object]) -> None:
        tried.append(repr(example))

    keep()
    return tried


def test_a_search_does_not_depend_on_what_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """H2: `make test` tries the same examples each time, in whatever order and beside whichever tests: Hypothesis takes
    no constants from a module only because it happens to be there.
    """
    if not settings.default.derandomize:  # type: ignore[union-attr]  # there is a default
        pytest.skip("this profile looks elsewhere each time")
    before = search()
    assert len(before) > 100
    words = ", ".join(f"'a word that nobody else has {n}', {987_654_321_012_345 + n}" for n in range(300))
    (tmp_path / "of_nobody.py").write_text(f"WORDS = ({words})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("of_nobody")
    assert search() == before
