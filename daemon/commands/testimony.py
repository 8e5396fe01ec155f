# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Reads what a witness kept: its directory, one of its files, or messages that another program kept, one a line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from daemon import loglines
from daemon.errors import RequestError, StoreError
from daemon.model.witness import Book, Message, head_of, read_kept
from daemon.names import ID
from daemon.texts import shown

HEADS_MAX = 1_000_000
"""Heads of one unit's log: fifty years of fifty a day. They are held in memory."""
FORKS = "forks.jsonl"
"""The witness's own list of what it found: here it is found again."""
UNIT = re.compile(r"[a-z0-9-]+/[a-z0-9-]+/[a-z0-9-]+")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Testimony(NamedTuple):
    """What was witnessed of one unit's log."""

    book: Book
    unread: int = 0
    """Lines that are no message of a unit."""
    others: int = 0
    """Heads of other units or of none that is named, or of a simulated one beside a real one: not compared."""


def of_log(path: Path, unit: str | None) -> Testimony:
    """The heads of a unit's audit log. `unit`: its name; None: the only one there is.

    Raises StoreError if it cannot be read, RequestError if it is not clear which unit's.
    """
    books: dict[tuple[str, bool], Book] = {}
    unread = 0
    for said in _messages(_narrowed(path, unit)):
        if said is None:
            unread += 1
            continue
        head = head_of(said)
        if head is None:
            continue
        book = books.setdefault((said.unit, said.simulated), Book())
        if head.recording_id:
            book.note(head)
        else:
            book.take(head)
        if len(book) > HEADS_MAX:
            raise StoreError(f"{path}: more than {HEADS_MAX} heads; expected the files of fewer years")
    name, simulated = _which(path, books, unit)
    book = books.pop((name, simulated), Book())
    return Testimony(book, unread, sum(len(other) for other in books.values()))


def of_recording(path: Path, recording_id: str) -> Book:
    """The heads of a recording's chain; none for what is no id. Raises StoreError."""
    book = Book()
    for said in _messages(path, recording_id.encode()) if ID.match(recording_id) else ():
        head = head_of(said) if said is not None else None
        if head is not None and head.recording_id == recording_id:
            book.take(head)
    return book


def _narrowed(path: Path, unit: str | None) -> Path:
    """A unit's own directory in a witness's, if it is there: the others need not be read."""
    return path / unit if unit is not None and UNIT.fullmatch(unit) and (path / unit).is_dir() else path


def _which(path: Path, books: dict[tuple[str, bool], Book], unit: str | None) -> tuple[str, bool]:
    """The unit that is meant: a real one before a simulated one of the same name."""
    there = {name for name, _ in books if name}
    if unit is not None and there and unit not in there:
        raise RequestError(f"--unit {shown(unit)}: {path} has {_listed(there)}")
    if unit is None and len(there) > 1:
        raise RequestError(f"{path}: has several units, {_listed(there)}; expected --unit with one of them")
    name = unit if unit in there else next(iter(there), "")
    return name, (name, False) not in books


def _listed(names: Collection[str]) -> str:
    several = sorted(names)
    return ", ".join(shown(name) for name in several[:10]) + (" and more" if several[10:] else "")


def _messages(path: Path, naming: bytes = b"") -> Iterator[Message | None]:
    """Every message; None: a line that is none. `naming`: pass over lines that do not have this."""
    for file in _files(path):
        try:
            with file.open("rb") as lines:
                for line in loglines.read(lines):
                    if naming in line.raw:
                        yield _message(line.raw)
        except OSError as error:
            raise StoreError(f"{file}: {error.strerror or error}") from error


def _message(raw: bytes) -> Message | None:
    try:
        return read_kept(raw)
    except UNREADABLE:
        return None


def _files(path: Path) -> list[Path]:
    """The files to read, the oldest year of a unit first. Raises StoreError if there are none."""
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*.jsonl") if file.name != FORKS)
    if not found:
        raise StoreError(f"{path}: holds no .jsonl file; expected a witness's directory, or one of its files")
    return found
