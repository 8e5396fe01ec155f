# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer audit`: whether the keeper's log is intact, on the unit or in a copy, also compared with witnesses."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Annotated, NamedTuple

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from daemon import loglines, sign
from daemon.commands.console import Json, State, as_json, out
from daemon.errors import StoreError
from daemon.link import Conversation
from daemon.model import acts
from daemon.model.ledger import FAULTS_MAX, Foreign, Line, Walk
from daemon.paths import Paths

app = typer.Typer(help="The keeper's log: deletions, holds, hand-outs; hash-chained and signed.", no_args_is_help=True)
NO_HEADS: Mapping[int, str] = {}
WITNESSED_MAX = 1_000_000
"""Heads of one witness: ten years of a hundred a day. Further ones are ignored."""


class Verdict(msgspec.Struct, frozen=True):
    """The result of a check."""

    lines: int
    head: str
    faults: tuple[str, ...]
    """What is wrong, with the line; the first hundred."""
    faults_n: int
    signatures: int
    """Valid signed heads; none without a key."""
    signed_lines: int
    """Number of lines, from the first, covered by a valid signature."""
    witnessed: int
    """Heads of a witness that were compared with a line."""
    missing: tuple[str, ...] = ()
    """Recordings that the log began and reports missing: no receipt for their deletion."""
    foreign: tuple[int, ...] = ()
    """Numbers of lines of unknown kinds, which have no effect; the first hundred."""


class Witnessed(NamedTuple):
    """What a witness has heard."""

    heads: Mapping[int, str]
    """Number of lines -> head."""
    forks: tuple[int, ...] = ()
    """Line counts for which it heard two heads."""


class Progressing(Progress):
    """A progress bar on stderr: a log of ten years takes minutes, because every signature is checked."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        super().__init__(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


@app.command()
def verify(
    *,
    file: Annotated[
        Path | None, typer.Option(metavar="F", help="a copy of audit.jsonl; without it: the unit's own")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="PUB", help="the keeper's public key, or an allowed_signers with it")
    ] = None,
    witness: Annotated[
        Path | None, typer.Option(metavar="W", help="messages of archive/event as a broker's log has them, one a line")
    ] = None,
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Check every hash and signature of the audit log and list the lines that are wrong. Exit code 10 for any."""
    paths = Paths.below(state)
    seen = heads_of(witness) if witness else Witnessed({})
    if file is None:
        verdict = _of_unit(paths, key or paths.audit_key.with_suffix(".pub"), seen)
    else:
        verdict = _of_file(file, key, seen)
    if as_json_:
        as_json(verdict)
    else:
        _show(verdict)
    if verdict.faults_n or verdict.missing:
        raise typer.Exit(10)


def check(
    file: IO[bytes], size: int, keys: tuple[str, ...], seen: Witnessed, own: Mapping[int, str] = NO_HEADS
) -> Verdict:
    """Check the first `size` bytes of a log. `own`: the keeper's own head, which is not a witness's.

    Raises StoreError if it cannot be read, SealError without ssh-keygen.
    """
    walk, good, signed_lines, missing = Walk({**own, **seen.heads}), 0, 0, dict[str, None]()
    foreign: list[int] = []
    try:
        with Progressing() as progress:
            task = progress.add_task("audit log", total=size)
            for line in loglines.read(file, size):
                if (found := walk.take(line.raw, line.sha256)) is not None:
                    _note_missing(found, missing)
                    if isinstance(found.act, Foreign) and len(foreign) < FAULTS_MAX:
                        foreign.append(found.n)
                if walk.signed and keys:
                    if sign.is_signed(walk.signed.statement, walk.signed.signature, keys, sign.AUDIT):
                        good, signed_lines = good + 1, walk.signed.n
                    else:
                        walk.blame(walk.signed.n, "is signed by another key, or what stands before it was made anew")
                progress.advance(task, line.size)
    except OSError as error:
        raise StoreError(f"the audit log cannot be read: {error.strerror or error}") from error
    walk.finish()
    for lines in seen.forks:
        walk.blame(lines - 1, "was witnessed with two heads: one of two logs is not this keeper's")
    if keys and walk.lines and not good:
        walk.blame(walk.lines - 1, "and all before it are signed by nobody: a keeper signs its log each day")
    faults = tuple(str(fault) for fault in walk.faults)
    other = len(walk.compared & seen.heads.keys()), tuple(missing), tuple(foreign)
    return Verdict(walk.lines, walk.head, faults, walk.faults_n, good, signed_lines, *other)


def _note_missing(line: Line, missing: dict[str, None]) -> None:
    match line.act:
        case acts.RecordingMissing(recording_id=name):
            missing[name] = None
        case acts.RecordingReturned(recording_id=name) | acts.Deleted(recording_id=name):
            missing.pop(name, None)


def heads_of(path: Path) -> Witnessed:
    """Read what a witness heard. Raises StoreError; foreign messages are skipped."""
    found, forks = dict[int, str](), dict[int, None]()
    try:
        with path.open("rb") as file:
            for line in loglines.read(file):
                head = _head_of(line.raw) if len(found) < WITNESSED_MAX else None
                if head and found.setdefault(head[0], head[1]) != head[1]:
                    forks[head[0]] = None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    return Witnessed(found, tuple(forks))


def _head_of(raw: bytes) -> tuple[int, str] | None:
    """Of one message: the number of lines at its line, and the head then."""
    try:
        body = msgspec.json.decode(raw)
        return int(body["line"]["n"]) + 1, str(body["head"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError, ValueError):
        return None


def _of_unit(paths: Paths, key: Path, seen: Witnessed) -> Verdict:
    """Check the log itself, handed out by the keeper for reading; its own head counts as a witness's too."""
    with Conversation(paths.keeper_socket) as keeper:
        told, files = keeper.ask_for_files("audit")
    if not files:
        raise StoreError("the keeper handed out no log; expected an open file")
    with os.fdopen(files[0], "rb") as file:
        own = {told["lines"]: told["head"]}
        return check(file, told["bytes"], sign.public_keys(key, sign.AUDIT), seen, own)


def _of_file(path: Path, key: Path | None, seen: Witnessed) -> Verdict:
    keys = sign.public_keys(key, sign.AUDIT) if key else ()
    try:
        with path.open("rb") as file:
            return check(file, os.fstat(file.fileno()).st_size, keys, seen)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def _show(found: Verdict) -> None:
    for fault in found.faults:
        out().print(f"[red]{escape(fault)}[/red]")
    more = found.faults_n - len(found.faults)
    if more:
        out().print(f"[red]and {more} more[/red]")
    verdict = f"Faults: {found.faults_n}" if found.faults_n else "The log holds together"
    out().print(f"{verdict}. Lines: {found.lines}; head {found.head[:16]}.")
    if found.signatures:
        out().print(f"Signatures that fit: {found.signatures}; lines that they cover: {found.signed_lines}.")
    else:
        out().print("No signature was checked: give the keeper's public key with --key.")
    out().print(f"Witnessed heads that were compared with a line: {found.witnessed}.")
    if found.foreign:
        many = f"{len(found.foreign)} or more" if len(found.foreign) == FAULTS_MAX else len(found.foreign)
        first = f"the first is line {found.foreign[0]}"
        out().print(f"Lines of no kind that this release knows: {many}; {first}. They have no force.")
    for name in found.missing:
        out().print(f"[red]recording {escape(name)} is missing: the log began it, and has no receipt for it[/red]")
