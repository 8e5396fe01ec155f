# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Runs of `spreekkamer check` with nobody in the room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.commandline import spreekkamer
from tests.rooms import Unit


def at(place: Unit | Path) -> tuple[str, str]:
    """The option that names a unit."""
    return "--state", str(place if isinstance(place, Path) else place.paths.run.parent)


def asked(place: Unit | Path, *words: str) -> tuple[int, Any]:
    """Exit code and report."""
    done = spreekkamer("check", *at(place), "--json", "--non-interactive", *words)
    return done.returncode, json.loads(done.stdout)
