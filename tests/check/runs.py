# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Runs of `spreekkamer check` with nobody in the room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.check import media, reach
from tests.commandline import spreekkamer
from tests.rooms import Unit
from tests.waiting import PATIENCE_S


def at(place: Unit | Path) -> tuple[str, str]:
    """The option that names a unit."""
    return "--state", str(place if isinstance(place, Path) else place.paths.run.parent)


def asked(place: Unit | Path, *words: str) -> tuple[int, Any]:
    """Exit code and report. What is too late in a room is not too late on a machine that runs other suites."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "ALARM_S", PATIENCE_S)
        patch.setattr(reach, "RECORDING_S", PATIENCE_S)
        patch.setattr(media, "FRAME_AGE_MS_MAX", PATIENCE_S * 1000)
        done = spreekkamer("check", *at(place), "--json", "--non-interactive", *words)
    return done.returncode, json.loads(done.stdout)
