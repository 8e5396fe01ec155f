# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The keeper's daily walk of a log of a million lines with ten thousand signed heads: thirty years of a busy room.

The peer reads the same bytes and hashes them: `sha256sum`.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from daemon import sign
from daemon.auditfiles import AuditFiles
from daemon.keeper.worker import LogJob, Worker
from tests.benchmarks.figures import Figure, number, ratio
from tests.benchmarks.processes import workplace
from tests.keeper.test_daily_walk import add

HEADS, BETWEEN = 10_000, 99
FIRST_S_MAX = 60.0
"""After a start nothing has been looked at; the walk is a thread of its own, of the lowest importance."""
DAILY_S_MAX = 10.0
"""A day's lines; what is old is read and hashed again, so that a byte that changed in it is named."""
BARE_MAX = 5.0


def measure() -> Iterator[Figure]:
    """The walk after a start; the one of the next day; and the bare reading."""
    with workplace() as home:
        log, key = home / "audit.jsonl", home / "keeper"
        sign.make_key(key, "unit", sign.AUDIT)
        keys = sign.public_keys(key.with_suffix(".pub"), sign.AUDIT)
        lines, head = add(log, key, HEADS, between=BETWEEN)
        worker = Worker(lambda _: None)
        first_s = _walk(worker, log, keys, {lines: head})
        note = f"{lines:,} lines, {HEADS:,} heads, {log.stat().st_size / 1e6:.0f} MB"
        yield Figure("audit log, walk after a start", number(first_s, "s"), "", first_s, "s", FIRST_S_MAX, note)
        lines, head = add(log, key, 5, lines, head, between=BETWEEN)
        daily_s = _walk(worker, log, keys, {lines: head})
        yield Figure("audit log, daily walk", number(daily_s, "s"), "", daily_s, "s", DAILY_S_MAX, "500 new lines")
        began_s = time.monotonic()
        subprocess.run(["sha256sum", str(log)], check=True, capture_output=True)
        peer_s = time.monotonic() - began_s
        yield ratio("audit log, daily walk beside sha256sum", daily_s, peer_s, "s", BARE_MAX, "the same bytes")


def _walk(worker: Worker, log: Path, keys: tuple[str, ...], seen: dict[int, str]) -> float:
    began_s = time.monotonic()
    assert worker._walk(LogJob(AuditFiles(log), log.stat().st_size, seen, keys)).findings == ()
    return time.monotonic() - began_s
