# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What every command shares: its options, where tables go, how a machine is answered."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from daemon.errors import RequestError

State = Annotated[
    Path | None,
    typer.Option(
        "--state", metavar="DIR", envvar="SPREEKKAMER_STATE",
        help="a unit below this directory; without it: this machine's",
    ),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="for machines")]
PIPE_COLUMNS = 10_000
"""Wider than any line of ours."""
NOT_EVIDENCE = "not evidence: simulated"
"""What is said of each recording that was made on simulated devices (promise H3)."""
SHORT = 8
"""Characters of an id in a table: enough to tell a store's recordings apart; commands take the start of an id too."""


def day(text: str, what: str) -> datetime.date:
    """A date that somebody typed. Raises RequestError."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise RequestError(f"{what} {text}: expected a date such as 2026-11-30") from error


def moment(text: str, what: str) -> datetime.datetime:
    """A moment that somebody typed, with its offset; one without is in this machine's local time.

    Raises RequestError.
    """
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise RequestError(f"{what} {text}: expected a moment such as 2026-03-18T06:00") from error
    return found.astimezone() if found.tzinfo is None else found


def out() -> Console:
    """Where tables go; made when it is needed, so that it finds the terminal that is there then.

    A pipe has no width: what goes there is folded by nobody.
    """
    return Console(soft_wrap=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)


def progress() -> Progress:
    """A bar for bytes, on the terminal of whoever waits; nothing where there is none."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def as_json(body: Any) -> None:
    """Prints for a machine."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n")
