# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer audit`: whether the keeper's log is intact, on the unit or in a copy, also compared with witnesses."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from daemon import loglines, sign
from daemon.auditfiles import LOG, AuditFiles, joined
from daemon.commands import testimony
from daemon.commands.console import Json, State, as_json, out
from daemon.errors import RequestError, StoreError
from daemon.link import Conversation
from daemon.model import acts
from daemon.model.ledger import FAULTS_MAX, Foreign, Line, Walk
from daemon.model.witness import MARGIN_NS, Book
from daemon.paths import Paths

app = typer.Typer(help="The keeper's log: deletions, holds, hand-outs; hash-chained and signed.", no_args_is_help=True)
FILE = "a copy of the log: audit.jsonl, or a directory with its years; without it: the unit's own"
NO_HEADS: Mapping[int, str] = {}


class GoneYear(msgspec.Struct, frozen=True):
    """A year whose file was deleted at the end of its term."""

    year: int
    first: int
    """Number of its first line."""
    ends: int
    """Number of the line behind its last."""
    said: int
    """Number of the line that says so."""


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
    heard: int | None
    """Heads that the witness has of this log; null: no witness was asked."""
    witnessed_lines: int
    """Number of lines, from the first, that the compared heads cover."""
    missing: tuple[str, ...] = ()
    """Recordings that the log began and reports missing: no receipt for their deletion."""
    foreign: tuple[int, ...] = ()
    """Numbers of lines of unknown kinds, which have no effect; the first hundred."""
    gone: tuple[GoneYear, ...] = ()
    """Years that are not there because their term was over, the oldest first: no fault."""
    passed: int = 0
    """Heads of a witness of lines that are past their term, which cannot be compared."""


class Progressing(Progress):
    """A progress bar on stderr: a log of ten years takes minutes, because every signature is checked."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        super().__init__(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


@app.command()
def verify(
    *,
    file: Annotated[
        Path | None, typer.Option(metavar="F", help=FILE)
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="PUB", help="the keeper's public key, or an allowed_signers with it")
    ] = None,
    witness: Annotated[
        Path | None, typer.Option(metavar="DIR|FILE", help="what a witness kept, or archive/event messages, one a line")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="NAME", help="organisation/site/room, where the witness has several units")
    ] = None,
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Check every hash and signature of the audit log and list the lines that are wrong. Exit code 10 for any.

    Also if a witness was given and none of its heads could be compared.
    """
    paths = Paths.below(state)
    if unit is not None and witness is None:
        raise RequestError("--unit: says whose heads of --witness are meant; expected both")
    seen = testimony.of_log(witness, unit) if witness else None
    if file is None:
        verdict = _of_unit(paths, key or paths.audit_key.with_suffix(".pub"), seen and seen.book)
    else:
        verdict = _of_file(file, key, seen and seen.book)
    if as_json_:
        as_json(verdict)
    else:
        _show(verdict)
        if seen is not None:
            _show_passed(seen)
    if verdict.faults_n or verdict.missing or (verdict.heard is not None and not verdict.witnessed):
        raise typer.Exit(10)


def check(
    file: IO[bytes], size: int, keys: tuple[str, ...], book: Book | None = None, own: Mapping[int, str] = NO_HEADS
) -> Verdict:
    """Check the first `size` bytes of a log. `own`: the keeper's own head, which is not a witness's.

    `book`: what a witness heard of it.

    Raises StoreError if it cannot be read, SealError without ssh-keygen.
    """
    heads = book.of_log() if book is not None else {}
    walk, good, signed_lines, missing = Walk({**own, **heads}), 0, 0, dict[str, None]()
    foreign: list[int] = []
    began: set[str] = set()
    try:
        with Progressing() as progress:
            task = progress.add_task("audit log", total=size)
            for line in loglines.read(file, size):
                if (found := walk.take(line.raw, line.sha256)) is not None:
                    _note_missing(found, missing)
                    if isinstance(found.act, acts.RecordingBegan):
                        began.add(found.act.recording_id)
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
    _judge_gone(walk, signed_lines if keys else walk.lines)
    if book is not None:
        _ask(book, walk, began)
    if keys and walk.lines and not good:
        walk.blame(walk.lines - 1, "and all before it are signed by nobody: a keeper signs its log within an hour")
    faults = tuple(str(fault) for fault in walk.faults)
    compared = walk.compared & heads.keys()
    witnessed = len(compared), None if book is None else len(heads), max(compared, default=0)
    gone = tuple(GoneYear(one.act.year, one.act.first, one.act.lines, one.n) for one in walk.gone)
    return Verdict(
        walk.lines, walk.head, faults, walk.faults_n, good, signed_lines, *witnessed, tuple(missing), tuple(foreign),
        gone, walk.passed,
    )  # fmt: skip


def _judge_gone(walk: Walk, signed_lines: int) -> None:
    """A year went if a keeper said so: a line that no head covers says nothing."""
    for one in walk.gone:
        if one.n >= signed_lines:
            walk.blame(one.n, f"says that {one.act.year} went at the end of its term, and no keeper signed it")


def _ask(book: Book, walk: Walk, began: set[str]) -> None:
    """What a witness knows beyond the heads of the log as it is."""
    for fork in book.forks.values():
        if not fork.recording_id:
            walk.blame(fork.lines - 1, "was witnessed with two heads: one of two logs is not this keeper's")
    for name, lines in book.due().items():
        if lines <= walk.lines and name not in began and not _is_past(book.began_ns(name), walk):
            walk.blame(lines - 1, f"is signed without recording {name}, whose chain was witnessed before")


def _is_past(wall_ns: int, walk: Walk) -> bool:
    """Whether what was logged at this time stood in a year that is past its term."""
    return any(gap.since_wall_ns - MARGIN_NS <= wall_ns <= gap.until_wall_ns + MARGIN_NS for gap in walk.gone_gaps)


def _note_missing(line: Line, missing: dict[str, None]) -> None:
    match line.act:
        case acts.RecordingMissing(recording_id=name):
            missing[name] = None
        case acts.RecordingReturned(recording_id=name) | acts.Deleted(recording_id=name):
            missing.pop(name, None)


def _of_unit(paths: Paths, key: Path, book: Book | None) -> Verdict:
    """Check the log itself, handed out by the keeper for reading; its own head counts as a witness's too."""
    with Conversation(paths.keeper_socket) as keeper:
        told, files = keeper.ask_for_files("audit")
    if not files:
        raise StoreError("the keeper handed out no log; expected an open file")
    with joined(files) as file:
        own = {told["lines"]: told["head"]}
        return check(file, told["bytes"], sign.public_keys(key, sign.AUDIT), book, own)


def _of_file(path: Path, key: Path | None, book: Book | None) -> Verdict:
    keys = sign.public_keys(key, sign.AUDIT) if key else ()
    try:
        with AuditFiles(path / LOG).open_copy() if path.is_dir() else path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            return check(file, size, keys, book)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def _show_passed(seen: testimony.Testimony) -> None:
    """What of the witness's was not compared, so that nothing is passed over silently."""
    if seen.unread:
        out().print(f"Lines of the witness that are no message of a unit: {seen.unread}.")
    if seen.others:
        out().print(f"Heads of other units, of none that is named, or of a simulated one: {seen.others}; not compared.")


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
    if found.heard is None:
        out().print("No witness was asked: whoever has the keeper's key can have made all of it anew (--witness).")
    elif not found.witnessed:
        out().print(f"[red]Of {found.heard} witnessed heads none was compared with a line: nothing is proven.[/red]")
    else:
        compared = f"Witnessed heads that were compared with a line: {found.witnessed} of {found.heard}"
        out().print(f"{compared}; lines that they cover: {found.witnessed_lines}.")
    if found.passed:
        out().print(f"Witnessed heads of lines that are past their term: {found.passed}; only their last is compared.")
    for gone in found.gone:
        where = f"lines {gone.first} to {gone.ends - 1}; line {gone.said} says so"
        out().print(f"Not there: {gone.year}, past its term ({where}).")
    if found.foreign:
        many = f"{len(found.foreign)} or more" if len(found.foreign) == FAULTS_MAX else len(found.foreign)
        first = f"the first is line {found.foreign[0]}"
        out().print(f"Lines of no kind that this release knows: {many}; {first}. They have no force.")
    for name in found.missing:
        out().print(f"[red]recording {escape(name)} is missing: the log began it, and has no receipt for it[/red]")
