# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Ring time: no second counted twice or lost, whoever restarts, within the hour that a pulled plug may cost."""

from __future__ import annotations

import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from daemon.keeper.audit import AuditLog
from daemon.keeper.ringtime import KEEP_NS, RingCounter
from daemon.model.ringcount import RingCount, count
from daemon.wire import RingTime
from tests.keeper.stores import NS, Clock, audit_lines

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@given(st.lists(st.tuples(st.sampled_from(["said", "lost", "new recorder"]), st.integers(0, 100)), max_size=30))
def test_what_is_counted_is_what_was_sealed(words: list[tuple[str, int]]) -> None:
    """K3: over any words of several recorders, each said twice and some never, no second is counted twice or lost."""
    meter, expected, session, sealed, heard = RingCount(), 0, 0, 0, 0
    for kind, seconds in words:
        if kind == "new recorder":
            session, sealed, heard = session + 1, 0, 0
        sealed += seconds
        if kind != "lost":  # else the next word says it too
            for _ in range(2):
                meter = count(meter, str(session), {"audio": float(sealed)})
            expected, heard = expected + sealed - heard, sealed
    assert meter.due_s.get("audio", 0.0) == expected


def meter(store: Path, clock: Clock) -> tuple[RingCounter, AuditLog]:
    """A keeper that starts, as far as this goes."""
    ring = RingCounter(store / "ring.json", AMSTERDAM)
    audit = AuditLog(store / "audit.jsonl", clock).open(ring.follow)
    ring.start(clock.read())
    return ring, audit


def told(store: Path) -> list[tuple[object, object]]:
    return [(line["audio_s"], line["video_s"]) for line in audit_lines(store) if line["event"] == "ring_time"]


def test_a_day_is_a_line(tmp_path: Path) -> None:
    """K3: at the end of a day, in the policy's zone, its seconds stand in the log, per track; the next has the rest."""
    midnight = datetime.datetime(2027, 1, 1, tzinfo=AMSTERDAM)
    clock = Clock(wall_ns=round(midnight.timestamp()) * NS - 60 * NS)
    ring, audit = meter(tmp_path, clock)
    ring.heard(RingTime("s", {"audio": 100.0, "video": 90.0}))
    ring.tick(audit, clock.read())
    assert not (tmp_path / "audit.jsonl").read_bytes()
    clock.on(60 * NS)
    ring.tick(audit, clock.read())
    ring.heard(RingTime("s", {"audio": 130.0, "video": 91.0}))
    ring.tick(audit, clock.read(), stopping=True)
    audit.close()
    assert told(tmp_path) == [(100.0, 90.0), (30.0, 1.0)]


def test_no_second_is_told_twice_over_a_restart(tmp_path: Path) -> None:
    """K3: a keeper that starts again knows from the log how far it has told of a recorder that went on."""
    clock = Clock()
    ring, audit = meter(tmp_path, clock)
    ring.heard(RingTime("s", {"audio": 100.0, "video": 100.0}))
    ring.tick(audit, clock.read(), stopping=True)
    audit.close()
    ring, audit = meter(tmp_path, clock)
    ring.heard(RingTime("s", {"audio": 105.0, "video": 105.0}))
    ring.heard(RingTime("another", {"audio": 2.0, "video": 2.0}))
    ring.tick(audit, clock.read(), stopping=True)
    audit.close()
    assert told(tmp_path) == [(100.0, 100.0), (7.0, 7.0)]


def test_a_pulled_plug_costs_an_hour_at_the_most(tmp_path: Path) -> None:
    """K3: what was counted is on the disk once an hour; the next keeper has it, and tells it once."""
    clock = Clock()
    ring, audit = meter(tmp_path, clock)
    ring.heard(RingTime("s", {"audio": 3600.0, "video": 3600.0}))
    clock.on(KEEP_NS)
    ring.tick(audit, clock.read())
    ring.heard(RingTime("s", {"audio": 4000.0, "video": 4000.0}))
    audit.close()  # no stop: the plug
    for expected in ([(3600.0, 3600.0)], [(3600.0, 3600.0)]):
        ring, audit = meter(tmp_path, clock)
        ring.tick(audit, clock.read(), stopping=True)
        audit.close()
        assert told(tmp_path) == expected


def test_an_idle_unit_without_a_ring_writes_nothing(tmp_path: Path) -> None:
    """R1: with no ring there is no figure, and no reason to write: not after hours, not after a day, not at a stop."""
    clock = Clock()
    ring, audit = meter(tmp_path, clock)
    for _ in range(30):
        clock.on(KEEP_NS)
        ring.heard(RingTime("s", {}))
        ring.tick(audit, clock.read())
    ring.tick(audit, clock.read(), stopping=True)
    audit.close()
    assert not (tmp_path / "ring.json").exists()
    assert not (tmp_path / "audit.jsonl").read_bytes()


def test_a_broken_file_costs_an_hour_and_no_start(tmp_path: Path) -> None:
    """K3: a ring.json that is none is passed over, and said."""
    (tmp_path / "ring.json").write_bytes(b"[" * 1000)
    ring, audit = meter(tmp_path, Clock())
    ring.heard(RingTime("s", {"audio": 5.0}))
    ring.tick(audit, Clock().read(), stopping=True)
    audit.close()
    assert [line["audio_s"] for line in audit_lines(tmp_path)] == [5.0]
