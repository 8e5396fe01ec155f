# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One recording in a directory, inspected from outside, as the keeper does with its store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daemon import loglines, sign
from daemon.inspection.files import CHAIN_BYTES_MAX, Pace, Reading, open_regular
from daemon.inspection.judge import Expected, Found, Inspection, begin_of, judge
from daemon.loglines import Line

RECORD_BYTES_MAX = 16_000_000
"""SHA256SUMS of the longest recording, 4 h of two tracks, has 3 MB. No more is read of any record."""
READ_WHOLE = ("begin.json", "begin.json.sig", "end.json", "SHA256SUMS", "SHA256SUMS.sig")


def inspect(path: Path, expected: Expected, keys: tuple[str, ...], pace: Pace = lambda _: None) -> Inspection:
    """Read a recording's directory and judge it, one finding per file. `keys`: the recorder's; none: not checked.

    No content makes it raise; `pace` may.
    """
    found = read(path, path.name, pace)

    def is_signed(data: bytes, signature: bytes) -> bool:
        begin = begin_of(found)
        return sign.is_signed(data, signature, keys, sign.RECORDINGS, begin.unit if begin else "")

    return judge(found, expected, is_signed if keys else None)


def read(path: Path, name: str, pace: Pace = lambda _: None) -> Found:
    """Every file, hashed; the records whole; the chain, at its present length, when it is walked."""
    reading = Reading(path, pace)
    whole = {record: _bytes(path / record) for record in READ_WHOLE if record in reading.files}
    seen = reading.files.get("chain.jsonl")
    return Found(
        name, reading.files, whole, _lines(path / "chain.jsonl", seen.size if seen else 0), tuple(reading.faults)
    )


def _lines(path: Path, size: int) -> Iterator[Line]:
    with open_regular(path, CHAIN_BYTES_MAX) as file:
        yield from loglines.read(file, size)


def _bytes(path: Path) -> bytes:
    """A record; empty: it cannot be read now, or is far too large."""
    try:
        with open_regular(path, RECORD_BYTES_MAX) as file:
            data = file.read(RECORD_BYTES_MAX + 1)
    except OSError:
        return b""
    return data if len(data) <= RECORD_BYTES_MAX else b""
