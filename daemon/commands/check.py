# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The command `spreekkamer check`: options in, findings on the screen, a report in a directory, an exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from daemon.check import report as reports
from daemon.check import screen
from daemon.check.asking import Hands
from daemon.check.finding import Finding
from daemon.check.walk import check as walk_through
from daemon.commands.console import Json, State, as_json
from daemon.errors import UnitError
from daemon.link import ask
from daemon.paths import Paths

FAULTY = 10
"""Exit code when something has to be mended before the room is used; with warnings only it is 0."""


def check(
    *,
    state: State = None,
    as_json_: Json = False,
    interactive: Annotated[
        bool | None,
        typer.Option("--interactive/--non-interactive", help="whether somebody is there; by default: on a terminal"),
    ] = None,
    buttons: Annotated[bool, typer.Option("--buttons", help="answer by the record button instead of by keys")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="where the signed report goes, as PDF and JSON")
    ] = None,
) -> None:
    """Walk an engineer through the room, part by part. Exit code 10 when something has to be mended."""
    paths, console = Paths.below(state), Console(stderr=as_json_, soft_wrap=True)
    present = sys.stdin.isatty() if interactive is None else interactive

    def tell(finding: Finding) -> None:
        if present or not as_json_:
            screen.tell(console, finding)

    done = walk_through(paths, _hands(paths, console, by_button=buttons) if present else None, tell)
    if as_json_:
        as_json(done)
    else:
        screen.sum_up(console, done)
    if report is not None:
        for path in reports.write(done, paths, report):
            console.print(f"report: {path}")
    if done.faults:
        raise typer.Exit(FAULTY)


def _hands(paths: Paths, console: Console, *, by_button: bool) -> Hands:
    if not by_button:
        return screen.Keyboard(console)
    if "record" not in ask(paths.operator_socket, "touched"):
        raise UnitError("--buttons: this room has no record button to answer by; use the keyboard")

    def touched() -> tuple[int, int, bool]:
        button = ask(paths.operator_socket, "touched")["record"]
        return button["presses"], button["lasted_ms"], button["down"]

    return screen.RecordButton(console, touched)
