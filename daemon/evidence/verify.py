# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Two answers about a copy, without any key that opens: is it intact, and is it from the unit.

`daemon/inspection/judge.py` decides, by the rules that the keeper's inspection follows too. Here its findings become
the answer for a person, with what is missing and why.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from daemon import records, sign
from daemon.evidence.source import Source
from daemon.inspection.chain import UNREADABLE
from daemon.inspection.files import Pace
from daemon.inspection.judge import Expected, Finding, begin_of, end_of, judge
from daemon.loglines import Line
from daemon.model.witness import Book
from daemon.names import SEGMENT, TRACKS
from hardware.ports import Track

FINDINGS_MAX = 1000
"""Findings kept; more are counted. A broken medium has one per file."""
RECEIPTS_MAX = 10_000
"""Lines of a sheet that are read: a recording has some dozens."""
NS = 1_000_000_000


class Gap(msgspec.Struct, frozen=True):
    """A gap in a track; seconds from the press."""

    track: Track
    from_s: float
    to_s: float
    reason: str


class Mark(msgspec.Struct, frozen=True):
    """An event; seconds from the press."""

    what: str
    at_s: float
    detail: str


class Segment(msgspec.Struct, frozen=True):
    """A sealed second, in the order of its track."""

    track: Track
    file: str
    key: str
    """Name of the envelope without its suffix; empty for a recovered segment: any of its track may open it."""
    t0_boot_ns: int | None
    frames: int


class Deleted(msgspec.Struct, frozen=True):
    """A track that the unit deleted, according to a line of its log in the copy."""

    at_wall_ns: int | None
    line: int | None


class Verdict(msgspec.Struct, frozen=True):
    """What is known of a recording without opening it."""

    recording_id: str
    whole: bool
    unit: Literal["yes", "no", "unknown"]
    """unknown: signed by the key with this fingerprint, but it is not known whether that is the unit's."""
    fingerprint: str
    """Fingerprint of the key that signed, as printed by ssh-keygen; empty: no signature can be read."""
    faults: tuple[Finding, ...]
    """Why it is not intact; the first thousand."""
    doubts: tuple[Finding, ...]
    """Why it is not from the unit."""
    simulated: bool
    begin: records.Begin | None
    end: records.End | None
    deleted: dict[Track, Deleted]
    gaps: tuple[Gap, ...]
    marks: tuple[Mark, ...]
    seconds: dict[Track, float]
    frames: dict[Track, int]
    files: int
    bytes: int
    sums_sha256: str
    heard: int | None = None
    """Heads of its chain that a witness has; null: no witness was asked."""
    witnessed: int = 0
    """Those that were compared with a line."""
    witnessed_lines: int = 0
    """Number of chain lines, from the first, that the compared heads cover."""
    lines: int = 0
    """Of its chain."""


class Verified(msgspec.Struct, frozen=True):
    """A verdict, and what opening needs."""

    verdict: Verdict
    segments: dict[Track, tuple[Segment, ...]]


def verify(
    source: Source, keys: tuple[str, ...], pace: Pace = lambda _: None, book_of: Callable[[str], Book] | None = None
) -> Verified:
    """Judge one recording. `keys`: of trusted units; none: unknown. Raises what `pace` raises.

    `book_of`: what a witness heard of a recording's chain, and may raise; None: no witness.
    """
    found = source.read(pace)
    compared = Compared(book_of(found.name) if book_of is not None else Book(), found.name)
    found = replace(found, chain=compared.watch(found.chain))
    deleted = _receipts(source.sheet, found.name)
    lines: list[records.ChainLine] = []
    signature = found.records.get("SHA256SUMS.sig", b"")
    blob = public_key(signature)
    believed = keys or ((f"ssh-ed25519 {base64.b64encode(blob).decode()}",) if blob else ())
    signed_by_all: list[bool] = []

    def is_signed(data: bytes, by: bytes) -> bool:
        begin = begin_of(found)
        good = bool(believed) and sign.is_signed(data, by, believed, sign.RECORDINGS, begin.unit if begin else "")
        signed_by_all.append(good)
        return good

    inspection = judge(found, Expected(gone=frozenset(deleted)), is_signed, lines.append)
    shorn = [Finding(finding.path.partition("/")[2], finding.what) for finding in inspection.findings]
    doubts = [finding for finding in shorn if finding.what.startswith(("is no signature", "could not be checked"))]
    faults = [finding for finding in shorn if finding not in doubts] + compared.findings()
    # A signature that fails because of another fault is not listed there, but still has to be checked.
    good = signed_by_all == [True, True]
    begin, end = begin_of(found), end_of(found)
    verdict = Verdict(
        recording_id=found.name, whole=not faults,
        unit=("yes" if keys else "unknown") if good else "no",
        fingerprint=fingerprint(blob) if blob else "",
        faults=tuple(faults[:FINDINGS_MAX]), doubts=tuple(doubts), simulated=inspection.simulated,
        begin=begin, end=end, deleted=deleted,
        gaps=tuple(_gaps(lines, begin)), marks=tuple(_marks(lines, begin)),
        seconds=_sums(lines, lambda line: (line.t1_boot_ns - line.t0_boot_ns) / NS),
        frames={track: int(count) for track, count in _sums(lines, lambda line: line.frames).items()},
        files=inspection.files, bytes=inspection.bytes,
        sums_sha256=hashlib.sha256(found.records.get("SHA256SUMS", b"")).hexdigest(),
        heard=len(compared.heads) if book_of is not None else None, witnessed=len(compared.done),
        witnessed_lines=max(compared.done, default=0), lines=compared.lines,
    )  # fmt: skip
    return Verified(verdict, {track: tuple(_segments(lines, track)) for track in TRACKS if track not in deleted})


class Compared:
    """A chain's lines, compared with the heads that a witness heard."""

    def __init__(self, book: Book, name: str) -> None:
        self.heads, self._forks = book.of_recording(name), [fork for fork in book.forks.values() if fork.recording_id]
        self.done: set[int] = set()
        self.lines = 0
        self._wrong: list[int] = []

    def watch(self, chain: Iterable[Line]) -> Iterator[Line]:
        """Hand on each line."""
        for line in chain:
            self.lines += 1
            head = self.heads.get(self.lines)
            if head is not None:
                self.done.add(self.lines)
                if head != line.sha256:
                    self._wrong.append(self.lines)
            yield line

    def findings(self) -> list[Finding]:
        """What does not fit; after the walk."""
        found = [f"line {lines - 1} is not the line that was witnessed" for lines in self._wrong]
        found += [f"line {fork.lines - 1} was witnessed with two heads" for fork in self._forks]
        if max(self.heads, default=0) > self.lines:
            found.append(f"ends after {self.lines} lines; a head of {max(self.heads)} lines was witnessed")
        return [Finding("chain.jsonl", what) for what in found]


def _segments(lines: list[records.ChainLine], track: Track) -> list[Segment]:
    found = []
    for line in lines:
        if isinstance(line, records.SegmentLine) and line.track == track:
            found.append(Segment(track, line.file, line.key, line.t0_boot_ns, line.frames))
        elif isinstance(line, records.MarkLine) and line.what == "recovered" and line.detail.startswith(f"{track}/"):
            found.append(Segment(track, line.detail.partition(" sha256 ")[0], "", None, 0))
    return [segment for segment in found if SEGMENT.match(segment.file.partition("/")[2])]


def _gaps(lines: list[records.ChainLine], begin: records.Begin | None) -> list[Gap]:
    zero = begin.trigger_boot_ns if begin else 0
    return [
        Gap(line.track, _s(line.from_boot_ns - zero), _s(line.to_boot_ns - zero), line.reason)
        for line in lines
        if isinstance(line, records.GapLine)
    ]


def _marks(lines: list[records.ChainLine], begin: records.Begin | None) -> list[Mark]:
    zero = begin.trigger_boot_ns if begin else 0
    return [
        Mark(line.what, _s(line.at_boot_ns - zero), line.detail) for line in lines if isinstance(line, records.MarkLine)
    ]


def _sums(lines: list[records.ChainLine], of: Any) -> dict[Track, float]:
    sums: dict[Track, float] = {}
    for line in lines:
        if isinstance(line, records.SegmentLine):
            sums[line.track] = sums.get(line.track, 0) + of(line)
    return {track: round(value, 3) for track, value in sums.items()}


def _s(ns: int) -> float:
    return round(ns / NS, 3)


# --- the sheet beside a copy ----------------------------------------------------------------------------------------


class _Sheet(msgspec.Struct):
    recording_id: str
    audit_lines: tuple[str, ...] = ()


class _Receipt(msgspec.Struct):
    event: str
    recording_id: str = ""
    track: str = ""
    n: int | None = None
    at_wall_ns: int | None = None


def _receipts(sheet: bytes, recording_id: str) -> dict[Track, Deleted]:
    """The tracks that the unit deleted, according to the log lines in the sheet."""
    try:
        told = msgspec.json.decode(sheet, type=_Sheet) if sheet else None
    except UNREADABLE:
        return {}
    if told is None or told.recording_id != recording_id:
        return {}
    found: dict[Track, Deleted] = {}
    for line in told.audit_lines[:RECEIPTS_MAX]:
        try:
            receipt = msgspec.json.decode(line, type=_Receipt)
        except UNREADABLE:
            continue
        if receipt.event == "deleted" and receipt.recording_id == recording_id and receipt.track in TRACKS:
            found[_as_track(receipt.track)] = Deleted(receipt.at_wall_ns, receipt.n)
    return found


def _as_track(name: str) -> Track:
    return "audio" if name == "audio" else "video"


# --- the signer -----------------------------------------------------------------------------------------------------

_ARMOR = re.compile(rb"\A-----BEGIN SSH SIGNATURE-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END SSH SIGNATURE-----")
_ED25519 = b"\0\0\0\x0bssh-ed25519\0\0\0 "
_KEY_BYTES = 32


def public_key(signature: bytes) -> bytes | None:
    """The Ed25519 key named in a signature file (PROTOCOL.sshsig); None: it names none."""
    armored = _ARMOR.match(signature)
    try:
        raw = base64.b64decode(armored[1], validate=False) if armored else b""
    except ValueError:
        return None
    length = len(_ED25519) + _KEY_BYTES
    blob = raw[14 : 14 + length]  # SSHSIG, version, length of the key
    return blob if raw[:6] == b"SSHSIG" and blob.startswith(_ED25519) and len(blob) == length else None


def fingerprint(blob: bytes) -> str:
    """As printed by ssh-keygen."""
    return f"SHA256:{base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip('=')}"
