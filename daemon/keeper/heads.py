# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Signed heads of the audit log: hourly while lines are written, after each deletion and each act of a custodian.

Invariant (promise K3): a signature covers all lines before it, because each carries the hash of the one before. The key
is the keeper's own; without it the keeper deletes as usual and reports the fault `audit`. The newest head is also kept
in a separate file, so that the next start notices a log whose end was cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from daemon import durable, log, records, sign
from daemon.errors import SealError, StoreError
from daemon.keeper.audit import AuditLog
from daemon.model import acts
from daemon.model.ledger import Line, statement
from hardware.ports import ClockReading

HOUR_NS = 3_600_000_000_000
"""Between two heads while lines are written: whoever has the key can rewrite what came after the newest head that a
witness has. Each head takes a kilobyte of the disk, at most twenty-four a day; a log without a new line is not signed,
so that an idle unit writes nothing (promise R1)."""
RETRY_NS = 60_000_000_000
"""After a signature that could not be made or kept: when the disk has space again, or a late key has come, the fault
lasts no longer than this. An attempt takes milliseconds, and a head already in the log is not signed again."""
FILE_BYTES_MAX = 4096
NOT_A_HEAD = (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Seen(msgspec.Struct, frozen=True):
    """The newest signed head: the number of lines then, and the hash of the last."""

    lines: int
    head: str


class Heads:
    """One thread: the keeper's. It is a follower of the audit log."""

    def __init__(self, key: Path, file: Path, boot_id: str) -> None:
        self._key, self._file, self._boot_id = key, file, boot_id
        self._next_ns = 0
        """Boot time of the next signature, apart from deletions."""
        self._covered = 0
        """Number of lines up to the newest head, and with it."""
        self._unkept: tuple[Seen, Line] | None = None
        """A head that is in the log, and not yet in the file."""
        self.fault = ""
        """Why nothing is signed, for a person; empty: it is."""

    def seen(self) -> Mapping[int, str]:
        """The head last signed by an earlier start, for `ledger.Walk`; empty: unknown."""
        try:
            if self._file.stat().st_size > FILE_BYTES_MAX:
                return {}
            found = msgspec.json.decode(self._file.read_bytes(), type=Seen)
        except NOT_A_HEAD:
            return {}
        return {found.lines: found.head}

    def keys(self) -> tuple[str, ...]:
        """The keeper's own public key; empty if it has none: then signed and unsigned lines cannot be told apart."""
        try:
            return sign.public_keys(self._key.with_suffix(".pub"), sign.AUDIT)
        except SealError:
            return ()

    def follow(self, line: Line) -> None:
        """Take a line of the log: a head covers the lines before it, and one of this boot counts for its hour."""
        if not isinstance(line.act, acts.Head) or not line.is_signed:
            return
        self._covered = line.n + 1
        if line.boot_id == self._boot_id:
            self._next_ns = line.at_boot_ns + HOUR_NS

    def covers(self, n: int) -> bool:
        """Whether this line is signed: a head stands behind it."""
        return n < self._covered

    def is_due(self, audit: AuditLog, now: ClockReading) -> bool:
        """Whether there is a line that no head covers, and an hour has passed since the newest head of this boot.

        Or a head that the file beside the log has not got, a minute after the last attempt.
        """
        return now.boot_ns >= self._next_ns and (audit.lines > self._covered or self._unkept is not None)

    def sign(self, audit: AuditLog, now: ClockReading) -> Line | None:
        """Sign the log and return the line of the signature; None, and a fault, if that is impossible."""
        try:
            if self._unkept is None or self._unkept[0] != Seen(audit.lines, audit.head):
                line = audit.add(self._head(audit.lines, audit.head))
                self._unkept = Seen(audit.lines, audit.head), line
            seen, line = self._unkept
            durable.replace(self._file, records.encode(seen))
        except (SealError, StoreError) as error:
            self._refuse(error, now)
            return None
        self.fault, self._unkept, self._covered = "", None, seen.lines
        self._next_ns = line.at_boot_ns + HOUR_NS
        return line

    def turn(self, audit: AuditLog, act: acts.YearBegan, now: ClockReading) -> list[Line]:
        """Close a year of the log by a signed head, and begin the next with another; none, and a fault, if impossible.

        The year is then closed later: until it is, the newest file goes on.
        """
        told: list[Line] = []
        if audit.lines > self._covered:
            if (line := self.sign(audit, now)) is None:
                return told
            told.append(line)
        try:
            told += audit.turn(act, self._head)
            self._unkept = Seen(audit.lines, audit.head), told[-1]
            durable.replace(self._file, records.encode(self._unkept[0]))
        except (SealError, StoreError) as error:
            self._refuse(error, now)
        else:
            self.fault, self._unkept = "", None
        return told

    def _head(self, lines: int, head: str) -> acts.Head:
        return acts.Head(sign.sign(statement(lines, head), self._key, sign.AUDIT).decode())

    def _refuse(self, error: SealError | StoreError, now: ClockReading) -> None:
        if not self.fault:
            log.event("head_unsigned", "error", why=str(error))
        self.fault, self._next_ns = f"the audit log's head is not signed: {error}", now.boot_ns + RETRY_NS
