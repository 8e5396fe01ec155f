# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Packages of this checkout, as tests want them: of another version, for another system, spoilt on purpose."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from pathlib import Path

from deploy.deb import package, tree, wheels
from deploy.deb.__main__ import epoch_s
from deploy.deb.targets import SUITES, Edition, Target, project

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
Change = Callable[[Path], None]


def edition(suite: str, upstream: str = "", architecture: str = "") -> Edition:
    """A package for this machine's processor, of the version of pyproject, unless something else is named."""
    target = Target(SUITES[suite], architecture or ARCHITECTURES[platform.machine()])
    return Edition(target, upstream or project()["project"]["version"], epoch_s())


def build(directory: Path, wanted: Edition, change: Change | None = None) -> Path:
    """Builds one, not compressed. `change`: what is done to its files before."""
    root = directory / "edition"
    tree.clear(root)
    tree.lay_out(wanted, root, wheels.fetch(wanted.target))
    if change is not None:
        change(root)
    try:
        return package.pack(wanted, root, directory / "editions", compress=False)
    finally:
        shutil.rmtree(root)


def build_scripts(directory: Path, wanted: Edition) -> Path:
    """One without wheels: enough where it is to be refused."""
    root = directory / "edition"
    tree.clear(root)
    tree.lay_out(wanted, root, [])
    return package.pack(wanted, root, directory / "editions", compress=False)
