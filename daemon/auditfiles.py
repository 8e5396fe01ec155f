# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The files of the audit log: one for each closed year, and the newest. Whoever reads the log reads them as one.

    audit-2026.jsonl    a year that is closed: nothing is added to it any more
    audit.jsonl         the newest: the keeper adds its lines here
    audit-2026.report.json, audit-2026.report.json.sig
                        the figures of a year whose file is gone, and the keeper's signature

Invariant: the names of closed years increase with the numbers of their lines, and each of these files ends with a whole
line: one after the other they are one chain.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

LOG = "audit.jsonl"
"""The newest, on every unit and in every copy."""
BUFFER_BYTES = 65_536
"""Read at once: a hundred lines."""


class AuditFiles:
    """Where one log stands: on a unit, or in a copy of it."""

    def __init__(self, newest: Path) -> None:
        self.newest = newest
        self._closed = re.compile(rf"{re.escape(newest.stem)}-(\d{{4}}){re.escape(newest.suffix)}")
        self._report = re.compile(rf"{re.escape(newest.stem)}-\d{{4}}\.report\.json(\.sig)?")

    def of_year(self, year: int) -> Path:
        """The file of a closed year, there or not."""
        return self.newest.with_name(f"{self.newest.stem}-{year:04d}{self.newest.suffix}")

    def report_of(self, year: int) -> Path:
        """The figures of a year whose file is gone; their signature has `.sig` behind its name."""
        return self.newest.with_name(f"{self.newest.stem}-{year:04d}.report.json")

    def closed(self) -> dict[int, Path]:
        """The closed years that are there, the oldest first. Raises OSError.

        Without one that is still the newest too: it was about to be closed.
        """
        years = {}
        with os.scandir(self.newest.parent) as entries:
            for entry in entries:
                found = self._closed.fullmatch(entry.name)
                if found and entry.is_file(follow_symlinks=False) and not self.is_newest(Path(entry.path)):
                    years[int(found[1])] = Path(entry.path)
        return dict(sorted(years.items()))

    def is_newest(self, path: Path) -> bool:
        """Whether this is another name of the newest file."""
        with contextlib.suppress(FileNotFoundError):
            return path.samefile(self.newest)
        return False

    def settle(self) -> None:
        """Take back a closing that was cut off: the newest file keeps one name. Raises OSError."""
        with os.scandir(self.newest.parent) as entries:
            for entry in [entry for entry in entries if self._closed.fullmatch(entry.name)]:
                if not entry.is_symlink() and self.is_newest(Path(entry.path)):
                    Path(entry.path).unlink()

    def all(self) -> list[Path]:
        """The files of the log in the order of its lines, whether the newest is there or not. Raises OSError."""
        return [*self.closed().values(), self.newest]

    def all_kept(self) -> list[Path]:
        """The same, and the reports of years whose files are gone. Raises OSError."""
        reports = self.newest.parent.glob(f"{self.newest.stem}-????.report.json*")
        return [*self.all(), *(path for path in reports if self._report.fullmatch(path.name))]

    def descriptors(self) -> list[int]:
        """All of them, open for reading; the caller closes them. Raises OSError."""
        found: list[int] = []
        try:
            found.extend(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC) for path in self.all())
        except OSError:
            close_all(found)
            raise
        return found

    def open_copy(self) -> io.BufferedReader:
        """The same of a copy, which need not have all. Raises OSError; FileNotFoundError if it has none."""
        there = [path for path in self.all() if path.exists()]
        if not there:
            raise FileNotFoundError(errno.ENOENT, f"holds no {self.newest.name}, nor one of a closed year")
        return joined([os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in there])

    def open(self) -> io.BufferedReader:
        """The whole log as one file. Raises OSError."""
        return joined(self.descriptors())


class Joined(io.RawIOBase):
    """Open files read one after the other as one. Closes them. Only the last may grow while it is read."""

    def __init__(self, descriptors: Sequence[int]) -> None:
        super().__init__()
        self.descriptors = tuple(descriptors)
        sizes = [os.fstat(fd).st_size for fd in self.descriptors[:-1]]
        self._starts = list(accumulate(sizes, initial=0))
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, too."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the whole."""
        ends = self._starts[-1] + os.fstat(self.descriptors[-1]).st_size
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: ends}[whence])
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # as BufferedReader calls it
        """Some bytes, of one file at a time; 0 at the end of the last."""
        while True:
            number = bisect_right(self._starts, self._at) - 1
            data = os.pread(self.descriptors[number], len(buffer), self._at - self._starts[number])
            if data or number == len(self.descriptors) - 1:
                break
            self._at = self._starts[number + 1]  # somebody shortened a closed file after it was opened
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Close all of them."""
        if not self.closed:
            close_all(self.descriptors)
        super().close()


def joined(descriptors: Sequence[int]) -> io.BufferedReader:
    """Open files, at least one, as one: `bytes` of an answer counts over all of them."""
    return io.BufferedReader(Joined(descriptors), BUFFER_BYTES)


def descriptors(file: io.BufferedReader) -> Sequence[int]:
    """The open files of what `joined` returned."""
    return file.raw.descriptors if isinstance(file.raw, Joined) else (file.fileno(),)


def close_all(descriptors: Sequence[int]) -> None:
    """Close open files."""
    for fd in descriptors:
        os.close(fd)
