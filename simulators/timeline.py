# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A room's timeline for a person at a terminal: short lines there, whole ones in a file.

    22:52:24 alarm     alarm_raised  event_id=0829b064  source=alarm

A line of a room is `2026-11-28 22:52:24.926     17.349 s  alarm    alarm_raised  …`: UTC, seconds since the start, who
speaks, what happened. Here the date and the seconds go, and what does not fit the terminal ends in `…`. In a pipe lines
are as long as they are.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

WHO_AT = 38
"""Where the speaker's name begins in a whole line."""


class Timeline:
    """Written to by the room's own thread; `verbose`: whole lines on the terminal too."""

    def __init__(self, path: Path, *, verbose: bool = False) -> None:
        self._path, self._verbose = path, verbose
        self._file: TextIO | None = None

    def write(self, line: str) -> int:
        """One whole line, newline included."""
        if self._file is None:  # not before: a room that is refused leaves the file to the one that runs
            self._file = self._path.open("w", encoding="utf-8")
        written = self._file.write(line)
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        with contextlib.suppress(BrokenPipeError):  # who read along has gone; the file goes on
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
    """A whole line cut to what a person reads; None: as long as it is."""
    text = f"{line[11:19]} {line[WHO_AT:]}"
    return text if columns is None or len(text) <= columns else text[: columns - 1] + "…"
