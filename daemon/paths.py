# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Where a unit keeps its files: in the usual places in the field, otherwise below one directory.

Each listening process has its own directory, in which nobody else can place a socket.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Paths(NamedTuple):
    """The directories and sockets of one unit."""

    etc: Path
    run: Path
    store: Path
    journal: Path

    @classmethod
    def field(cls) -> Paths:
        """A unit installed on its own machine."""
        var = Path("/var/lib/spreekkamer")
        return cls(Path("/etc/spreekkamer"), Path("/run/spreekkamer"), var / "store", var / "journal")

    @classmethod
    def below(cls, state: Path | None) -> Paths:
        """A unit below one directory (`--state DIR`); None: in the field."""
        if state is None:
            return cls.field()
        state = state.resolve()
        return cls(state / "etc", state / "run", state / "store", state / "journal")

    @property
    def unit_socket(self) -> Path:
        """Where the recorder and the keeper connect to the alarm process."""
        return self.run / "alarm" / "unit.sock"

    @property
    def operator_socket(self) -> Path:
        """Where operators ask the alarm process."""
        return self.run / "alarm" / "operator.sock"

    @property
    def keeper_socket(self) -> Path:
        """Where operators ask the keeper."""
        return self.run / "keeper" / "keeper.sock"

    @property
    def recordings(self) -> Path:
        """One directory per recording."""
        return self.store / "recordings"

    @property
    def holds(self) -> Path:
        """One file per hold."""
        return self.store / "holds"

    @property
    def audit_log(self) -> Path:
        """The keeper's hash-chained log."""
        return self.store / "audit.jsonl"

    @property
    def audit_head(self) -> Path:
        """The newest signed head of that log."""
        return self.store / "audit.head.json"

    @property
    def time(self) -> Path:
        """How long the unit has run, saved from time to time."""
        return self.store / "time.json"

    @property
    def ring_time(self) -> Path:
        """Ring time that has been counted and is not in the log yet."""
        return self.store / "ring.json"

    @property
    def card(self) -> Path:
        """The unit's memory of the card it was started with (`cardstate`)."""
        return self.store.parent / "card" / "card.json"

    @property
    def policy(self) -> Path:
        """The keeper's copies of the policies that were signed last: all three read them."""
        return self.store.parent / "policy"

    @property
    def signing_key(self) -> Path:
        """The recorder's Ed25519 key, in OpenSSH's format."""
        return self.etc / "unit_ed25519"

    @property
    def audit_key(self) -> Path:
        """The keeper's own Ed25519 key, for signing the heads of its log."""
        return self.etc / "keeper_ed25519"
