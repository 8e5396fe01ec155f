"""What every command shares: its options, where tables go, how a machine is answered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

State = Annotated[
    Path | None, typer.Option("--state", metavar="DIR", help="a unit below this directory; without it: this machine's")
]
Json = Annotated[bool, typer.Option("--json", help="for machines")]
SHORT = 8
"""Characters of an id in a table: enough to tell a store's recordings apart; commands take the start of an id too."""


def out() -> Console:
    """Where tables go; made when it is needed, so that it finds the terminal that is there then."""
    return Console(soft_wrap=False)


def progress() -> Progress:
    """A bar for bytes, on the terminal of whoever waits; nothing where there is none."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def as_json(body: Any) -> None:
    """Prints for a machine."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n")
