# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Sealed copies for hand-out: the files of a recording, and the next of them as open files.

Invariant: the keeper opens nothing that is sealed and copies nothing. It opens each file for reading and passes the
descriptor on; the receiver can read it, but not write. Only closed recordings are handed out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from daemon import records
from daemon.errors import RequestError, StoreError
from daemon.keeper.store import Store
from daemon.link import FILES_MAX, Peer
from daemon.names import TRACKS
from hardware.ports import Track

STALLED_NS = 600_000_000_000
"""Sixty-four files are at most some forty megabytes, a minute on a slow stick. A peer that has asked for none in ten
minutes has stopped, and does not hold up an upgrade."""


class Bundle(NamedTuple):
    """A hand-out under way."""

    recording_id: str
    path: Path
    tracks: tuple[Track, ...]
    files: tuple[str, ...]
    bytes: int
    sums_sha256: str

    def summary(self) -> Summary:
        """The summary for an operator."""
        return Summary(self.recording_id, self.tracks, len(self.files), self.bytes, self.sums_sha256)


class Summary(msgspec.Struct, frozen=True):
    """What an operator is told about it."""

    recording_id: str
    tracks: tuple[Track, ...]
    files: int
    bytes: int
    sums_sha256: str


class Going(NamedTuple):
    """Progress of a hand-out."""

    bundle: Bundle
    done: int
    asked_ns: int
    """Boot time at which the newest files were asked for."""


class Exports:
    """Hand-outs by peer; each ends with its connection. One thread."""

    def __init__(self, store: Store, boot_ns: Callable[[], int]) -> None:
        self._store, self._boot_ns = store, boot_ns
        self._open: dict[Peer, Going] = {}

    def running(self) -> list[str]:
        """The recordings being handed out, each until its peer goes: a restart would interrupt that."""
        since_ns = self._boot_ns() - STALLED_NS
        return sorted({one.bundle.recording_id for one in self._open.values() if one.asked_ns >= since_ns})

    def open(self, peer: Peer, recording_id: str) -> Bundle:
        """Begin. Raises RequestError for a recording that is not closed, StoreError for one that cannot be read."""
        path = self._store.path(recording_id)
        try:
            if not (path / "SHA256SUMS.sig").is_file():
                raise RequestError(f"recording {recording_id} is not closed yet; expected one that has ended")
            names = tuple(sorted(_files(path)))
            size = sum((path / name).lstat().st_size for name in names)
            sums = records.sha256((path / "SHA256SUMS").read_bytes())
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from error
        tracks = tuple(track for track in TRACKS if self._store.has(recording_id, track))
        found = Bundle(recording_id, path, tracks, names, size, sums)
        self._open[peer] = Going(found, 0, self._boot_ns())
        return found

    def next_files(self, peer: Peer) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The next files of this connection's hand-out, open for reading; none: that was all.

        Raises RequestError if nothing was begun, StoreError for a file that cannot be opened.
        """
        if peer not in self._open:
            raise RequestError("`export_files` comes after `export`, on the same connection")
        bundle, done = self._open[peer][:2]
        names = bundle.files[done : done + FILES_MAX]
        self._open[peer] = Going(bundle, done + len(names), self._boot_ns())
        files: list[int] = []
        try:
            for name in names:
                files.append(os.open(bundle.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
        except OSError as error:
            for fd in files:
                os.close(fd)
            raise StoreError(f"{bundle.path / name}: {error.strerror or error}; it may have been deleted") from error
        return names, tuple(files)

    def forget(self, peer: Peer) -> None:
        """The peer has disconnected."""
        self._open.pop(peer, None)


def _files(path: Path) -> list[str]:
    """Every regular file of a recording, below its directory; links and anything else are not handed out."""
    return [
        str(file.relative_to(path))
        for directory in (path, path / "audio", path / "video")
        if directory.is_dir() and not directory.is_symlink()
        for file in directory.iterdir()
        if stat.S_ISREG(file.lstat().st_mode)
    ]
