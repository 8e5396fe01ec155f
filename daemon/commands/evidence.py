"""`spreekkamer evidence`: sealed copies of recordings, handed out at the unit; the rest runs on any computer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from daemon import sign
from daemon.commands import custodian
from daemon.commands.console import Json, State, as_json, out, progress
from daemon.commands.hold import WAIT_S
from daemon.errors import SealError
from daemon.evidence.export import Copy, export
from daemon.link import Conversation
from daemon.paths import Paths

app = typer.Typer(
    help="Recordings as evidence: copies from a unit, and on any other computer what checks and opens them.",
    no_args_is_help=True,
)


@app.callback()
def evidence() -> None:
    """Recordings as evidence: copies from a unit, and on any other computer what checks and opens them."""


app.command("verify")(custodian.verify_)
app.command("open")(custodian.open_)
app.command("half")(custodian.half_)
app.command("keygen")(custodian.keygen)
app.command("handover")(custodian.handover)
app.command("destroy")(custodian.destroy)


@app.command("export")
def export_(
    recording_id: Annotated[str, typer.Argument(metavar="ID", help="the recording's id, or the start of it")],
    *, to: Annotated[Path, typer.Option(metavar="DIR", help="a directory on the medium", exists=True, file_okay=False)],
    key: Annotated[
        Path | None, typer.Option(metavar="PUB", help="the unit's public key, or allowed_signers; else this unit's own")
    ] = None,
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Copies a sealed recording to a medium and checks it there. Exit code 10 when something is wrong with it."""
    paths = Paths.below(state)
    with Conversation(paths.keeper_socket, WAIT_S) as keeper, progress() as bar:
        tasks = {what: bar.add_task(what, total=None) for what in ("copy", "check")}
        copy = export(keeper, recording_id, to, _keys(paths, key), lambda what, n: bar.advance(tasks[what], n))
    if as_json_:
        as_json(copy)
    else:
        _show(copy, to)
    if copy.faults:
        raise typer.Exit(10)


def _keys(paths: Paths, key: Path | None) -> tuple[str, ...]:
    """The key that was named, or this unit's own; none where it has none that this user may read."""
    if key is not None:
        return sign.public_keys(key, sign.RECORDINGS)
    try:
        return sign.public_keys(paths.signing_key.with_suffix(".pub"), sign.RECORDINGS)
    except SealError:
        return ()


def _show(copy: Copy, to: Path) -> None:
    for fault in copy.faults:
        out().print(f"[red]{escape(fault)}[/red]")
    verdict = "has faults" if copy.faults else "is whole"
    out().print(f"{to / copy.recording_id} {verdict}: {copy.files} files, {copy.bytes / 1e6:.1f} MB, still sealed.")
    for track, count in copy.missing.items():
        receipt = f"{copy.recording_id}.json"
        out().print(f"Not in it: {track}, {count} files, deleted at its term; the receipt is in {receipt}.")
    if copy.signed is None:
        out().print("The signature was not checked: no public key of the unit was found; give it with --key.")
