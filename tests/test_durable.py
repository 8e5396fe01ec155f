# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Files that are whole or not there: killed at every step, on a full disk, and where the name is taken."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.durable import append, open_log, publish, replace
from daemon.errors import StoreError

FILES = [("a", b"a" * 5000), ("b", b""), ("c", b"c" * 70_000)]
ROOT = Path(__file__).parent.parent
# Kills itself in the place of a system call: before the n-th write, fsync or link.
KILLED = """
import os, pathlib, signal, sys
from daemon import durable
left = int(sys.argv[2])
def deadly(act):
    def before(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return act(*args, **kwargs)
    return before
for name in ("write", "fsync", "link"):
    setattr(os, name, deadly(getattr(os, name)))
durable.publish(pathlib.Path(sys.argv[1]), [("a", b"a" * 5000), ("b", b""), ("c", b"c" * 70_000)])
os._exit(0)
"""
STEPS = 2 + 3 + 3 + 1  # two files have bytes to write; three are synced and named; then the directory is synced


def there(directory: Path) -> dict[str, bytes]:
    """Every file in a directory with its bytes."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file may grow beyond this: the kernel says EFBIG, as a full disk says ENOSPC."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def descriptors() -> list[Path]:
    """What this process has open."""
    return sorted(Path("/proc/self/fd").iterdir())


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


# --- publish ------------------------------------------------------------------------------------------------------


def test_files_appear_whole_and_closed_to_writing(tmp_path: Path) -> None:
    """R5: published files are there with all their bytes, nothing beside them, and nobody may write them again."""
    with no_descriptor_left():
        publish(tmp_path, FILES)
    assert there(tmp_path) == dict(FILES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o440}


def test_more_files_than_descriptors(tmp_path: Path) -> None:
    """R5: a whole ring is published with 64 files open at once, whatever its length."""
    many = [(f"{n:06}", bytes([n % 256])) for n in range(200)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(descriptors()) + 100, hard))
    try:
        publish(tmp_path, iter(many))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert there(tmp_path) == dict(many)


@pytest.mark.parametrize("step", range(STEPS + 1))
def test_a_kill_at_any_step_leaves_whole_files_only(tmp_path: Path, step: int) -> None:
    """R5: killed before any write, sync or naming, what is there has all its bytes, and no temporary name is left."""
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(step)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == (-signal.SIGKILL if step < STEPS else 0)
    named = max(0, min(step - 5, 3))  # the first name follows on two writes and three syncs
    assert there(tmp_path) == dict(FILES[:named])


def test_nothing_is_named_before_all_of_a_batch_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R5: bytes are on the disk before their name is, and the directory is synced last."""
    calls: list[str] = []
    for name in ("write", "fsync", "link"):
        real = getattr(os, name)

        def spy(*args: object, name: str = name, real: object = real, **kwargs: object) -> object:
            calls.append(name)
            return real(*args, **kwargs)  # type: ignore[operator]

        monkeypatch.setattr(os, name, spy)
    publish(tmp_path, FILES)
    assert calls == ["write", "write", "fsync", "fsync", "fsync", "link", "link", "link", "fsync"]


def test_a_full_disk_leaves_nothing_half_made(tmp_path: Path) -> None:
    """R5: a disk that is full in the middle of a file is a StoreError, and no file of the batch appears."""
    with disk_of(60_000), no_descriptor_left(), pytest.raises(StoreError, match=f"{tmp_path}: File too large"):
        publish(tmp_path, FILES)
    assert there(tmp_path) == {}
    publish(tmp_path, FILES)
    assert there(tmp_path) == dict(FILES)


def test_a_full_disk_leaves_what_a_file_said(tmp_path: Path) -> None:
    """R5: a file that should say something else says what it said before, and nothing lies beside it as a fault."""
    replace(tmp_path / "time.json", b"before")
    with disk_of(60_000), no_descriptor_left(), pytest.raises(StoreError, match="File too large"):
        replace(tmp_path / "time.json", bytes(70_000))
    assert there(tmp_path) == {"time.json": b"before"}


def test_a_name_that_is_taken_stays_what_it_is(tmp_path: Path) -> None:
    """R5: nothing is ever replaced: a name that is taken is a StoreError, and the old bytes stand."""
    publish(tmp_path, [("b", b"old")])
    with no_descriptor_left(), pytest.raises(StoreError, match="File exists"):
        publish(tmp_path, FILES)
    assert there(tmp_path) == {"a": FILES[0][1], "b": b"old"}


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """R5: the error names the directory."""
    with pytest.raises(StoreError, match="nowhere: No such file or directory"):
        publish(tmp_path / "nowhere", FILES)


# --- logs ---------------------------------------------------------------------------------------------------------


def test_a_log_grows_by_whole_lines_in_order(tmp_path: Path) -> None:
    """K3: what is appended stands at the end, after what was there, also over a second start."""
    for line in (b"one\n", b"two\n"):
        fd = open_log(tmp_path / "log")
        append(fd, line)
        os.close(fd)
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o640


def test_an_appended_line_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3: append returns after the file was synced, and a new log's name is durable too."""
    synced: list[int] = []
    real = os.fsync

    def spy(fd: int) -> None:
        real(fd)
        synced.append(os.fstat(fd).st_ino)

    monkeypatch.setattr(os, "fsync", spy)
    fd = open_log(tmp_path / "log")
    append(fd, b"one\n")
    inode = os.fstat(fd).st_ino
    os.close(fd)
    assert synced == [tmp_path.stat().st_ino, inode]


def test_a_log_on_a_full_disk_is_an_error(tmp_path: Path) -> None:
    """K3: a line that does not fit is a StoreError; what was there before stands, and the next line can follow."""
    fd = open_log(tmp_path / "log")
    append(fd, b"one\n")
    with disk_of(6), pytest.raises(StoreError, match="File too large"):
        append(fd, b"two\n")
    append(fd, b"three\n")
    os.close(fd)
    assert (tmp_path / "log").read_bytes() == b"one\n" + b"tw" + b"three\n"


def test_a_log_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """K3: the error names the log."""
    with pytest.raises(StoreError, match="nowhere/log: No such file or directory"):
        open_log(tmp_path / "nowhere" / "log")
