"""What `spreekkamer evidence` does on a custodian's own computer: verify, open, half, keygen, handover, destroy.

The law here: no socket, no unit, nothing but the files that are named. What opens is loaded by the commands that open.
"""

from __future__ import annotations

import datetime
import getpass
import hashlib
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape
from rich.progress import Progress

from daemon import sign
from daemon.commands.console import NOT_EVIDENCE, Json, as_json, out, progress
from daemon.errors import RequestError, SealError, StoreError
from daemon.evidence.copies import write_new
from daemon.evidence.source import Source, sources
from daemon.evidence.verify import Verdict, Verified, verify
from daemon.model.policy import fingerprint
from daemon.names import TRACKS
from daemon.times import utc

if TYPE_CHECKING:
    from daemon.evidence.film import Made
    from daemon.evidence.opening import Envelopes, Identity

Copy = Annotated[Path, typer.Argument(metavar="DIR|ZIP", help="a recording's directory, or the zip of an export")]
Signers = Annotated[
    Path | None, typer.Option(metavar="F", help="allowed_signers, from who installed the unit; not from the copy")
]
Keys = Annotated[list[Path] | None, typer.Option("--identity", metavar="F", help="a holder's key file; several")]
HalfFile = Annotated[Path | None, typer.Option(metavar="F", help="what the holder before made with `half`")]
UNIT = {
    "yes": "From the unit: yes, signed by {}.",
    "no": "From the unit: NO. The signatures do not fit.",
    "unknown": "From the unit: unknown. Signed by {}: compare it with who installed the unit, or give --signers.",
}


def verify_(copy: Copy, *, signers: Signers = None, as_json_: Json = False) -> None:
    """Says, without a key, whether a copy is whole and whether it is from the unit. Exit code 10: one of them is no."""
    found = [one.verdict for _, one in _verified(copy, signers)]
    if as_json_:
        as_json(found)
    else:
        for verdict in found:
            show(verdict)
    if any(not verdict.whole or verdict.unit == "no" for verdict in found):
        raise typer.Exit(10)


def open_(
    copy: Copy, *, out_: Annotated[Path, typer.Option("--out", metavar="FILE.mp4", help="the film; not there yet")],
    identity: Keys = None, half: HalfFile = None, signers: Signers = None,
) -> None:  # fmt: skip
    """Opens a recording with a key of one holder of every group, as an MP4. Exit code 10: with faults."""
    from daemon.evidence import opening  # noqa: PLC0415 - what opens is loaded where something is opened

    faulty = False
    for number, (source, one) in enumerate(_verified(copy, signers), 1):
        show(one.verdict)
        place = out_ if number == 1 else out_.with_stem(f"{out_.stem}-{number}")
        envelopes = _unlocked(source, one, identity, half)
        if not envelopes.keys:
            raise SealError(f"{opening.still_needed(envelopes)}; make a `half` for them, or give their key as well")
        made, troubles = _film(source, one, envelopes, place)
        for trouble in troubles:
            out().print(f"[red]{escape(trouble)}[/red]", soft_wrap=True)
        what = ", ".join(f"{count} frames of {track}" for track, count in made.packets.items())
        out().print(
            f"{place}: {made.seconds:.1f} s, {what}, {made.bytes / 1e6:.1f} MB, open to everybody.", soft_wrap=True
        )
        faulty = faulty or bool(troubles) or not one.verdict.whole or one.verdict.unit == "no"
    if faulty:
        raise typer.Exit(10)


def half_(
    copy: Copy, *, out_: Annotated[Path, typer.Option("--out", metavar="HALF", help="the file for the next holder")],
    identity: Keys = None, half: HalfFile = None,
) -> None:  # fmt: skip
    """Takes off the layer of your group, so that a holder of the next can open it elsewhere. It alone opens nothing."""
    from daemon.evidence import opening  # noqa: PLC0415 - as above

    ((source, one),) = _single(copy, None)
    opened = _unlocked(source, one, identity, half)
    write_new(out_, opening.give_half(opened))
    out().print(f"{out_}: half open; {escape(opening.still_needed(opened))}.", soft_wrap=True)


def keygen(
    *, out_: Annotated[Path, typer.Option("--out", metavar="FILE", help="the key file; not there yet")],
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="anybody who has the file can open then")
    ] = False,
) -> None:  # fmt: skip
    """Makes a key pair for a holder: a locked key file, and the public half for the policy."""
    import pyrage  # noqa: PLC0415 - as above

    if out_.exists():
        raise StoreError(f"{out_}: is there already; a key is never written over another")
    key = pyrage.x25519.Identity.generate()
    public = str(key.to_public())
    text = f"# public key: {public}\n# fingerprint: {fingerprint(public)}\n{key}\n".encode()
    if not no_passphrase:
        text = pyrage.passphrase.encrypt(text, _new_passphrase(), armored=True)
    write_new(out_, text)
    out().print(
        f"{out_}: {'NOT locked' if no_passphrase else 'locked with your passphrase'}. Keep it, and a copy in a safe."
    )
    out().print("For the policy (compare the fingerprint when you hand it in):")
    out().print(f'  recipient = "{public}"\n  fingerprint {fingerprint(public)}', soft_wrap=True)


def answer(
    words: Annotated[list[Path], typer.Argument(metavar="FILE...", help="words of one unit or more, from beheer")], *,
    identity: Keys = None, as_json_: Json = False,
) -> None:  # fmt: skip
    """Shows that you have your key: opens the word that each unit sealed to it. Give the answers to who asked."""
    from daemon.evidence import words as sealed  # noqa: PLC0415 - as above

    letters = [(sealed.letter(_bytes(file), str(file)), str(file)) for file in words]
    keys = _keys(identity)
    said = [one for found, name in letters for one in sealed.answers(found, keys, name)]
    if as_json_:
        as_json([one._asdict() for one in said])
        return
    for one in said:
        out().print(escape(f"{one.unit} {one.label}: {one.answer}"), soft_wrap=True)


def handover(  # noqa: PLR0913 - each is an option of the command
    copy: Copy, *,
    ground: Annotated[str, typer.Option(metavar="report|demand", help="own report of a crime, or a demand")],
    number: Annotated[str, typer.Option(metavar="NR", help="number of the report or the demand")],
    officer: Annotated[str, typer.Option(metavar="TEXT", help="who receives it: rank, name, service number, station")],
    out_: Annotated[Path, typer.Option("--out", metavar="DIR", help="a directory for what is handed over")],
    to: Annotated[
        list[str] | None, typer.Option(metavar="RECIPIENT", help="age1… of the receiver; none: a clear MP4")
    ] = None,
    identity: Keys = None, half: HalfFile = None, signers: Signers = None,
) -> None:  # fmt: skip
    """Makes what the police need to open a recording with their own key, or a clear MP4, and a sheet to sign."""
    from daemon.evidence import handover as papers  # noqa: PLC0415 - as above
    from daemon.evidence import opening  # noqa: PLC0415 - as above

    if ground not in {"report", "demand"}:
        raise RequestError(f"--ground {ground}: expected report or demand")
    ((source, one),) = _single(copy, signers)
    show(one.verdict)
    envelopes = _unlocked(source, one, identity, half)
    if not envelopes.keys:
        raise SealError(opening.still_needed(envelopes))
    short = one.verdict.recording_id[:8]
    out_.mkdir(parents=True, exist_ok=True)
    if to:
        made = out_ / f"overdracht-{short}.half"
        write_new(made, papers.rewrap(envelopes, to))
    else:
        made = out_ / f"opname-{short}.mp4"
        _, troubles = _film(source, one, envelopes, made)
        for trouble in troubles:
            out().print(f"[red]{escape(trouble)}[/red]", soft_wrap=True)
    now = datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds")
    files = {made.name: _sha256_of(made)}
    sheet = papers.Sheet(
        one.verdict.recording_id, "report" if ground == "report" else "demand", number, officer, now, tuple(to or ()),
        files, one.verdict, metadata.version("spreekkamer"),
    )  # fmt: skip
    write_new(out_ / f"overdracht-{short}.json", msgspec.json.format(msgspec.json.encode(sheet), indent=2) + b"\n")
    write_new(out_ / f"overdracht-{short}.pdf", papers.pdf(sheet))
    what = "the receiver opens the recording with it and their own key" if to else "in clear: everybody can play it"
    out().print(f"{made}: {what}. Sign overdracht-{short}.pdf.", soft_wrap=True)


def destroy(
    copy: Annotated[Path, typer.Argument(metavar="DIR", help="a copy: the recording's directory, or its zip")], *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:  # fmt: skip
    """Deletes a copy and leaves a receipt beside it. Deleted is not wiped: a stick can hold it for a long time."""
    found = [one.verdict for _, one in _verified(copy, None)]
    names = ", ".join(verdict.recording_id[:8] for verdict in found)
    if not yes and not typer.confirm(f"Delete {copy} with recording {names}?"):
        raise typer.Exit(1)
    receipt = copy.with_name(f"{copy.name}.destroyed.json")
    now = datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds")
    told = [
        {"recording_id": v.recording_id, "sums_sha256": v.sums_sha256, "files": v.files, "bytes": v.bytes}
        for v in found
    ]
    text = msgspec.json.format(msgspec.json.encode({"destroyed_at": now, "recordings": told}), indent=2) + b"\n"
    try:
        if copy.is_dir() and not copy.is_symlink():
            shutil.rmtree(copy)
        else:
            copy.unlink()
    except OSError as error:
        raise StoreError(f"{copy}: {error.strerror or error}; look at what is left") from error
    write_new(receipt, text)
    out().print(f"{copy} is gone; the receipt is {receipt}.", soft_wrap=True)


# --- what they share ------------------------------------------------------------------------------------------------


def _verified(copy: Path, signers: Path | None) -> list[tuple[Source, Verified]]:
    keys = sign.public_keys(signers, sign.RECORDINGS) if signers else ()
    with progress() as bar:
        task = bar.add_task("check", total=None)
        return [(source, verify(source, keys, _step(bar, task))) for source in sources(copy)]


def _single(copy: Path, signers: Path | None) -> list[tuple[Source, Verified]]:
    found = _verified(copy, signers)
    if len(found) != 1:
        raise RequestError(f"{copy}: holds {len(found)} recordings; expected one: give its directory")
    return found


def _step(bar: Progress, task: int) -> Callable[[int], None]:
    return lambda count: bar.advance(task, count)  # type: ignore[arg-type]  # rich's TaskID is an int


def _unlocked(source: Source, one: Verified, files: list[Path] | None, half: Path | None) -> Envelopes:
    from daemon.evidence import opening  # noqa: PLC0415 - as above

    begin = one.verdict.begin
    if begin is None:
        raise StoreError("begin.json is no beginning of a recording: nobody can say who may open it")
    names = sorted({f"{segment.key}.key.age" for track in one.segments.values() for segment in track if segment.key})
    closed = opening.envelopes(source, one.verdict.recording_id, begin.groups, names)
    if half is not None:
        closed = opening.take_half(closed, _bytes(half), str(half))
    return opening.unlock(closed, _keys(files))


def _keys(files: list[Path] | None) -> list[Identity]:
    from daemon.evidence import opening  # noqa: PLC0415 - as above

    keys = [key for file in files or () for key in opening.identities(_bytes(file), str(file), _passphrase)]
    if not keys:
        raise RequestError("no key was given; expected --identity FILE")
    return keys


def _film(source: Source, one: Verified, envelopes: Envelopes, place: Path) -> tuple[Made, list[str]]:
    from daemon.evidence import film, opening  # noqa: PLC0415 - as above

    verdict, troubles = one.verdict, list[str]()
    assert verdict.begin is not None  # noqa: S101 - looked at before the envelopes were
    opened = {
        track: opening.opened_segments(source, one.segments[track], envelopes.keys, troubles.append)
        for track in TRACKS
        if one.segments.get(track)
    }
    about = film.about(verdict.recording_id, verdict.begin.unit, verdict.begin.at_wall_ns)
    with progress() as bar:
        return film.make(opened, place, about, _step(bar, bar.add_task("open", total=verdict.bytes))), troubles


def show(verdict: Verdict) -> None:
    """What a verdict says, for a person."""
    begin = verdict.begin
    console = out()
    if verdict.simulated:
        console.print(f"[red]{NOT_EVIDENCE}[/red]")
    if begin:
        kind = "alarm" if begin.alarm or (verdict.end and verdict.end.alarm) else "conversation"
        console.print(
            f"{verdict.recording_id}: {escape(begin.unit)}, {kind}, {utc(begin.at_wall_ns)} ({begin.clock})",
            soft_wrap=True,
        )
    for finding in (*verdict.faults, *verdict.doubts):
        console.print(f"[red]{escape(finding.path)}[/red] {escape(finding.what)}", soft_wrap=True)
    console.print("Whole: yes." if verdict.whole else "Whole: NO.")
    console.print(UNIT[verdict.unit].format(verdict.fingerprint), soft_wrap=True)
    for track, deleted in verdict.deleted.items():
        when = utc(deleted.at_wall_ns)[:16] if deleted.at_wall_ns else "?"
        words = f"Not in it: {track}, deleted at its term {when}, says line {deleted.line} of the log that came along."
        console.print(f"{words} Have the unit's log confirm it.", soft_wrap=True)
    for gap in verdict.gaps:
        words = f"Missing: {gap.track} from {gap.from_s} s to {gap.to_s} s after the press: {gap.reason}"
        console.print(escape(words), soft_wrap=True)


def _passphrase(name: str) -> str:
    prompt = f"Passphrase of {name}: "
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def _new_passphrase() -> str:
    first = _passphrase("the new key")
    if len(first) < PASSPHRASE_MIN:
        raise RequestError(
            f"the passphrase is too short; expected {PASSPHRASE_MIN} characters or more: four words will do"
        )
    if _passphrase("the new key, once more") != first:
        raise RequestError("the two passphrases differ; nothing was made")
    return first


PASSPHRASE_MIN = 12
"""With scrypt's second a guess, twelve characters that are no known word outlast the recordings by far."""


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
