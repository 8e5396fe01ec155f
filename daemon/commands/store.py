# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer store`: whether everything in the store can be accounted for."""

from __future__ import annotations

import datetime
import sys
import time
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from daemon.commands.console import NOT_EVIDENCE, Json, State, as_json, out
from daemon.commands.zone import place_of
from daemon.link import ask
from daemon.paths import Paths
from daemon.texts import shown
from daemon.times import local

app = typer.Typer(help="The store: whether every file, hash and signature holds.", no_args_is_help=True)
POLL_S = 0.5
PAGES_MAX = 100
"""Pages of a hundred findings: ten times what the keeper keeps."""


@app.callback()
def _group() -> None:
    """The store: whether every file, hash and signature is valid."""


@app.command()
def verify(*, state: State = None, as_json_: Json = False) -> None:
    """Inspect the whole store and list what does not fit; needs no key that opens. Exit code 10 for any finding."""
    socket = Paths.below(state).keeper_socket
    told = ask(socket, "verify", start=True)
    columns = (TextColumn("store"), BarColumn(), TextColumn("{task.completed} of {task.total}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("store", total=told["total"])
        while told["running"]:
            time.sleep(POLL_S)
            told = ask(socket, "verify")
            progress.update(task, completed=told["done"], total=told["total"])
    result = dict(told["result"])
    result["findings"] = list(told["findings"])
    for _ in range(PAGES_MAX):
        page = ask(socket, "verify", after=len(result["findings"]))["findings"]
        result["findings"] += page
        if not page:
            break
    if as_json_:
        as_json(result)
    else:
        _show(result, place_of(state))
    if result["faults"]:
        raise typer.Exit(10)


def _show(result: dict[str, Any], place: datetime.tzinfo) -> None:
    for finding in result["findings"]:
        out().print(f"[red]{escape(finding['path'])}[/red] {escape(shown(finding['what']))}", soft_wrap=True)
    more = result["faults"] - len(result["findings"])
    if more:
        out().print(f"[red]and {more} more[/red]")
    verdict = f"{result['faults']} faults" if result["faults"] else "Everything can be accounted for"
    size = f"{result['recordings']} recordings, {result['files']} files, {result['bytes'] / 1e6:.1f} MB"
    if result["simulated"]:
        out().print(f"[red]{NOT_EVIDENCE}[/red]: {result['simulated']} of {result['recordings']} recordings.")
    out().print(f"{verdict}: {size}, walked in {result['took_s']} s at {local(result['at_wall_ns'], place)}.")
