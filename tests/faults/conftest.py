# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What the tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.link import Link
from tests.faults.house import House


@pytest.fixture
def it(standing: House) -> Iterator[House]:
    """The house of a file, in which nothing is wrong before, nor after; no alarm is open in it."""
    standing.unit.well()
    yield standing
    standing.link.becomes(Link.WHOLE)
    standing.ends_well()
