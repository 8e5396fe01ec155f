# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Reads a log line by line, in bounded memory whatever it contains."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import IO, NamedTuple

LINE_BYTES_MAX = 65_536
"""Our longest line is under a tenth of this; a file without newlines is hashed in pieces and not held."""


class Line(NamedTuple):
    """One line of a file."""

    raw: bytes
    """With its newline; empty if it is longer than any line of ours."""
    sha256: str
    """SHA-256 of the whole line, newline included."""
    ended_sha256: str
    """The same once it has a newline; different only for a last line that was cut off."""
    size: int
    ended: bool


def read(file: IO[bytes], bytes_max: int | None = None) -> Iterator[Line]:
    """Yield each line from the file's current position.

    `bytes_max`: read no further; the file may grow meanwhile. Raises OSError.
    """
    left = bytes_max

    def piece() -> bytes:
        nonlocal left
        raw = file.readline(LINE_BYTES_MAX if left is None else min(left, LINE_BYTES_MAX))
        left = None if left is None else left - len(raw)
        return raw

    while raw := piece():
        digest, whole, size = sha256(raw), raw, len(raw)
        while len(raw) == LINE_BYTES_MAX and not raw.endswith(b"\n"):
            whole, raw = b"", piece()
            digest.update(raw)
            size += len(raw)
        ended, found = raw.endswith(b"\n"), digest.hexdigest()
        if not ended:
            digest.update(b"\n")
        yield Line(whole, found, digest.hexdigest(), size, ended)
