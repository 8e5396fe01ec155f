# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A store on a disk without a free byte: deletion is said and done, holds are placed, nothing goes early."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from daemon import sign
from daemon.errors import StoreError
from daemon.keeper.heads import Heads
from daemon.model.acts import Head
from daemon.model.ledger import Walk
from tests.auditlog import act
from tests.disks import fill, small_disk
from tests.keeper.stores import H_NS, WEEK_NS, Clock, Keeper, audit_lines, chained, name, recording

MINUTE_NS = 60_000_000_000
BALLAST = act("deleting", recording_id=name("a"), chain_sha256="x" * 200)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """12 MB."""
    with small_disk(tmp_path / "small", 12) as found:
        yield found


def test_what_is_due_goes_from_a_disk_without_a_free_byte(disk: Path) -> None:
    """K1, K3: on a disk that takes not one byte more a deletion is said before and after, from the log's own reserve,
    and done; what is not due stays.
    """
    for letter in "abcdefgh":
        recording(disk, name(letter), at_boot_ns=0 if letter < "e" else WEEK_NS // 2, segments=20)
    keeper = Keeper(disk, Clock(WEEK_NS - H_NS))
    assert keeper.sweep() == []
    fill(disk)
    with pytest.raises(OSError, match="No space left"):
        (disk / "one-byte").write_bytes(b"x" * 5000)
    keeper.clock.on(H_NS)
    assert [receipt["recording_id"] for receipt in keeper.sweep()] == [name(letter) for letter in "abcd"]
    keeper.close()
    assert sorted(path.name for path in (disk / "recordings").glob("*/audio")) == ["audio"] * 4
    assert len(audit_lines(disk, "deleting")) == len(audit_lines(disk, "deleted")) == 4
    assert chained(disk)


def test_a_start_on_a_full_disk(disk: Path) -> None:
    """K1: a keeper that starts when the disk is full already goes on with its log and deletes what is due."""
    recording(disk, name("a"), segments=20)
    Keeper(disk, Clock()).close()
    fill(disk)
    keeper = Keeper(disk, Clock(WEEK_NS, boot="one"))
    assert len(keeper.sweep()) == 1
    keeper.close()
    assert chained(disk)


def test_a_first_start_on_a_full_disk_waits_and_recovers(disk: Path) -> None:
    """K3: where the disk is so full that no log can be begun, that is a clear error and nothing is deleted; with room
    the next start does it.
    """
    path = recording(disk, name("a"), segments=20)
    ballast = fill(disk)
    with pytest.raises(StoreError, match="No space left"):
        Keeper(disk, Clock(WEEK_NS))
    assert (path / "audio").is_dir()
    ballast.unlink()
    keeper = Keeper(disk, Clock(WEEK_NS))
    assert len(keeper.sweep()) == 1
    keeper.close()
    walk = Walk()
    for raw in (disk / "audit.jsonl").read_bytes().splitlines(keepends=True):
        walk.take(raw)
    walk.finish()
    assert walk.faults == []


def test_the_reserve_is_made_again(disk: Path) -> None:
    """K1: after a megabyte of lines on a full disk the log has no reserve left; with room it has one again."""
    keeper = Keeper(disk, Clock())
    ballast = fill(disk)
    before = keeper.audit.lines

    def fill_up() -> None:
        for _ in range(4000):
            keeper.audit.add(BALLAST)

    with pytest.raises(StoreError, match="No space left"):
        fill_up()
    assert keeper.audit.lines - before > 1500, "some thousand tracks can be deleted on a full disk"
    ballast.unlink()
    keeper.audit.add(act("verified"))
    ballast = fill(disk)
    for _ in range(1000):
        keeper.audit.add(BALLAST)
    keeper.close()
    assert chained(disk)


def test_a_head_that_no_file_could_keep_is_kept_within_a_minute_of_room(disk: Path) -> None:
    """H1, K3: on a full disk the log takes a head from its reserve and the file beside it is refused. That is a fault,
    each try of which leaves nothing in the log, and is none any more a minute after there is room. Then it is signed
    an hour after the head, if there is a line to sign.
    """
    key = disk.parent / "key"
    sign.make_key(key, "unit", sign.AUDIT)
    keeper = Keeper(disk, Clock())
    heads = Heads(key, disk / "head.json", "boot")
    now = keeper.clock.read()
    ballast = fill(disk)
    assert heads.sign(keeper.audit, now) is None
    lines = keeper.audit.lines
    for minute in range(1, 20):
        later = msgspec.structs.replace(now, boot_ns=now.boot_ns + minute * MINUTE_NS)
        assert heads.is_due(keeper.audit, later)
        assert heads.sign(keeper.audit, later) is None
    assert "No space left" in heads.fault
    assert keeper.audit.lines == lines
    ballast.unlink()
    line = heads.sign(keeper.audit, now)
    assert line is not None
    assert isinstance(line.act, Head)
    assert (heads.fault, heads.seen()) == ("", {lines: keeper.audit.head})
    hour = msgspec.structs.replace(now, boot_ns=now.boot_ns + H_NS)
    assert not heads.is_due(keeper.audit, hour)
    keeper.audit.add(act("deleted"))
    assert not heads.is_due(keeper.audit, msgspec.structs.replace(now, boot_ns=now.boot_ns + 20 * MINUTE_NS))
    assert heads.is_due(keeper.audit, hour)
    assert heads.sign(keeper.audit, hour) is not None
    assert keeper.audit.lines == lines + 2
    keeper.close()
    assert chained(disk)
