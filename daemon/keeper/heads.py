# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Signed heads of the audit log: daily, after each deletion and after each act of a custodian.

Invariant (promise K3): a signature covers all lines before it, because each carries the hash of the one before. The key
is the keeper's own; without it the keeper deletes as usual and reports the fault `audit`. The newest head also stands
in a file of its own, so that the next start notices a log whose end was cut away.
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

DAY_NS = 86_400_000_000_000
RETRY_NS = 60_000_000_000
"""After a signature that could not be made or kept: a disk that has room again, or a key that came late, is no fault
for longer. A try takes milliseconds, and a head that stands in the log already is not signed again."""
FILE_BYTES_MAX = 4096
NOT_A_HEAD = (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Seen(msgspec.Struct, frozen=True):
    """The newest signed head: how many lines the log had with it, and the hash of the last of them."""

    lines: int
    head: str


class Heads:
    """One thread: the keeper's. It is a follower of the audit log."""

    def __init__(self, key: Path, file: Path, boot_id: str) -> None:
        self._key, self._file, self._boot_id = key, file, boot_id
        self._next_ns = 0
        """Boot time of the next signature, deletions apart."""
        self._signed: tuple[Seen, Line] | None = None
        """The newest head of this start: it may be in the log and not in the file."""
        self.fault = ""
        """For a person: why nothing is signed; empty while it is."""

    def seen(self) -> Mapping[int, str]:
        """What an earlier start signed last, for `ledger.Walk`; empty where it cannot be told."""
        try:
            if self._file.stat().st_size > FILE_BYTES_MAX:
                return {}
            found = msgspec.json.decode(self._file.read_bytes(), type=Seen)
        except NOT_A_HEAD:
            return {}
        return {found.lines: found.head}

    def keys(self) -> tuple[str, ...]:
        """The keeper's own public key; none where it has none: then no line can be told from another."""
        try:
            return sign.public_keys(self._key.with_suffix(".pub"), sign.AUDIT)
        except SealError:
            return ()

    def follow(self, line: Line) -> None:
        """Takes a line of the log: a head of this boot counts for its day."""
        if isinstance(line.act, acts.Head) and line.boot_id == self._boot_id:
            self._next_ns = line.at_boot_ns + DAY_NS

    def is_due(self, audit: AuditLog, now: ClockReading) -> bool:
        """Whether a day has gone by, and there is something to sign."""
        return audit.lines > 0 and now.boot_ns >= self._next_ns

    def sign(self, audit: AuditLog, now: ClockReading) -> Line | None:
        """Signs what stands there and returns the line that says so; None, and a fault, where that cannot be."""
        try:
            if self._signed is None or self._signed[0] != Seen(audit.lines, audit.head):
                signature = sign.sign(statement(audit.lines, audit.head), self._key, sign.AUDIT)
                line = audit.add(acts.Head(signature.decode()))
                self._signed = Seen(audit.lines, audit.head), line
            seen, line = self._signed
            durable.replace(self._file, records.encode(seen))
        except (SealError, StoreError) as error:
            if not self.fault:
                log.event("head_unsigned", "error", why=str(error))
            self.fault, self._next_ns = f"the audit log's head is not signed: {error}", now.boot_ns + RETRY_NS
            return None
        self.fault = ""
        return line
