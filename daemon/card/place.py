# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The boot partition: read within bounds, secrets wiped from it, the answer written to it.

Invariant: anybody may have had this card in a computer. Only plain files of a page or two are read, no link is
followed, case does not matter (FAT has none), and a card that refuses gets an answer and stops nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from daemon import durable
from daemon.card import sheet
from daemon.config import FILE_BYTES_MAX
from daemon.errors import StoreError

PLACES = (Path("/boot/firmware"), Path("/boot"))
"""Raspberry Pi OS since Debian 12; a PC."""
WIPED = ".gewist"
"""Suffix of a file that is being wiped."""
NAMES_MAX = 10_000
"""Names per directory; Raspberry Pi OS has some four hundred there."""


class Card:
    """One boot partition."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._names = self._listed()

    def candidates(self) -> tuple[str, ...]:
        """Names that may be meant as a settings file. Raises StoreError if the card cannot be read."""
        return sheet.candidates(self._names)

    def find(self, name: str) -> str | None:
        """The name of a file on the card in any case; an exact match comes first."""
        same = [found for found in self._names if found.lower() == name.lower()]
        return name if name in same else next(iter(same), None)

    def read(self, name: str) -> bytes:
        """A small file. Raises StoreError."""
        return durable.read(self.home / name, FILE_BYTES_MAX)

    def wipe(self, name: str) -> str:
        """Overwrite a file in place, and remove it. Return why that failed, in Dutch; empty: it is gone.

        Other copies in flash and FAT (older versions, remapped blocks) cannot be reached from here.
        """
        marked = name + WIPED
        try:
            (self.home / name).rename(self.home / marked)  # after a power cut no half-wiped key has this name
            durable.sync(self.home)
            overwrite(self.home / marked)
            durable.sync(self.home)
        except OSError as error:
            return f"{name} staat nog op de kaart ({reason(error)}): haal het er zelf af"
        self._names.discard(name)
        return ""

    def wipe_rest(self) -> None:
        """Continue wiping after a power cut."""
        for name in [name for name in self._names if name.endswith(WIPED)]:
            with contextlib.suppress(OSError):
                overwrite(self.home / name)
                durable.sync(self.home)

    def answer(self, text: str) -> str:
        """Write the answer, over the old one in place, so that a full card takes it too.

        Return why it is missing or incomplete, in Dutch; empty: it is there.
        """
        data = text.replace("\n", "\r\n").encode()  # older versions of Windows' Notepad need these line ends
        path = self.home / (self.find(sheet.ANSWER) or sheet.ANSWER)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        except OSError as error:
            return f"{sheet.ANSWER} kan niet worden geschreven ({reason(error)})"
        try:
            written = _write(fd, data)
            os.ftruncate(fd, written)
            os.fsync(fd)
        except OSError as error:
            return f"{sheet.ANSWER} kan niet worden geschreven ({reason(error)})"
        finally:
            os.close(fd)
        return "" if written == len(data) else f"de kaart is vol: {sheet.ANSWER} is na {written} tekens afgebroken"

    def _listed(self) -> set[str]:
        found: set[str] = set()
        try:
            with os.scandir(self.home) as entries:
                for entry in entries:
                    if len(found) == NAMES_MAX:
                        break
                    found.add(entry.name)
        except OSError as error:
            raise StoreError(f"de kaart ({self.home}) kan niet worden gelezen ({reason(error)})") from error
        return found


def boot_place() -> Path:
    """Path of this machine's boot partition."""
    return next((place for place in PLACES if place.is_dir()), PLACES[-1])


def overwrite(path: Path) -> None:
    """Overwrite a file with other bytes, and remove it. Raises OSError; follows no link."""
    fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _write(fd, os.urandom(min(os.fstat(fd).st_size, FILE_BYTES_MAX)))
        os.fsync(fd)
    finally:
        os.close(fd)
    path.unlink()


def reason(error: OSError | StoreError) -> str:
    """Why something failed, in Dutch, for what happens to cards and disks."""
    if isinstance(error, StoreError):
        return reason(error.__cause__) if isinstance(error.__cause__, OSError) else str(error)
    known = {
        errno.EROFS: "alleen te lezen", errno.ENOSPC: "vol", errno.EIO: "stuk, of eruit gehaald",
        errno.ENOENT: "er niet", errno.EISDIR: "het is een map", errno.ELOOP: "het is een verwijzing",
    }  # fmt: skip
    return known.get(error.errno or 0, error.strerror or str(error))


def _write(fd: int, data: bytes) -> int:
    """Writes from the beginning as much as there is room for, and returns how much that is."""
    done = 0
    while done < len(data):
        try:
            done += os.pwrite(fd, data[done:], done)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            break
    return done
