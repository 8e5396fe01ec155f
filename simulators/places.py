# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Additional files of a simulated unit: a clock to move, a bench to press on, plugs to pull."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.errors import SettingsError
from daemon.paths import Paths

SOCKET_BYTES_MAX = 107
"""Maximum length of a socket's path: 108 in unix(7), with the zero at its end."""

OF_A_ROOM = "SPREEKKAMER_OF_A_ROOM"
"""In the environment of a room's processes, which end with it, even when it is killed."""


def check_length(paths: Paths) -> None:
    """Raise SettingsError for a state directory whose path is too long for its sockets."""
    sockets = (paths.unit_socket, paths.operator_socket, paths.keeper_socket, bench_path(paths))
    over = max(len(os.fsencode(path)) for path in sockets) - SOCKET_BYTES_MAX
    if over > 0:
        state = paths.run.parent
        most = len(os.fsencode(state)) - over
        raise SettingsError(f"{state}: too long a path, its sockets would have no name; expected at most {most} bytes")


def clock_path(paths: Paths) -> Path:
    """The file with the room's time."""
    return paths.run / "clock"


def bench_path(paths: Paths) -> Path:
    """The socket for pressing buttons."""
    return paths.run / "bench.sock"


def faults_path(paths: Paths) -> Path:
    """The directory in which a file named after a device's fault makes it active."""
    return paths.run / "faults"


def impossible_path(paths: Paths) -> Path:
    """The file that lists the faults a running room cannot stage, and why."""
    return paths.run / "impossible.json"


def console_path(paths: Paths, console_id: str) -> Path:
    """The file of a receiver that runs with the room; in the field it is on another machine."""
    return paths.run.parent / "console" / f"{console_id}.sqlite3"
