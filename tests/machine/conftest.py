# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One booted container for all tests of a session, with the shipped units on it.

Tests that share a container have one `xdist_group`; groups run beside each other, because most of a test's time is a
unit's own waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.container import Container
from tests.machine.house import House
from tests.machine.packaged import Unit


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A furnished unit; each test leaves all three services running, or not, as the next one wants them."""
    directory = tmp_path_factory.mktemp("machine")
    with Container(directory / "root") as machine:
        machine.install()
        found = House(machine)
        found.furnish(directory)
        yield found


@pytest.fixture(params=[
    pytest.param("bookworm", marks=pytest.mark.xdist_group("house")),
    pytest.param("trixie", marks=pytest.mark.xdist_group("walls trixie")),
])  # fmt: skip
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Container]:
    """The package on a booted Debian of each suite; the unit of the others where there is one."""
    suite: str = request.param
    if suite == "bookworm":
        house: House = request.getfixturevalue("house")
        yield house.machine
        return
    with Container(tmp_path / "root", suite) as machine:
        machine.install()
        yield machine


@pytest.fixture
def unit(house: House) -> House:
    """All three run."""
    house.start()
    return house


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    """A container of this file's own, with the version of this checkout and everything that three services need."""
    directory = tmp_path_factory.mktemp("package")
    with Container(directory / "root") as machine:
        machine.install()
        found = Unit(machine)
        found.furnish(directory)
        found.judge_quickly("Environment=READY_S=29\n")  # beside the suite's other containers a start may take long
        yield found
