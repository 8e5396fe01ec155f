# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One booted container for all tests of a session, with the shipped units on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.deb.targets import SUITES
from tests.machine.container import Container
from tests.machine.house import House


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who shares a container stays together; the others run beside: most of their time is a unit's own waiting."""
    for item in items:
        if item.get_closest_marker("machine"):
            item.add_marker(pytest.mark.xdist_group(_container(item)))


def _container(item: pytest.Item) -> str:
    """The session's, or one of a file, or of a test of a suite."""
    params = item.callspec.params.values() if hasattr(item, "callspec") else ()
    suite = next((value for value in params if value in SUITES), "")
    names = {*getattr(item, "fixturenames", ())}
    if {"house", "unit"} & names or ("installed" in names and suite == "bookworm"):
        return "house"
    return f"{item.path.stem} {suite}"


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A furnished unit; each test leaves all three services running, or not, as the next one wants them."""
    directory = tmp_path_factory.mktemp("machine")
    with Container(directory / "root") as machine:
        machine.install()
        found = House(machine)
        found.furnish(directory)
        yield found


@pytest.fixture(params=SUITES)
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
