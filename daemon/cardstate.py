# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""card.json: what the unit remembers of the settings file on its card. `daemon.card` writes it, the alarm reads it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from daemon import durable
from daemon.errors import StoreError

BYTES_MAX = 65_536
"""Four hundred lines of an answer; a larger file is none of ours."""


class CardState(msgspec.Struct, frozen=True):
    """What is remembered, and what the start before the three processes had to tell."""

    board: str = ""
    """The machine whose keys stand on this card, as `hardware.machine` names it; empty: none yet."""
    sha256: str = ""
    """Of the spreekkamer.toml that was taken last; empty: none yet."""
    refused: str = ""
    """Why the settings on the card were refused, in a sentence; empty: they were not."""
    told: tuple[str, ...] = ()
    """The answer's lines about the settings, in Dutch."""
    who: tuple[str, ...] = ()
    """Its lines about keys and versions."""


def read(path: Path) -> CardState:
    """What is remembered; nothing where there is no such file, or one that cannot be understood."""
    try:
        return msgspec.json.decode(durable.read(path, BYTES_MAX), type=CardState)
    except (StoreError, msgspec.DecodeError):
        return CardState()


def write(path: Path, state: CardState) -> None:
    """Remembers it, durably; nothing is written where nothing has changed. Raises StoreError."""
    if read(path) == state:
        return
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent}: {error.strerror or error}") from error
    durable.replace(path, msgspec.json.encode(state), 0o644)
