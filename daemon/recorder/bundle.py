"""One recording on disk: opened, grown segment by segment, closed. Every step is durable before it counts.

The law here: sealed bytes only; begin and envelopes before the first segment; a segment before its chain line; nothing
is ever replaced or removed (see `daemon/durable.py`). What a power cut leaves is closed at the next start as
`interrupted`, with what had not reached the chain named as recovered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from daemon import durable, records
from daemon.errors import StoreError
from daemon.recorder.cutter import Hole
from daemon.recorder.ring import Item, Sealed
from hardware.ports import Clock, Track

LINE_BYTES_MAX = 4096
"""A chain line is under 600 bytes; a longer one was not written by this unit."""
STOPPED = "the unit stopped while it recorded"
Sign = Callable[[bytes], bytes]


class Bundle:
    """An open recording. One thread: the writer's."""

    def __init__(self, recordings: Path, begin: records.Begin, sign: Sign) -> None:
        self.begin, self._sign = begin, sign
        self.path = recordings / begin.recording_id
        self.lines = 0
        self._counts: dict[Track, int] = {"audio": 0, "video": 0}
        self._keys: dict[str, str] = {}  # recipient -> name of its envelope
        data = records.encode(begin)
        self.head = records.sha256(data)
        self._sums = {"begin.json": self.head}
        # The signature first: where there is a begin.json, it is signed.
        self._publish("", [("begin.json.sig", sign(data)), ("begin.json", data)], make=recordings)
        self._log = durable.open_log(self.path / "chain.jsonl")

    def add(self, items: Sequence[Item]) -> None:
        """Makes segments and gaps part of the recording, durable on return. Raises StoreError."""
        lines: list[records.ChainLine] = []
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
        for track, segments in files.items():
            self._publish(track, segments)
        self._append(lines)

    def mark(self, what: str, at_boot_ns: int, detail: str = "") -> None:
        """Says in the chain that something happened. Raises StoreError."""
        self._append([records.MarkLine(0, what, at_boot_ns, "", detail)])

    def end(self, why: str, detail: str, clock: Clock, *, alarm: bool, test: bool = False) -> None:
        """Closes the recording: end.json, and sums over everything with a signature. Raises StoreError."""
        now = clock.read()
        end = records.End(
            self.begin.recording_id,
            why,
            detail,
            now.wall_ns,
            now.boot_ns,
            clock.boot_id(),
            alarm,
            self.lines,
            self.head,
            test=test,
        )
        close(self.path, end, self._sums, self._sign)
        os.close(self._log)

    def abandon(self) -> None:
        """Lets go after an error, without another byte: the next start closes it."""
        os.close(self._log)

    def _segment(self, item: Sealed) -> records.SegmentLine:
        count = self._counts[item.track]
        self._counts[item.track] = count + 1
        file = f"{item.track}/{count:06d}.ts.age"
        return records.SegmentLine(
            0, item.track, file, len(item.data), records.sha256(item.data), self._keys[item.key.recipient],
            item.t0_ns, item.t1_ns, item.t0_wall_ns, item.clock, item.frames, "",
        )  # fmt: skip

    def _publish(self, directory: str, files: list[tuple[str, bytes]], make: Path | None = None) -> None:
        target = self.path / directory
        try:
            if not target.is_dir():
                target.mkdir(mode=0o770)
                durable.sync(make or self.path)
        except OSError as error:
            raise StoreError(f"{target}: {error.strerror or error}") from error
        durable.publish(target, files)
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
    """Publishes end.json, SHA256SUMS and its signature. `sums` holds what is known already; the chain is read."""

    def once(name: str, data: bytes) -> bytes:
        """What stands there already stays: a kill between two of these files is closed by the next start."""
        return (path / name).read_bytes() if (path / name).exists() else data

    data = once("end.json", records.encode(end))
    chain = (path / "chain.jsonl").read_bytes() if (path / "chain.jsonl").is_file() else b""
    sums = {**sums, "end.json": records.sha256(data), "chain.jsonl": records.sha256(chain)}
    text = once("SHA256SUMS", "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode())
    files = [("end.json", data), ("SHA256SUMS", text), ("SHA256SUMS.sig", sign(text))]
    durable.publish(path, [(name, content) for name, content in files if not (path / name).exists()])


class Interrupted(msgspec.Struct, frozen=True):
    """A recording that an earlier start left open."""

    recording_id: str
    ends_ns: dict[Track, int]
    """How far its chain had come, by the boot clock; empty when that was another boot's."""


def close_interrupted(path: Path, clock: Clock, sign: Sign, detail: str = STOPPED) -> Interrupted:
    """Closes what a kill, a power cut or a full disk left open. Raises StoreError for what is no recording."""
    try:
        begin = msgspec.json.decode((path / "begin.json").read_bytes(), type=records.Begin)
        chain = (path / "chain.jsonl").read_bytes() if (path / "chain.jsonl").exists() else b""
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"{path}: no recording that could be closed: {error}") from error
    now = clock.read()
    raw = chain.splitlines(keepends=True)
    head = records.sha256(raw[-1]) if raw else records.sha256((path / "begin.json").read_bytes())
    text, count = b"", len(raw)
    lines = [parse(line) for line in raw]
    known = {line.file for line in lines if isinstance(line, records.SegmentLine)}
    fresh: list[records.ChainLine] = []
    if raw and not raw[-1].endswith(b"\n"):
        text, head = b"\n", records.sha256(raw[-1] + b"\n")
        fresh.append(records.MarkLine(0, "torn", now.boot_ns, "", "the line before was cut off"))
    fresh += [
        records.MarkLine(0, "recovered", now.boot_ns, "", f"{file} sha256 {_sha256_of(path / file)}")
        for file in sorted(str(file.relative_to(path)) for file in path.glob("*/*.ts.age"))
        if file not in known
    ]
    for line in fresh:
        data = records.encode(msgspec.structs.replace(line, n=count, prev=head))
        count, head, text = count + 1, records.sha256(data), text + data
    log = durable.open_log(path / "chain.jsonl")  # also where a kill came before the first line: the sums list it
    durable.append(log, text)
    os.close(log)
    alarm = begin.alarm or any(isinstance(line, records.MarkLine) and line.what == "alarm" for line in lines)
    end = records.End(
        begin.recording_id, "interrupted", detail, now.wall_ns, now.boot_ns, clock.boot_id(), alarm, count, head
    )
    kept = (file for file in path.rglob("*") if file.is_file() and not file.name.startswith(("SHA256SUMS", "end.")))
    close(path, end, {str(file.relative_to(path)): _sha256_of(file) for file in kept}, sign)
    return Interrupted(begin.recording_id, _ends_ns(lines) if begin.boot_id == clock.boot_id() else {})


def _ends_ns(lines: list[records.ChainLine | None]) -> dict[Track, int]:
    """The end of each track's last segment or gap."""
    ends_ns: dict[Track, int] = {}
    for line in lines:
        if isinstance(line, records.SegmentLine):
            ends_ns[line.track] = line.t1_boot_ns
        elif isinstance(line, records.GapLine):
            ends_ns[line.track] = line.to_boot_ns
    return ends_ns


def parse(line: bytes) -> records.ChainLine | None:
    """A chain line, or None for one that is torn or foreign."""
    try:
        return msgspec.json.decode(line, type=records.ChainLine) if len(line) <= LINE_BYTES_MAX else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _sha256_of(file: Path) -> str:
    return records.sha256(file.read_bytes())
