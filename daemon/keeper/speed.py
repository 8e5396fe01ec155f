# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Measures how fast the store's disk writes a recording: written, synced and dropped, without a name."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from daemon.errors import StoreError

PIECE_BYTES = 500_000
"""A second of image at 4 Mbit/s, written and synced like a recording's segment."""
PIECES_MAX = 16
"""8 MB, so that a card's own cache of some megabytes does not hide its real speed."""
SPENT_S_MAX = 2.5
"""An operator waits five seconds for an answer; a slower card has been measured long before."""


class Speed(msgspec.Struct, frozen=True):
    """The result of a measurement."""

    bytes_s: int
    slowest_ms: int
    """Longest time for one piece to become durable: a flash card stalls now and then."""


def measure(directory: Path) -> Speed:
    """Write to a file without a name, so that nothing is left behind even by a power cut. Raises StoreError.

    Runs on a separate thread: it waits for the disk, and a deletion must not wait for it.
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
