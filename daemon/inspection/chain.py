# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A walk over chain.jsonl: every line is judged by the one before it, and by the file that it names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import msgspec

from daemon import loglines, records
from daemon.inspection.files import Fault, Seen
from daemon.names import TRACKS
from hardware.ports import Track

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Raised by decoding what is not a record; the last for thousands of brackets."""


BRACKETS_MAX = 400
"""A record has six brackets, and a reason at most two hundred. With more, parsers differ on where they give up."""


def is_nested(raw: bytes) -> bool:
    """Whether this is nested too deeply for a record: every reader has to refuse it, whatever its stack can take."""
    return raw.count(b"[") + raw.count(b"{") > BRACKETS_MAX


class Chain:
    """A walk over chain.jsonl and the files that it names."""

    def __init__(self, files: Mapping[str, Seen], gone: Collection[Track], *, may_be_open: bool) -> None:
        self._files, self._gone, self._may_be_open = files, gone, may_be_open
        self.lines, self.head = 0, ""
        self.named: dict[Track, int] = dict.fromkeys(TRACKS, 0)
        """Segments that have a line, by track."""
        self.envelopes: set[str] = set()
        self._torn = False
        self._told: Callable[[records.ChainLine], None] | None = None

    def walk(
        self, lines: Iterable[loglines.Line], told: Callable[[records.ChainLine], None] | None = None
    ) -> Iterator[Fault]:
        """Judge every line by the one before and by its file; `told` gets each valid line."""
        self._told = told
        begin = self._files.get("begin.json")
        if begin is None:
            yield "begin.json", "is missing"
        if "chain.jsonl" not in self._files:
            if not self._may_be_open:
                yield "chain.jsonl", "is missing"
            return
        self.head = begin.sha256 if begin else ""
        try:
            for line in lines:
                yield from self._take(line.raw, line.sha256)
        except OSError as error:
            yield "chain.jsonl", f"cannot be read: {error.strerror or error}"
        if self._torn and not self._may_be_open:
            yield "chain.jsonl", "is cut off: its last line is torn and no line says so"

    def _take(self, raw: bytes, sha256: str) -> Iterator[Fault]:
        line = _line(raw)
        if line is None:
            if self._torn:
                yield "chain.jsonl", f"line {self.lines} is no line of a chain"
            self._torn = True
        else:
            if self._told is not None:
                self._told(line)
            yield from self._links(line)
            if isinstance(line, records.SegmentLine):
                yield from self._segment(line)
            elif isinstance(line, records.MarkLine) and line.what == "recovered":
                yield from self._recovered(line)
        self.lines, self.head = self.lines + 1, sha256

    def _links(self, line: records.ChainLine) -> Iterator[Fault]:
        if line.n == self.lines == 0 and line.prev != self.head:
            yield "begin.json", "is not the one that the chain goes on from"
        elif line.n != self.lines or line.prev != self.head:
            yield "chain.jsonl", f"line {self.lines} does not follow the line before it"
        elif self._torn and not (isinstance(line, records.MarkLine) and line.what == "torn"):
            yield "chain.jsonl", f"line {self.lines - 1} is no line of a chain"
        self._torn = False

    def _segment(self, line: records.SegmentLine) -> Iterator[Fault]:
        if line.track not in self._gone:
            self.envelopes.add(f"{line.key}.key.age")
        yield from self._file(line.track, line.file, line.sha256)
        seen = self._files.get(line.file)
        if seen and seen.size != line.bytes and seen.sha256 == line.sha256:
            yield "chain.jsonl", f"line {self.lines} gives {line.file} another size"

    def _recovered(self, line: records.MarkLine) -> Iterator[Fault]:
        """A segment without a line at the power cut: its name and hash are in the mark."""
        file, _, sha256 = line.detail.partition(" sha256 ")
        track = next((track for track in TRACKS if file.startswith(f"{track}/")), None)
        if track is not None:
            yield from self._file(track, file, sha256)

    def _file(self, track: Track, file: str, sha256: str) -> Iterator[Fault]:
        wanted, seen = f"{track}/{self.named[track]:06d}.ts.age", self._files.get(file)
        self.named[track] += 1
        if file != wanted:
            yield "chain.jsonl", f"line {self.lines} names {file}; expected {wanted}"
        elif track in self._gone:
            return
        elif seen is None:
            yield file, "is missing"
        elif seen.sha256 != sha256:
            yield file, "is not what its chain line says: it was changed or cut off"


def _line(raw: bytes) -> records.ChainLine | None:
    try:
        good = raw.endswith(b"\n") and not is_nested(raw)
        return msgspec.json.decode(raw, type=records.ChainLine) if good else None
    except UNREADABLE:
        return None
