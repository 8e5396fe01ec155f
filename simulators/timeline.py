# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A room's timeline for a person at a terminal: short lines there, full lines in a file.

    22:52:24 alarm     alarm_raised  event_id=0829b064  source=alarm

A line of a room is `2026-11-28 22:52:24.926     17.349 s  alarm    alarm_raised  …`: UTC, seconds since the start, the
source, the event. Here the date and the seconds are omitted, and a line too long for the terminal ends in `…`. In a
pipe lines are not shortened.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

WHO_AT = 38
"""Column of the source's name in a full line."""


class Timeline:
    """Written to by the room's own thread. `verbose`: full lines on the terminal too."""

    def __init__(self, path: Path, *, verbose: bool = False) -> None:
        self._path, self._verbose = path, verbose
        self._file: TextIO | None = None

    def write(self, line: str) -> int:
        """Write one full line, newline included."""
        if self._file is None:  # not earlier: a refused room must leave the file to the running one
            self._file = self._path.open("w", encoding="utf-8")
        written = self._file.write(line)
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        with contextlib.suppress(BrokenPipeError):  # the reader has gone; the file goes on
            sys.stdout.write(line if self._verbose else short(line.rstrip("\n"), columns) + "\n")
        return written

    def flush(self) -> None:
        """Both."""
        if self._file is not None:
            self._file.flush()
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


def short(line: str, columns: int | None) -> str:
    """A full line cut for a person; None: not shortened."""
    text = f"{line[11:19]} {line[WHO_AT:]}"
    return text if columns is None or len(text) <= columns else text[: columns - 1] + "…"
