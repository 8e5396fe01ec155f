# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Root with the keeper's key, some of what `make witness` does 500 times; and the guide's table of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.witness import tampering
from tests.witness.tampering import COUNT, KINDS, LIMITS, PAGE, attempts


@pytest.mark.case("keeper 13")
def test_root_is_named_by_a_witness(tmp_path: Path) -> None:
    """K7: two attempts of each kind, each on a log of its own: beside a witness each is named; by the signatures alone
    those are named that need no key, and no others. What is younger than the newest witnessed head, and a log that
    nobody touched, are not named, although heads were compared.
    """
    counts = attempts(tmp_path, 2 * len(KINDS), 7, *KINDS)
    for kind in KINDS:
        found = counts[kind.does.__name__]
        assert (found.tried, found.by_witness) == (2, 2), kind.does.__name__
        assert found.by_key == (2 if kind.by_key else 0), kind.does.__name__
    for name, found in attempts(tmp_path / "limits", 2, 7, *LIMITS).items():
        assert (found.tried, found.by_key, found.by_witness, found.not_compared) == (1, 0, 0, 0), name


def test_the_guide_has_the_table_of_this_tool() -> None:
    """H2: a row of the guide for each kind, 500 attempts of them, each named beside a witness; the limits never."""
    rows = PAGE.read_text(encoding="utf-8").partition(tampering.BEGIN)[2].partition(tampering.END)[0]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines() if row.startswith("| ")]
    told = {what: tuple(map(int, numbers)) for what, *numbers in cells[1:]}
    names = [" ".join((kind.does.__doc__ or "").split()).rstrip(".") for kind in (*KINDS, *LIMITS)]
    assert list(told) == names
    for kind, name in zip((*KINDS, *LIMITS), names, strict=True):
        tried, by_key, by_witness = told[name]
        assert tried > 0
        assert by_key == (tried if kind.by_key else 0), name
        assert by_witness == (tried if kind.by_witness else 0), name
    assert sum(told[name][0] for name in names[: len(KINDS)]) == COUNT
