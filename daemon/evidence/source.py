# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A copy of recordings on a custodian's computer, a directory or a zip: its recordings, and their bytes on demand.

Invariant: every byte may be hostile. Nothing is unpacked, no link is followed, no name leads out of the copy. A zip
that is compressed, has a name twice or names a path outside is refused as a whole, because two programs could see two
different recordings in it. Memory holds lists of files and the records, and one segment at a time.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import struct
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import msgspec

from daemon import loglines
from daemon.errors import StoreError
from daemon.inspection import directory
from daemon.inspection.chain import UNREADABLE, is_nested
from daemon.inspection.directory import READ_WHOLE, RECORD_BYTES_MAX
from daemon.inspection.files import (
    CHAIN_BYTES_MAX,
    FILE_BYTES_MAX,
    PIECE_BYTES,
    SEALED,
    Fault,
    Pace,
    Seen,
    too_large,
    why_foreign,
)  # fmt: skip
from daemon.inspection.judge import Found
from daemon.names import TRACKS
from daemon.texts import shown

FILES_MAX = 400_000
"""Files per zip: ten parts of four hours are 300,000."""
BESIDE = ("opname.html", "LEESMIJ.txt")
"""Files that an export puts beside the recordings."""
ENCRYPTED, UTF8, UNIX = 1, 0x800, 3
"""Flags of a zip's entry, and the platform whose file modes its attributes hold."""
END = struct.Struct("<4s6xH8xH")
"""End record of a zip: its signature, the number of files, the length of a comment."""
END64_BYTES = 76
"""Length of the records before it if there are more files, or more bytes, than it can count."""
COUNT_MAX = 0xFFFF
HEAD = struct.Struct("<4s24xHHH12x")
"""An entry of its directory: its signature, and the lengths of its name, extra fields, and comment."""
LOCAL = struct.Struct("<4s22xHH")
"""The header before a file in a zip: its signature, and the lengths of its name and extra fields."""
UNZIPPABLE = (OSError, zipfile.BadZipFile, NotImplementedError, UnicodeError, ValueError, RuntimeError, EOFError)
"""Raised by Python's module for something that is not a zip, or an unsupported one."""


class Source(Protocol):
    """One recording of a copy."""

    sheet: bytes
    """Content of `<recording>.json` beside it; empty: there is none."""

    def read(self, pace: Pace = lambda _: None) -> Found:
        """Read and hash everything."""

    def file(self, name: str) -> bytes:
        """Read one file. Raises StoreError."""


def sources(copy: Path) -> list[Source]:
    """The recordings of a directory or zip, sorted by name. Raises StoreError if there are none."""
    if copy.is_dir():
        found = list(_in_directory(copy))
    elif copy.is_file():
        found = list(_in_zip(copy))
    else:
        raise StoreError(f"{copy}: is not there; expected a recording's directory or zip")
    if not found:
        raise StoreError(f"{copy}: holds no recording; expected a directory or zip with a begin.json in it")
    return found


def _in_directory(copy: Path) -> Iterator[Source]:
    if is_recording(copy):
        yield _Directory(copy)
        return
    for path in sorted(copy.iterdir()):
        if is_recording(path):
            yield _Directory(path)


def is_recording(path: Path) -> bool:
    """Whether a directory counts as a recording; a link does not."""
    return (
        path.is_dir() and not path.is_symlink() and ((path / "begin.json").exists() or (path / "chain.jsonl").exists())
    )


def strangers(copy: Path, recording_ids: Collection[str]) -> list[str]:
    """Files in a copy's directory that belong to no recording, by name. Raises OSError."""
    beside = {*BESIDE, *(f"{name}.json" for name in recording_ids)}
    there = [path for path in sorted(copy.iterdir()) if path.name not in beside]
    if is_recording(copy):
        return [path.name for path in there if not _is_ours(path)]
    inside = [f"{path.name}/{name}" for path in there if is_recording(path) for name in strangers(path, ())]
    return [path.name for path in there if not is_recording(path)] + inside


def _is_ours(path: Path) -> bool:
    kind = path.lstat().st_mode
    return stat.S_ISDIR(kind) if path.name in TRACKS else not why_foreign(path.name, kind)


class _Directory:
    """A recording in a directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sheet = b""
        beside = path.parent / f"{_id_of(self._small(path / 'begin.json'))}.json"
        if beside.is_file() and not beside.is_symlink():
            self.sheet = self._small(beside)

    def read(self, pace: Pace = lambda _: None) -> Found:
        """Read and hash everything."""
        return directory.read(self._path, _id_of(self._small(self._path / "begin.json")), pace)

    def file(self, name: str) -> bytes:
        """Read one file. Raises StoreError."""
        path = self._path / name
        try:
            if path.is_symlink() or path.parent.is_symlink():
                raise StoreError(f"{shown(name)}: is a link: it is not followed")
            with path.open("rb") as file:
                return _bounded(file, name)
        except OSError as error:
            raise StoreError(f"{shown(name)}: cannot be read: {error.strerror or error}") from error

    @staticmethod
    def _small(path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                data = file.read(RECORD_BYTES_MAX + 1)
        except OSError:
            return b""
        return data if len(data) <= RECORD_BYTES_MAX else b""


class Entry(NamedTuple):
    """Position of a file in a zip."""

    start: int
    size: int


def _in_zip(copy: Path) -> Iterator[Source]:
    try:
        with copy.open("rb") as file, zipfile.ZipFile(file) as archive:
            entries = _entries(archive, file)
    except UNZIPPABLE as error:
        raise StoreError(f"{copy}: is no zip that can be read: {error}") from error
    names = {"begin.json", "chain.jsonl"}
    for top in sorted({name.rpartition("/")[0] for name in entries if name.rpartition("/")[2] in names}):
        yield _Zipped(copy, f"{top}/" if top else "", entries)


def _entries(archive: zipfile.ZipFile, file: IO[bytes]) -> dict[str, Entry]:
    """Every file of a zip by its name. Raises StoreError for anything that an export never contains."""
    entries: dict[str, Entry] = {}
    infos, size = archive.infolist(), file.seek(0, os.SEEK_END)
    if len(infos) > FILES_MAX:
        raise StoreError(f"the zip has {len(infos)} files; expected {FILES_MAX} at most")
    _check_end(file, size, archive.start_dir, len(infos))
    for info in infos:
        name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16) if info.create_system == UNIX else 0
        if name.endswith("/") and not info.file_size:
            continue
        wrong = _why_refused(name, info, kind, entries)
        if wrong:
            raise StoreError(f"the zip is refused: {shown(name)} {wrong}")
        entries[name] = _entry(info, file, size)
    if sum(entry.size for entry in entries.values()) > size:
        raise StoreError("the zip is refused: its files overlap, and would be far more than it has bytes")
    return entries


def _check_end(file: IO[bytes], size: int, start: int, files: int) -> None:
    """Check the directory from `start` to its end. Raises StoreError if another program could see other files."""
    file.seek(start)
    data = file.read(size - start)
    at = 0
    for _ in range(files):
        sign, *lengths = HEAD.unpack(data[at : at + HEAD.size].ljust(HEAD.size, b"\0"))
        at += HEAD.size + sum(lengths)
    sign, told, comment = END.unpack(data[-END.size :].rjust(END.size, b"\0"))
    fits = at in {len(data) - END.size, len(data) - END.size - END64_BYTES} and told == min(files, COUNT_MAX)
    if sign != b"PK\5\6" or comment or not fits:
        raise StoreError("the zip is refused: its directory is not what its end says, or something follows it")


def _why_refused(name: str, info: zipfile.ZipInfo, kind: int, known: dict[str, Entry]) -> str:
    if "\\" in name or "\0" in name or not {"", ".", ".."}.isdisjoint(name.split("/")):
        return "leads out of it, or nowhere"
    if name in known:
        return "is in it twice"
    if kind not in {0, stat.S_IFREG}:
        return "is a link, or no file"
    if info.flag_bits & ENCRYPTED:
        return "is locked with a password"
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        return "is compressed: unpack the zip, and give the directory"
    return ""


def _entry(info: zipfile.ZipInfo, file: IO[bytes], size: int) -> Entry:
    """Position of its bytes. Raises StoreError if its two headers differ, or it reaches beyond the end."""
    file.seek(info.header_offset)
    head = file.read(LOCAL.size)
    signature, name_bytes, extra_bytes = LOCAL.unpack(head) if len(head) == LOCAL.size else (b"", 0, 0)
    name = file.read(name_bytes)
    start = info.header_offset + LOCAL.size + name_bytes + extra_bytes
    same = name == info.orig_filename.encode("utf-8" if info.flag_bits & UTF8 else "cp437")
    if signature != b"PK\3\4" or not same or start + info.file_size > size:
        raise StoreError(f"the zip is refused: {shown(info.orig_filename)} is not where its directory says")
    return Entry(start, info.file_size)


class _Zipped:
    """A recording in a zip, stored uncompressed: SHA-256 decides, not the zip's own checksums."""

    def __init__(self, copy: Path, top: str, entries: dict[str, Entry]) -> None:
        mine = {name.removeprefix(top): entry for name, entry in entries.items() if name.startswith(top)}
        self._copy, self._entries = copy, mine
        self._id = _id_of(self._small("begin.json"))
        above = top.rstrip("/").rpartition("/")[0]
        beside = entries.get(f"{above}/{self._id}.json" if above else f"{self._id}.json")
        self.sheet = self._data(beside) if beside and beside.size <= RECORD_BYTES_MAX else b""
        if not top:  # the recording is at the top, with the files beside it
            for name in (f"{self._id}.json", *BESIDE):
                self._entries.pop(name, None)

    def read(self, pace: Pace = lambda _: None) -> Found:
        """Read and hash everything."""
        files: dict[str, Seen] = {}
        faults: list[Fault] = []
        for name in sorted(self._entries):
            track = name.rpartition("/")[0]
            ours = track in {"", *TRACKS}
            foreign = why_foreign(name, stat.S_IFREG) if ours else "is foreign: no recorder gives this name"
            if foreign or name in TRACKS:
                faults.append((name, foreign or "is no directory"))
                continue
            try:
                files[name] = self._digest(name, pace)
            except OSError as error:
                faults.append((name, f"cannot be read: {error.strerror or error}"))
        whole = {name: self._small(name) for name in READ_WHOLE if name in files}
        return Found(self._id, files, whole, self._lines(), tuple(faults))

    def file(self, name: str) -> bytes:
        """Read one file. Raises StoreError."""
        entry = self._entries.get(name)
        if entry is None:
            raise StoreError(f"{shown(name)}: is missing")
        if entry.size > FILE_BYTES_MAX:
            raise StoreError(f"{shown(name)}: is larger than {FILE_BYTES_MAX} bytes")
        try:
            return self._data(entry)
        except OSError as error:
            raise StoreError(f"{shown(name)}: cannot be read: {error.strerror or error}") from error

    def _digest(self, name: str, pace: Pace) -> Seen:
        if self._entries[name].size > FILE_BYTES_MAX:
            raise too_large(self._entries[name].size)
        sha256, size, first = hashlib.sha256(), 0, b""
        for piece in self._pieces(self._entries[name]):
            first = first or piece[: len(SEALED)]
            sha256.update(piece)
            size += len(piece)
            pace(len(piece))
        return Seen(size, sha256.hexdigest(), first == SEALED)

    def _pieces(self, entry: Entry) -> Iterator[bytes]:
        with self._copy.open("rb") as file:
            file.seek(entry.start)
            left = entry.size
            while left:
                piece = file.read(min(PIECE_BYTES, left))
                if not piece:
                    raise OSError(errno.EIO, "it ends before its time")
                yield piece
                left -= len(piece)

    def _small(self, name: str) -> bytes:
        entry = self._entries.get(name)
        try:
            return self._data(entry) if entry and entry.size <= RECORD_BYTES_MAX else b""
        except OSError:
            return b""

    def _data(self, entry: Entry) -> bytes:
        return b"".join(self._pieces(entry))

    def _lines(self) -> Iterator[loglines.Line]:
        entry = self._entries.get("chain.jsonl")
        if entry and entry.size <= CHAIN_BYTES_MAX:
            yield from loglines.read(io.BytesIO(self._data(entry)))


def _bounded(file: IO[bytes], name: str) -> bytes:
    data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise StoreError(f"{shown(name)}: is larger than {FILE_BYTES_MAX} bytes")
    return data


class _Id(msgspec.Struct):
    recording_id: str


def _id_of(begin: bytes) -> str:
    """The id in a begin.json, if it is a valid name; otherwise empty."""
    try:
        name = "" if is_nested(begin) else msgspec.json.decode(begin, type=_Id).recording_id
    except UNREADABLE:
        return ""
    return name if name.isalnum() and name.isascii() else ""
