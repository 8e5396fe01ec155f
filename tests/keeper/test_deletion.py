# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Deletion in an order that can be broken off anywhere, an audit log that says it, a store that is not misread."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from daemon import records
from daemon.errors import StoreError
from daemon.keeper.audit import AuditLog
from daemon.keeper.store import Store
from hardware.clock import SystemClock
from tests.auditlog import act, sample
from tests.auditlog import chained as log_of
from tests.keeper.stores import WEEK_NS, Clock, Keeper, audit_lines, chained, name, recording, sweep

A = name("a")


def test_sound_goes_and_image_stays(tmp_path: Path) -> None:
    """K1, K3: a track that has reached its term goes with its key, the other is untouched, and both lines say so."""
    path = recording(tmp_path, A)
    sweep(tmp_path, Clock(WEEK_NS - 1))
    assert (path / "audio").is_dir(), "not a nanosecond early"
    sweep(tmp_path, Clock(WEEK_NS))
    left = {file.name for file in path.iterdir()}
    assert left == {"begin.json", "chain.jsonl", "end.json", "SHA256SUMS", "SHA256SUMS.sig", "video", "video.0.key.age"}
    told = audit_lines(tmp_path, "deleting", "deleted")
    assert [line["event"] for line in told] == ["deleting", "deleted"]
    assert (told[0]["segments"], told[0]["bytes"], told[0]["late_s"], told[0]["late_why"]) == (3, 18, 0, "")
    assert chained(tmp_path)


def test_the_last_track_takes_the_records_with_it(tmp_path: Path) -> None:
    """K1: when the last track goes, the whole directory goes; what is known of it stands in the audit log."""
    path = recording(tmp_path, A)
    sweep(tmp_path, Clock(4 * WEEK_NS))
    assert not path.exists()
    assert [line["track"] for line in audit_lines(tmp_path, "deleted")] == ["audio", "video"]


def test_a_recording_that_came_to_nothing_goes_too(tmp_path: Path) -> None:
    """K1: a recording of which only the records are there goes with its first term, and leaves nothing."""
    path = recording(tmp_path, A, segments=0)
    for track in ("audio", "video"):
        (path / f"{track}.0.key.age").unlink()
    sweep(tmp_path, Clock(WEEK_NS))
    assert not path.exists()
    assert len(audit_lines(tmp_path, "deleted")) == 1


def test_what_is_not_understood_is_named_and_left_alone(tmp_path: Path) -> None:
    """K3: foreign files, links and broken records are counted, named and not deleted, and harm nothing else."""
    good = recording(tmp_path, A)
    broken, renamed = recording(tmp_path, name("b")), recording(tmp_path, name("c"))
    (broken / "begin.json").write_bytes(b"\xff not json")
    renamed.rename(tmp_path / "recordings" / name("d"))
    (tmp_path / "recordings" / "holiday.jpg").write_bytes(b"x")
    (recording(tmp_path, name("f")) / "begin.json").write_bytes(b"[" * 30_000)
    (tmp_path / "recordings" / name("e")).symlink_to(good)
    recording(tmp_path, name("1"), term_h=(168, 10_000))
    recording(tmp_path, name("2"), term_h=(0, 672))
    found = Store(tmp_path / "recordings")
    found.refresh()
    assert "".join(sorted(name[0] for name in found.unaccounted)) == "12bdefh"
    sweep(tmp_path, Clock(4 * WEEK_NS))
    assert "".join(sorted(entry.name[0] for entry in (tmp_path / "recordings").iterdir())) == "12bdefh"
    assert (broken / "audio").is_dir()


def test_a_store_is_seen_as_it_comes(tmp_path: Path) -> None:
    """K3: a recording is seen when its begin.json is there, one that went is forgotten, and a look without news
    says so.
    """
    home = tmp_path / "recordings"
    (home / A).mkdir(parents=True)
    found = Store(home)
    assert found.refresh() is False
    assert list(found.unaccounted) == [A]
    (home / A).rmdir()
    recording(tmp_path, A)
    assert found.refresh() is True
    assert found.unaccounted == {}
    found.look_again()
    assert found.refresh() is False
    for n in range(50):
        (home / f"{n:032x}").mkdir()
    assert found.refresh() is False
    assert len(found.unaccounted) == 50
    (home / A).rename(tmp_path / A)
    assert found.refresh() is True
    assert len(found) == 0


def test_foreign_files_inside_a_recording_stay(tmp_path: Path) -> None:
    """K3: what a recorder never wrote is not deleted with a track: it stays, and the receipt says how much there is."""
    path, elsewhere = recording(tmp_path, A), tmp_path / "elsewhere"
    (path / "audio" / "notes.txt").write_bytes(b"x")
    (path / "audio" / "000009.ts.age").mkdir()
    elsewhere.mkdir()
    (elsewhere / "000001.ts.age").write_bytes(b"somebody else's")
    for segment in (path / "video").iterdir():
        segment.unlink()
    (path / "video").rmdir()
    (path / "video").symlink_to(elsewhere)
    sweep(tmp_path, Clock(4 * WEEK_NS))
    assert sorted(file.name for file in path.iterdir()) == ["audio", "video"]
    assert sorted(file.name for file in (path / "audio").iterdir()) == ["000009.ts.age", "notes.txt"]
    assert (elsewhere / "000001.ts.age").exists(), "no link is followed"
    assert [line["left"] for line in audit_lines(tmp_path, "deleted")] == [2, 2]
    sweep(tmp_path, Clock(4 * WEEK_NS))
    assert len(audit_lines(tmp_path, "deleted")) == 2, "and it is not deleted again and again"


def test_a_track_that_cannot_be_deleted_keeps_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K1: a deletion that the disk refuses is named and tried again, with one line; the others go all the same."""
    for letter in "abc":
        recording(tmp_path, name(letter))
    keeper, really = Keeper(tmp_path, Clock(WEEK_NS)), os.unlink
    bad_inode = (tmp_path / "recordings" / name("b") / "audio" / "000001.ts.age").stat().st_ino

    def unlink(file: str, *, dir_fd: int | None = None) -> None:
        if os.stat(file, dir_fd=dir_fd).st_ino == bad_inode:
            raise OSError(5, "Input/output error")
        really(file, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    assert {receipt["recording_id"] for receipt in keeper.sweep()} == {name("a"), name("c")}
    assert keeper.sweep() == []
    assert list(keeper.sweeper.refused) == [(name("b"), "audio")]
    assert "Input/output error" in keeper.sweeper.refused[name("b"), "audio"]
    monkeypatch.undo()
    assert [receipt["finished_later"] for receipt in keeper.sweep()] == [True]
    assert keeper.sweeper.refused == {}
    keeper.close()
    assert len(audit_lines(tmp_path, "deleting")) == 3
    assert chained(tmp_path)


def test_a_line_that_somebody_else_wrote_deletes_nothing(tmp_path: Path) -> None:
    """K3: a deletion is completed only from a line that a keeper can have written; any other begins none,
    inside the store or outside it, and stops no start.
    """
    path, elsewhere = recording(tmp_path, A), tmp_path / "elsewhere"
    (elsewhere / "audio").mkdir(parents=True)
    (elsewhere / "audio" / "000000.ts.age").write_bytes(b"somebody else's")
    (elsewhere / "begin.json").write_bytes(b"x")
    lines = (
        sample("deleting", recording_id="../elsewhere", track="audio"),
        sample("deleting", recording_id=name("b"), track="../../elsewhere/audio"),
        sample("deleting", recording_id=A, track="audio", late_s="long", late_why=[1]),
        {"event": "deleting", "recording_id": A, "track": "audio"},
    )
    (tmp_path / "audit.jsonl").write_bytes(b"".join(log_of(lines)))
    assert sweep(tmp_path, Clock()) == []
    assert (path / "audio").exists()
    assert len(list(elsewhere.rglob("*"))) == 3


def test_a_torn_audit_line_is_said_and_the_chain_goes_on(tmp_path: Path) -> None:
    """K3: a line that a power cut tore stays where it is; the next one says so and carries its hash."""
    clock = SystemClock()
    log = AuditLog(tmp_path / "audit.jsonl", clock).open()
    log.add(act("verified"))
    log.add(act("verified"))
    log.close()
    with (tmp_path / "audit.jsonl").open("r+b") as file:
        file.truncate((tmp_path / "audit.jsonl").stat().st_size - 10)
    again = AuditLog(tmp_path / "audit.jsonl", clock).open()
    again.add(act("filling"))
    again.close()
    raw = (tmp_path / "audit.jsonl").read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["event"] for line in (raw[0], raw[2], raw[3])] == ["verified", "torn", "filling"]
    assert json.loads(raw[2])["prev"] == records.sha256(raw[1])


def test_a_line_that_the_disk_cut_off_is_found_while_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3: when a full disk takes half of some lines, the whole one counts, the torn one is said, the chain goes on."""
    log = AuditLog(tmp_path / "audit.jsonl", SystemClock()).open()
    log.add(act("verified"))
    really, room = os.write, [700]

    def write(fd: int, data: bytes) -> int:
        written = really(fd, bytes(data)[: room[0]]) if room[0] else 0
        room[0] -= written
        if not written:
            raise OSError(28, "No space left on device")
        return written

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StoreError, match="No space left"):
        log.add_all(act("cleared", files=("x" * 200,)) for _ in range(2))
    with pytest.raises(StoreError, match="No space left"):
        log.add(act("filling"))
    monkeypatch.undo()
    log.add(act("filling"))
    raw = (tmp_path / "audit.jsonl").read_bytes().splitlines(keepends=True)
    assert [json.loads(raw[n])["event"] for n in (0, 1, 3, 4)] == ["verified", "cleared", "torn", "filling"]
    assert json.loads(raw[3])["prev"] == records.sha256(raw[2])
    assert [json.loads(raw[n])["n"] for n in (3, 4)] == [3, 4]
    assert json.loads(raw[4])["prev"] == records.sha256(raw[3])
    assert (log.lines, log.head) == (5, records.sha256(raw[4]))
    log.close()


def test_a_store_has_one_keeper(tmp_path: Path) -> None:
    """K3: a second keeper is refused with a text that says why, and the first goes on."""
    first = Keeper(tmp_path, Clock())
    with pytest.raises(StoreError, match="another keeper has this store"):
        AuditLog(tmp_path / "audit.jsonl", SystemClock()).open()
    first.audit.add(act("verified"))
    first.close()
    assert chained(tmp_path)


def test_a_full_disk_takes_the_logs_reserve(tmp_path: Path) -> None:
    """K1: the log has a megabyte of the disk before it needs it, and is no longer for that."""
    log = AuditLog(tmp_path / "audit.jsonl", SystemClock()).open()
    log.add(act("verified"))
    found = (tmp_path / "audit.jsonl").stat()
    assert found.st_blocks * 512 >= 1_000_000
    assert found.st_size < 1000
    log.close()
