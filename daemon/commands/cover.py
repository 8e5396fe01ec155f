# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The commands `spreekkamer cover …`: windows in which the camera is covered, for instance during elections."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from daemon.commands import tables
from daemon.commands.console import Json, State, as_json, out
from daemon.commands.zone import moment, place_of
from daemon.link import ask
from daemon.paths import Paths
from daemon.times import local_of

app = typer.Typer(help="Windows in which the camera is covered, such as for elections.", no_args_is_help=True)


@app.command("list")
def list_(*, state: State = None, as_json_: Json = False) -> None:
    """List the windows that are not over: the policy's and those that were set."""
    _show(state, ask(Paths.below(state).operator_socket, "cover"), as_json_=as_json_)


@app.command("set")
def set_(
    *, state: State = None, as_json_: Json = False,
    begins: Annotated[
        str, typer.Option("--from", help="its first moment, such as 2026-03-18T06:00; in the policy's zone")
    ],
    ends: Annotated[str, typer.Option("--until", help="its end; it ends by itself, at most 14 days later")],
    decision: Annotated[str, typer.Option(help="the decision that it rests on; at most 200 characters")],
) -> None:  # fmt: skip
    """Cover the camera for a time: its device is closed, nothing is recorded, the alarm works."""
    place = place_of(state)
    args = {
        "begins": moment(begins, "--from", place).isoformat(),
        "ends": moment(ends, "--until", place).isoformat(),
        "decision": decision,
    }
    _show(state, ask(Paths.below(state).operator_socket, "cover_set", **args), as_json_=as_json_)


@app.command()
def withdraw(number: int, *, state: State = None, as_json_: Json = False) -> None:
    """Withdraw a window that was set, by its number in the list. The policy's windows are changed in the policy."""
    _show(state, ask(Paths.below(state).operator_socket, "cover_withdraw", number=number), as_json_=as_json_)


def _show(state: State, windows: list[dict[str, Any]], *, as_json_: bool) -> None:
    if as_json_:
        as_json(windows)
        return
    if not windows:
        out().print("no covered window is set")
        return
    place = place_of(state)
    cells = (
        (str(one["number"] or "policy"), local_of(one["begins"], place), local_of(one["ends"], place), one["state"],
         one["decision"])
        for one in windows
    )  # fmt: skip
    tables.rows(("number", "from", "until", "state", "decision"), cells, sentences=True)
