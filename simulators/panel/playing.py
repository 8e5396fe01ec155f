# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A recording opened with the demonstration keys, as its custodian would: by the same code, outside the unit."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from daemon.errors import UnitError
from daemon.paths import Paths

ID = re.compile(r"[0-9a-f]{32}\Z")
OPEN_S = 120.0
"""How long opening may take: the test card's hour takes some ten seconds."""


def opened(paths: Paths, recording: str) -> bytes:
    """An MP4 of both tracks. Raises ValueError for an invalid id, UnitError if it cannot be opened."""
    if not ID.match(recording):
        raise ValueError(f"{recording[:64]!r}: expected a recording's id")
    keys = sorted((paths.run.parent / "holders").glob("*.key"))
    with tempfile.TemporaryDirectory() as directory:
        film = Path(directory) / "film.mp4"
        identities = [word for key in keys for word in ("--identity", str(key))]
        command = [sys.executable, "-m", "daemon", "evidence", "open", str(paths.recordings / recording)]
        done = subprocess.run(
            [*command, *identities, "--out", str(film)], capture_output=True, text=True, check=False, timeout=OPEN_S
        )
        if done.returncode or not film.exists():
            raise UnitError(done.stderr.strip()[-500:] or "it could not be opened")
        return film.read_bytes()
