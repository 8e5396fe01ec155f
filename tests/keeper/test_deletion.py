"""Deletion in an order that can be broken off anywhere, an audit log that says it, a store that is not misread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon import records
from daemon.keeper.audit import START, AuditLog
from daemon.keeper.store import Store
from daemon.keeper.sweeper import Sweeper
from daemon.model.retention import due
from hardware.clock import SystemClock
from hardware.ports import ClockReading
from tests.dying import die_at

NS = 1_000_000_000
WEEK_NS = 168 * 3600 * NS


class Clock:
    """A clock that stands where a test puts it."""

    def __init__(self, wall_ns: int) -> None:
        self.wall_ns = wall_ns

    def boot_ns(self) -> int:
        """Standing."""
        return 5 * NS

    def read(self) -> ClockReading:
        """Both."""
        return ClockReading(self.boot_ns(), self.wall_ns, "synchronised")

    def boot_id(self) -> str:
        """Another boot than the recordings'."""
        return "now"


def recording(store: Path, name: str) -> Path:
    """A recording as the recorder leaves it: two tracks, three segments each, both envelopes."""
    path = store / "recordings" / name
    track = {"audio": records.TrackBegin(0, 0, 168), "video": records.TrackBegin(0, 0, 672)}
    for directory in ("audio", "video"):
        (path / directory).mkdir(parents=True)
        for n in range(3):
            (path / directory / f"{n:06d}.ts.age").write_bytes(b"sealed")
        (path / f"{directory}.0.key.age").write_bytes(b"envelope")
    begin = records.Begin(
        name, "unit", "policy", "0" * 64, "then", "synchronised", 0, 0, 0, 30.0, alarm=False, continues=None,
        tracks=track, groups=(), previous_head="",  # type: ignore[arg-type]  # the keys are tracks
    )  # fmt: skip
    (path / "begin.json").write_bytes(records.encode(begin))
    (path / "chain.jsonl").write_bytes(b"{}\n")
    return path


def sweep(store: Path, clock: Clock) -> None:
    """One start of the keeper, as far as deletion goes."""
    audit = AuditLog(store / "audit.jsonl", clock)
    found = Store(store / "recordings")
    found.refresh()
    sweeper = Sweeper(found, audit, clock)
    sweeper.finish()
    for late in due(found.kept(), clock.read(), clock.boot_id()):
        sweeper.delete(late)
    audit.close()


def audit_lines(store: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (store / "audit.jsonl").read_text().splitlines()]


def chained(store: Path) -> bool:
    head = START
    for raw in (store / "audit.jsonl").read_bytes().splitlines(keepends=True):
        if json.loads(raw)["prev"] != head:
            return False
        head = records.sha256(raw)
    return True


def test_sound_goes_and_image_stays(tmp_path: Path) -> None:
    """K1, K3: a track that has reached its term goes with its key, the other is untouched, and both lines say so."""
    path = recording(tmp_path, "a" * 32)
    sweep(tmp_path, Clock(WEEK_NS))
    assert sorted(file.name for file in path.iterdir()) == ["begin.json", "chain.jsonl", "video", "video.0.key.age"]
    assert [line["event"] for line in audit_lines(tmp_path)] == ["deleting", "deleted"]
    assert chained(tmp_path)


@pytest.mark.parametrize("point", range(1, 24))
def test_killed_anywhere_the_next_start_finishes(tmp_path: Path, point: int) -> None:
    """K1, K3: killed at any call that deletes or syncs, the next start completes it: nothing of the track is left, the
    image is whole, every deletion that was begun has its receipt, the log is one chain.
    """
    path = recording(tmp_path, "a" * 32)
    story = f"""
from tests.keeper.test_deletion import Clock, WEEK_NS, sweep
sweep(Path({str(tmp_path)!r}), Clock(WEEK_NS))
"""
    die_at(point, ("fsync", "unlink", "rmdir"), story)
    sweep(tmp_path, Clock(WEEK_NS))
    assert not (path / "audio").exists()
    assert not list(path.glob("audio*"))
    assert len(list((path / "video").iterdir())) == 3
    events = [line["event"] for line in audit_lines(tmp_path)]
    assert events.count("deleting") == events.count("deleted") == 1
    assert chained(tmp_path)


def test_the_last_track_takes_the_records_with_it(tmp_path: Path) -> None:
    """K1: when the last track goes, the whole directory goes; what is known of it stands in the audit log."""
    path = recording(tmp_path, "a" * 32)
    sweep(tmp_path, Clock(4 * WEEK_NS))
    assert not path.exists()
    assert [line["track"] for line in audit_lines(tmp_path) if line["event"] == "deleted"] == ["audio", "video"]


def test_what_is_not_understood_is_named_and_left_alone(tmp_path: Path) -> None:
    """K3: foreign files, links and broken records are counted, named and not deleted, and harm nothing else."""
    good = recording(tmp_path, "a" * 32)
    broken, renamed = recording(tmp_path, "b" * 32), recording(tmp_path, "c" * 32)
    (broken / "begin.json").write_bytes(b"\xff not json")
    renamed.rename(tmp_path / "recordings" / ("d" * 32))
    (tmp_path / "recordings" / "holiday.jpg").write_bytes(b"x")
    (recording(tmp_path, "f" * 32) / "begin.json").write_bytes(b"[" * 30_000)
    (tmp_path / "recordings" / ("e" * 32)).symlink_to(good)
    found = Store(tmp_path / "recordings")
    found.refresh()
    assert sorted(name[0] for name in found.unaccounted) == ["b", "d", "e", "f", "h"]
    sweep(tmp_path, Clock(4 * WEEK_NS))
    assert sorted(entry.name[0] for entry in (tmp_path / "recordings").iterdir()) == ["b", "d", "e", "f", "h"]
    assert (broken / "audio").is_dir()


def test_a_torn_audit_line_is_said_and_the_chain_goes_on(tmp_path: Path) -> None:
    """K3: a line that a power cut tore stays where it is; the next one says so and carries its hash."""
    clock = SystemClock()
    log = AuditLog(tmp_path / "audit.jsonl", clock)
    log.add("first")
    log.add("second")
    log.close()
    with (tmp_path / "audit.jsonl").open("r+b") as file:
        file.truncate((tmp_path / "audit.jsonl").stat().st_size - 10)
    again = AuditLog(tmp_path / "audit.jsonl", clock)
    again.add("third")
    again.close()
    raw = (tmp_path / "audit.jsonl").read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["event"] for line in (raw[0], raw[2], raw[3])] == ["first", "torn", "third"]
    assert json.loads(raw[2])["prev"] == records.sha256(raw[1])
