# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Files that are whole or not there, also after a power cut.

The law here: a file gets its name only when its bytes are on the disk (O_TMPFILE, fsync, linkat), and the name is on
the disk when its directory has been synced. linkat never replaces, so this file can neither delete nor overwrite: the
recorder runs under a system call filter in which neither exists (docs/decisions/0001-segments-appear-by-link.md).

Measured on ext4 with the plug pulled: without fsync of the file 0 bytes, without fsync of the directory no name.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from daemon.errors import StoreError

BATCH_MAX = 64
"""Files that are open at once while a batch is published: well under the usual limit of 1,024 descriptors."""
PROBE_BYTES = 65_536
"""More than a file system may keep inside an inode: a disk that is full to the last block refuses it."""
READ_BYTES = 1 << 20
"""In one call: a file that grows while it is read cannot make it ask for all memory."""


def publish(
    directory: Path,
    files: Iterable[tuple[str, bytes]],
    mode: int = 0o440,
    before_naming: Callable[[], None] = lambda: None,
) -> None:
    """Makes files appear in a directory, durable on return. Raises StoreError; what is not there by then never will be.

    All are written before the first is synced: ext4 then commits them together. The mode lets nobody write again, not
    even who wrote: under the recorder's filter it cannot be changed back. `before_naming` is called when the bytes are
    on the disk, once a batch; what it raises comes through, and the batch is gone without a trace.
    """
    pending = list(files)
    try:
        for start in range(0, len(pending), BATCH_MAX):
            _publish_batch(directory, pending[start : start + BATCH_MAX], mode, before_naming)
        sync(directory)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror or error}") from error


def probe(directory: Path) -> None:
    """Whether a directory's disk takes bytes: writes some, syncs them, and leaves nothing. Raises StoreError."""
    try:
        fd = os.open(directory, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, bytes(PROBE_BYTES))
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror or error}") from error


def read(path: Path, bytes_max: int) -> bytes:
    """The bytes of a file, if it is one and no larger. Raises StoreError; never waits for a pipe, follows no link."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            seen = os.fstat(fd)
            if not stat.S_ISREG(seen.st_mode) or seen.st_size > bytes_max:
                raise StoreError(f"{path}: no file of at most {bytes_max} bytes")
            parts, left = [], bytes_max + 1
            while left > 0 and (part := os.read(fd, min(left, READ_BYTES))):
                parts.append(part)
                left -= len(part)
        finally:
            os.close(fd)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    if left <= 0:
        raise StoreError(f"{path}: more than {bytes_max} bytes")
    return b"".join(parts)


def _publish_batch(
    directory: Path, files: list[tuple[str, bytes]], mode: int, before_naming: Callable[[], None]
) -> None:
    opened: list[tuple[int, str]] = []
    home = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name, data in files:
            fd = os.open(directory, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, mode)
            opened.append((fd, name))
            _write_all(fd, data)
        for fd, _ in opened:
            os.fsync(fd)
        before_naming()
        for fd, name in opened:
            # The only way to name an unnamed file without a capability: linkat(2) on its descriptor's link, followed.
            # os.link follows only when it is given a directory: without one it calls link(2), which does not.
            os.link(f"/proc/self/fd/{fd}", name, src_dir_fd=home, dst_dir_fd=home, follow_symlinks=True)
    finally:
        os.close(home)
        for fd, _ in opened:
            os.close(fd)


def replace(path: Path, data: bytes, mode: int = 0o640) -> None:
    """Makes a file say something else: all of it or, after a power cut, what it said before. Raises StoreError.

    What is written beside it has the name with `.new` behind it; one that a power cut leaves over was never in force.
    """
    beside = path.with_name(path.name + ".new")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            _write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(beside, path)  # noqa: PTH104 - as the other calls here, so that a test can die at it
        sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()  # a disk that is full keeps its bytes for what can be written
        raise StoreError(f"{path}: {error.strerror or error}") from error


def forget_new(directory: Path) -> None:
    """Takes away what a crash left of a `replace`: it was never in force. A directory is none. Raises StoreError."""
    try:
        for beside in directory.glob("*.new"):
            if beside.is_symlink() or not beside.is_dir():
                beside.unlink()
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror or error}") from error


def append(fd: int, data: bytes) -> None:
    """Adds to an open log (O_APPEND) and syncs it. Raises StoreError; a torn line can stand at the end then."""
    try:
        _write_all(fd, data)
        os.fsync(fd)
    except OSError as error:
        raise StoreError(f"{Path(f'/proc/self/fd/{fd}').readlink()}: {error.strerror or error}") from error


def open_log(path: Path, mode: int = 0o640) -> int:
    """Opens a log for appending, and makes it (and its name durable) when it is not there. Raises StoreError."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
        sync(path.parent)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    return fd


def sync(directory: Path) -> None:
    """Makes a directory's names durable. Raises OSError."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
