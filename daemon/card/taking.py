# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Settings taken from the card: all of them, or none.

    .taking/    laid out and judged beside the current ones; after a power cut the next start discards it
    .taken/     the same after renaming: decided. Its files are moved to their places, one by one; after a power cut
                the next start moves the rest before anything runs

Invariant: only settings that were judged as a whole are ever used, and moving needs no space on the disk. The card is
wiped only when the unit has its settings.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import msgspec

from daemon import config, durable, tls
from daemon.card import place, sheet
from daemon.card.facts import Result
from daemon.card.place import Card
from daemon.card.sheet import Sheet
from daemon.config.doubts import doubts
from daemon.errors import StoreError
from daemon.model.unit import Tls

TAKING, TAKEN = ".taking", ".taken"
BOTH = ("unit.toml", "policy.toml")
MODES = {"unit.toml": 0o640, "policy.toml": 0o644, "policy.toml.sig": 0o644}
"""Owners and groups come from tmpfiles (systemd/tmpfiles.d)."""
TLS_MODE, TLS_HOME_MODE = 0o640, 0o750
FAULTS_MAX = 40
"""Lines of the answer about faults. The rest is for the next attempt."""
Files = dict[str, bytes]
"""Files for the settings' directory: `unit.toml`, `tls/unit.crt`."""


def finish(etc: Path) -> bool:
    """Move decided files to their places; return whether there were any. Raises StoreError.

    Discards what was not decided. Repeatable after a power cut at any point.
    """
    try:
        shutil.rmtree(etc / TAKING, ignore_errors=True)
        taken = etc / TAKEN
        if not taken.is_dir():
            return False
        (etc / "tls").mkdir(mode=TLS_HOME_MODE, exist_ok=True)
        for path in [*taken.glob("tls/*"), *(taken / name for name in MODES)]:
            if path.exists():
                path.replace(etc / path.relative_to(taken))
        durable.sync(etc / "tls")
        durable.sync(etc)
        shutil.rmtree(taken)
        durable.sync(etc)
    except OSError as error:
        raise StoreError(f"{etc}: {error.strerror or error}") from error
    return True


def take(card: Card, etc: Path, before: str) -> Result:
    """Take the settings on the card. `before`: SHA-256 of what was accepted last.

    Nothing on a card makes it raise; StoreError if the unit's own disk refuses after the decision.
    """
    try:
        return _take(card, etc, before)
    except RefusedCard as error:
        shutil.rmtree(etc / TAKING, ignore_errors=True)
        return Result("refused", error.lines, before)


def leftovers(card: Card, etc: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Wipe the files with a private key that the unit has by now; return a line for each that is still there.

    `names`: files that the sheet names.
    """
    told = []
    for name in names:
        found = card.find(name)
        if found is None:
            continue
        try:
            data = card.read(found)
            is_ours = data == durable.read(etc / "tls" / name, config.FILE_BYTES_MAX)
        except StoreError:
            continue
        if sheet.KEY_MARK in data and is_ours:
            why = card.wipe(found)
            told.append(why or f"{found}: op de kaart overschreven en verwijderd")
    return tuple(told)


class RefusedCard(Exception):  # noqa: N818 - an answer, and no error of the unit's
    """Nothing is taken; the lines say why."""

    def __init__(self, *told: str) -> None:
        self.lines = tuple(map(config.safe, told))


def _take(card: Card, etc: Path, before: str) -> Result:
    found = _found(card)
    if found is None:
        return Result("none", (), before)
    data = _read(card, found)
    read, wrong = sheet.read(data)
    if read is None:
        raise RefusedCard(*wrong)
    signed = _signed(card, read)
    sha256 = sum_of(data, signed)
    is_new = sha256 != before or not all((etc / name).exists() for name in (*BOTH, *(sheet.SIGNED * read.is_signed)))
    files = _files(card, etc, read, signed if is_new else None)
    if not is_new and all(_has(etc, name, content) for name, content in files.items()):
        return Result("same", leftovers(card, etc, _names(read)), before)
    try:
        told = _lay_out(etc, files, read)
        _decide(etc)
    except (OSError, StoreError) as error:
        raise RefusedCard(f"de instellingen passen niet op de unit ({place.reason(error)})") from error
    finish(etc)
    new = tuple(f"{name.removeprefix('tls/')} ({len(content)} bytes)" for name, content in files.items() if "/" in name)
    made = (*told, *(read.taken() if is_new else ()), *new)
    return Result("taken", (*made, *leftovers(card, etc, _names(read))), sha256)


def _found(card: Card) -> str | None:
    """The one file that is meant; None: there is none."""
    names = card.candidates()
    if not names:
        return None
    ours = card.find(sheet.NAME)
    if len(names) > 1:
        raise RefusedCard(f"er staan {len(names)} bestanden ({', '.join(names)}): verwacht {sheet.NAME} alleen")
    if ours != names[0]:
        raise RefusedCard(f"het bestand heet {names[0]}: verwacht {sheet.NAME}")
    return ours


def _read(card: Card, name: str) -> bytes:
    try:
        return card.read(name)
    except StoreError as error:
        is_refused = isinstance(error.__cause__, OSError)
        expected = f"verwacht een bestand van ten hoogste {config.FILE_BYTES_MAX} bytes"
        raise RefusedCard(
            f"{name} kan niet worden gelezen: {place.reason(error) if is_refused else expected}"
        ) from error


def _names(read: Sheet) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, name in read.files))


def sum_of(data: bytes, signed: Files) -> str:
    """SHA-256 of a settings file and the files of its signed policy, in order: by it a unit knows what it took."""
    return hashlib.sha256(b"".join((data, *signed.values()))).hexdigest()


def _signed(card: Card, read: Sheet) -> Files:
    """The signed policy and its signature, as far as they are on the card."""
    there = {name: found for name in sheet.SIGNED if (found := card.find(name))}
    if read.is_signed:
        return {name: _read(card, found) for name, found in there.items()}
    if signature := there.get(sheet.SIGNED[-1]):
        raise RefusedCard(sheet.stray(signature))
    return {}


def _files(card: Card, etc: Path, read: Sheet, signed: Files | None) -> Files:
    """Everything that is to be in force together: from the card, or else what the unit has by that name.

    `signed`: from the card, the files of a signed policy; None: what the unit has is what was taken from this card.
    """
    files: Files = {}
    wrong = []
    if signed is not None:
        files = {"unit.toml": read.unit.encode(), **({} if read.is_signed else {"policy.toml": read.policy.encode()})}
        files |= signed
    for name in sheet.SIGNED if read.is_signed and signed is not None else ():
        if name not in files and not (etc / name).is_file():
            missing = config.Fault("", "policy.signers", "", f"{name} staat niet op de kaart, en niet op de unit")
            wrong.append(sheet.said(missing, read.line_of("policy.signers")))
    for key, name in read.files:
        found = card.find(name)
        try:
            files[f"tls/{name}"] = (
                _read(card, found) if found else durable.read(etc / "tls" / name, config.FILE_BYTES_MAX)
            )
        except RefusedCard as error:
            wrong.append(sheet.said(config.Fault("", key, "", error.lines[0]), read.line_of(key)))
        except StoreError:
            missing = config.Fault("", key, config.show(name), "dit bestand staat niet op de kaart, en niet op de unit")
            wrong.append(sheet.said(missing, read.line_of(key)))
    if wrong:
        raise RefusedCard(*wrong)
    return files


def _has(etc: Path, name: str, content: bytes) -> bool:
    try:
        return durable.read(etc / name, config.FILE_BYTES_MAX) == content
    except StoreError:
        return False


def _lay_out(etc: Path, files: Files, read: Sheet) -> tuple[str, ...]:
    """Writes everything beside what works, durably, and judges it; what is worth a line in the answer."""
    home = etc / TAKING
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700)
    (home / "tls").mkdir(mode=0o700)
    for name, content in files.items():
        if (etc / name).is_dir():
            raise RefusedCard(f"op de unit is {etc / name} een map: verwacht een bestand")
        durable.replace(home / name, content, MODES.get(name, TLS_MODE))
    told = judge(home, etc, files, read, has_alarm=(etc / "unit.toml").exists())
    durable.sync(home / "tls")
    durable.sync(home)
    durable.sync(etc)
    return told


def judge(
    home: Path, etc: Path, files: Files, read: Sheet, elsewhere: tuple[str, ...] = (), *, has_alarm: bool = False
) -> tuple[str, ...]:
    """Have the loader read what was laid out, with the policies to come. Raises RefusedCard with all that is wrong.

    `home`: a directory with the files; `etc`: the unit's own, from which the rest is borrowed. `elsewhere`: keys of
    files that are not judged, because they are not here. `has_alarm`: an alarm process waits for this, with the
    settings that the unit has.
    """
    borrowed = [name for name in ("policy.d", *MODES) if name not in files and (etc / name).exists()]
    for name in borrowed:
        (home / name).symlink_to(etc / name)
    wait_s = config.ALARM_VERIFY_S if has_alarm else config.VERIFY_S
    settings, faults = config.examine(home, wait_s=wait_s)
    if settings is not None:
        faults = [fault for fault in doubts(settings) if fault.key not in elsewhere]
        if not faults:
            faults = [
                config.Fault("unit.toml", f"{key}.tls", "", wrong)
                for key, broker in (("broker", settings.unit.broker), ("second_broker", settings.unit.second_broker))
                if broker is not None
                and broker.tls is not None
                and not any(one.startswith(f"{key}.tls.") for one in elsewhere)
                and (wrong := _wrong_tls(broker.tls, home))
            ]
    if faults or settings is None:
        if "policy.toml" in files:
            read = msgspec.structs.replace(read, policy=files["policy.toml"].decode(errors="replace"))
        told = [read.fault(fault).replace(f"{home}/tls/", "") for fault in faults[:FAULTS_MAX]]
        left = len(faults) - FAULTS_MAX
        raise RefusedCard(*told, *([f"en nog {left}"] if left > 0 else []))
    for name in borrowed:
        (home / name).unlink()
    return (
        f"kamer {settings.unit.name()}",
        *(
            f"beleid {one.policy.name}, vanaf {one.policy.in_force_from}, SHA-256 {one.sha256}"
            + (f", ondertekend met {one.signed_by()}" if one.signed_by() else "")
            for one in settings.policies
        ),
        *(f"het beleid ondertekenen mag {one.code()} ({one.role})" for one in settings.unit.policy.signers),
    )


def _wrong_tls(files: Tls, home: Path) -> str:
    """What OpenSSL has against the files, by their names."""
    try:
        tls.context(files)
    except tls.UnusableFileError as error:
        return str(error).replace(f"{home}/tls/", "")
    return ""


def _decide(etc: Path) -> None:
    """From here on it is in force."""
    shutil.rmtree(etc / TAKEN, ignore_errors=True)
    (etc / TAKING).rename(etc / TAKEN)
    durable.sync(etc)
