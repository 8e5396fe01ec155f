# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A boot partition with the file system that it has on a card: FAT, in a file. Needs root.

Files come and go by mtools while it is not mounted, as by another computer. fusefat, which mounts it where the kernel
has no FAT, spoils files that are replaced or renamed to another case: a unit does neither.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S, wait_for

KILOBYTES = 1440
"""Of the partition: FAT12, as small ones are."""


class Partition:
    """One partition."""

    def __init__(self, image: Path) -> None:
        self.image = image
        self._driver: subprocess.Popen[bytes] | None = None
        _run("truncate", "-s", f"{KILOBYTES}K", str(image))
        _run("/usr/sbin/mkfs.vfat", str(image))

    def put(self, name: str, data: bytes) -> None:
        """Copies a file to it, over one of its name."""
        _run("mcopy", "-o", "-i", str(self.image), "-", f"::/{name}", stdin=data)

    def get(self, name: str) -> str:
        """What a computer reads there."""
        return _run("mtype", "-i", str(self.image), f"::/{name}").decode()

    def remove(self, name: str) -> None:
        """Deletes a file."""
        _run("mdel", "-i", str(self.image), f"::/{name}")

    def names(self) -> set[str]:
        """What a computer lists there."""
        return {
            line.removeprefix("::/") for line in _run("mdir", "-b", "-i", str(self.image), "::").decode().split("\n")
        }

    def fill(self, name: str = "ballast") -> None:
        """Leaves no cluster free."""
        free = _run("mdir", "-i", str(self.image), "::").decode().split("\n")[-3]
        self.put(name, bytes(int("".join(c for c in free if c.isdigit()))))

    def is_sound(self) -> bool:
        """Whether a check of it finds nothing."""
        return subprocess.run(["/usr/sbin/fsck.vfat", "-n", str(self.image)], check=False).returncode == 0

    @contextlib.contextmanager
    def mounted(self, at: Path, *, writable: bool = True) -> Iterator[Path]:
        """Mounts it, by the kernel's own driver where the kernel has one.

        `at`: a name in a directory of its own, which is a shared mount meanwhile: a container that begins has copies of
        this machine's mounts below its own for as long as it runs, and lets go of one only where it hears of the
        umount.
        """
        at.mkdir(parents=True, exist_ok=True)
        _run("mount", "--bind", str(at.parent), str(at.parent))
        try:
            _run("mount", "--make-shared", str(at.parent))
            with self._mounted(at, writable=writable):
                yield at
        finally:
            _run("umount", str(at.parent))

    @contextlib.contextmanager
    def _mounted(self, at: Path, *, writable: bool) -> Iterator[None]:
        kernels = ["mount", "-t", "vfat", "-o", "loop,rw" if writable else "loop,ro", str(self.image), str(at)]
        if subprocess.run(kernels, capture_output=True, check=False).returncode:
            if not Path("/dev/fuse").exists():
                pytest.skip("neither the kernel's FAT nor /dev/fuse is here: mount one in the machine that runs this")
            command = ["fusefat", "-f", "-o", "rw+" if writable else "ro", str(self.image), str(at)]
            self._driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for("the partition", at.is_mount)
        try:
            yield
        finally:
            _run("umount", str(at))
            if self._driver is not None:
                self._driver.wait(PATIENCE_S)  # it writes the last of it after umount has come back
                self._driver = None

    @contextlib.contextmanager
    def stalled(self) -> Iterator[bool]:
        """A card that answers nothing any more, mounted as it is; False where the kernel itself drives it."""
        if self._driver is None:
            yield False
            return
        self._driver.send_signal(signal.SIGSTOP)
        try:
            yield True
        finally:
            self._driver.send_signal(signal.SIGCONT)


def _run(*command: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"
    return done.stdout
