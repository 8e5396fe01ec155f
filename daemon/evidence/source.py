"""A copy of recordings on a custodian's computer, a directory or a zip: which are there, and their bytes on demand.

The law here: every byte may be hostile. Nothing is unpacked, no link is followed, no name leads out of the copy; a zip
that is compressed, holds a name twice or names a place outside is refused as a whole, because two programs could see
two different recordings in it. Memory holds lists of files and the records, one segment at a time.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

import msgspec

from daemon import loglines
from daemon.errors import StoreError
from daemon.inspection import directory
from daemon.inspection.chain import UNREADABLE
from daemon.inspection.directory import READ_WHOLE, RECORD_BYTES_MAX
from daemon.inspection.files import PIECE_BYTES, SEALED, Fault, Pace, Seen, why_foreign
from daemon.inspection.judge import Found
from daemon.names import TRACKS, shown

FILES_MAX = 400_000
"""In one zip: ten parts of four hours are 300,000 files."""
FILE_BYTES_MAX = 64_000_000
"""Of one sealed file: five seconds without a key frame, at fifty times the bit rate of the field."""
ENCRYPTED, UNIX = 1, 3
"""A flag of a zip's entry, and the system whose file modes its attributes hold."""


class Source(Protocol):
    """One recording of a copy."""

    sheet: bytes
    """What lies beside it: `<recording>.json`; empty: nothing."""

    def read(self, pace: Pace = lambda _: None) -> Found:
        """Reads and hashes everything."""

    def file(self, name: str) -> bytes:
        """One file. Raises StoreError."""


def sources(copy: Path) -> list[Source]:
    """The recordings of a directory or zip, in the order of their names. Raises StoreError where there are none."""
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
    if (copy / "begin.json").exists() or (copy / "chain.jsonl").exists():
        yield _Directory(copy)
        return
    for path in sorted(copy.iterdir()):
        if (
            path.is_dir()
            and not path.is_symlink()
            and ((path / "begin.json").exists() or (path / "chain.jsonl").exists())
        ):
            yield _Directory(path)


class _Directory:
    """A recording in a directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sheet = b""
        beside = path.parent / f"{_id_of(self._small(path / 'begin.json'))}.json"
        if beside.is_file() and not beside.is_symlink():
            self.sheet = self._small(beside)

    def read(self, pace: Pace = lambda _: None) -> Found:
        """Reads and hashes everything."""
        return directory.read(self._path, _id_of(self._small(self._path / "begin.json")), pace)

    def file(self, name: str) -> bytes:
        """One file. Raises StoreError."""
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


def _in_zip(copy: Path) -> Iterator[Source]:
    try:
        archive = zipfile.ZipFile(copy)
        names = _entries(archive)
    except (OSError, zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError) as error:
        raise StoreError(f"{copy}: is no zip that can be read: {error}") from error
    tops = sorted(
        {name.rpartition("/")[0] for name in names if name.rpartition("/")[2] in {"begin.json", "chain.jsonl"}}
    )
    for top in tops:
        yield _Zipped(archive, f"{top}/" if top else "", names)


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Every file of a zip by its name. Raises StoreError for what no exported recording has."""
    entries: dict[str, zipfile.ZipInfo] = {}
    infos = archive.infolist()
    if len(infos) > FILES_MAX:
        raise StoreError(f"the zip has {len(infos)} files; expected {FILES_MAX} at most")
    for info in infos:
        name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16) if info.create_system == UNIX else 0
        if name.endswith("/") and not info.file_size:
            continue
        wrong = _why_refused(name, info, kind, entries)
        if wrong:
            raise StoreError(f"the zip is refused: {shown(name)} {wrong}")
        entries[name] = info
    return entries


def _why_refused(name: str, info: zipfile.ZipInfo, kind: int, known: dict[str, zipfile.ZipInfo]) -> str:
    if "\\" in name or "\0" in name or name.startswith("/") or not {"", ".", ".."}.isdisjoint(name.split("/")):
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


class _Zipped:
    """A recording in a zip."""

    def __init__(self, archive: zipfile.ZipFile, top: str, entries: dict[str, zipfile.ZipInfo]) -> None:
        self._zip, self._entries = archive, {
            name.removeprefix(top): info for name, info in entries.items() if name.startswith(top)
        }  # fmt: skip
        self._id = _id_of(self._small("begin.json"))
        above = top.rstrip("/").rpartition("/")[0]
        beside = entries.get(f"{above}/{self._id}.json" if above else f"{self._id}.json")
        self.sheet = self._data(beside) if beside and beside.file_size <= RECORD_BYTES_MAX else b""
        if not top:  # the recording lies at the top, with what came beside it
            for name in (f"{self._id}.json", "opname.html", "LEESMIJ.txt"):
                self._entries.pop(name, None)

    def read(self, pace: Pace = lambda _: None) -> Found:
        """Reads and hashes everything."""
        files: dict[str, Seen] = {}
        faults: list[Fault] = []
        for name in sorted(self._entries):
            track = name.rpartition("/")[0]
            foreign = (
                why_foreign(name, stat.S_IFREG) if track in {"", *TRACKS} else "is foreign: no recorder gives this name"
            )
            if foreign or name in TRACKS:
                faults.append((name, foreign or "is no directory"))
                continue
            try:
                files[name] = self._digest(name, pace)
            except (OSError, zipfile.BadZipFile, EOFError) as error:
                faults.append((name, f"cannot be read: {error}"))
        whole = {name: self._small(name) for name in READ_WHOLE if name in files}
        return Found(self._id, files, whole, self._lines(), tuple(faults))

    def file(self, name: str) -> bytes:
        """One file. Raises StoreError."""
        if name not in self._entries:
            raise StoreError(f"{shown(name)}: is missing")
        try:
            with self._zip.open(self._entries[name]) as file:
                return _bounded(file, name)
        except (OSError, zipfile.BadZipFile, EOFError) as error:
            raise StoreError(f"{shown(name)}: cannot be read: {error}") from error

    def _digest(self, name: str, pace: Pace) -> Seen:
        sha256, size, first = hashlib.sha256(), 0, b""
        with self._zip.open(self._entries[name]) as file:
            while piece := file.read(PIECE_BYTES):
                first = first or piece[: len(SEALED)]
                sha256.update(piece)
                size += len(piece)
                pace(len(piece))
        return Seen(size, sha256.hexdigest(), first == SEALED)

    def _small(self, name: str) -> bytes:
        info = self._entries.get(name)
        return self._data(info) if info and info.file_size <= RECORD_BYTES_MAX else b""

    def _data(self, info: zipfile.ZipInfo) -> bytes:
        try:
            return self._zip.read(info)
        except (OSError, zipfile.BadZipFile, EOFError):
            return b""

    def _lines(self) -> Iterator[loglines.Line]:
        with self._zip.open(self._entries["chain.jsonl"]) as file:
            yield from loglines.read(file)


def _bounded(file: IO[bytes], name: str) -> bytes:
    data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise StoreError(f"{shown(name)}: is larger than {FILE_BYTES_MAX} bytes")
    return data


class _Id(msgspec.Struct):
    recording_id: str


def _id_of(begin: bytes) -> str:
    """The id that a begin.json gives, fit for a name; empty for one that is none."""
    try:
        name = msgspec.json.decode(begin, type=_Id).recording_id
    except UNREADABLE:
        return ""
    return name if name.isalnum() and name.isascii() else ""
