# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The version, what it consists of, and what it runs on. Asks no process."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys
from typing import Any

import msgspec

from daemon.config import shipped

THE_SYSTEMS = ("lgpio", "numpy", "picamera2", "PyAudio")
"""Debian's packages on a unit; a room without recording lacks some."""


class Package(msgspec.Struct):
    """package.json beside the shipped settings, if a Debian package installed them."""

    version: str
    suite: str
    architecture: str


def about() -> dict[str, Any]:
    """For machines; missing parts are null."""
    package = _package()
    return {
        "spreekkamer": importlib.metadata.version("spreekkamer"),
        "package": package and package.version,
        "suite": package and package.suite,
        "architecture": package.architecture if package else platform.machine(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _libraries()},
        "system": _system(),
        "kernel": platform.release(),
    }


def _package() -> Package | None:
    """What the package says of itself; None: there is none."""
    try:
        return msgspec.json.decode((shipped().parent / "package.json").read_bytes(), type=Package)
    except (OSError, msgspec.DecodeError):
        return None


def _libraries() -> list[str]:
    """Our dependencies, by our own metadata, and the system's packages."""
    needs = importlib.metadata.requires("spreekkamer") or []
    named = {match[0] for need in needs if "extra ==" not in need and (match := re.match(r"[\w.-]+", need))}
    return sorted(named | set(THE_SYSTEMS), key=str.lower)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return sys.platform
