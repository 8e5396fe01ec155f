# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How fast the store's disk takes what a recording gives it: written, synced and gone again, without a name."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from daemon.errors import StoreError

PIECE_BYTES = 500_000
"""A second of image at 4 Mbit/s: written and synced as a recording's segments are."""
PIECES_MAX = 16
"""8 MB: a card's own cache of some megabytes does not hide what is behind it."""
SPENT_S_MAX = 2.5
"""An operator waits five seconds for an answer; a card that is slower than this has been measured long before."""


class Speed(msgspec.Struct, frozen=True):
    """What was measured."""

    bytes_s: int
    slowest_ms: int
    """The longest that one piece took to be durable: a flash card stalls now and then."""


def measure(directory: Path) -> Speed:
    """Writes to a file that never has a name, so that nothing is left behind even by a power cut. Raises StoreError.

    Runs in a thread of its own: it waits for the disk, and a deletion must not wait for it.
    """
    piece, took_s = os.urandom(PIECE_BYTES), list[float]()
    try:
        fd = os.open(directory, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            while len(took_s) < PIECES_MAX and sum(took_s) < SPENT_S_MAX:
                began_s = time.monotonic()
                view = memoryview(piece)
                while view:
                    view = view[os.write(fd, view) :]
                os.fsync(fd)
                took_s.append(time.monotonic() - began_s)
        finally:
            os.close(fd)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror or error}; its speed could not be measured") from error
    return Speed(round(len(took_s) * PIECE_BYTES / sum(took_s)), round(max(took_s) * 1000))
