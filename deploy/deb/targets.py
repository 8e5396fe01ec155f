# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The systems that a package is built for: each suite of Debian with its Python, on each kind of processor."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
LOCK = HERE / "wheels.lock"
"""Versions and hashes of the wheels, the same for every target."""
MANYLINUX_FIRST = 17
"""manylinux2014, the oldest tag that a wheel for these processors carries: glibc 2.17."""


class Suite(NamedTuple):
    """A release of Debian, and the Raspberry Pi OS that is made of it."""

    name: str
    release: int
    python: str
    glibc: int
    """The minor number: wheels for a later one do not start there."""


class Target(NamedTuple):
    """What one package is for."""

    suite: Suite
    architecture: str
    """As Debian calls it."""

    @property
    def machine(self) -> str:
        """The processor, as wheels call it."""
        return MACHINES[self.architecture]

    @property
    def platforms(self) -> list[str]:
        """The platforms whose wheels run there, the newest first."""
        minors = range(self.suite.glibc, MANYLINUX_FIRST - 1, -1)
        return [*(f"manylinux_2_{minor}_{self.machine}" for minor in minors), f"manylinux2014_{self.machine}"]

    @property
    def name(self) -> str:
        """For people and for directories."""
        return f"{self.suite.name}-{self.architecture}"


class Edition(NamedTuple):
    """One package: what it is for, of which version, and when its source was made."""

    target: Target
    upstream: str
    """The version without Debian's mark."""
    epoch_s: int
    """Seconds since 1970: the time that every file in it gets."""

    @property
    def version(self) -> str:
        """Debian's: a later suite's package is the newer one."""
        return f"{self.upstream}~deb{self.target.suite.release}u1"

    @property
    def file(self) -> str:
        """The package's file name."""
        return f"spreekkamer_{self.version}_{self.target.architecture}.deb"


SUITES = {suite.name: suite for suite in (Suite("bookworm", 12, "3.11", 36), Suite("trixie", 13, "3.13", 41))}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
TARGETS = [Target(suite, architecture) for suite in SUITES.values() for architecture in MACHINES]


def project() -> dict[str, Any]:
    """pyproject.toml."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return found
