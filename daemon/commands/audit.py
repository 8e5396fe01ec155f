"""`spreekkamer audit`: whether the keeper's log holds together, on the unit or from a copy, and with its witnesses."""

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
from daemon.commands.console import Json, State, as_json, out
from daemon.errors import StoreError
from daemon.link import Conversation
from daemon.model.ledger import Walk
from daemon.paths import Paths

app = typer.Typer(help="The keeper's log: deletions, holds, hand-outs; hash-chained and signed.", no_args_is_help=True)
WITNESSED_MAX = 1_000_000
"""Heads of one witness: ten years of a hundred a day. More are not looked at."""


class Verdict(msgspec.Struct, frozen=True):
    """What was found."""

    lines: int
    head: str
    faults: tuple[str, ...]
    """What is wrong, with the line; the first hundred."""
    faults_n: int
    signatures: int
    """Signed heads that were checked and fit; without a key: none."""
    signed_lines: int
    """So many lines, from the first, are covered by a signature that fits."""
    witnessed: int
    """Heads that a witness had and that were compared."""


class Progressing(Progress):
    """A bar on stderr, for a person: a log of ten years takes minutes, because every signature is checked."""

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
    """Checks every hash and signature of the audit log and names the lines that are wrong. Exit code 10 for any."""
    paths = Paths.below(state)
    seen = heads_of(witness) if witness else {}
    if file is None:
        verdict = _of_unit(paths, key or paths.audit_key.with_suffix(".pub"), seen)
    else:
        verdict = _of_file(file, key, seen)
    if as_json_:
        as_json(verdict)
    else:
        _show(verdict)
    if verdict.faults_n:
        raise typer.Exit(10)


def check(file: IO[bytes], size: int, keys: tuple[str, ...], seen: Mapping[int, str]) -> Verdict:
    """Walks a log of so many bytes. Raises StoreError for one that cannot be read, SealError without ssh-keygen."""
    walk, good, signed_lines = Walk(seen), 0, 0
    try:
        with Progressing() as progress:
            task = progress.add_task("audit log", total=size)
            for line in loglines.read(file, size):
                walk.take(line.raw, line.sha256)
                if walk.signed and keys:
                    if sign.is_signed(walk.signed.statement, walk.signed.signature, keys, sign.AUDIT):
                        good, signed_lines = good + 1, walk.signed.n
                    else:
                        walk.blame(walk.signed.n, "is signed by another key, or what stands before it was made anew")
                progress.advance(task, line.size)
    except OSError as error:
        raise StoreError(f"the audit log cannot be read: {error.strerror or error}") from error
    walk.finish()
    faults = tuple(str(fault) for fault in walk.faults)
    return Verdict(walk.lines, walk.head, faults, walk.faults_n, good, signed_lines, len(seen))


def heads_of(path: Path) -> Mapping[int, str]:
    """What a witness heard: number of lines -> head. Raises StoreError; what is no message of ours is passed over."""
    found: dict[int, str] = {}
    try:
        with path.open("rb") as file:
            for line in loglines.read(file):
                if len(found) < WITNESSED_MAX and (head := _head_of(line.raw)):
                    found[head[0]] = head[1]
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    return found


def _head_of(raw: bytes) -> tuple[int, str] | None:
    """Of one message: how many lines the log had with its line, and the head then."""
    try:
        body = msgspec.json.decode(raw)
        return int(body["line"]["n"]) + 1, str(body["head"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError, ValueError):
        return None


def _of_unit(paths: Paths, key: Path, seen: Mapping[int, str]) -> Verdict:
    """The log itself, as the keeper hands it out to read; its own head is a witness too."""
    with Conversation(paths.keeper_socket) as keeper:
        told, files = keeper.ask_for_files("audit")
    if not files:
        raise StoreError("the keeper handed out no log; expected an open file")
    with os.fdopen(files[0], "rb") as file:
        return check(file, told["bytes"], sign.public_keys(key, sign.AUDIT), {**seen, told["lines"]: told["head"]})


def _of_file(path: Path, key: Path | None, seen: Mapping[int, str]) -> Verdict:
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
    out().print(f"Heads that were witnessed: {found.witnessed}.")
