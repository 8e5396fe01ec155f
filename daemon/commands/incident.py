# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer incident`: afterwards somebody says what an alarm was, and what was done about it."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import typer
from rich.text import Text

from daemon.commands import tables
from daemon.commands.console import SHORT, Json, State, as_json, out
from daemon.commands.zone import place_of
from daemon.link import ask
from daemon.model.register import Incident, Measure
from daemon.paths import Paths
from daemon.times import local

app = typer.Typer(help="What an alarm was, for the register. Custodians; no names are asked for.", no_args_is_help=True)


@app.command("list")
def list_(*, state: State = None, as_json_: Json = False) -> None:
    """The newest hundred alarms, and what each was. Exit code 10 when nobody has said it of one."""
    found = ask(Paths.below(state).keeper_socket, "incidents")
    if as_json_:
        as_json(found)
    else:
        place = place_of(state)
        columns = ("alarm", "pressed", "was", "measures", "police report")
        tables.rows(columns, ((one["alarm_id"][:SHORT], local(one["at_wall_ns"], place), *_was(one)) for one in found))
    if any(one["kind"] is None for one in found):
        raise typer.Exit(10)


@app.command()
def close(
    alarm_id: Annotated[str, typer.Argument(metavar="ALARM", help="the alarm's id, or the start of it")],
    *, kind: Annotated[Incident, typer.Option(help="what it was; false: nothing was the matter")],
    measures: Annotated[
        list[str] | None, typer.Option(help=f"what was done about it, several: {', '.join(get_args(Measure))}")
    ] = None,
    police_report: Annotated[str | None, typer.Option(metavar="NR", help="the number of the report of a crime")] = None,
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Says what an alarm was. Said again it takes the place of what was said before, which stays in the log."""
    about = {"kind": kind, "measures": measures or [], "police_report": police_report}
    closed = ask(Paths.below(state).keeper_socket, "incident_close", alarm=alarm_id, **about)
    if as_json_:
        as_json(closed)
        return
    was, done, report = _was(closed)
    told = f"alarm {closed['alarm_id']}: {was}; measures: {done}; police report: {report}"
    out().print(told, soft_wrap=True, highlight=False)


def _was(one: dict[str, Any]) -> tuple[tables.Cell, str, str]:
    if one["kind"] is None:
        return Text("not said yet", style="red"), "-", "-"
    return one["kind"], ", ".join(one["measures"]) or "none", one["police_report"] or "-"
