# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Shared by all commands: options, tables, output for machines."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from daemon.errors import RefusedError, RequestError

State = Annotated[
    Path | None,
    typer.Option(
        "--state", metavar="DIR", envvar="SPREEKKAMER_STATE",
        help="a unit below this directory; without it: this machine's",
    ),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="for machines")]
PIPE_COLUMNS = 10_000
"""Wider than any of our lines."""
NOT_EVIDENCE = "not evidence: simulated"
"""Shown for each recording made on simulated devices (promise H3)."""
SHORT = 8
"""Characters of an id in a table: enough to tell recordings apart; commands also accept the start of an id."""


OPTIONS = {
    "on_behalf_of": "--role", "police_report": "--police-report", "measures": "--measures", "number": "--number",
    "incident": "--incident", "reason": "--reason", "same_disk": "--same-disk", "kind": "--kind",
    "purpose": "--purpose",
}  # fmt: skip
"""Field of a request -> the option that a person typed for it."""


@contextmanager
def by_option() -> Iterator[None]:
    """Name the option instead of the request's field in a refusal. Raises RefusedError."""
    try:
        yield
    except RefusedError as error:
        field, colon, expected = str(error).partition(": ")
        if colon and field in OPTIONS:
            raise RefusedError(f"{OPTIONS[field]}: {expected}", error.exit_code) from error
        raise


def day(text: str, what: str) -> datetime.date:
    """Parse a date. Raises RequestError."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise RequestError(f"{what} {text}: expected a date such as 2026-11-30") from error


def out() -> Console:
    """Return a console for tables, made when needed, so that it finds the current terminal.

    In a pipe, lines are not folded.
    """
    return Console(soft_wrap=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)


def progress() -> Progress:
    """Return a progress bar for bytes; nothing is shown without a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def as_json(body: Any) -> None:
    """Print for a machine."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n")
