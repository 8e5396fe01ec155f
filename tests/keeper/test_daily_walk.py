# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The keeper's daily walk of its log costs what is new, and sees what changed in what is old."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from daemon import sign
from daemon.auditfiles import AuditFiles
from daemon.keeper.worker import HEADS_MAX, LogJob, Worker
from daemon.model.ledger import START, statement
from tests.auditlog import raw as line_of
from tests.auditlog import sample

HEADS, BETWEEN = 40, 25


def add(log: Path, key: Path, heads: int, n: int = 0, head: str = START, *, between: int = BETWEEN) -> tuple[int, str]:
    """Signed heads, each with some lines before it; how many lines there are then, and the last one's hash."""
    with log.open("ab") as file:
        for _ in range(heads):
            for _ in range(between):
                raw = line_of(n, head, **sample("verified"))
                file.write(raw)
                n, head = n + 1, hashlib.sha256(raw).hexdigest()
            signature = sign.sign(statement(n, head), key, sign.AUDIT).decode()
            raw = line_of(n, head, **sample("head", signature=signature))
            file.write(raw)
            n, head = n + 1, hashlib.sha256(raw).hexdigest()
    return n, head


@pytest.mark.case("years 2")
def test_a_walk_checks_the_newest_heads_and_new_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3: a head covers all before it, so that a walk asks ssh-keygen for the newest few; the next walk judges what has
    come since, and a byte that changed in what is old is named with its line all the same.
    """
    log, key = tmp_path / "audit.jsonl", tmp_path / "keeper"
    sign.make_key(key, "unit", sign.AUDIT)
    keys = sign.public_keys(key.with_suffix(".pub"), sign.AUDIT)
    lines, head = add(log, key, HEADS)
    asked, really = [], sign.is_signed

    def counting(*args: Any) -> bool:
        asked.append(args)
        return really(*args)

    monkeypatch.setattr(sign, "is_signed", counting)
    worker = Worker(lambda _: None)
    assert worker._walk(LogJob(AuditFiles(log), log.stat().st_size, {lines: head}, keys)).findings == ()
    assert len(asked) <= HEADS_MAX
    assert worker._proven.lines == lines
    asked.clear()
    lines, head = add(log, key, 1, lines, head)
    assert worker._walk(LogJob(AuditFiles(log), log.stat().st_size, {lines: head}, keys)).findings == ()
    assert len(asked) == 1
    data = bytearray(log.read_bytes())
    data[data.index(b"verified")] ^= 1
    log.write_bytes(data)
    (finding,) = worker._walk(LogJob(AuditFiles(log), log.stat().st_size, {lines: head}, keys)).findings
    assert "line 0 was changed after line 1 was written" in finding.what
