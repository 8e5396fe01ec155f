# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who signed a policy, and which policies a process works by where unit.toml names signers (`policy.signers`).

Invariant: a process works by bytes that it has verified itself against root's own file. The copies that the keeper
keeps of what was signed last give the keeper no power over the others: an altered one counts for nothing
(docs/decisions/0026-a-policy-is-signed.md).
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from daemon import durable, sign
from daemon.config import FILE_BYTES_MAX, Fault, Proof, Source, parse, policy_files, show, sources_of
from daemon.errors import SealError, StoreError
from daemon.model.signers import REASONS, Signer, Why, codes

NAMESPACE = "spreekkamer-policy"
"""A signature that was made for a mail or a commit is none for a policy."""
SUFFIX = ".sig"
"""ssh-keygen's own: `policy.toml.sig` beside `policy.toml`."""
SIGNATURE_BYTES_MAX = 4096
"""That of an Ed25519 key has 300."""
COPIES_MAX = 32
"""Copies that are looked at: twice as many as there can be policies."""
ENTRIES_MAX = 8 * COPIES_MAX
"""Names that are looked at: with signatures, and what a power cut left."""
COPY = re.compile(r"[0-9a-f]{64}\.toml\Z")


class Refused(NamedTuple):
    """A policy file that does not count."""

    file: str
    sha256: str
    """Of what is there; of nothing, if it cannot be read."""
    why: Why
    detail: str = ""

    def fault(self) -> Fault:
        """The same, for a person."""
        return Fault(self.file, "signature", self.detail, REASONS[self.why])


class Chosen(NamedTuple):
    """The policies to work by, and those that do not count."""

    sources: tuple[Source, ...]
    refused: tuple[Refused, ...]
    read: Mapping[str, str]
    """Hash of each file that was read: a change is seen by it."""
    over: tuple[str, ...] = ()
    """Hashes of copies in whose place another signed policy of the same day has come."""


def judged(etc: Path, signers: tuple[Signer, ...], wait_s: float) -> Chosen:
    """The policy files of a directory that one of these signers signed, and the others. Asks ssh-keygen."""
    until_s = time.monotonic() + wait_s
    good, refused, read = list[Source](), list[Refused](), dict[str, str]()
    for source in sources_of(etc, policy_files(etc, [])):
        signature = _signature(etc / source.file)
        read |= _hashes(source, signature)
        proof, why, detail = _proof(source, signature, signers, until_s)
        if proof is None:
            refused.append(Refused(source.file, hashlib.sha256(source.data).hexdigest(), why, detail))
        else:
            good.append(source._replace(proof=proof))
    return Chosen(tuple(good), tuple(refused), read)


def to_run(etc: Path, copies: Path | None, signers: tuple[Signer, ...], *, in_doubt: bool, wait_s: float) -> Chosen:
    """What a process works by: what is signed in the directory, and copies of signed policies that are not there.

    A copy stands in for a policy that was changed, taken away or replaced by an older one: of two for one day the one
    in the directory counts, otherwise the later day decides, as always. `in_doubt`: take a file on which ssh-keygen
    gives no answer, as the alarm process does.
    """
    until_s = time.monotonic() + wait_s
    found = judged(etc, signers, wait_s)
    doubted = tuple(one.file for one in found.refused if in_doubt and one.why == "unanswered")
    signed = (*found.sources, *(sources_of(etc, list(doubted))))
    here = {_day(one): hashlib.sha256(one.data).hexdigest() for one in signed}
    kept: dict[datetime.date, Source] = {}
    over = []
    for sha256, day, source in _copies(copies, signers, until_s):
        if day in here or day in kept:
            over += [sha256] if here.get(day) != sha256 else []
        else:
            kept[day] = source
    return found._replace(sources=(*signed, *kept.values()), over=tuple(over))


def hashes(etc: Path) -> dict[str, str]:
    """Hash of each policy file and of each signature."""
    found = dict[str, str]()
    for source in sources_of(etc, policy_files(etc, [])):
        found |= _hashes(source, _signature(etc / source.file))
    return found


def _hashes(source: Source, signature: bytes | None) -> dict[str, str]:
    both = {source.file: source.data, source.file + SUFFIX: signature or b""}
    return {name: hashlib.sha256(data).hexdigest() for name, data in both.items()}


def _proof(
    source: Source, signature: bytes | None, signers: tuple[Signer, ...], until_s: float
) -> tuple[Proof | None, Why, str]:
    """Who signed it; or None, why it does not count, and what was found instead."""
    if source.fault is not None or signature is None:
        return None, "unsigned" if source.fault is None else "unreadable", ""
    made = sign.made(signature)
    if made is None:
        return None, "not_whole", ""
    signer = next((one for one in signers if one.blob() == made.key), None)
    if made.namespace != NAMESPACE or signer is None:
        return None, *_other(made)
    try:
        is_good = sign.is_signed_by(signer.key, source.data, signature, NAMESPACE, until_s - time.monotonic())
    except SealError:
        return None, "unanswered", ""
    day = _day(source) if is_good else None
    if signer.until is not None and day is not None and day > signer.until:
        return None, "expired", f"{signer.role}, until {signer.until}"
    return Proof(signature, signer.code()) if is_good else None, "changed", ""


def _other(made: sign.Made) -> tuple[Why, str]:
    """Why a signature cannot be one of a signer's, and what it says of itself."""
    if made.namespace != NAMESPACE:
        return "namespace", show(made.namespace)
    if made.kind != sign.KIND:
        return "kind", show(made.kind)
    return "other_key", codes((made.key,))[0]


def _copies(
    home: Path | None, signers: tuple[Signer, ...], until_s: float
) -> Iterator[tuple[str, datetime.date, Source]]:
    """Copies that hold, the newest first: hash, day, and content."""
    if home is None:
        return
    try:
        with os.scandir(home) as found:  # the keeper's directory: one that was taken over can fill it
            entries = [entry for entry in itertools.islice(found, ENTRIES_MAX) if COPY.match(entry.name)]
    except OSError:
        return
    paths = [home / one.name for one in sorted(entries, key=_changed_ns, reverse=True)]
    for path in paths[:COPIES_MAX]:
        try:
            data = durable.read(path, FILE_BYTES_MAX)
        except StoreError:
            continue
        source = Source(path.name, data)
        proof, _, _ = _proof(source, _signature(path), signers, until_s)
        if proof is None or hashlib.sha256(data).hexdigest() != path.stem:
            continue  # whoever wrote it, it is not parsed: a line of 100 kB of dots takes all memory
        if (day := _day(source)) is not None:
            yield path.stem, day, Source(f"the signed policy of {day}", data, proof=proof._replace(is_copy=True))


def _changed_ns(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0  # the keeper has just deleted it


def _signature(path: Path) -> bytes | None:
    """The signature file beside a policy; None: there is none that can be read."""
    beside = os.path.realpath(path.with_name(path.name + SUFFIX))  # Path.resolve raises over a link to itself
    try:
        return durable.read(Path(beside), SIGNATURE_BYTES_MAX)
    except StoreError:
        return None


def _day(source: Source) -> datetime.date | None:
    day = parse(source.data, source.file, []).get("in_force_from")
    return day if isinstance(day, datetime.date) and not isinstance(day, datetime.datetime) else None
