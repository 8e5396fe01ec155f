# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Exports a sealed copy: one uncompressed zip with every part of an event, fetched from the keeper file by file.

Invariant: no key is needed and nothing is opened. On a medium the zip gets its name only when it is complete and
durable; a failure leaves nothing. A damaged store is handed out as it is, and the damage is reported: what is left may
be all there is. Beside the parts are the page that opens them, and LEESMIJ.txt.

    opname.html  LEESMIJ.txt
    <recording>/…            as on the unit (docs/ref/recording-format.md)
    <recording>.json         every line of the unit's log about it
"""

from __future__ import annotations

import contextlib
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

import msgspec

from daemon import durable, loglines
from daemon.auditfiles import joined
from daemon.errors import RequestError, StoreError
from daemon.link import Conversation
from daemon.model import acts
from daemon.model.ledger import parse
from daemon.model.register import Handing

PIECE_BYTES = 1_048_576
Step = Callable[[int], None]
"""Gets the number of bytes copied since the last call."""
_HERE = Path(__file__).resolve().parents[2] / "reader"
_SHIPPED = Path(sys.prefix) / "share" / "spreekkamer" / "reader"
PAGE = _HERE / "dist/opname.html" if _HERE.is_dir() else _SHIPPED / "opname.html"
README = (_HERE if _HERE.is_dir() else _SHIPPED) / "LEESMIJ.txt"
MODE = 0o100444 << 16
"""File mode in a zip's directory: a regular file that everybody may read."""


class Sheet(msgspec.Struct, frozen=True):
    """Content of `<recording>.json`, beside a recording in the zip."""

    recording_id: str
    tracks: tuple[str, ...]
    files: int
    bytes: int
    sums_sha256: str
    audit_lines: tuple[str, ...]
    """Every line of the unit's audit log about this recording, verbatim: receipts, holds, this hand-out."""


class Copy(msgspec.Struct, frozen=True):
    """The result of an export."""

    recordings: tuple[Sheet, ...]
    open: tuple[str, ...]
    """Parts of the event that are still open, and not in the copy."""
    path: Path | None
    """None: it went to standard output."""


def to_medium(keeper: Conversation, recording_id: str, to: Path, step: Step, why: Handing) -> Copy:
    """Write `opname-<start of the id>.zip` and the page to a directory, durable on return.

    `why` goes into the unit's log. Raises RequestError, NotFoundError and RightsError as the keeper does, StoreError if
    the medium fails.
    """
    name = str(keeper.ask("recording", recording_id=recording_id)["recording_id"])
    whole = to / f"opname-{name[:8]}.zip"
    part = to / f".{whole.name}.part"
    if whole.exists():
        raise RequestError(f"{whole} is there already; expected a place without it")
    try:
        part.unlink(missing_ok=True)
        with part.open("xb") as file:  # an existing file on a stick may be a link
            copy = to_stream(keeper, name, file, step, why)
            file.flush()
            os.fsync(file.fileno())
        if PAGE.is_file() and not (to / PAGE.name).exists():
            durable.replace(to / PAGE.name, PAGE.read_bytes(), 0o644)
        part.rename(whole)
        durable.sync(to)
    except OSError as error:
        raise StoreError(f"{to}: {error.strerror or error}; nothing was left there") from error
    finally:
        with contextlib.suppress(OSError):  # the medium may have gone
            part.unlink(missing_ok=True)
    return msgspec.structs.replace(copy, path=whole)


def to_stream(keeper: Conversation, recording_id: str, file: IO[bytes], step: Step, why: Handing) -> Copy:
    """Write the zip to a file or pipe, front to back. Raises as the keeper does, and OSError."""
    told = keeper.ask("recording", recording_id=recording_id)
    sheets, still_open = list[Sheet](), list[str]()
    pipe = _Ahead(file)
    with zipfile.ZipFile(pipe, "w") as archive:
        for name in told["parts"]:
            if keeper.ask("recording", recording_id=name)["state"] == "open":
                still_open.append(name)
                continue
            sheet = _part(keeper, name, why, archive, pipe, step)
            data = msgspec.json.format(msgspec.json.encode(sheet), indent=2) + b"\n"
            _add(archive, pipe, f"{name}.json", data)
            sheets.append(sheet)
        if not sheets:
            raise RequestError(f"recording {recording_id} is not closed yet; expected one that has ended")
        for path in (PAGE, README):
            if path.is_file():
                _add(archive, pipe, path.name, path.read_bytes())
    pipe.let_go()
    return Copy(tuple(sheets), tuple(still_open), None)


def _part(keeper: Conversation, name: str, why: Handing, archive: zipfile.ZipFile, pipe: _Ahead, step: Step) -> Sheet:
    told: dict[str, Any] = keeper.ask("export", recording_id=name, **msgspec.structs.asdict(why))
    count = size = 0
    while True:
        batch, files = keeper.ask_for_files("export_files")
        try:
            for inner, fd in zip(batch["names"], files, strict=True):
                data = _read(fd)
                _add(archive, pipe, f"{name}/{_inside(inner)}", data)
                count, size = count + 1, size + len(data)
                step(len(data))
        finally:
            for fd in files:
                os.close(fd)
        if not files:
            break
    lines = tuple(_lines_about(keeper, name))
    if gone := sorted(_gone_since(lines, name) & set(told["tracks"])):
        raise StoreError(f"{name[:8]}: its {gone[0]} was deleted at its term while it was copied; export it again")
    return Sheet(name, tuple(told["tracks"]), count, size, told["sums_sha256"], lines)


def _add(archive: zipfile.ZipFile, pipe: _Ahead, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(
        name
    )  # dated 1980: the log has the time of the copy, and the same recording gives the same zip
    info.external_attr, info.create_system = MODE, 3
    archive.writestr(info, data)
    pipe.let_go()


class _Ahead:
    """A pipe that can be rewritten back to the last `let_go`: an entry has its length before its bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._held, self._gone, self._at = file, bytearray(), 0, 0

    def write(self, data: bytes) -> int:
        """Write at the current position."""
        at = self._at - self._gone
        self._held[at : at + len(data)] = data
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        """The current position."""
        return self._at

    def seek(self, at: int, whence: int = 0) -> int:
        """Move within the held bytes, or to their end."""
        end = self._gone + len(self._held)
        self._at = end if whence == os.SEEK_END else at
        if not self._gone <= self._at <= end:
            raise OSError(f"{at} has been written already")
        return self._at

    def seekable(self) -> bool:
        """Within the held bytes."""
        return True

    def close(self) -> None:
        """The caller closes the file."""

    def flush(self) -> None:
        """Nothing held is written before it is complete."""

    def let_go(self) -> None:
        """Write the held bytes; they can no longer be changed."""
        self._file.write(self._held)
        self._gone += len(self._held)
        self._held.clear()


def _read(fd: int) -> bytes:
    pieces = []
    while piece := os.read(fd, PIECE_BYTES):
        pieces.append(piece)
    return b"".join(pieces)


def _lines_about(keeper: Conversation, recording_id: str) -> Iterator[str]:
    """The lines of the audit log that name a recording."""
    told, files = keeper.ask_for_files("audit")
    with joined(files) as file:
        for line in loglines.read(file, told["bytes"]):
            if recording_id.encode() in line.raw:
                yield line.raw.decode(errors="replace").rstrip("\n")


def _gone_since(lines: tuple[str, ...], recording_id: str) -> set[str]:
    """The tracks of a recording whose deletion began after its last hand-out."""
    gone = set[str]()
    for text in reversed(lines):
        line = parse(text.encode() + b"\n")
        match line and line.act:
            case acts.HandedOut(recording_id=name) if name == recording_id:
                break
            case acts.Deleting(recording_id=name, track=track) if name == recording_id:
                gone.add(track)
    return gone


def _inside(name: str) -> str:
    """A name below the recording's directory. Raises StoreError for any other."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not 1 <= len(path.parts) <= 2:  # noqa: PLR2004 - a file, or track/file
        raise StoreError(f"the keeper named `{name}`; expected a file of the recording")
    return name
