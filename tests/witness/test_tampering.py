# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Root with the keeper's key, some of what `make witness` does 500 times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.witness.tampering import KINDS, LIMITS, attempts


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
