# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One booted container for all tests of a session, with the shipped units on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machine.container import Container
from tests.machine.house import House


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A furnished unit; each test leaves all three services running, or not, as the next one wants them."""
    directory = tmp_path_factory.mktemp("machine")
    with Container(directory / "root") as machine:
        machine.install()
        found = House(machine)
        found.furnish(directory)
        yield found


@pytest.fixture
def unit(house: House) -> House:
    """All three run."""
    house.start()
    return house
