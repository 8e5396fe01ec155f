# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Files that are complete or absent, even after a power cut.

Invariant: a file gets its name only when its bytes are on the disk (O_TMPFILE, fsync, linkat), and the name is on the
disk when its directory has been synced. linkat never replaces, so this file can neither delete nor overwrite: the
recorder runs under a system call filter that forbids both (docs/decisions/0001-segments-appear-by-link.md).

Measured on ext4 by pulling the plug: without fsync of the file, 0 bytes; without fsync of the directory, no name.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from daemon.errors import StoreError

BATCH_MAX = 64
"""Files open at once while a batch is published: well under the usual limit of 1,024 descriptors."""
PROBE_BYTES = 65_536
"""More than a file system may keep inside an inode: a completely full disk refuses it."""
READ_BYTES = 1 << 20
"""Bytes per call: a file that grows while it is read cannot make it ask for all memory."""


def publish(
    directory: Path,
    files: Iterable[tuple[str, bytes]],
    mode: int = 0o440,
    before_naming: Callable[[], None] = lambda: None,
) -> None:
    """Publish files in a directory, durable on return. Raises StoreError; files absent then will never appear.

    All are written before the first is synced: ext4 then commits them together. The mode lets nobody write again, not
    even their writer: under the recorder's filter it cannot be changed back. `before_naming` is called once per batch,
    when the bytes are on the disk; if it raises, the batch vanishes without a trace.
    """
    pending = list(files)
    try:
        for start in range(0, len(pending), BATCH_MAX):
            _publish_batch(directory, pending[start : start + BATCH_MAX], mode, before_naming)
        sync(directory)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror or error}") from error


def probe(directory: Path) -> None:
    """Check that a directory's disk accepts writes: write, sync, and leave nothing. Raises StoreError."""
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
    """The bytes of a regular file of limited size. Raises StoreError; never waits for a pipe, follows no link."""
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
            # os.link follows only when it is given a directory; without one it calls link(2), which does not.
            os.link(f"/proc/self/fd/{fd}", name, src_dir_fd=home, dst_dir_fd=home, follow_symlinks=True)
    finally:
        os.close(home)
        for fd, _ in opened:
            os.close(fd)


def replace(path: Path, data: bytes, mode: int = 0o640) -> None:
    """Replace the content of a file: after a power cut it has either all of it or the old. Raises StoreError.

    The new content is written beside it, with the suffix `.new`; a leftover one was never used.
    """
    beside = path.with_name(path.name + ".new")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            _write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(beside, path)  # noqa: PTH104 - like the other calls here, so that a test can kill it at this point
        sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()  # a full disk keeps its space for what can be written
        raise StoreError(f"{path}: {error.strerror or error}") from error


def forget_new(directory: Path) -> None:
    """Delete what a crash left of a `replace`: it was never used. Ignores directories. Raises StoreError."""
    try:
        for beside in directory.glob("*.new"):
            if beside.is_symlink() or not beside.is_dir():
                beside.unlink()
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror or error}") from error


def append(fd: int, data: bytes) -> None:
    """Append to an open log (O_APPEND) and sync it. Raises StoreError; the last line may be torn then."""
    try:
        _write_all(fd, data)
        os.fsync(fd)
    except OSError as error:
        raise StoreError(f"{Path(f'/proc/self/fd/{fd}').readlink()}: {error.strerror or error}") from error


def open_log(path: Path, mode: int = 0o640) -> int:
    """Open a log for appending; create it, with its name durable, if it does not exist. Raises StoreError."""
    fd = None
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
        sync(path.parent)
    except OSError as error:
        if fd is not None:
            os.close(fd)  # an open alarm tries again and again
        raise StoreError(f"{path}: {error.strerror or error}") from error
    return fd


def begin_log(path: Path, data: bytes, before_naming: Callable[[int], None], mode: int = 0o640) -> int:
    """Put a new log in the place of one, with this data, and return it open for appending.

    Raises StoreError: the one before is still there. `before_naming` gets the descriptor when the data is on the disk.
    On return the name is not synced yet.
    """
    beside = path.with_name(path.name + ".new")
    fd = None
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        _write_all(fd, data)
        os.fsync(fd)
        before_naming(fd)
        os.rename(beside, path)  # noqa: PTH104 - as in `replace`
    except BaseException as error:
        if fd is not None:
            os.close(fd)
        with contextlib.suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError):
            raise StoreError(f"{path}: {error.strerror or error}") from error
        raise
    return fd


def add_name(path: Path, name: Path) -> None:
    """Give a file another name as well, durable on return. Raises StoreError: it may have it all the same."""
    try:
        os.link(path, name)
        sync(name.parent)
    except OSError as error:
        raise StoreError(f"{name}: {error.strerror or error}") from error


def remove(path: Path) -> None:
    """Delete a file, durable on return; one that is not there is none. Raises StoreError."""
    try:
        path.unlink(missing_ok=True)
        sync(path.parent)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def sync(directory: Path) -> None:
    """Make a directory's names durable. Raises OSError."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
