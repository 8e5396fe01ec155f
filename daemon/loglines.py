# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A log read a line at a time, in bounded memory whatever is in it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import IO, NamedTuple

LINE_BYTES_MAX = 65_536
"""No line of ours is a tenth of this; a file without newlines is hashed in pieces and not held."""


class Line(NamedTuple):
    """One line of a file."""

    raw: bytes
    """With its newline; empty when it is longer than any line of ours."""
    sha256: str
    """Of all of it, newline included."""
    ended_sha256: str
    """The same once it has a newline; another only for a last line that was cut off."""
    size: int
    ended: bool


def read(file: IO[bytes], bytes_max: int | None = None) -> Iterator[Line]:
    """Each line from where the file stands.

    `bytes_max`: the file may grow while it is read; what comes after so many bytes is not looked at. Raises OSError.
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
