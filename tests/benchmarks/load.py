# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What keeps a machine busy beside an alarm: `python -m tests.benchmarks.load KIND DIRECTORY`, until it is ended.

disk: four writers, each with four megabytes and an fdatasync at a time, over and over the same file. deletion: ten
thousand files of four kilobytes, deleted with an fsync of the directory after each, as the keeper does; then again.
processor: two processes that never wait.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

WRITERS = 4
BLOCK, BLOCKS = b"\xa5" * 4_000_000, 32
"""128 MB a writer: more than a disk's own cache, little enough for any machine."""
FILES = 10_000


def _write(path: Path) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while True:
        for n in range(BLOCKS):
            os.pwrite(file, BLOCK, n * len(BLOCK))
            os.fdatasync(file)


def disk(home: Path) -> None:
    """Saturates the disk."""
    threads = [threading.Thread(target=_write, args=(home / f"full-{n}",), daemon=True) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def deletion(home: Path) -> None:
    """Deletes ten thousand files, again and again."""
    directory = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    while True:
        for n in range(FILES):
            (home / f"{n:06d}").write_bytes(b"x" * 4096)
        for n in range(FILES):
            (home / f"{n:06d}").unlink()
            os.fsync(directory)


def processor(_: Path) -> None:
    """Two that never wait, at the nice value of everybody else."""
    os.fork()
    above = os.getppid()
    while os.getppid() == above:  # the second ends with the first
        hash(b"x" * 1_000_000)


if __name__ == "__main__":
    kind, where = sys.argv[1], Path(sys.argv[2])
    where.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, Callable[[Path], None]] = {"disk": disk, "deletion": deletion, "processor": processor}
    kinds[kind](where)
