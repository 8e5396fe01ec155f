# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The bad packages of `make upgrades` are bad as they say, in the code of this checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from deploy.deb.targets import ROOT
from tests.upgrades.kinds import KINDS, Kind, modules


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The files of a package that a kind may change."""
    site = tmp_path / "opt/spreekkamer/packaged/lib/python3.11/site-packages"
    for name in ("alarm", "recorder"):
        shutil.copytree(ROOT / "daemon" / name, site / "daemon" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "systemd", tmp_path / "usr/lib/systemd/system", ignore=shutil.ignore_patterns("*.d"))
    (site / "msgspec").mkdir()
    shutil.copy(Path(msgspec.__file__), site / "msgspec")
    return tmp_path


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.stays], ids=lambda kind: kind.name)
def test_each_bad_package_can_be_made_of_the_code_of_today(kind: Kind, package: Path) -> None:
    """H2: each finds its place in the code and changes it, and what it leaves is Python."""
    before = {file: file.read_text() for file in package.rglob("*.*") if file.is_file()}
    kind.change(package)
    changed = [file for file, text in before.items() if file.read_text() != text]
    assert len(changed) == 1
    if changed[0].is_relative_to(modules(package)):
        compile(changed[0].read_text(), changed[0], "exec")
