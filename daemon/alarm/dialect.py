"""Which MQTT a broker is spoken to in: 5 where it knows it, else 3.1.1. Values in, values out.

The law here: a broker that takes the connection and not the protocol is an old one, and is spoken to in 3.1.1 from then
on. One that has spoken MQTT 5 is not old because it is slow: after a restart, with fifty units at its door, it may miss
the two seconds that it has, and a connection of 3.1.1, which has no reason codes, would then stand for months.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

MISSES_MAX = 3
"""Connections in a row that a broker which has spoken MQTT 5 may leave unanswered: it is given some ten seconds to come
to itself, and may have been replaced by an old one after that."""
DECLINED = 0x84
"""Reason code of a CONNACK: unsupported protocol version. Both protocols have a word for it."""


class Dialect(Struct, frozen=True):
    """What is spoken, and what is known of the broker."""

    version: Literal[4, 5] = 5
    """Protocol level: 4 is 3.1.1."""
    knows_5: bool = False
    misses: int = 0

    @property
    def is_5(self) -> bool:
        """Whether there are reason codes and properties."""
        return self.version == 5  # noqa: PLR2004 - see `version`

    @property
    def name(self) -> str:
        """For a person."""
        return "MQTT 5" if self.is_5 else "MQTT 3.1.1 (no reason codes)"


def granted(dialect: Dialect) -> Dialect:
    """A connection stands."""
    return replace(dialect, knows_5=dialect.knows_5 or dialect.is_5, misses=0)


def not_granted(dialect: Dialect, code: int) -> Dialect:
    """The broker has taken the connection and not granted it. When 3.1.1 fails as well, the next try is MQTT 5 again.

    `code` is that of its CONNACK, 0 for none.
    """
    if dialect.is_5 and dialect.knows_5 and code != DECLINED and dialect.misses + 1 < MISSES_MAX:
        return replace(dialect, misses=dialect.misses + 1)
    return replace(dialect, version=4 if dialect.is_5 else 5, misses=0)
