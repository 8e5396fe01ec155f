# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Machines for tests: one to share, whose tests leave it as they found it, and new ones for those that cut it off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.vm.machine import Machine


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with the project installed as in the field; nothing of it runs yet."""
    with Machine(tmp_path_factory.mktemp("vm")) as found:
        found.install()
        yield found


@pytest.fixture
def new_machine(tmp_path: Path) -> Iterator[Callable[[], Machine]]:
    """Machines of a test's own, neither started nor installed; what still runs at its end is cut off."""
    made: list[Machine] = []

    def make() -> Machine:
        made.append(Machine(tmp_path / f"vm{len(made)}"))
        return made[-1]

    yield make
    for found in made:
        found.cut()
