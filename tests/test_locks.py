# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The locks by which a simulated room and the tests are installed, against pyproject.toml."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement

from deploy.deb import wheels
from deploy.deb.targets import ROOT, project

ENTRY = re.compile(r"^([\w.-]+)==([\w.]+)[^\n]*\\((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+)$", re.MULTILINE)


@pytest.mark.parametrize(("directory", "extras"), [("simulators", ("sim",)), ("tests", ("sim", "fleet", "test"))])
def test_a_lock_is_within_the_bounds(directory: str, extras: tuple[str, ...]) -> None:
    """H2: what a fresh machine installs is what pyproject takes, for each Python, with hashes; by `make lock`."""
    text = (ROOT / directory / "requirements.lock").read_text(encoding="utf-8")
    assert ENTRY.sub("", text).strip() == "", "an entry without a hash"
    pinned: dict[str, list[str]] = {}
    for name, version, _ in ENTRY.findall(text):
        pinned.setdefault(wheels.normal(name), []).append(version)
    asked = project()["project"]
    lines = [*asked["dependencies"], *(line for extra in extras for line in asked["optional-dependencies"][extra])]
    for wanted in map(Requirement, lines):
        if wanted.name != asked["name"]:
            assert all(map(wanted.specifier.contains, pinned[wheels.normal(wanted.name)])), wanted
