# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""One recording on disk: opened, extended segment by segment, closed. Every step is durable before it counts.

Invariant: sealed bytes only; begin and envelopes before the first segment; a segment before its chain line; nothing
gets a name unless the lamp's lease is valid; nothing is ever replaced or removed (see `daemon/durable.py`).
`closing.py` closes what a kill leaves open.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from daemon import durable, records
from daemon.errors import StoreError
from daemon.recorder.cutter import Hole
from daemon.recorder.ring import Item, Sealed, begin_ns, end_ns
from hardware.ports import Clock, Track

Sign = Callable[[bytes], bytes]
NEAR_NS = 100_000_000
"""A shorter hole between two parts is not a gap: two pictures, or the frames of sound that an encoder holds back."""


class Missing(msgspec.Struct, frozen=True):
    """How far an earlier part had a track. What is missing between there and the first item here is a gap."""

    since_ns: int
    reason: str


class Reach:
    """How far each track has come with nothing left out. One thread.

    A short hole is recorded before the segment that contains it, whose other seconds may never reach the disk. So a
    hole counts if it continues from what is there; otherwise only once a segment has come that reaches it.
    """

    def __init__(self) -> None:
        self.ends_ns: dict[Track, int] = {}
        self._apart: list[tuple[int, int, Track]] = []
        """Holes further on: start, end, track."""

    def add(self, track: Track, from_ns: int, to_ns: int, *, is_hole: bool) -> None:
        """A segment or a hole is in the chain."""
        if is_hole:
            self._apart.append((from_ns, to_ns, track))
        else:
            self.ends_ns[track] = max(self.ends_ns.get(track, 0), to_ns)
        for one in sorted(hole for hole in self._apart if hole[2] == track):
            if one[0] - self.ends_ns.get(track, one[0]) < NEAR_NS:
                self.ends_ns[track] = max(self.ends_ns.get(track, 0), one[1])
                self._apart.remove(one)


class Bundle:
    """An open recording. One thread: the writer's."""

    def __init__(
        self,
        recordings: Path,
        begin: records.Begin,
        sign: Sign,
        missing: Mapping[Track, Missing] | None = None,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin it, durable on return. `leave` raises when nothing may get a name.

        Raises StoreError, also for an id that exists already, and SealError.
        """
        self.begin, self._sign, self._leave = begin, sign, leave
        self.path = recordings / begin.recording_id
        self.lines = 0
        self.alarm, self.test = begin.alarm, begin.test
        self._reach = Reach()
        self._missing = dict(missing or {})
        self._counts: dict[Track, int] = {"audio": 0, "video": 0}
        self._keys: dict[str, str] = {}  # recipient -> name of its envelope
        data = records.encode(begin)
        self.head = records.sha256(data)
        self._sums = {"begin.json": self.head}
        signature = sign(data)
        leave()
        try:
            self.path.mkdir(mode=0o770)
            durable.sync(recordings)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error
        # The signature first: where there is a begin.json, it is signed.
        self._publish("", [("begin.json.sig", signature), ("begin.json", data)])
        self._log = durable.open_log(self.path / "chain.jsonl")

    @property
    def ends_ns(self) -> dict[Track, int]:
        """How far the chain on the disk has each track."""
        return self._reach.ends_ns

    def add(self, items: Sequence[Item]) -> None:
        """Add segments and gaps to the recording, durable on return.

        Raises StoreError, and what `leave` raises. Every file that has a name by then also has its chain line.
        """
        found = self._with_gaps(items)
        for start in range(0, len(found), durable.BATCH_MAX):
            self._add(found[start : start + durable.BATCH_MAX])

    def mark(self, what: str, at_boot_ns: int, detail: str = "") -> None:
        """Record an event in the chain. Raises StoreError."""
        self.alarm |= what == "alarm"
        self.test &= what != "kept"
        self._append([records.MarkLine(0, what, at_boot_ns, "", detail)])

    def end(self, why: str, detail: str, clock: Clock) -> None:
        """Close the recording: end.json, and signed sums over everything. Raises StoreError, SealError."""
        now = clock.read()
        end = records.End(
            self.begin.recording_id,
            why,
            detail,
            now.wall_ns,
            now.boot_ns,
            clock.boot_id(),
            self.alarm,
            self.lines,
            self.head,
            test=self.test,
        )
        close(self.path, end, self._sums, self._sign)
        os.close(self._log)

    def abandon(self) -> None:
        """Close the files after an error, without writing. Raises OSError."""
        os.close(self._log)

    def _with_gaps(self, items: Sequence[Item]) -> list[Item]:
        """Insert the gap since the previous part before the first item of each track."""
        found: list[Item] = []
        for item in items:
            before = self._missing.pop(item.track, None)
            if before is not None and begin_ns(item) - before.since_ns >= NEAR_NS:
                found.append(Hole(item.track, before.since_ns, begin_ns(item), before.reason))
            found.append(item)
        return found

    def _add(self, items: Sequence[Item]) -> None:
        lines: list[records.SegmentLine | records.GapLine] = []
        files: dict[Track, list[tuple[str, bytes]]] = {}
        envelopes = {}
        for item in items:
            if isinstance(item, Hole):
                lines.append(records.GapLine(0, item.track, item.from_ns, item.to_ns, item.reason, ""))
                continue
            if item.key.recipient not in self._keys:
                same = sum(name.startswith(item.track) for name in self._keys.values())
                self._keys[item.key.recipient] = f"{item.track}.{same}"
                envelopes[f"{item.track}.{same}.key.age"] = item.key.envelope
            line = self._segment(item)
            lines.append(line)
            files.setdefault(item.track, []).append((Path(line.file).name, item.data))
        if envelopes:
            self._publish("", list(envelopes.items()))
        named: set[Track] = set()
        try:
            for track, segments in files.items():
                self._publish(track, segments)
                named.add(track)
        finally:  # every named file has a line, whatever interrupted the rest
            if named or not files:
                there = [n for n, item in enumerate(items) if item.track in named or item.track not in files]
                self._append([lines[n] for n in there])
                for item in (items[n] for n in there):
                    self._reach.add(item.track, begin_ns(item), end_ns(item), is_hole=isinstance(item, Hole))

    def _segment(self, item: Sealed) -> records.SegmentLine:
        count = self._counts[item.track]
        self._counts[item.track] = count + 1
        file = f"{item.track}/{count:06d}.ts.age"
        return records.SegmentLine(
            0, item.track, file, len(item.data), records.sha256(item.data), self._keys[item.key.recipient],
            item.t0_ns, item.t1_ns, item.t0_wall_ns, item.clock, item.frames, "",
        )  # fmt: skip

    def _publish(self, directory: str, files: list[tuple[str, bytes]]) -> None:
        target = self.path / directory
        try:
            if not target.is_dir():
                target.mkdir(mode=0o770)
                durable.sync(self.path)
        except OSError as error:
            raise StoreError(f"{target}: {error.strerror or error}") from error
        # Records and envelopes hold nothing of the room: once begun under the lease, they may get their names.
        durable.publish(target, files, before_naming=self._leave if directory else lambda: None)
        for name, data in files:
            self._sums[f"{directory}/{name}" if directory else name] = records.sha256(data)

    def _append(self, lines: Sequence[records.ChainLine]) -> None:
        text = b""
        for line in lines:
            data = records.encode(msgspec.structs.replace(line, n=self.lines, prev=self.head))
            self.lines, self.head = self.lines + 1, records.sha256(data)
            text += data
        if text:
            durable.append(self._log, text)


def close(path: Path, end: records.End, sums: dict[str, str], sign: Sign) -> None:
    """Publish end.json, SHA256SUMS and its signature. `sums` holds the known hashes; the chain is read."""

    def once(name: str, data: bytes) -> bytes:
        """Keep a file that exists already: the next start closes after a kill between two of these files."""
        return durable.read(path / name, SUMS_BYTES_MAX) if (path / name).exists() else data

    data = once("end.json", records.encode(end))
    chain = durable.read(path / "chain.jsonl", CHAIN_BYTES_MAX) if (path / "chain.jsonl").exists() else b""
    sums = {**sums, "end.json": records.sha256(data), "chain.jsonl": records.sha256(chain)}
    text = once("SHA256SUMS", "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode())
    files = [("end.json", data), ("SHA256SUMS", text), ("SHA256SUMS.sig", sign(text))]
    durable.publish(path, [(name, content) for name, content in files if not (path / name).exists()])


CHAIN_BYTES_MAX = 64 * 1024 * 1024
"""Maximum size of a chain: 600 bytes a line, two lines a second; the longest recording of any policy takes 18 MB."""
SUMS_BYTES_MAX = 8 * 1024 * 1024
"""Maximum size of SHA256SUMS: 90 bytes per file; the longest recording has 30,000."""
