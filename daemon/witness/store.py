# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A witness's files: for each unit one a year, of JSON lines that are only ever appended.

Invariant: a line is on the disk (fsync, and its file's name with it) before its message is acknowledged. A line torn by
a power cut or a full disk stays, ended by a newline before the next one: its message was not acknowledged, and comes
again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from daemon import durable, loglines
from daemon.errors import StoreError, TakenError
from daemon.model.witness import FORKS_MAX, Book, Fork, head_of, read_kept

SIMULATED = "_simulated"
"""Directory of units on simulated devices (promise H3). No unit's name has an underscore."""
YEAR = re.compile(r"^[0-9]{4}\.jsonl\Z")
FORKS = "forks.jsonl"
HEADS_MAX = 10_000
"""Heads per unit that a new one is compared with, the newest: half a year of fifty a day. `verify` compares all."""
TAIL_BYTES = 8_000_000
"""End of a file that is read at the start: ten thousand lines. Fifty units take some seconds."""
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Name = tuple[str, str, str]
"""Organisation, site and room."""


class Unit:
    """One unit's files and heads."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name, self.book = path, name, Book()
        self.heard_at = ""
        """UTC of the newest message, by the witness's clock; empty: none since the start."""


class WitnessStore:
    """One thread. In use from `open` to `close`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock: int | None = None
        self.units: dict[tuple[Name, bool], Unit] = {}
        """By name, and whether it is simulated."""

    @property
    def is_open(self) -> bool:
        """Whether it is in use."""
        return self._lock is not None

    def open(self) -> None:
        """Take the directory, and read what was witnessed. Raises StoreError; TakenError: another witness has it."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self._root}: {error.strerror or error}") from error
        self._lock = durable.open_log(self._root / "lock")
        try:
            self._take()
        except BaseException:
            self.close()
            raise

    def _take(self) -> None:
        assert self._lock is not None  # noqa: S101 - `open` made it
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TakenError(f"{self._root}: another witness has it; expected to be the only one") from error
        for simulated in (False, True):
            home = self._root / SIMULATED if simulated else self._root
            for path in sorted(home.glob("*/*/*/")):
                organisation, site, room = path.relative_to(home).parts
                if organisation != SIMULATED:
                    self._read(self.unit((organisation, site, room), simulated=simulated))

    def close(self) -> None:
        """Give the directory back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def unit(self, name: Name, *, simulated: bool) -> Unit:
        """A unit's files; made when something is kept."""
        found = self.units.get((name, simulated))
        if found is None:
            home, mark = (self._root / SIMULATED, " (simulated)") if simulated else (self._root, "")
            found = self.units[name, simulated] = Unit(home.joinpath(*name), "/".join(name) + mark)
        return found

    def keep(self, unit: Unit, year: int, lines: Iterable[bytes]) -> None:
        """Append lines, each with its newline, durable on return. Raises StoreError; some may be written then."""
        self._append(unit, f"{year:04d}.jsonl", b"".join(lines))

    def keep_fork(self, unit: Unit, fork: Fork, at: str) -> None:
        """Append a fork, so that every later start knows it. Raises StoreError."""
        self._append(unit, FORKS, msgspec.json.encode({"at": at, **msgspec.to_builtins(fork)}) + b"\n")

    def _append(self, unit: Unit, name: str, data: bytes) -> None:
        _make(unit.path, self._root)
        log = durable.open_log(unit.path / name)
        try:
            durable.append(log, _ending(unit.path / name) + data)
        finally:
            os.close(log)

    def _read(self, unit: Unit) -> None:
        """The forks that were found, and the newest heads. Raises StoreError if a file cannot be read."""
        try:
            years = sorted(path for path in unit.path.iterdir() if YEAR.match(path.name))
            with contextlib.suppress(FileNotFoundError):
                for line in (unit.path / FORKS).read_bytes().splitlines()[:FORKS_MAX]:
                    with contextlib.suppress(*UNREADABLE):
                        fork = msgspec.json.decode(line, type=Fork)
                        unit.book.forks[fork.recording_id, fork.lines] = fork
            for path in years[-2:]:  # in January the newest file is short
                for raw in _tail(path):
                    with contextlib.suppress(*UNREADABLE):
                        said = read_kept(raw)
                        if said is not None and (head := head_of(said)) is not None:
                            unit.book.take(head)
        except OSError as error:
            raise StoreError(f"{error.filename or unit.path}: {error.strerror or error}") from error
        unit.book.forget(HEADS_MAX)


def _tail(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - TAIL_BYTES))
        if size > TAIL_BYTES:
            file.readline(loglines.LINE_BYTES_MAX)  # the rest of a line
        for line in loglines.read(file):
            yield line.raw


def _ending(path: Path) -> bytes:
    """A newline, if the last line has none."""
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return b""
            file.seek(-1, os.SEEK_END)
            return b"" if file.read(1) == b"\n" else b"\n"
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def _make(path: Path, root: Path) -> None:
    """Make a directory below the root, durable with its parents."""
    if path.is_dir():
        return
    if path.parent != root:
        _make(path.parent, root)
    try:
        path.mkdir(exist_ok=True)
        durable.sync(path.parent)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
