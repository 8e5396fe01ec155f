# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Deletes a track, or a recording's records, by directory descriptors, so that no link is ever followed.

Invariant: only names that a recorder gives are deleted. A foreign file stays, and keeps its directory: `store verify`
lists it. Each function can be interrupted anywhere and called again.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from daemon.names import RECORDS, SEGMENT, TRACKS
from hardware.ports import Track


def remove_track(path: Path, track: Track) -> int:
    """Delete the envelopes, then the segments and their directory; return the number of foreign files.

    Durable on return. Raises OSError. Nothing is done for a missing directory, or a link or a file in its place.
    """
    home = _open(path)
    if home is None:
        return 0
    try:
        _unlink(home, re.compile(rf"{track}\.[0-9]+\.key\.age\Z"))
        directory = _open(track, home)
        if directory is None:
            return 0
        try:
            left = _unlink(directory, SEGMENT)
        finally:
            os.close(directory)
        if left == 0:
            os.rmdir(track, dir_fd=home)
            os.fsync(home)
        return left
    finally:
        os.close(home)


def remove_rest(path: Path) -> int:
    """Delete the records after the last track, durably; return the number of foreign files. Raises OSError."""
    home = _open(path)
    if home is None:
        return 0
    try:
        for track in TRACKS:
            if _is_there(track, home):  # a track without content can have a directory
                remove_track(path, track)
        with os.scandir(home) as entries:
            there = {entry.name for entry in entries}
        for name in (name for name in RECORDS if name in there):
            os.unlink(name, dir_fd=home)
        left = len(there - set(RECORDS))
        os.fsync(home)
    finally:
        os.close(home)
    if left == 0:
        path.rmdir()
        above = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(above)
        finally:
            os.close(above)
    return left


def _unlink(directory: int, ours: re.Pattern[str]) -> int:
    """Delete the files with such names, and sync; return the number of others. Directories count as others."""
    with os.scandir(directory) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    mine = [name for name, is_dir in found if ours.match(name) and not is_dir]
    for name in mine:
        os.unlink(name, dir_fd=directory)
    os.fsync(directory)
    return len(found) - len(mine)


def _is_there(name: str, within: int) -> bool:
    try:
        os.stat(name, dir_fd=within, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _open(path: Path | str, within: int | None = None) -> int | None:
    """A directory's descriptor; None: there is none of this name. A link does not count."""
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=within)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link
            return None
        raise
