# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which version of MQTT is used with a broker: 5 if it knows it, else 3.1.1. Values in, values out.

Invariant: only the broker's own answer proves that it is old. Silence only suggests it: a port forwarder that accepts
connections for a broker which is still starting is silent too, and a 3.1.1 connection, which has no reason codes, would
then stay for months. A guess is therefore verified while it stands (`is_guess`), and a version that has worked is not
given up at the first miss: a broker with fifty units connecting, or in the middle of an election, takes its time.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

MISSES_MAX = 3
"""Consecutive connections that a broker may leave unanswered in a version that has worked: it may be another by
then."""
DECLINED = 0x84
"""CONNACK reason code: unsupported protocol version. Both versions of the protocol have one."""
REFUSED = 0x80
"""First reason code of MQTT 5 that means refusal."""
CONNACK_S = 2.0
"""An unknown broker answers within this time or does not know the protocol (amqtt never answers MQTT 5). The round trip
on the slowest link of a town hall is a tenth of it."""
KNOWN_CONNACK_S, KNOWN_CONNACK_STEP_S = 5.0, 2.5
"""A broker that has accepted this version gets more time, and still more after each miss: a cluster elects in four
seconds."""


class Dialect(Struct, frozen=True):
    """The version in use, and what is known of the broker."""

    version: Literal[4, 5] = 5
    """Protocol level: 4 is 3.1.1."""
    works: Literal[0, 4, 5] = 0
    """The last level that the broker has proved to know; 0: none yet."""
    declined: bool = False
    """The broker has declined MQTT 5."""
    misses: int = 0

    @property
    def is_5(self) -> bool:
        """Whether there are reason codes and properties."""
        return self.version == 5  # noqa: PLR2004 - see `version`

    @property
    def is_guess(self) -> bool:
        """Whether 3.1.1 is in use with a broker that has never declined MQTT 5."""
        return not self.is_5 and not self.declined

    @property
    def name(self) -> str:
        """For a person."""
        return "MQTT 5" if self.is_5 else "MQTT 3.1.1 (no reason codes)"

    @property
    def connack_s(self) -> float:
        """How long to wait for a CONNACK."""
        if self.works != self.version:
            return CONNACK_S
        return KNOWN_CONNACK_S + self.misses * KNOWN_CONNACK_STEP_S


def granted(dialect: Dialect) -> Dialect:
    """The connection was accepted."""
    return replace(dialect, works=dialect.version, misses=0)


def shown(dialect: Dialect) -> Dialect:
    """A probe beside the connection has shown that the broker knows MQTT 5."""
    return replace(dialect, version=5, works=5, declined=False, misses=0)


def not_granted(dialect: Dialect, code: int) -> Dialect:
    """The broker accepted the TCP connection and did not grant the MQTT one.

    `code`: its CONNACK reason code as in MQTT 5; 0: none came.
    """
    if code == DECLINED:
        return Dialect(version=4, declined=True) if dialect.is_5 else Dialect()
    if code >= REFUSED and (dialect.is_5 or dialect.declined):
        # Unavailable, busy, not authorised: the broker answered in this version, so it knows it.
        return replace(dialect, works=dialect.version, misses=0)
    if dialect.works == dialect.version and dialect.misses + 1 < MISSES_MAX:
        return replace(dialect, misses=dialect.misses + 1)
    return Dialect(version=4 if dialect.is_5 else 5)
