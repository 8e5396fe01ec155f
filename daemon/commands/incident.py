# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer incident`: afterwards somebody says what an alarm was, and what was done about it."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import typer
from rich.text import Text

from daemon.commands import tables
from daemon.commands.console import SHORT, Json, State, as_json, by_option, out
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
        list[str] | None, typer.Option(help=f"what was done; several with commas: {', '.join(get_args(Measure))}")
    ] = None,
    police_report: Annotated[str | None, typer.Option(metavar="NR", help="the number of the report of a crime")] = None,
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Say what an alarm was, whole: said again, it replaces all that was said before, which stays in the log."""
    done = [word for words in measures or [] for word in words.replace(" ", "").split(",")]
    about = {"kind": kind, "measures": done, "police_report": police_report}
    keeper = Paths.below(state).keeper_socket
    before = {one["alarm_id"]: one for one in ask(keeper, "incidents")}
    with by_option():
        closed = ask(keeper, "incident_close", alarm=alarm_id, **about)
    if as_json_:
        as_json(closed)
        return
    out().print(f"alarm {closed['alarm_id']}: {_told(closed)}", soft_wrap=True, highlight=False)
    earlier = before.get(closed["alarm_id"], closed)
    if earlier["kind"] is not None and _told(earlier) != _told(closed):
        out().print(f"That replaces: {_told(earlier)}", soft_wrap=True, highlight=False)


def _told(one: dict[str, Any]) -> str:
    was, measures, report = _was(one)
    return f"{was}; measures: {measures}; police report: {report}"


def _was(one: dict[str, Any]) -> tuple[tables.Cell, str, str]:
    if one["kind"] is None:
        return Text("not said yet", style="red"), "-", "-"
    return one["kind"], ", ".join(one["measures"]) or "none", one["police_report"] or "-"
