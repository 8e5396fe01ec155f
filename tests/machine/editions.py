# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Packages of this checkout, as tests want them: of another version, for another system, spoilt on purpose."""

from __future__ import annotations

import atexit
import functools
import platform
import shutil
import tempfile
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
    """Builds one, not compressed; one that is not changed is built once a session. `change`: of its files, before."""
    return _as_it_is(wanted) if change is None else _build(directory, wanted, change)


@functools.cache
def _as_it_is(wanted: Edition) -> Path:
    home = Path(tempfile.mkdtemp(prefix="spreekkamer-editions-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return _build(home, wanted, lambda _: None)


def _build(directory: Path, wanted: Edition, change: Change) -> Path:
    root = directory / "edition"
    tree.clear(root)
    tree.lay_out(wanted, root, wheels.fetch(wanted.target))
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
