# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`spreekkamer evidence` on a custodian's own computer: verify, open, half, keygen, handover, destroy.

Invariant: no socket, no unit, only the files that are named. Code that opens is loaded only by the commands that open.
"""

from __future__ import annotations

import datetime
import functools
import getpass
import hashlib
import os
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
from daemon.commands import testimony
from daemon.commands.console import NOT_EVIDENCE, Json, as_json, out, progress
from daemon.errors import RequestError, SealError, StoreError, UnitError
from daemon.evidence.copies import refuse_existing, write_new
from daemon.evidence.source import Source, sources, strangers
from daemon.evidence.verify import Verdict, Verified, verify
from daemon.model.policy import fingerprint
from daemon.model.register import Purpose
from daemon.names import TRACKS
from daemon.texts import plain, shown
from daemon.times import local

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


def verify_(
    copy: Copy, *, signers: Signers = None,
    witness: Annotated[
        Path | None, typer.Option(metavar="DIR|FILE", help="what a witness kept, or recording/head messages")
    ] = None,
    as_json_: Json = False,
) -> None:  # fmt: skip
    """Check, without a key, whether a copy is intact and comes from the unit. Exit code 10 if not.

    Also if a witness was given and none of its heads could be compared.
    """
    found = [one.verdict for _, one in _verified(copy, signers, witness)]
    if as_json_:
        as_json(found)
    else:
        for verdict in found:
            show(verdict)
    unheard = any(verdict.heard is not None and not verdict.witnessed for verdict in found)
    if unheard or any(not verdict.whole or verdict.unit == "no" for verdict in found):
        raise typer.Exit(10)


def open_(
    copy: Copy, *, out_: Annotated[Path, typer.Option("--out", metavar="FILE.mp4", help="the film; not there yet")],
    identity: Keys = None, half: HalfFile = None, signers: Signers = None,
    slip: Annotated[
        Path | None, typer.Option(metavar="F.json", help="a slip for the unit: that it was opened, and for what")
    ] = None,
    purpose: Annotated[Purpose | None, typer.Option(help="of the slip: what for")] = None,
    number: Annotated[str | None, typer.Option(metavar="NR", help="of the slip: the register's number")] = None,
    role: Annotated[str | None, typer.Option(help="of the slip: for which function; no name")] = None,
) -> None:  # fmt: skip
    """Open a recording with a key of one holder of every group, as an MP4. Exit code 10: with faults."""
    from daemon.evidence import slip as slips  # noqa: PLC0415 - as above

    about = slips.checked(slips.About(purpose, number, role), wanted=slip is not None)
    opened, closed = _unlocked(_verified(copy, signers), identity, half)
    now = datetime.datetime.now(tz=datetime.UTC)
    places = [out_.with_stem(f"{out_.stem}-{n}") if n > 1 else out_ for n in range(1, len(opened) + 1)]
    for place in (*places, *([slip] if slip else [])):
        refuse_existing(place)
    faulty = closed
    if slip and about:
        slips_of = {
            one.verdict.recording_id: slips.made(envelopes, one.verdict, about, now) for _, one, envelopes in opened
        }
        _save_slip(slip, slips_of)
        faulty = faulty or None in slips_of.values()
    for (source, one, envelopes), place in zip(opened, places, strict=True):
        made, troubles = _film(source, one, envelopes, place)
        _tell(troubles)
        what = ", ".join(f"{count} frames of {track}" for track, count in made.packets.items())
        out().print(
            f"{escape(str(place))}: {made.seconds:.1f} s, {what}, {made.bytes / 1e6:.1f} MB, open to everybody.",
            soft_wrap=True,
        )
        faulty = faulty or bool(troubles) or not one.verdict.whole or one.verdict.unit == "no"
    if faulty:
        raise typer.Exit(10)


def _save_slip(place: Path, lines: dict[str, bytes | None]) -> None:
    """Before the film is made: the recording is open, whatever becomes of that."""
    lacking = [name[:8] for name, line in lines.items() if line is None]
    _tell([f"{name}: names no key for a slip; note its opening with `evidence used`" for name in lacking])
    if len(lacking) == len(lines):
        return
    write_new(place, b"".join(line for line in lines.values() if line))
    out().print(f"{escape(str(place))}: bring it to the unit, with `evidence slip`.", soft_wrap=True)


def half_(
    copy: Copy, *, out_: Annotated[Path, typer.Option("--out", metavar="HALF", help="the file for the next holder")],
    identity: Keys = None, half: HalfFile = None,
) -> None:  # fmt: skip
    """Remove your group's layer, so that the next group can open it elsewhere. By itself it opens nothing."""
    from daemon.evidence import opening  # noqa: PLC0415 - as above

    opened, closed = _unlocked(_verified(copy, None), identity, half, wholly=False)
    write_new(out_, b"".join(opening.give_half(envelopes) for _, _, envelopes in opened))
    out().print(f"{escape(str(out_))}: half open; {escape(opening.still_needed(opened[0][2]))}.", soft_wrap=True)
    if closed:
        raise typer.Exit(10)


def keygen(
    *, out_: Annotated[Path, typer.Option("--out", metavar="FILE", help="the key file; not there yet")],
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="anybody who has the file can open then")
    ] = False,
) -> None:  # fmt: skip
    """Make a key pair for a holder: a locked key file, and the public half for the policy."""
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
    """Prove that you have your key: open the word that each unit sealed to it. Return the answers to whoever asked."""
    from daemon.evidence import words as sealed  # noqa: PLC0415 - as above

    letters = [(sealed.letter(_bytes(file), str(file)), str(file)) for file in words]
    keys = _keys(identity)
    said = [one for found, name in letters for one in sealed.answers(found, keys, name)]
    if as_json_:
        as_json([one._asdict() for one in said])
        return
    for one in said:
        out().print(_text(f"{one.unit} {one.label}: {one.answer}"), soft_wrap=True)


def handover(
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
    """Make what the police need to open a recording with their own key, or a clear MP4, and a sheet to sign."""
    from daemon.evidence import handover as papers  # noqa: PLC0415 - as above

    if ground not in {"report", "demand"}:
        raise RequestError(f"--ground {ground}: expected report or demand")
    opened, closed = _unlocked(_verified(copy, signers), identity, half)
    out_.mkdir(parents=True, exist_ok=True)
    for _, one, _ in opened:
        short = one.verdict.recording_id[:8]
        for name in (f"overdracht-{short}.half", f"opname-{short}.mp4", f"overdracht-{short}.json"):
            refuse_existing(out_ / name)
    for source, one, envelopes in opened:
        short = one.verdict.recording_id[:8]
        if to:
            made = out_ / f"overdracht-{short}.half"
            write_new(made, papers.rewrap(envelopes, to))
        else:
            made = out_ / f"opname-{short}.mp4"
            _tell(_film(source, one, envelopes, made)[1])
        now = datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds")
        sheet = papers.Sheet(
            one.verdict.recording_id, "report" if ground == "report" else "demand", number, officer, now,
            tuple(to or ()), {made.name: _sha256_of(made)}, one.verdict, metadata.version("spreekkamer"),
        )  # fmt: skip
        write_new(out_ / f"overdracht-{short}.json", msgspec.json.format(msgspec.json.encode(sheet), indent=2) + b"\n")
        write_new(out_ / f"overdracht-{short}.pdf", papers.pdf(sheet))
        what = "the receiver opens the recording with it and their own key" if to else "in clear: everybody can play it"
        out().print(f"{escape(str(made))}: {what}. Sign overdracht-{short}.pdf.", soft_wrap=True)
    if closed:
        raise typer.Exit(10)


def destroy(
    copy: Annotated[Path, typer.Argument(metavar="DIR", help="a copy: the recording's directory, or its zip")], *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:  # fmt: skip
    """Delete a copy and leave a receipt beside it. Deleting is not wiping: a stick can keep data for a long time."""
    if copy.is_symlink():
        raise RequestError(f"{copy}: is a link, and the copy lies elsewhere; expected the copy itself")
    copy = copy.resolve()
    found = [one.verdict for _, one in _verified(copy, None)]
    receipt = _receipt(copy, [verdict.recording_id for verdict in found])
    names = ", ".join(verdict.recording_id[:8] for verdict in found)
    if not yes and not typer.confirm(f"Delete {copy} with recording {names}?"):
        raise typer.Exit(1)
    now = datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds")
    told = [
        {"recording_id": v.recording_id, "sums_sha256": v.sums_sha256, "files": v.files, "bytes": v.bytes}
        for v in found
    ]
    text = msgspec.json.format(msgspec.json.encode({"destroyed_at": now, "recordings": told}), indent=2) + b"\n"
    try:
        if copy.is_dir():
            shutil.rmtree(copy)
        else:
            copy.unlink()
    except OSError as error:
        raise StoreError(f"{copy}: {error.strerror or error}; look at what is left") from error
    write_new(receipt, text)
    out().print(f"{escape(str(copy))} is gone; the receipt is {escape(str(receipt))}.", soft_wrap=True)


def _receipt(copy: Path, recording_ids: list[str]) -> Path:
    """Return a free path beside a copy. Raises RequestError: more than the copy would go, or no receipt is possible."""
    if copy.is_mount():
        raise RequestError(f"{copy}: is a whole medium; expected the directory or zip of a recording on it")
    try:
        others = strangers(copy, recording_ids) if copy.is_dir() else []
    except OSError as error:
        raise StoreError(f"{copy}: {error.strerror or error}") from error
    if others:
        raise RequestError(
            f"{copy}: holds {shown(others[0])} too, which is no part of a recording"
            f"{f', and {len(others) - 1} more' if others[1:] else ''}; expected the recording's own directory"
        )
    if not os.access(copy.parent, os.W_OK):
        raise StoreError(f"{copy.parent}: takes no receipt of yours; nothing was deleted")
    tries = (copy.with_name(f"{copy.name}.destroyed{n}.json") for n in ("", *range(-2, -100, -1)))
    return next((path for path in tries if not path.exists()), copy.with_name(f"{copy.name}.destroyed.json"))


# --- shared ---------------------------------------------------------------------------------------------------------


def _verified(copy: Path, signers: Path | None, witness: Path | None = None) -> list[tuple[Source, Verified]]:
    keys = sign.public_keys(signers, sign.RECORDINGS) if signers else ()
    book_of = functools.partial(testimony.of_recording, witness) if witness else None
    with progress() as bar:
        task = bar.add_task("check", total=None)
        found = [(source, verify(source, keys, _step(bar, task), book_of)) for source in sources(copy)]
    return sorted(found, key=lambda one: one[1].verdict.begin.at_wall_ns if one[1].verdict.begin else 0)


def _step(bar: Progress, task: int) -> Callable[[int], None]:
    return lambda count: bar.advance(task, count)  # type: ignore[arg-type]  # rich's TaskID is an int


Opened = list[tuple[Source, Verified, "Envelopes"]]


def _unlocked(
    found: list[tuple[Source, Verified]], files: list[Path] | None, half: Path | None, *, wholly: bool = True
) -> tuple[Opened, bool]:
    """Print each verdict, and remove the layers that the keys open; return them, and whether some stay closed.

    A part of an event that stays closed costs only itself. Raises the reason if nothing opens. `wholly`: half is not
    enough.
    """
    from daemon.evidence import opening  # noqa: PLC0415 - code that opens is loaded only where something is opened

    for _, one in found:
        show(one.verdict)
    keys, theirs = _keys(files), _bytes(half) if half is not None else None
    opened: Opened = []
    closed: list[tuple[str, UnitError]] = []
    for source, one in found:
        try:
            envelopes = _closed(source, one)
            if theirs is not None:
                envelopes = opening.take_half(envelopes, theirs, str(half))
            envelopes = opening.unlock(envelopes, keys)
            (opening.check_open if wholly else opening.give_half)(envelopes)
            opened.append((source, one, envelopes))
        except (SealError, RequestError, StoreError) as error:
            closed.append((one.verdict.recording_id, error))
    if not opened:
        raise closed[0][1]
    _tell([f"{name[:8]} stays closed: {error}" for name, error in closed])
    return opened, bool(closed)


def _closed(source: Source, one: Verified) -> Envelopes:
    from daemon.evidence import opening  # noqa: PLC0415 - as above

    begin = one.verdict.begin
    if begin is None:
        raise StoreError("begin.json is no beginning of a recording: nobody can say who may open it")
    names = sorted({f"{segment.key}.key.age" for track in one.segments.values() for segment in track if segment.key})
    return opening.envelopes(source, one.verdict.recording_id, begin.groups, names)


def _tell(troubles: list[str]) -> None:
    for trouble in troubles:
        out().print(f"[red]{_text(trouble)}[/red]", soft_wrap=True)


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
        if one.segments.get(track) and track in opening.tracks_of(envelopes.keys)
    }
    troubles += [f"{name}: does not open with the keys of the others: it was changed" for name in envelopes.spoilt]
    about = film.about(verdict.recording_id, verdict.begin)
    with progress() as bar:
        return film.make(opened, place, about, _step(bar, bar.add_task("open", total=verdict.bytes))), troubles


def show(verdict: Verdict) -> None:
    """Print a verdict for a person."""
    begin = verdict.begin
    console = out()
    if verdict.simulated:
        console.print(f"[red]{NOT_EVIDENCE}[/red]")
    if begin:
        kind = "alarm" if begin.alarm or (verdict.end and verdict.end.alarm) else "conversation"
        when = f"{local(begin.at_wall_ns, None, 'seconds')} ({begin.clock})"
        console.print(f"{verdict.recording_id}: {_text(begin.unit)}, {kind}, {when}", soft_wrap=True)
    for finding in (*verdict.faults, *verdict.doubts):
        console.print(f"[red]{escape(finding.path)}[/red] {_text(finding.what)}", soft_wrap=True)
    console.print("Whole: yes." if verdict.whole else "Whole: NO.")
    console.print(UNIT[verdict.unit].format(verdict.fingerprint), soft_wrap=True)
    if verdict.heard is not None:
        console.print(_of_witness(verdict), soft_wrap=True)
    for track, deleted in verdict.deleted.items():
        when = local(deleted.at_wall_ns, None) if deleted.at_wall_ns else "?"
        words = f"Not in it: {track}, deleted at its term {when}, says line {deleted.line} of the log that came along."
        console.print(f"{words} Have the unit's log confirm it.", soft_wrap=True)
    for gap in verdict.gaps:
        words = f"Missing: {gap.track} from {gap.from_s} s to {gap.to_s} s after the press: {gap.reason}"
        console.print(_text(words), soft_wrap=True)


def _of_witness(verdict: Verdict) -> str:
    if not verdict.witnessed:
        none = f"Of {verdict.heard} witnessed heads none was compared with a line: nothing is proven by the witness."
        return f"[red]{none}[/red]"
    compared = f"Witnessed heads that were compared with a line: {verdict.witnessed} of {verdict.heard}"
    return f"{compared}; lines that they cover: {verdict.witnessed_lines} of {verdict.lines}."


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
"""At scrypt's second per guess, twelve characters that are no known word outlast the recordings by far."""


def _bytes(path: Path) -> bytes:
    """Read a key, a half, or a file of words. Raises StoreError."""
    try:
        with path.open("rb") as file:
            data = file.read(HANDED_BYTES_MAX + 1)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    if len(data) > HANDED_BYTES_MAX:
        raise StoreError(f"{path}: is larger than any file of keys, words or halves")
    return plain(data)


def _text(words: str) -> str:
    """Text from a copy, for a terminal: no markup and no control sequences."""
    return escape(shown(words))


HANDED_BYTES_MAX = 4_000_000
"""The half of an event in ten parts, each with two envelopes for sixty-four holders, is a tenth of this."""


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
