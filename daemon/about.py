# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which version this is, of what it consists, and on what it runs. It asks no process."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys
from typing import Any

import msgspec

from daemon.config import shipped

THE_SYSTEMS = ("lgpio", "numpy", "picamera2", "PyAudio")
"""What Debian brings on a unit; a room without recording has not all of them."""


class Package(msgspec.Struct):
    """What stands in package.json beside the shipped settings, where a Debian package brought them."""

    version: str
    suite: str
    architecture: str


def about() -> dict[str, Any]:
    """For machines. What is not there is null."""
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
    """What the package says of itself, or None where there is none."""
    try:
        return msgspec.json.decode((shipped().parent / "package.json").read_bytes(), type=Package)
    except (OSError, msgspec.DecodeError):
        return None


def _libraries() -> list[str]:
    """What we stand on, by our own metadata; and what the system brings."""
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
