# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer hold`: keeps a recording beyond its term during an incident, with reviews, until its release."""

from __future__ import annotations

import datetime
import sys
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from daemon.commands import tables
from daemon.commands.console import SHORT, Json, State, as_json, by_option, day, out
from daemon.commands.zone import place_of
from daemon.errors import RequestError
from daemon.link import Conversation
from daemon.paths import Paths
from daemon.times import local

app = typer.Typer(
    help="Keeps recordings beyond their term while an incident is open. Custodians only; no names are asked for.",
    no_args_is_help=True,
)
WAIT_S = 60.0
"""How long an answer may take: the keeper may be deleting after a long power cut, and a hold is worth the wait."""
PAGES_MAX = 1000
"""Pages of thirty holds: thirty times what a store accepts."""

Role = Annotated[
    str, typer.Option(help="for which function it is done: a role of the policy, such as manager; no name")
]
Reason = Annotated[str, typer.Option(help="one line, at most 200 characters; no names")]
Review = Annotated[str, typer.Option(metavar="DATE", help="when it is looked at again: at most 90 days ahead")]
HoldId = Annotated[str, typer.Argument(metavar="HOLD", help="the hold's id, or the start of it")]


@app.command()
def place(
    recording_id: Annotated[str, typer.Argument(metavar="ID", help="the recording's id, or the start of it")],
    *, incident: Annotated[str, typer.Option(metavar="NR", help="the incident's or the request's number")],
    role: Role, reason: Reason, review: Review,
    track: Annotated[Literal["audio", "video"] | None, typer.Option(help="one of the two; without it: both")] = None,
    kind: Annotated[
        Literal["incident", "access"], typer.Option(help="access: somebody asked for it (AVG, art. 15 and 18)")
    ] = "incident",
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Keep a recording from being deleted until the hold is released."""
    wish = {
        "recording": recording_id, "incident": incident, "on_behalf_of": role, "reason": reason,
        "review": day(review, "--review").isoformat(), "tracks": (track,) if track else (), "kind": kind,
    }  # fmt: skip
    hold = _ask(state, "hold_place", **wish)
    if as_json_:
        as_json(hold)
        return
    tracks = " and ".join(hold["tracks"])
    out().print(f"hold {hold['hold_id']}: {tracks} of {hold['recording_id']} is kept; review on {hold['review']}")
    for other in hold["kept_with_it"]:
        out().print(f"with it {other}: the same event, which a fault of the recorder cut in pieces")


@app.command()
def extend(
    hold_id: HoldId, *, role: Role, reason: Reason, review: Review, state: State = None, as_json_: Json = False
) -> None:
    """Set a later review: somebody has looked, and the incident is still open."""
    hold = _ask(
        state, "hold_extend", hold=hold_id, on_behalf_of=role, reason=reason, review=day(review, "--review").isoformat()
    )
    if as_json_:
        as_json(hold)
        return
    out().print(f"hold {hold['hold_id']}: review on {hold['review']}")


@app.command()
def release(
    hold_id: HoldId, *, role: Role, reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask first")] = False,
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """End a hold. What is past its term, with no other hold, is deleted at once; on a terminal it asks first."""
    question = f"Release hold {hold_id}? What is past its term is deleted at once, and does not come back"
    if not yes and sys.stdin.isatty() and not typer.confirm(question, err=True):
        raise RequestError(f"hold {hold_id} was not released")
    done = _ask(state, "hold_release", hold=hold_id, on_behalf_of=role, reason=reason)
    if as_json_:
        as_json(done)
        return
    gone = [f"{receipt['track']} of {receipt['recording_id']}" for receipt in done["deleted"]]
    nothing = "nothing, another hold keeps it" if done["still_held_by"] else "nothing now"
    out().print(f"hold {done['hold_id']} is released; deleted: {', '.join(gone) or nothing}")
    for other in done["still_held_by"]:
        out().print(f"still kept by hold {other}")


@app.command("list")
def list_(*, state: State = None, as_json_: Json = False) -> None:
    """List all active holds, the oldest first. Exit code 10 when a review is due or a file cannot be read."""
    found: list[dict[str, Any]] = []
    with Conversation(Paths.below(state).keeper_socket, WAIT_S) as keeper:
        for _ in range(PAGES_MAX):
            page = keeper.ask("holds", after=found[-1]["hold_id"] if found else "")
            found += page["holds"]
            if not page["holds"]:
                break
    if as_json_:
        as_json({"holds": found, "unknown": page["unknown"], "fault": page["fault"]})
    else:
        _show(found, page["fault"], place_of(state))
    if page["fault"] or any(hold["review_due"] for hold in found):
        raise typer.Exit(10)


def _show(holds: list[dict[str, Any]], fault: str, place: datetime.tzinfo) -> None:
    cells = (_row(hold, place) for hold in holds)
    tables.rows(("hold", "recording", "kept", "number", "review", "for"), cells, sentences=True)
    if fault:
        out().print(Text(fault, style="red"), soft_wrap=True)


def _row(hold: dict[str, Any], place: datetime.tzinfo) -> tuple[tables.Cell, ...]:
    review = Text(f"{hold['review']} due", style="red") if hold["review_due"] else hold["review"]
    kept = "both" if len(hold["tracks"]) > 1 else {"audio": "sound", "video": "image"}[hold["tracks"][0]]
    number = ("access " if hold["kind"] == "access" else "") + hold["incident"]
    why = f"{hold['on_behalf_of']}: {hold['reason']} (since {local(hold['placed_wall_ns'], place)[:10]})"
    return hold["hold_id"][:SHORT], hold["recording_id"][:SHORT], kept, number, review, why


def _ask(state: State, verb: str, **args: Any) -> Any:
    with by_option(), Conversation(Paths.below(state).keeper_socket, WAIT_S) as keeper:
        return keeper.ask(verb, **args)
