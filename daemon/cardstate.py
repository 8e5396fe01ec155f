# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""card.json: the unit's memory of its card's settings file. `daemon.card` writes it, the alarm process reads it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from daemon import durable
from daemon.errors import StoreError
from daemon.model.bounds import TEXT_MAX
from daemon.texts import shown

BYTES_MAX = 65_536
"""Four hundred lines of an answer; we write no larger file."""


class CardState(msgspec.Struct, frozen=True):
    """What is remembered, and the report of the start before the three processes."""

    board: str = ""
    """The machine whose keys are on this card, as named by `hardware.machine`; empty: none yet."""
    sha256: str = ""
    """SHA-256 of what was last accepted, spreekkamer.toml and a signed policy's files; empty: none yet."""
    refused: str = ""
    """Why the settings on the card were refused, in a sentence; empty: they were not."""
    told: tuple[str, ...] = ()
    """The answer's lines about the settings, in Dutch."""
    who: tuple[str, ...] = ()
    """Its lines about keys and versions."""


def read(path: Path) -> CardState:
    """Read the memory; empty if there is no such file, or it cannot be read."""
    try:
        return msgspec.json.decode(durable.read(path, BYTES_MAX), type=CardState)
    except (StoreError, msgspec.DecodeError):
        return CardState()


def taken_back(path: Path) -> str:
    """Why a newer version was taken back (deploy/deb/scripts/judge), in a sentence; empty: none was. Beside `path`."""
    try:
        told = durable.read(path.with_name("upgrade"), BYTES_MAX)
    except StoreError:
        return ""
    return shown(told.decode(errors="replace").partition("\n")[0])[:TEXT_MAX]


def write(path: Path, state: CardState) -> None:
    """Save the memory, durably; nothing is written if nothing has changed. Raises StoreError."""
    if read(path) == state:
        return
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent}: {error.strerror or error}") from error
    durable.replace(path, msgspec.json.encode(state), 0o644)
