# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Takes a track, or a recording's records, off the disk: by directory descriptors, so that no link is ever followed.

The law here: only names that a recorder gives are removed. A foreign file stays where somebody put it, and keeps its
directory: `store verify` names it. Each function can be broken off anywhere and called again.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from daemon.names import RECORDS, SEGMENT, TRACKS
from hardware.ports import Track


def remove_track(path: Path, track: Track) -> int:
    """The envelopes, then the segments and their directory, durable on return; how many foreign files stay.

    Raises OSError. What is not there, or is a link or a file in a directory's place, has nothing to remove.
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
    """The last track has gone: the records go too. Durable on return; how many foreign files stay. Raises OSError."""
    home = _open(path)
    if home is None:
        return 0
    try:
        for track in TRACKS:
            if _is_there(track, home):  # of a track that came to nothing a directory can be there
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
    """Removes what has such a name, and syncs; how many others there are. A directory of such a name is another."""
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
    """A directory's descriptor; None when there is none of this name. A link is none."""
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=within)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link
            return None
        raise
