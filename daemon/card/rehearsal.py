# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A spreekkamer.toml judged on any computer, before it goes to a card or to a unit: `settings check --card`.

Invariant: the same code judges it as on the unit, and nothing that lies beside it is changed or copied.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from msgspec import Struct

from daemon import config, durable
from daemon.card import sheet, taking
from daemon.errors import SettingsError


class Rehearsal(Struct, frozen=True):
    """A settings file that a unit would take."""

    told: tuple[str, ...]
    """The room and its policies, as the unit's answer says them."""
    files: tuple[str, ...]
    """Names of the certificates' files that lie beside it."""
    missing: tuple[str, ...]
    """Names of those that do not, and so have to be on the unit. They are not judged."""
    sha256: str = ""
    """As a unit remembers what it took last: `taking.sum_of`."""
    sums: tuple[str, ...] = ()
    """A line as sha256sum writes it for each file that a unit would have in /etc/spreekkamer."""


def rehearse(path: Path, beside: Path) -> Rehearsal:
    """Judge a settings file. `beside`: the directory of the files that it names.

    Raises SettingsError with every fault, each with its line; StoreError if the file cannot be read.
    """
    data = durable.read(path, config.FILE_BYTES_MAX)
    read, wrong = sheet.read(data)
    if read is None:
        raise SettingsError(_report(path, wrong))
    names = tuple(dict.fromkeys(name for _, name in read.files))
    found = tuple(name for name in names if (beside / name).is_file())
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        (home / "tls").mkdir()
        for name in found:
            (home / "tls" / name).symlink_to((beside / name).resolve())
        policy = _policy(path, read)
        laid = {"unit.toml": read.unit.encode(), **policy}
        for name, text in laid.items():
            (home / name).write_bytes(text)
        try:
            elsewhere = tuple(key for key, name in read.files if name not in found)
            told = taking.judge(home, home, laid, read, elsewhere)
        except taking.RefusedCard as error:
            raise SettingsError(_report(path, error.lines)) from error
    laid |= {f"tls/{name}": (beside / name).read_bytes() for name in found}
    sums = tuple(f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in laid.items())
    missing = tuple(name for name in names if name not in found)
    return Rehearsal(told, found, missing, taking.sum_of(data, policy if read.is_signed else {}), sums)


def _policy(path: Path, read: sheet.Sheet) -> taking.Files:
    """The policy's files: a signed one lies beside the settings file, and nothing is judged without it."""
    if not read.is_signed:
        if path.with_name(sheet.SIGNED[-1]).exists():
            raise SettingsError(_report(path, (sheet.stray(sheet.SIGNED[-1]),)))
        return {"policy.toml": read.policy.encode()}
    if missing := [name for name in sheet.SIGNED if not path.with_name(name).is_file()]:
        line = read.line_of("policy.signers")
        raise SettingsError(
            _report(path, tuple(f"regel {line}: policy.signers: {name} staat er niet naast" for name in missing))
        )
    return {name: durable.read(path.with_name(name), config.FILE_BYTES_MAX) for name in sheet.SIGNED}


def _report(path: Path, lines: tuple[str, ...]) -> str:
    return "\n".join((f"{path}: {len(lines)} fault{'s' * (len(lines) != 1)}; a unit would take nothing of it", *lines))
