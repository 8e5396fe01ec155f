# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Runs of `spreekkamer check` with nobody in the room."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.check.terminal import spreekkamer
from tests.rooms import Unit


def at(place: Unit | Path) -> tuple[str, str]:
    """The option that names a unit."""
    return "--state", str(place if isinstance(place, Path) else place.paths.run.parent)


def asked(place: Unit | Path, *words: str) -> tuple[int, Any]:
    """Exit code and report."""
    command = spreekkamer("check", *at(place), "--json", "--non-interactive", *words)
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    return done.returncode, json.loads(done.stdout)
