# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Where a simulated unit has what a real one has not: a clock to move, a bench to press on, plugs to pull."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.errors import SettingsError
from daemon.paths import Paths

SOCKET_BYTES_MAX = 107
"""Of a socket's path: 108 in unix(7), with the zero at its end."""

OF_A_ROOM = "SPREEKKAMER_OF_A_ROOM"
"""In the environment of a room's processes: they end with it, also when it is killed."""


def check_length(paths: Paths) -> None:
    """Raises SettingsError for a state directory whose path is too long for the sockets in it."""
    sockets = (paths.unit_socket, paths.operator_socket, paths.keeper_socket, bench_path(paths))
    over = max(len(os.fsencode(path)) for path in sockets) - SOCKET_BYTES_MAX
    if over > 0:
        state = paths.run.parent
        most = len(os.fsencode(state)) - over
        raise SettingsError(f"{state}: too long a path, its sockets would have no name; expected at most {most} bytes")


def clock_path(paths: Paths) -> Path:
    """The file that holds the room's time."""
    return paths.run / "clock"


def bench_path(paths: Paths) -> Path:
    """The socket at which buttons are pressed."""
    return paths.run / "bench.sock"


def faults_path(paths: Paths) -> Path:
    """The directory in which a file named after a fault of a device makes it so."""
    return paths.run / "faults"


def impossible_path(paths: Paths) -> Path:
    """The file that says which faults a running room cannot stage, and why."""
    return paths.run / "impossible.json"


def console_path(paths: Paths, console_id: str) -> Path:
    """The file of a receiver that runs with the room; in the field it is another machine's."""
    return paths.run.parent / "console" / f"{console_id}.sqlite3"
