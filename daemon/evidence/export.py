"""A sealed copy on a medium: fetched from the keeper file by file, made durable, read back and checked.

The law here: no key is needed and nothing is opened. The copy appears under its name when all of it is on the medium;
what fails half-way leaves nothing. A store that is damaged is handed out as it is, and the damage is said: what is left
may be all that there is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from daemon import durable, loglines, sign
from daemon.errors import RequestError, StoreError
from daemon.link import Conversation

PIECE_BYTES = 262_144
SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
UNSUMMED = frozenset({SUMS, SIGNATURE})
"""What the sums cannot cover."""
FAULTS_MAX = 100
"""Faults that are named; a medium that is broken has one a file."""
Step = Callable[[str, int], None]
"""Told of progress: `copy` or `check`, and so many bytes more."""


class Copy(msgspec.Struct, frozen=True):
    """What was handed out; it lies beside the copy as `<recording>.json`."""

    recording_id: str
    tracks: tuple[str, ...]
    files: int
    bytes: int
    sums_sha256: str
    faults: tuple[str, ...]
    """What is wrong with the copy, for a person; the first hundred."""
    missing: dict[str, int]
    """Files of the sums that are not there because their track is past its term: how many, by track."""
    signed: bool | None
    """Whether the unit's signature fits; null: no key was there to check it with."""
    audit_lines: tuple[str, ...]
    """Every line of the unit's audit log about this recording, as it stands there: receipts, holds, this hand-out."""


def export(keeper: Conversation, recording_id: str, to: Path, keys: tuple[str, ...], step: Step) -> Copy:
    """Copies a closed recording into `to`, checks it there, and says what came of it.

    Raises RequestError, NotFoundError and RightsError as the keeper does, StoreError for a medium that fails.
    """
    name = str(keeper.ask("recording", recording_id=recording_id)["recording_id"])
    part, whole, sheet = to / f".{name}.part", to / name, to / f"{name}.json"
    if whole.exists():
        raise RequestError(f"{whole} is there already; expected a place without it")
    try:
        shutil.rmtree(part, ignore_errors=True)  # of an export that was killed
        part.mkdir()
        told = keeper.ask("export", recording_id=name)
        found = _checked(part, told, list(_fetch(keeper, part, step)), keys, step)
        copy = msgspec.structs.replace(found, audit_lines=tuple(_lines_about(keeper, name)))
        durable.replace(sheet, msgspec.json.format(msgspec.json.encode(copy), indent=2) + b"\n")
        part.rename(whole)
        durable.sync(to)
    except OSError as error:
        raise StoreError(f"{to}: {error.strerror or error}; nothing was left there") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        with contextlib.suppress(OSError):  # a medium that is gone keeps what it has
            if not whole.exists():
                sheet.unlink(missing_ok=True)
    return copy


def _fetch(keeper: Conversation, part: Path, step: Step) -> Iterator[str]:
    """Copies every file that the keeper hands over, and gives its name once it is durable."""
    directories = {part}
    while True:
        told, files = keeper.ask_for_files("export_files")
        try:
            for name, fd in zip(told["names"], files, strict=True):
                path = part / _inside(name)
                path.parent.mkdir(exist_ok=True)
                directories.add(path.parent)
                _copy(fd, path, step)
                yield name
        finally:
            for fd in files:
                os.close(fd)
        if not files:
            break
    for directory in directories:
        durable.sync(directory)


def _copy(fd: int, path: Path, step: Step) -> None:
    to = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o440)
    try:
        while piece := os.read(fd, PIECE_BYTES):
            view = memoryview(piece)
            while view:
                view = view[os.write(to, view) :]
            step("copy", len(piece))
        os.fsync(to)
    finally:
        os.close(to)


def _checked(part: Path, told: dict[str, Any], names: list[str], keys: tuple[str, ...], step: Step) -> Copy:
    """What lies on the medium, against the sums and their signature."""
    sums, faults = _sums(part, told), list[str]()
    for name in names:
        found = _read_back(part / name, step)
        if name in sums and found != sums[name]:
            faults.append(f"{name}: is not what the recorder wrote")
        elif name not in sums and name not in UNSUMMED:
            faults.append(f"{name}: the recorder does not know it")
    missing = sorted(sums.keys() - set(names))
    gone = {track: sum(_is_of(name, track) for name in missing) for track in ("audio", "video")}
    gone = {track: count for track, count in gone.items() if count and track not in told["tracks"]}
    faults += [f"{name}: is missing" for name in missing if not any(_is_of(name, track) for track in gone)]
    signed = sign.is_signed(_bytes(part / SUMS), _bytes(part / SIGNATURE), keys, sign.RECORDINGS) if keys else None
    if signed is False:
        faults.append(f"{SIGNATURE}: the unit's key did not sign these sums")
    size = sum((part / name).stat().st_size for name in names)
    return Copy(
        told["recording_id"], tuple(told["tracks"]), len(names), size, told["sums_sha256"],
        tuple(faults[:FAULTS_MAX]), gone, signed, (),
    )  # fmt: skip


def _sums(part: Path, told: dict[str, Any]) -> dict[str, str]:
    """File to hash. Raises StoreError where the sums are not those that the keeper's log names."""
    data = _bytes(part / SUMS)
    if sha256(data).hexdigest() != told["sums_sha256"]:
        raise StoreError(f"{SUMS}: the copy is not what the keeper has; is the medium sound?")
    lines = (line.split(maxsplit=1) for line in data.decode(errors="replace").splitlines())
    return {words[1].lstrip("*"): words[0] for words in lines if len(words) == 2}  # noqa: PLR2004 - hash and name


def _read_back(path: Path, step: Step) -> str:
    """The hash of what the medium holds, as far as the kernel lets its cache go."""
    digest, fd = sha256(), os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        while piece := os.read(fd, PIECE_BYTES):
            digest.update(piece)
            step("check", len(piece))
    finally:
        os.close(fd)
    return digest.hexdigest()


def _lines_about(keeper: Conversation, recording_id: str) -> Iterator[str]:
    """The lines of the audit log that name a recording."""
    told, files = keeper.ask_for_files("audit")
    with os.fdopen(files[0], "rb") as file:
        for line in loglines.read(file, told["bytes"]):
            if recording_id.encode() in line.raw:
                yield line.raw.decode(errors="replace").rstrip("\n")


def _inside(name: str) -> str:
    """A name below the recording's directory. Raises StoreError for any other."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not 1 <= len(path.parts) <= 2:  # noqa: PLR2004 - a file, or track/file
        raise StoreError(f"the keeper named `{name}`; expected a file of the recording")
    return name


def _is_of(name: str, track: str) -> bool:
    return name.startswith((f"{track}/", f"{track}."))


def _bytes(path: Path) -> bytes:
    return path.read_bytes()
