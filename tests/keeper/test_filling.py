# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How full the store's disk is: told at each level, once, across restarts."""

from __future__ import annotations

from pathlib import Path

from daemon.errors import DeviceError
from daemon.keeper.audit import AuditLog
from daemon.keeper.filling import Filling
from hardware.ports import DiskSpace
from tests.keeper.stores import Clock, audit_lines


class Card:
    """A disk of 100 GB that a test fills."""

    def __init__(self) -> None:
        self.used_gb, self.is_gone = 10, False

    def space(self) -> DiskSpace:
        """As full as it was made."""
        if self.is_gone:
            raise DeviceError("disk of store: Input/output error; expected a directory that is there")
        return DiskSpace(100_000_000_000, (100 - self.used_gb) * 1_000_000_000, self.used_gb * 1_000_000_000)


def test_levels_are_lines_and_the_higher_ones_a_fault(tmp_path: Path) -> None:
    """K2, H1: 70 %, 85 % and 95 % are lines of the log, going up and coming back; from 85 % on it is a fault that says
    what holds keep.
    """
    card = Card()
    filling = Filling(card)
    log = AuditLog(tmp_path / "audit.jsonl", Clock()).open(filling.follow)
    faults = []
    for used in (10, 69, 70, 84, 86, 96, 99, 94, 60):
        card.used_gb = used
        filling.look(log, held=3, recordings=8)
        faults.append(filling.fault)
    told = audit_lines(tmp_path, "filling")
    assert [(line["level"], line["percent"]) for line in told] == [(70, 70), (85, 86), (95, 96), (0, 60)]
    assert [bool(fault) for fault in faults] == [False] * 4 + [True] * 4 + [False]
    assert faults[5] == "the store's disk is 96 % full, 4.0 GB free; holds keep 3 of 8"
    log.close()


def test_a_restart_tells_nothing_twice(tmp_path: Path) -> None:
    """K2: what was told before a restart is known from the log."""
    card = Card()
    card.used_gb = 90
    for _ in range(2):
        filling = Filling(card)
        log = AuditLog(tmp_path / "audit.jsonl", Clock()).open(filling.follow)
        filling.look(log, 0, 0)
        log.close()
    assert len(audit_lines(tmp_path, "filling")) == 1


def test_a_disk_that_cannot_be_asked_is_a_fault(tmp_path: Path) -> None:
    """H1: a disk that says nothing is no empty disk."""
    card = Card()
    card.is_gone = True
    filling = Filling(card)
    log = AuditLog(tmp_path / "audit.jsonl", Clock()).open(filling.follow)
    assert filling.look(log, 0, 0) is None
    assert "Input/output error" in filling.fault
    log.close()
