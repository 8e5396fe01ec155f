# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How these tests wait."""

from __future__ import annotations

import re
from pathlib import Path

from tests.waiting import PATIENCE_S

HERE = Path(__file__).parent
LANES = frozenset({"benchmarks", "broker_probe", "camera", "homeassistant", "machine", "node_red", "together", "vm"})
"""Folders of lanes with a machine to themselves."""
BOUND = re.compile(r"(?:\btimeout=|\.(?:wait|join|settimeout)\()(\d+(?:\.\d+)?)\b(?!\s*[*/])")
SHORT_S = 1.0
"""What is given less looks whether something does not happen, or whether it has."""


def test_no_test_waits_for_a_fact_with_less_patience_than_another() -> None:
    """H2: a bound that holds at rest fails on a busy machine. One that is meant has a comment with its reason."""
    short = [
        f"{path.relative_to(HERE)}:{n}: {line.strip()}"
        for path in sorted(HERE.rglob("*.py"))
        if path.relative_to(HERE).parts[0] not in LANES
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := BOUND.search(line)) and SHORT_S <= float(found[1]) < PATIENCE_S and "  # " not in line
    ]
    assert short == []
