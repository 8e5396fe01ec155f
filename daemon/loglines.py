"""A log read a line at a time, in bounded memory whatever is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import IO

LINE_BYTES_MAX = 65_536
"""No line of ours is a tenth of this; a file without newlines is hashed in pieces and not held."""


def read(file: IO[bytes], bytes_max: int | None = None) -> Iterator[tuple[bytes, str]]:
    """Each line with its newline, and its SHA-256. Of a line that is too long only the hash is given, and no bytes.

    `bytes_max`: the file may grow while it is read; what comes after so many bytes is not looked at. Raises OSError.
    """
    left = bytes_max
    while raw := file.readline(LINE_BYTES_MAX if left is None else min(left, LINE_BYTES_MAX)):
        digest, whole = hashlib.sha256(raw), raw
        left = None if left is None else left - len(raw)
        while len(raw) == LINE_BYTES_MAX and not raw.endswith(b"\n"):
            whole = b""
            raw = file.readline(LINE_BYTES_MAX if left is None else min(left, LINE_BYTES_MAX))
            digest.update(raw)
            left = None if left is None else left - len(raw)
        yield whole, digest.hexdigest()
