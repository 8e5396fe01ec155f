# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Lines of the audit log that no keeper signed: those behind its newest signed head when the keeper starts.

Invariant: an unsigned line ends no hold, dates nothing and is no receipt. A crash leaves such lines too; what they
report is then done again. They stay unsigned for ever, although the next head covers them: at its start the keeper
lists them in a line `unsigned`.
"""

from __future__ import annotations

import msgspec

from daemon import sign
from daemon.auditfiles import AuditFiles
from daemon.errors import SealError, StoreError
from daemon.model import acts
from daemon.model.ledger import Line, parse, statement

END_BYTES = 4_194_304
"""Bytes searched for a signed head, from the end: ten thousand lines; there is at least one a day."""
TRIES_MAX = 16
"""Heads checked, 5 ms each: a forged one is skipped."""
PIECE_BYTES = 1_048_576


class Tail(msgspec.Struct):
    """Tells for each line, in order, by its position in the whole log, whether it is signed."""

    from_bytes: int | None = None
    """After the newest signed head; None: unknown, and everything counts as signed."""
    named: dict[int, int] = {}
    """Lines listed by an earlier start: number -> number of the line that lists them."""
    found: list[int] = []
    """Numbers of the lines after the newest signed head."""

    def is_unsigned(self, at_bytes: int, line: Line) -> bool:
        """Whether no keeper signed this line."""
        if self.from_bytes is None:
            return False
        if at_bytes >= self.from_bytes:
            self.found.append(line.n)
            return True
        return line.n in self.named


def tail_of(files: AuditFiles, keys: tuple[str, ...]) -> Tail:
    """Search from the end for a head signed by these keys. Raises StoreError if the log cannot be read."""
    if not keys:
        return Tail()
    try:
        from_bytes = _behind_head(files, keys)
        return Tail() if from_bytes is None else Tail(from_bytes, _named(files, from_bytes), [])
    except OSError as error:
        raise StoreError(f"{files.newest}: {error.strerror or error}") from error
    except SealError:
        return Tail()


def _behind_head(files: AuditFiles, keys: tuple[str, ...]) -> int | None:
    with files.open() as file:
        size = file.seek(0, 2)
        start = max(0, size - END_BYTES)
        file.seek(start)
        data = file.read(size - start)
    end = len(data)
    for _ in range(TRIES_MAX):
        end = data.rfind(b'"signature":"', 0, end)
        if end < 0:
            return None
        begins, ends = data.rfind(b"\n", 0, end) + 1, data.find(b"\n", end) + 1
        line = parse(data[begins:ends])
        match line:
            case Line(act=acts.Head(signature=signature)):
                if sign.is_signed(statement(line.n, line.prev), signature.encode(), keys, sign.AUDIT):
                    return start + ends
        end = begins
    return None


def _named(files: AuditFiles, up_to: int) -> dict[int, int]:
    """The lines listed in signed `unsigned` lines; searched for as bytes, a megabyte at a time."""
    found: dict[int, int] = {}
    with files.open() as file:
        left, kept = up_to, b""
        while left > 0 and (piece := file.read(min(PIECE_BYTES, left))):
            left -= len(piece)
            data = kept + piece
            whole, _, kept = data.rpartition(b"\n")
            kept = kept[-PIECE_BYTES:]
            if b'"event":"unsigned"' not in whole:
                continue
            for raw in whole.splitlines():
                match parse(raw + b"\n") if b'"event":"unsigned"' in raw else None:
                    case Line(n=n, act=acts.Unsigned(first=first, lines=lines)):
                        if lines > 0 and first + lines <= n and n not in found:
                            found |= dict.fromkeys(range(max(first, n - lines - 1), min(n, first + lines)), n)
    return found
