# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""When the log is signed: hourly while lines are added, and never without one."""

from __future__ import annotations

import itertools
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from daemon import sign
from daemon.keeper.audit import AuditLog
from daemon.keeper.heads import HOUR_NS, Heads
from daemon.model import acts
from hardware.ports import ClockReading
from tests.auditlog import act, line
from tests.keeper.desks import NOW_NS, Hands

MINUTE_NS = HOUR_NS // 60


class Lines:
    """A log as long as it says."""

    lines = 0


def at(minute: int) -> ClockReading:
    """So many minutes after the boot."""
    return ClockReading(minute * MINUTE_NS, NOW_NS, "synchronised")


@given(st.lists(st.booleans(), max_size=400))
def test_hourly_while_lines_are_added_and_never_without_one(adds: list[bool]) -> None:
    """R1, K3: at no minute of any day does a line wait more than an hour for its head, and a head follows a line that
    is no head: a log to which nobody adds is left alone.
    """
    heads, log = Heads(Path("none"), Path("none"), "one"), Lines()
    uncovered: list[int] = []
    signed: list[int] = []
    for minute, adding in enumerate(adds):
        if adding:
            heads.follow(line("deleted", n=log.lines, boot_id="one"))
            log.lines += 1
            uncovered.append(minute)
        if heads.is_due(log, at(minute)):  # type: ignore[arg-type]  # as much of a log as it asks
            assert uncovered, "there is nothing new to sign"
            head = line("head", n=log.lines, boot_id="one", at_boot_ns=minute * MINUTE_NS)
            heads.follow(head)
            log.lines, uncovered = log.lines + 1, []
            signed.append(minute)
        assert not uncovered or minute - uncovered[0] <= 60
    assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(signed))


def test_a_log_that_is_signed_is_signed_once(tmp_path: Path) -> None:
    """R1: on the keeper's own parts: a head, an hour without a line and no head; a line, and within the hour its head,
    also in a later start of the same boot; what somebody put behind the newest head covers nothing.
    """
    key, clock = tmp_path / "key", Hands(NOW_NS)
    sign.make_key(key, "unit", sign.AUDIT)
    log, heads = AuditLog(tmp_path / "audit.jsonl", clock), Heads(key, tmp_path / "head.json", clock.boot_id())
    log.open(heads.follow, keys=heads.keys())
    assert not heads.is_due(log, clock.read()), "an empty log is not signed"
    log.add(act("boot"))
    assert heads.is_due(log, clock.read())
    assert heads.sign(log, clock.read())
    clock.passed_ns += 25 * HOUR_NS
    assert not heads.is_due(log, clock.read())
    log.add(act("deleted"))
    assert heads.is_due(log, clock.read())
    assert heads.sign(log, clock.read())
    log.add(act("deleted"))
    assert not heads.is_due(log, clock.read()), "not within the hour"
    log.add(acts.Head("nobody's"))
    log.close()
    later = Heads(key, tmp_path / "head.json", clock.boot_id())
    log = AuditLog(tmp_path / "audit.jsonl", clock)
    log.open(later.follow, keys=later.keys())
    assert not later.is_due(log, clock.read())
    clock.passed_ns += HOUR_NS
    assert later.is_due(log, clock.read())
    log.close()
