# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A card and a unit for each test, with the certificates of one room."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.card.sheets import Bench, Files


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Certificates; no test changes them."""
    return Files.make(tmp_path_factory.mktemp("certificates") / "authority")


@pytest.fixture
def bench(tmp_path: Path, files: Files) -> Bench:
    """An empty card, a unit without settings."""
    return Bench(tmp_path / "unit", files)


@pytest.fixture(scope="session")
def taken(tmp_path_factory: pytest.TempPathFactory, files: Files) -> Path:
    """The directory of a unit that has taken its settings; no test changes it."""
    home = tmp_path_factory.mktemp("taken") / "unit"
    first = Bench(home, files)
    first.put()
    assert first.start().refused == ""
    return home


@pytest.fixture
def works(tmp_path: Path, taken: Path, files: Files) -> Bench:
    """A unit that has taken its settings, with the same file on the card."""
    return Bench(shutil.copytree(taken, tmp_path / "works"), files)
