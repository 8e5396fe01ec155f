# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Results of a start with a card: of its settings, and of the unit's keys. Pure."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from daemon import sign
from daemon.card import sheet


class Result(Struct, frozen=True):
    """What became of the card."""

    kind: Literal["taken", "same", "none", "refused"]
    """`same`: the unit had it already; `none`: there is no file."""
    lines: tuple[str, ...] = ()
    """What was accepted, or what is wrong."""
    sha256: str = ""
    """SHA-256 of the spreekkamer.toml in use."""

    @property
    def refused(self) -> str:
        """In one sentence, for a lamp's fault; empty: it was not refused."""
        if self.kind != "refused":
            return ""
        more = f" (and {len(self.lines) - 1} more)" if len(self.lines) > 1 else ""
        return f"{self.lines[0]}{more}; see {sheet.ANSWER}"


class Identity(Struct, frozen=True):
    """The unit's public keys."""

    recorder: str
    keeper: str
    made: tuple[str, ...] = ()
    """Names of keys that were made now."""
    is_another_board: bool = False

    def signers(self, name: str) -> tuple[str, ...]:
        """The lines for an `allowed_signers` file."""
        return (
            f'{name} namespaces="{sign.RECORDINGS}" {self.recorder}',
            f'{name} namespaces="{sign.KEEPER}" {self.keeper}',
        )

    def fingerprints(self) -> tuple[tuple[str, str], ...]:
        """Whose key, and its fingerprint as `ssh-keygen -l` shows it."""
        return ("opname", sign.fingerprint(self.recorder)), ("bewaring", sign.fingerprint(self.keeper))
