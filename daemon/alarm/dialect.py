# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which MQTT a broker is spoken to in: 5 where it knows it, else 3.1.1. Values in, values out.

The law here: only a broker's own word makes it an old one. Silence makes it one by guess: a port forwarder that takes
connections for a broker which is still starting is silent too, and a connection of 3.1.1, which has no reason codes,
would then stand for months. A guess is therefore verified while it stands (`is_guess`), and what has worked is not
given up at the first miss: a broker with fifty units at its door, or in the middle of an election, takes its time.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

MISSES_MAX = 3
"""Connections in a row that a broker may leave unanswered in what has worked: it may have been replaced after that."""
DECLINED = 0x84
"""Reason code of a CONNACK: unsupported protocol version. Both protocols have a word for it."""
REFUSED = 0x80
"""First reason code of MQTT 5 that is a refusal."""
CONNACK_S = 2.0
"""A broker of which nothing is known answers within this, or does not know the protocol (amqtt says nothing at all to
MQTT 5): a round trip on the slowest link that a town hall has is a tenth of it."""
KNOWN_CONNACK_S, KNOWN_CONNACK_STEP_S = 5.0, 2.5
"""One that has granted what is spoken gets more, and more again at each miss: a cluster elects for four seconds."""


class Dialect(Struct, frozen=True):
    """What is spoken, and what is known of the broker."""

    version: Literal[4, 5] = 5
    """Protocol level: 4 is 3.1.1."""
    works: Literal[0, 4, 5] = 0
    """The last level of which the broker has shown that it knows it; 0: none yet."""
    declined: bool = False
    """The broker has said that it knows no MQTT 5."""
    misses: int = 0

    @property
    def is_5(self) -> bool:
        """Whether there are reason codes and properties."""
        return self.version == 5  # noqa: PLR2004 - see `version`

    @property
    def is_guess(self) -> bool:
        """Whether 3.1.1 is spoken to a broker that has never declined MQTT 5."""
        return not self.is_5 and not self.declined

    @property
    def name(self) -> str:
        """For a person."""
        return "MQTT 5" if self.is_5 else "MQTT 3.1.1 (no reason codes)"

    @property
    def connack_s(self) -> float:
        """How long a CONNACK is waited for."""
        if self.works != self.version:
            return CONNACK_S
        return KNOWN_CONNACK_S + self.misses * KNOWN_CONNACK_STEP_S


def granted(dialect: Dialect) -> Dialect:
    """A connection stands."""
    return replace(dialect, works=dialect.version, misses=0)


def shown(dialect: Dialect) -> Dialect:
    """It has turned out beside the connection that the broker knows MQTT 5."""
    return replace(dialect, version=5, works=5, declined=False, misses=0)


def not_granted(dialect: Dialect, code: int) -> Dialect:
    """The broker has taken the connection and not granted it.

    `code` is that of its CONNACK, in the words of MQTT 5; 0 for none.
    """
    if code == DECLINED:
        return Dialect(version=4, declined=True) if dialect.is_5 else Dialect()
    if code >= REFUSED and (dialect.is_5 or dialect.declined):
        # Unavailable, busy, not authorised, and said in what was spoken: it knows it.
        return replace(dialect, works=dialect.version, misses=0)
    if dialect.works == dialect.version and dialect.misses + 1 < MISSES_MAX:
        return replace(dialect, misses=dialect.misses + 1)
    return Dialect(version=4 if dialect.is_5 else 5)
