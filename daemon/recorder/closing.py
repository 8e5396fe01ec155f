# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Closes recordings that a kill, a power cut or a disk left open, in the background and without reading their content.

Invariant: nothing in the store keeps the recorder from starting or recording. A recording is judged by its own records,
each of bounded size. The chain has the hashes of its segments, so that only segments without a line are read. What
cannot be read is reported and left as it is.
"""

from __future__ import annotations

import os
import re
import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from daemon import durable, log, names, records
from daemon.errors import StoreError, UnitError
from daemon.recorder.bundle import CHAIN_BYTES_MAX, Missing, Reach, Sign, close
from hardware.ports import Clock, Track

LINE_BYTES_MAX = 4096
"""A chain line is under 600 bytes; a longer one was not written by this unit."""
BEGIN_BYTES_MAX = 65_536
"""begin.json is a few kilobytes, with sixty-four holders about six."""
SEGMENT_BYTES_MAX = 64 * 1024 * 1024
"""Maximum size of a segment: five seconds without a key frame at 25 Mbit/s are 16 MB."""
TAIL_BYTES = 65_536
"""End of a chain that is read to see how far both tracks have come: fifty seconds of lines."""
PARTS_MAX = 16
"""Consecutive parts without content that are followed back to find the one before."""
STOPPED = "the unit stopped while it recorded"
REFUSED = "the disk refused while it recorded"
AGAIN_S = 5.0
"""Between two attempts to close a recording when the disk refuses."""
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
WHY = {
    "stopped": "the recorder was stopped",
    "lease": "the lamp's owner did not renew the lease",
    "store": "the disk refused what was recorded",
    "interrupted": "the recorder was interrupted",
}
"""Reason of the gap after a part, by how the part ended."""


class Closer:
    """A separate thread: it waits for the disk, and nothing waits for it. `left` from any thread."""

    def __init__(self, recordings: Path, clock: Clock, sign: Sign) -> None:
        self._recordings, self._clock, self._sign = recordings, clock, sign
        self._change = threading.Condition()
        self._left: list[tuple[Path, str]] = []
        self._mine: set[str] | None = set()
        """Begun by this process, as long as it is unknown what earlier ones left open."""
        self._over = False
        self._thread = threading.Thread(target=self._run, name="closer", daemon=True)

    def start(self) -> None:
        """Begin to look for recordings that earlier starts left open."""
        self._thread.start()

    def begun(self, recording_id: str) -> None:
        """This one is open because it is being written."""
        with self._change:
            if self._mine is not None:
                self._mine.add(recording_id)

    def left(self, path: Path, why: str) -> None:
        """The disk refused to go on with this recording: close it when possible."""
        with self._change:
            self._left.append((path, why))
            self._change.notify()

    def close(self) -> None:
        """End the thread after the current file."""
        with self._change:
            self._over = True
            self._change.notify()

    def _run(self) -> None:
        self._look()
        while True:
            with self._change:
                self._change.wait_for(lambda: self._over or bool(self._left))
                if self._over:
                    return
                some, self._left = self._left, []
            kept = [one for one in some if not self._over and not self._closed(*one)]
            with self._change:
                self._left += kept
                if kept:
                    self._change.wait_for(lambda: self._over, AGAIN_S)

    def _look(self) -> None:
        found = _names(self._recordings, names.ID)
        with self._change:
            mine, self._mine = self._mine or set(), None
        for name in found:
            path = self._recordings / name
            if name not in mine and not self._over and _is_open(path) and not self._closed(path, STOPPED, log_it=True):
                self.left(path, STOPPED)

    def _closed(self, path: Path, why: str, *, log_it: bool = False) -> bool:
        """Whether nothing is left to do. What is not a recording is left alone."""
        try:
            if not (path / "begin.json").exists() or not _is_open(path):
                return True
            close_interrupted(path, self._clock, self._sign, why)
        except (UnitError, OSError) as error:
            log.event("recording_not_closed", "warning" if log_it else "debug", path=path.name, why=str(error))
            return False
        log.event("recording_interrupted", "warning", recording_id=path.name)
        return True


def close_interrupted(path: Path, clock: Clock, sign: Sign, detail: str = STOPPED) -> None:
    """Close an open recording. Raises StoreError and SealError: not a recording, or not possible now."""
    raw_begin = durable.read(path / "begin.json", BEGIN_BYTES_MAX)
    try:
        begin = msgspec.json.decode(raw_begin, type=records.Begin)
    except UNREADABLE as error:
        raise StoreError(f"{path}: no recording that could be closed: {error}") from error
    chain = durable.read(path / "chain.jsonl", CHAIN_BYTES_MAX) if (path / "chain.jsonl").exists() else b""
    now = clock.read()
    raw = chain.splitlines(keepends=True)
    head = records.sha256(raw[-1]) if raw else records.sha256(raw_begin)
    text, count = b"", len(raw)
    lines = [parse(line) for line in raw]
    chained = {line.file: line.sha256 for line in lines if isinstance(line, records.SegmentLine)}
    chained |= dict(
        _recovered(line) for line in lines if isinstance(line, records.MarkLine) and line.what == "recovered"
    )
    fresh: list[records.ChainLine] = []
    if raw and not raw[-1].endswith(b"\n"):
        text, head = b"\n", records.sha256(raw[-1] + b"\n")
        fresh.append(records.MarkLine(0, "torn", now.boot_ns, "", "the line before was cut off"))
    there = [f"{track}/{name}" for track in names.TRACKS for name in _names(path / track, names.SEGMENT)]
    for file in there:
        if file not in chained:
            what, detail, sha256 = _look_into(path, file)
            fresh.append(records.MarkLine(0, what, now.boot_ns, "", detail))
            chained |= {file: sha256} if sha256 else {}
    for line in fresh:
        data = records.encode(msgspec.structs.replace(line, n=count, prev=head))
        count, head, text = count + 1, records.sha256(data), text + data
    chain_file = durable.open_log(path / "chain.jsonl")  # also after a kill before the first line: the sums list it
    try:
        durable.append(chain_file, text)
    finally:
        os.close(chain_file)
    marks = {line.what for line in lines if isinstance(line, records.MarkLine)}
    end = records.End(
        begin.recording_id, "interrupted", detail, now.wall_ns, now.boot_ns, clock.boot_id(),
        begin.alarm or "alarm" in marks, count, head, test=begin.test and "kept" not in marks,
    )  # fmt: skip
    small = ["begin.json", "begin.json.sig", *_names(path, names.ENVELOPE)]
    sums = {
        name: records.sha256(durable.read(path / name, BEGIN_BYTES_MAX)) for name in small if (path / name).exists()
    }
    close(path, end, sums | {file: chained[file] for file in there if file in chained}, sign)


def missing_since(recordings: Path, recording_id: str, boot_id: str) -> dict[Track, Missing]:
    """How far the part being continued has come, by track, and why it ended, from its own records.

    Empty if it is of another boot, whose times cannot be compared, or cannot be read.
    """
    found: dict[Track, Missing] = {}
    for _ in range(PARTS_MAX):
        path = recordings / recording_id
        try:
            begin = msgspec.json.decode(durable.read(path / "begin.json", BEGIN_BYTES_MAX), type=records.Begin)
            if begin.boot_id != boot_id:
                return found
            ends_ns = _ends_ns(path, tuple(begin.tracks))
            reason = _reason(path)
        except (StoreError, *UNREADABLE) as error:
            log.event("part_before_unknown", "warning", recording_id=recording_id, why=str(error))
            return found
        since_ns = {track: begin.trigger_boot_ns for track in begin.tracks if begin.continues is None} | ends_ns
        found = {track: Missing(ns, reason) for track, ns in since_ns.items()} | found
        if begin.continues is None or set(found) >= set(begin.tracks) or not names.ID.match(begin.continues):
            return found
        recording_id = begin.continues
    return found


def _reason(path: Path) -> str:
    with suppress(StoreError, *UNREADABLE):
        end = msgspec.json.decode(durable.read(path / "end.json", BEGIN_BYTES_MAX), type=records.End)
        refused = end.why == "interrupted" and end.detail == REFUSED
        return WHY["store" if refused else end.why] if end.why in WHY else "no part was open"
    return WHY["interrupted"]


def _ends_ns(path: Path, tracks: tuple[Track, ...]) -> dict[Track, int]:
    """The end of each track's last segment or gap: from the chain's tail, or else from the whole chain."""
    chain = durable.read(path / "chain.jsonl", CHAIN_BYTES_MAX) if (path / "chain.jsonl").exists() else b""
    for part in (chain[-TAIL_BYTES:], chain):
        reach = Reach()
        for raw in part.splitlines(keepends=True):
            line = parse(raw)
            if isinstance(line, records.SegmentLine):
                reach.add(line.track, line.t0_boot_ns, line.t1_boot_ns, is_hole=False)
            elif isinstance(line, records.GapLine):
                reach.add(line.track, line.from_boot_ns, line.to_boot_ns, is_hole=True)
        if set(reach.ends_ns) >= set(tracks):
            break
    return reach.ends_ns


def _look_into(path: Path, file: str) -> tuple[str, str, str]:
    """The mark and the hash for a segment without a line; no hash: it cannot be read."""
    try:
        sha256 = records.sha256(durable.read(path / file, SEGMENT_BYTES_MAX))
    except StoreError as error:
        return "unreadable", f"{file}: {error}"[:200], ""
    return "recovered", f"{file} sha256 {sha256}", sha256


def _recovered(line: records.MarkLine) -> tuple[str, str]:
    file, _, sha256 = line.detail.partition(" sha256 ")
    return file, sha256


def _is_open(path: Path) -> bool:
    return not (path / "SHA256SUMS.sig").exists()


def _names(directory: Path, kind: re.Pattern[str]) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir() if kind.match(path.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        log.event("directory_not_listed", "warning", path=directory.name, why=str(error))
        return []


def parse(line: bytes) -> records.ChainLine | None:
    """A chain line; None: it is torn or foreign."""
    try:
        return msgspec.json.decode(line, type=records.ChainLine) if len(line) <= LINE_BYTES_MAX else None
    except UNREADABLE:
        return None
