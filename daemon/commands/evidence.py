# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer evidence`: sealed copies of recordings, handed out at the unit. The rest runs on any computer."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from daemon import sign
from daemon.commands import custodian
from daemon.commands.console import Json, State, as_json, by_option, out, progress
from daemon.commands.hold import WAIT_S
from daemon.errors import LinkError, RefusedError, RequestError, SealError, StoreError, UnitError
from daemon.evidence.export import Copy, to_medium, to_stream
from daemon.evidence.medium import of_the_unit
from daemon.evidence.source import sources
from daemon.evidence.verify import Verdict, verify
from daemon.link import Conversation, ask
from daemon.model.register import Handing, Purpose, SignedSlip, Use
from daemon.paths import Paths
from daemon.texts import plain

SLIPS_BYTES_MAX = 100_000
"""A slip has 700 bytes, and an event ten parts at most."""

app = typer.Typer(
    help="Recordings as evidence: copies from a unit, and on any other computer what checks and opens them.",
    no_args_is_help=True,
)


@app.callback()
def evidence() -> None:
    """Recordings as evidence: copies from a unit; and, on any other computer, checking and opening them."""


app.command("verify")(custodian.verify_)
app.command("open")(custodian.open_)
app.command("half")(custodian.half_)
app.command("keygen")(custodian.keygen)
app.command("handover")(custodian.handover)
app.command("destroy")(custodian.destroy)
app.command("answer")(custodian.answer)


@app.command("export")
def export_(
    recording_id: Annotated[str, typer.Argument(metavar="ID", help="the recording's id, or the start of it")],
    *, to: Annotated[str, typer.Option(metavar="DIR|-", help="a directory on the medium; -: standard output")],
    purpose: Annotated[Purpose, typer.Option(help="what for")],
    number: Annotated[str, typer.Option(metavar="NR", help="the incident's, the report's or the request's number")],
    role: Annotated[str, typer.Option(help="for which function: a role of the policy; no name")],
    key: Annotated[
        Path | None, typer.Option(metavar="PUB", help="the unit's public key, or allowed_signers; else this unit's own")
    ] = None,
    same_disk: Annotated[
        str | None, typer.Option(metavar="REASON", help="why the copy may stay on the unit, where nothing deletes it")
    ] = None,
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Copy a sealed event to a medium as one zip, and check it there. Exit code 10 when something is wrong."""
    paths, why = Paths.below(state), Handing(purpose, number, role, same_disk)
    if to == "-":
        _stream(paths, recording_id, why)
        return
    if not Path(to).is_dir():
        raise RequestError(f"--to {to}: expected a directory, or - for standard output")
    if Path(to).resolve().is_relative_to(paths.store.resolve()):
        raise RequestError(f"--to {to}: it lies in the store; expected a directory on a medium")
    with by_option(), Conversation(paths.keeper_socket, WAIT_S) as keeper, progress() as bar:
        _leaves(keeper, recording_id, to, Path(to).stat(), why)
        task = bar.add_task("copy", total=None)
        copy = to_medium(keeper, recording_id, Path(to), lambda count: bar.advance(task, count), why)
        task = bar.add_task("check", total=sum(sheet.bytes for sheet in copy.recordings))
        assert copy.path is not None  # noqa: S101 - it was copied to a medium
        keys = _keys(paths, key)
        verdicts = [
            verify(source, keys, lambda count: bar.advance(task, count)).verdict for source in sources(copy.path)
        ]
    if as_json_:
        as_json({"path": str(copy.path), "open": copy.open, "recordings": copy.recordings, "verdicts": verdicts})
    else:
        _show(copy, verdicts)
    if any(not verdict.whole or verdict.unit == "no" for verdict in verdicts):
        raise typer.Exit(10)


@app.command()
def used(
    recording_id: Annotated[str, typer.Argument(metavar="ID", help="the recording's id, or the start of it")],
    *, as_: Annotated[Use, typer.Option("--as", help="what was done; accessed: a resident saw or heard it")],
    purpose: Annotated[Purpose, typer.Option(help="what for")],
    number: Annotated[str, typer.Option(metavar="NR", help="the incident's, the report's or the request's number")],
    role: Annotated[str, typer.Option(help="for which function: a role of the policy; no name")],
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Tell the unit's log what became of a copy, for the register: the unit itself sees no copy being opened."""
    about = {"use": as_, "purpose": purpose, "number": number, "on_behalf_of": role}
    with by_option():
        told = ask(Paths.below(state).keeper_socket, "used", recording=recording_id, **about)
    if as_json_:
        as_json(told)
        return
    out().print(f"recording {told['recording_id']}: noted as {as_}, for {purpose} {number}", soft_wrap=True)


@app.command()
def slip(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="as `opname.html` saved them")], *,
    state: State = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Tell the unit's log that copies were opened, by the page's signed slips. Exit code 10: not all were taken."""
    told, refused = list[dict[str, Any]](), list[UnitError]()
    try:
        for path in files:
            _bring(path, Paths.below(state).keeper_socket, told, refused)
    except LinkError as error:  # what was noted before is told, and the others would wait in vain
        refused.append(error)
    if as_json_:
        as_json({"noted": told, "refused": [str(why) for why in refused]})
    else:
        for one in told:
            what = f"noted as opened on {one['opened_at']}, for {one['purpose']} {one['number']}"
            out().print(f"recording {one['recording_id']}: {what}", soft_wrap=True)
        for why in refused if told else refused[1:]:
            out().print(f"[red]{escape(str(why))}[/red]", soft_wrap=True)
    if refused and not told:
        raise refused[0]
    if refused:
        raise typer.Exit(10)


def _bring(path: Path, keeper: Path, told: list[dict[str, Any]], refused: list[UnitError]) -> None:
    """The slips of one file; what is wrong costs itself alone. Raises LinkError."""
    try:
        slips = _slips(path)
    except (RequestError, StoreError) as error:
        refused.append(error)
        return
    for text in slips:
        try:
            told.append(ask(keeper, "slip", **text))
        except RefusedError as error:
            refused.append(RefusedError(f"{path}: {error}", error.exit_code))


def _slips(path: Path) -> list[dict[str, str]]:
    """The slips in a file, a line for each part of an event. Raises RequestError, StoreError."""
    expected = "expected a slip as the page that opens recordings saves it"
    try:
        with path.open("rb") as file:
            data = file.read(SLIPS_BYTES_MAX + 1)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    try:
        found = msgspec.json.Decoder(SignedSlip).decode_lines(plain(data) if len(data) <= SLIPS_BYTES_MAX else b"-")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"{path}: is no slip; {expected}") from error
    if not found:
        raise RequestError(f"{path}: holds no slip; {expected}")
    return [msgspec.structs.asdict(one) for one in found]


def _leaves(keeper: Conversation, recording_id: str, to: str, target: os.stat_result, why: Handing) -> None:
    """Raise RequestError for a place on the unit itself without a reason: a copy there has no term."""
    device = int(keeper.ask("recording", recording_id=recording_id)["device"])
    if why.same_disk is None and (where := of_the_unit(target, device)):
        expected = "expected a medium, or --same-disk with the reason"
        raise RequestError(f"--to {to}: {where}, and nothing would ever delete the copy there; {expected}")


def _stream(paths: Paths, recording_id: str, why: Handing) -> None:
    if sys.stdout.isatty():
        raise RequestError("a zip is no text for a terminal; expected --to - with standard output going into a file")
    try:
        with by_option(), Conversation(paths.keeper_socket, WAIT_S) as keeper:
            _leaves(keeper, recording_id, "-", os.fstat(sys.stdout.fileno()), why)
            copy = to_stream(keeper, recording_id, sys.stdout.buffer, lambda _: None, why)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise StoreError(f"standard output: {error.strerror or error}; what arrived is not whole") from error
    sys.stderr.write(f"{_summary(copy)}; `evidence verify` it where it arrived.\n")


def _keys(paths: Paths, key: Path | None) -> tuple[str, ...]:
    """The named key, or this unit's own; empty if there is none that this user may read."""
    if key is not None:
        return sign.public_keys(key, sign.RECORDINGS)
    try:
        return sign.public_keys(paths.signing_key.with_suffix(".pub"), sign.RECORDINGS)
    except SealError:
        return ()


def _show(copy: Copy, verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        custodian.show(verdict)
    out().print(f"{copy.path}: {_summary(copy)}, still sealed.", soft_wrap=True)
    for sheet in copy.recordings if len(copy.recordings) > 1 else ():
        out().print(f"In it: {sheet.recording_id[:8]}, {' and '.join(sheet.tracks) or 'no track'}.")
    for name in copy.open:
        out().print(f"Not in it: {name[:8]}, a part of the same event that is not closed yet.")


def _summary(copy: Copy) -> str:
    files, size = (sum(getattr(sheet, name) for sheet in copy.recordings) for name in ("files", "bytes"))
    recordings = "1 recording" if len(copy.recordings) == 1 else f"{len(copy.recordings)} recordings"
    return f"{recordings}, {files} files, {size / 1e6:.1f} MB"
