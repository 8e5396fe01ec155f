"""One recording, inspected from outside: every file, hash, chain link and signature, without any key that opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from daemon import records, sign
from daemon.errors import SealError
from daemon.inspection.chain import UNREADABLE, Chain
from daemon.inspection.files import Fault, Pace, Reading, Seen
from daemon.names import ENVELOPE, TRACKS, shown
from hardware.ports import Track

RECORD_BYTES_MAX = 16_000_000
"""SHA256SUMS of the longest recording, 4 h of two tracks, is 3 MB. More is read of no record."""
CLOSING = ("end.json", "SHA256SUMS", "SHA256SUMS.sig")


class Finding(Struct, frozen=True, order=True):
    """One thing that is wrong with one file."""

    path: str
    """Below the directory that was inspected."""
    what: str


class Expected(Struct, frozen=True):
    """What is known of a recording from elsewhere."""

    gone: frozenset[Track] = frozenset()
    """Tracks that were deleted."""
    going: frozenset[Track] = frozenset()
    """Tracks whose deletion was begun: nothing is said of what is left of them."""
    may_be_open: bool = False
    """It can be the one that is being made: then its newest files have no line yet, and it has no end."""


class Inspection(Struct, frozen=True):
    """What was found; the figures count what was read."""

    findings: tuple[Finding, ...]
    files: int = 0
    bytes: int = 0


def inspect(path: Path, expected: Expected, keys: tuple[str, ...], pace: Pace = lambda _: None) -> Inspection:
    """Reads a recording's directory and judges it, a finding a file. `keys`: of the recorder; none: not asked for.

    Raises nothing over what is found, and what `pace` raises.
    """
    reading = Reading(path, pace)
    first: dict[str, str] = {}
    for name, what in (*reading.faults, *_judge(path, reading.files, expected)):
        first.setdefault(name, what)  # what follows from a fault says less than the fault
    for name, what in _signatures(path, reading.files, expected, keys) if keys else ():
        if name not in first and name.removesuffix(".sig") not in first:
            first[name] = what
    found = (
        Finding(f"{path.name}/{shown(name)}", what) for name, what in first.items() if _of(name) not in expected.going
    )
    findings = tuple(sorted(found))
    return Inspection(findings, len(reading.files), sum(seen.size for seen in reading.files.values()))


def _judge(path: Path, files: Mapping[str, Seen], expected: Expected) -> Iterator[Fault]:
    chain = Chain(files, expected.gone | expected.going, may_be_open=expected.may_be_open)
    faults = list(chain.walk(path))
    yield from faults
    holds = not any(name == "chain.jsonl" for name, _ in faults)
    yield from _tracks(files, expected, chain if holds else None)
    yield from _end(path, files, expected, chain if holds else None)
    if "SHA256SUMS" in files:
        yield from _sums(path, files, expected)


def _tracks(files: Mapping[str, Seen], expected: Expected, chain: Chain | None) -> Iterator[Fault]:
    """Segments and envelopes beside what the chain says of them; None: it does not hold, and says nothing."""
    for name, seen in files.items():
        track, _, inner = name.rpartition("/")
        envelope = ENVELOPE.match(name)
        if not track and not envelope:
            continue
        mine = envelope[1] if envelope else track
        if mine in expected.gone:
            yield name, f"is there although the {mine} of this recording was deleted"
            continue
        if not seen.sealed:
            yield name, "is not sealed"
        if chain and not expected.may_be_open:
            late = not envelope and int(inner.partition(".")[0]) >= chain.named[_track(mine)]
            if late or (envelope and name not in chain.envelopes):
                yield name, "is in no line of the chain"
    for name in sorted(chain.envelopes - files.keys()) if chain else ():
        yield name, "is missing: its segments can never be opened"


def _end(path: Path, files: Mapping[str, Seen], expected: Expected, chain: Chain | None) -> Iterator[Fault]:
    """How it was closed. `chain`: None when it does not hold together, and nothing fits it."""
    missing = [name for name in CLOSING if name not in files]
    if expected.may_be_open and missing:
        return
    for name in missing:
        yield name, "is missing: the recording was never closed"
    end = _end_record(path) if "end.json" in files else None
    if end is None and "end.json" in files:
        yield "end.json", "is no end of a recording"
    elif end and end.recording_id != path.name:
        yield "end.json", "is another recording's"
    elif end and chain and (end.lines, end.head) != (chain.lines, chain.head):
        yield "chain.jsonl", "does not end as end.json says: lines were cut off, added or changed"


def _sums(path: Path, files: Mapping[str, Seen], expected: Expected) -> Iterator[Fault]:
    told: dict[str, str] = {}
    for text in _bytes(path / "SHA256SUMS").decode(errors="replace").splitlines():
        sha256, _, name = text.partition("  ")
        told[name] = sha256
    for name, seen in files.items():
        if name not in {"SHA256SUMS", "SHA256SUMS.sig"} and told.get(name, seen.sha256) != seen.sha256:
            yield name, "is not what SHA256SUMS says"
        elif name not in told and name not in {"SHA256SUMS", "SHA256SUMS.sig"} and _of(name) not in expected.gone:
            yield name, "is not in SHA256SUMS"
    for name in sorted(told.keys() - files.keys()):
        if _of(name) not in expected.gone:
            yield name, "is missing"


def _signatures(path: Path, files: Mapping[str, Seen], expected: Expected, keys: tuple[str, ...]) -> Iterator[Fault]:
    for name in ("begin.json", "SHA256SUMS"):
        if name not in files or (expected.may_be_open and name == "SHA256SUMS" and "end.json" not in files):
            continue
        if f"{name}.sig" not in files:
            yield f"{name}.sig", "is missing"
            continue
        try:
            good = sign.is_signed(_bytes(path / name), _bytes(path / f"{name}.sig"), keys, sign.RECORDINGS)
        except SealError as error:
            yield f"{name}.sig", f"could not be checked: {error}"
        else:
            if not good:
                yield f"{name}.sig", f"is no signature of this unit over {name}"


def _end_record(path: Path) -> records.End | None:
    try:
        return msgspec.json.decode(_bytes(path / "end.json"), type=records.End)
    except UNREADABLE:
        return None


def _bytes(path: Path) -> bytes:
    """A record; empty for one that cannot be read by now, or is far too large."""
    try:
        with path.open("rb") as file:
            data = file.read(RECORD_BYTES_MAX + 1)
    except OSError:
        return b""
    return data if len(data) <= RECORD_BYTES_MAX else b""


def _of(name: str) -> str:
    """The track that a file belongs to; empty for a record."""
    track = name.partition("/")[0] if "/" in name else name.partition(".")[0]
    return track if track in TRACKS else ""


def _track(name: str) -> Track:
    return "audio" if name == "audio" else "video"
