# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Every file of a recording, read and hashed without opening it, at a pace set by the caller.

Invariant: nothing is written, not even access times; no link is followed. Memory holds the recording's list of files,
30,000 for the longest, and not the files.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from daemon.names import ENVELOPE, RECORDS, SEGMENT, TRACKS

PIECE_BYTES = 262_144
"""Bytes per read: a second of image at 2 Mbit/s, a tenth of a second of a slow card."""
SEALED = b"age-encryption.org/v1\n"
"""Start of every sealed file; one without it is clear, or garbage."""
FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
NO_MARK = getattr(os, "O_NOATIME", 0)
"""A custodian's computer may have another operating system, without some of these."""
Pace = Callable[[int], None]
"""Gets the number of bytes read; may wait, and may raise to end the inspection."""
Fault = tuple[str, str]
"""A file's name below its recording, and what is wrong with it."""


FILE_BYTES_MAX = 33_554_432
"""A file of a recording: the largest are a second of image (some megabytes at the highest bit rate), the longest
recording's chain (twelve megabytes) and its sums. No recorder wrote a larger file, and it is not read."""
CHAIN_BYTES_MAX = FILE_BYTES_MAX
NAMES_MAX = 65_536
"""Files per recording; the longest has 29,000."""


def open_regular(path: Path, bytes_max: int) -> BinaryIO:
    """Open a file for reading, if it is a regular file of limited size: no link, pipe or device.

    Raises OSError.
    """
    fd = os.open(path, FLAGS)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_size > bytes_max:
        os.close(fd)
        raise OSError(errno.EFBIG, "is no file, or larger than any that a recorder writes", str(path))
    return os.fdopen(fd, "rb")


def too_large(size: int) -> OSError:
    """For a file that no recorder wrote, or that is not regular."""
    return OSError(errno.EFBIG, f"has {size} bytes, more than any file that a recorder writes")


class Seen(Struct, frozen=True):
    """A file as it was read."""

    size: int
    sha256: str
    sealed: bool


class Reading:
    """One pass over a recording's directory. Any thread."""

    def __init__(self, path: Path, pace: Pace) -> None:
        self._path, self._pace = path, pace
        self.faults: list[Fault] = []
        self.files: dict[str, Seen] = dict(self._read())

    def _read(self) -> Iterator[tuple[str, Seen]]:
        """Read every permitted file; any other is a fault.

        The chain first: the files that it names by then exist when the rest is listed, even in an open recording.
        """
        for name, kind in sorted(self._listed(""), key=lambda found: found[0] != "chain.jsonl"):
            if name in TRACKS and stat.S_ISDIR(kind):
                for inner, inner_kind in self._listed(f"{name}/"):
                    if seen := self._look(f"{name}/{inner}", inner_kind):
                        yield f"{name}/{inner}", seen
            elif seen := self._look(name, kind):
                yield name, seen

    def _listed(self, within: str) -> list[tuple[str, int]]:
        """Names and types of a directory's entries, sorted."""
        try:
            with os.scandir(self._path / within) as entries:
                some = itertools.islice(entries, NAMES_MAX + 1)
                found = sorted((entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in some)
            if len(found) > NAMES_MAX:
                self.faults.append((within or ".", f"has more than {NAMES_MAX} files: no recorder makes so many"))
            return found[:NAMES_MAX]
        except OSError as error:
            self.faults.append((within or ".", f"cannot be listed: {error.strerror or error}"))
            return []

    def _look(self, name: str, kind: int) -> Seen | None:
        wrong = why_foreign(name, kind)
        if not wrong:
            try:
                return digest(self._path / name, self._pace)
            except OSError as error:
                wrong = f"cannot be read: {error.strerror or error}"
        self.faults.append((name, wrong))
        return None


def why_foreign(name: str, kind: int) -> str:
    """Why something of this name and type is not a file of a recording; empty: it may be one."""
    track, _, inner = name.rpartition("/")
    ours = SEGMENT.match(inner) if track else name in RECORDS or ENVELOPE.match(name) or name in TRACKS
    if not ours:
        return "is foreign: no recorder gives this name"
    if stat.S_ISLNK(kind):
        return "is a link: it is not followed"
    if name in TRACKS:
        return "is no directory"
    return "" if stat.S_ISREG(kind) else "is no file"


def digest(path: Path, pace: Pace = lambda _: None) -> Seen:
    """Size and SHA-256 of a file, read in pieces and not kept in the cache. Raises OSError."""
    try:
        fd = os.open(path, FLAGS | NO_MARK)  # without updating access times, which only a file's owner may ask for
    except PermissionError:
        fd = os.open(path, FLAGS)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > FILE_BYTES_MAX:
            raise too_large(found.st_size)
        sha256, size, first = hashlib.sha256(), 0, b""
        while size <= FILE_BYTES_MAX and (piece := os.read(fd, PIECE_BYTES)):
            first = first or piece[: len(SEALED)]
            sha256.update(piece)
            size += len(piece)
            pace(len(piece))
        with contextlib.suppress(OSError, AttributeError):  # a hint that not every file system or platform supports
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
    return Seen(size, sha256.hexdigest(), first == SEALED)
