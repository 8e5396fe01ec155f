# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The judge of a recording: bytes in, findings out, without any key that opens; one rule for the unit and everyone.

Invariant, what may be believed in which order; a failed check costs the belief in what depends on it, and no more:

 1. A name: only the names that a recorder gives (`daemon/names.py`). Anything else is foreign and is not read.
 2. `begin.json` has the shape of a record. Every later link depends on its hash.
 3. The chain: line 0 follows begin.json, every line the one before. Something that is not a line counts as a torn write
    only if the next line says `torn` and continues from its hash.
 4. A segment, because a valid line has its hash; an envelope, because a valid line names its key.
 5. `end.json`, because it names this recording, and the chain's number of lines and head. From here on nothing can be
    missing at the end.
 6. `SHA256SUMS`, because it is byte for byte what a recorder writes for exactly these files. A track that was deleted
    according to a receipt has to be gone; nothing else may be missing.
 7. The signatures over begin.json and SHA256SUMS show who wrote it. They are a second answer: an intact recording can
    be a stranger's, and one that the unit signed can have been damaged since.

Nothing is opened, no file is touched, no clock is read: `directory.py` and `daemon/evidence/source.py` read. The page
that opens recordings (`reader/`) follows the same rules in the same order; `make evidence-torture` compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from daemon import records
from daemon.errors import SealError
from daemon.inspection.chain import UNREADABLE, Chain, is_nested
from daemon.inspection.files import Fault, Seen
from daemon.loglines import Line
from daemon.names import ENVELOPE, TRACKS
from daemon.texts import shown
from hardware.ports import Track

CLOSING = ("end.json", "SHA256SUMS", "SHA256SUMS.sig")
UNSUMMED = frozenset({"SHA256SUMS", "SHA256SUMS.sig"})
"""Files that the sums cannot cover."""
IsSigned = Callable[[bytes, bytes], bool]
"""Whether the second is a signature over the first, by a trusted key. Raises SealError if it cannot be checked."""


Record = TypeVar("Record", records.Begin, records.End)


class Found(Struct, frozen=True):
    """A recording as it was read."""

    name: str
    """Its id: the directory's name in a store, the id in begin.json elsewhere."""
    files: Mapping[str, Seen]
    """Files below its directory, with names that `files.why_foreign` accepts."""
    records: Mapping[str, bytes]
    """The contents of begin.json, end.json, SHA256SUMS and the signatures; empty if far too large."""
    chain: Iterable[Line]
    """chain.jsonl, read when it is walked. May raise OSError."""
    faults: tuple[Fault, ...] = ()
    """Files that could not be read, or may not be there."""


class Finding(Struct, frozen=True, order=True):
    """One thing that is wrong with one file."""

    path: str
    """Below the inspected directory."""
    what: str


class Expected(Struct, frozen=True):
    """What is known of a recording from elsewhere."""

    gone: frozenset[Track] = frozenset()
    """Tracks that were deleted."""
    going: frozenset[Track] = frozenset()
    """Tracks whose deletion was begun: what is left of them is not judged."""
    may_be_open: bool = False
    """It may be the open one: its newest files have no line yet, and it has no end."""


class Inspection(Struct, frozen=True):
    """The findings, and counts of what was read."""

    findings: tuple[Finding, ...]
    files: int = 0
    bytes: int = 0
    simulated: bool = False
    """Made on simulated devices: however intact, it is not evidence (promise H3)."""


def judge(
    found: Found,
    expected: Expected,
    is_signed: IsSigned | None,
    told: Callable[[records.ChainLine], None] | None = None,
) -> Inspection:
    """Judge a recording, one finding per file. `is_signed`: None: not checked. `told`: gets every valid chain line.

    No content makes it raise.
    """
    first: dict[str, str] = {}
    for name, what in (*found.faults, *_judge(found, expected, told)):
        first.setdefault(name, what)  # the consequence of a fault says less than the fault
    for name, what in _signatures(found, expected, is_signed) if is_signed else ():
        if name not in first and name.removesuffix(".sig") not in first:
            first[name] = what
    kept = (
        Finding(f"{found.name}/{shown(name)}", what) for name, what in first.items() if _of(name) not in expected.going
    )
    begin = begin_of(found)
    size = sum(seen.size for seen in found.files.values())
    return Inspection(tuple(sorted(kept)), len(found.files), size, simulated=begin is not None and begin.simulated)


def _judge(found: Found, expected: Expected, told: Callable[[records.ChainLine], None] | None) -> Iterator[Fault]:
    files = found.files
    if "begin.json" in files and begin_of(found) is None:
        yield "begin.json", "is no beginning of a recording"
    chain = Chain(files, expected.gone | expected.going, may_be_open=expected.may_be_open)
    faults = list(chain.walk(found.chain, told))
    yield from faults
    holds = not any(name == "chain.jsonl" for name, _ in faults)
    yield from _tracks(files, expected, chain if holds else None)
    yield from _end(found, expected, chain if holds else None)
    if "SHA256SUMS" in files:
        yield from _sums(found, expected)


def _tracks(files: Mapping[str, Seen], expected: Expected, chain: Chain | None) -> Iterator[Fault]:
    """Segments and envelopes compared with the chain; None: it is invalid, and proves nothing."""
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
        # An envelope comes before its first segment, and a full disk may take only the first of the two: SHA256SUMS
        # shows which are the recorder's.
        if envelope or chain is None or expected.may_be_open:
            continue
        if int(inner.partition(".")[0]) >= chain.named[_track(mine)]:
            yield name, "is in no line of the chain"
    for name in sorted(chain.envelopes - files.keys()) if chain else ():
        yield name, "is missing: its segments can never be opened"


def _end(found: Found, expected: Expected, chain: Chain | None) -> Iterator[Fault]:
    """How it was closed. `chain`: None: it is invalid, and nothing matches it."""
    files = found.files
    missing = [name for name in CLOSING if name not in files]
    if expected.may_be_open and missing:
        return
    for name in missing:
        yield name, "is missing: the recording was never closed"
    end = end_of(found) if "end.json" in files else None
    if end is None and "end.json" in files:
        yield "end.json", "is no end of a recording"
    elif end and end.recording_id != found.name:
        yield "end.json", "is another recording's"
    elif end and chain and (end.lines, end.head) != (chain.lines, chain.head):
        yield "chain.jsonl", "does not end as end.json says: lines were cut off, added or changed"


def _sums(found: Found, expected: Expected) -> Iterator[Fault]:
    told: dict[str, str] = {}
    files, text = found.files, found.records.get("SHA256SUMS", b"")
    for line in text.decode(errors="replace").splitlines():
        sha256, _, name = line.partition("  ")
        told[name] = sha256
    wrong = False
    for name, seen in files.items():
        if name in UNSUMMED:
            continue
        if told.get(name, seen.sha256) != seen.sha256:
            wrong = True
            yield name, "is not what SHA256SUMS says"
        elif name not in told and _of(name) not in expected.gone:
            wrong = True
            yield name, "is not in SHA256SUMS"
    for name in sorted(told.keys() - files.keys()):
        if _of(name) not in expected.gone:
            wrong = True
            yield name, "is missing"
    if not wrong and not found.faults and text != "".join(f"{told[name]}  {name}\n" for name in sorted(told)).encode():
        yield "SHA256SUMS", "is not as a recorder writes it"


def _signatures(found: Found, expected: Expected, is_signed: IsSigned) -> Iterator[Fault]:
    files = found.files
    for name in ("begin.json", "SHA256SUMS"):
        if name not in files or (expected.may_be_open and name == "SHA256SUMS" and "end.json" not in files):
            continue
        if f"{name}.sig" not in files:
            yield f"{name}.sig", "is missing"
            continue
        try:
            good = is_signed(found.records.get(name, b""), found.records.get(f"{name}.sig", b""))
        except SealError as error:
            yield f"{name}.sig", f"could not be checked: {error}"
        else:
            if not good:
                yield f"{name}.sig", f"is no signature of this unit over {name}"


def begin_of(found: Found) -> records.Begin | None:
    """Its begin.json; None: it is not a record."""
    return _record(found, "begin.json", records.Begin)


def end_of(found: Found) -> records.End | None:
    """Its end.json; None: it is not a record."""
    return _record(found, "end.json", records.End)


def _record(found: Found, name: str, kind: type[Record]) -> Record | None:
    raw = found.records.get(name, b"")
    try:
        return None if is_nested(raw) else msgspec.json.decode(raw, type=kind)
    except UNREADABLE:
        return None


def _of(name: str) -> str:
    """The track of a file; empty for a record."""
    track = name.partition("/")[0] if "/" in name else name.partition(".")[0]
    return track if track in TRACKS else ""


def _track(name: str) -> Track:
    return "audio" if name == "audio" else "video"
