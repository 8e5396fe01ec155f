# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Six thousand junk inputs by every way into a real alarm process; `make fuzz` sends a million."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.__main__ import fuzz
from tests.fuzz.inputs import WEIGHTS, draw

SEED = 10


@pytest.mark.timeout(900)
@pytest.mark.case("alarm 7")
@pytest.mark.case("security 1")
def test_junk_ends_nothing_raises_nothing_and_holds_up_nobody(tmp_path: Path) -> None:
    """A1, A2: amid junk by the sockets, two brokers, the journal's file and the settings the process lives, and each
    press is one alarm, for little processor time.
    """
    found = fuzz(tmp_path, inputs=6_000, seed=SEED)
    assert found == ""


def test_an_input_is_the_same_each_time_and_each_way_in_is_tried() -> None:
    """H2: a seed names its inputs; every kind is among them, and none is a press."""
    drawn = [draw(f"{SEED}:{n}") for n in range(2000)]
    assert drawn == [draw(f"{SEED}:{n}") for n in range(2000)]
    assert {one.kind for one in drawn} == set(WEIGHTS)
    assert not any(b"emergency" in one.data for one in drawn if one.kind == "broker")
