"""Where a simulated unit has what a real one has not: a clock to move, a bench to press on, plugs to pull."""

from __future__ import annotations

from pathlib import Path

from daemon.paths import Paths


def clock_path(paths: Paths) -> Path:
    """The file that holds the room's time."""
    return paths.run / "clock"


def bench_path(paths: Paths) -> Path:
    """The socket at which buttons are pressed."""
    return paths.run / "bench.sock"


def faults_path(paths: Paths) -> Path:
    """The directory in which a file named after a fault of a device makes it so."""
    return paths.run / "faults"


def console_path(paths: Paths, console_id: str) -> Path:
    """The file of a receiver that runs with the room; in the field it is another machine's."""
    return paths.run.parent / "console" / f"{console_id}.sqlite3"
