# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How a connection to a broker ended, and under which client id the next one is made. Values in, values out.

Invariant: two clients with the same id disconnect each other for ever, so a unit that has reason to think its id is
taken uses another. A broker may say so in its DISCONNECT in MQTT 5; mosquitto does since 2.0.13, but Debian 12 has
2.0.11, which closes without one, as every 3.1.1 broker does. Then the pattern tells: connections end as soon as they
are made, although the broker is up. Under the next id it shows whether the id was the cause: there the connection
holds.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

TAKEN = 0x8E
"""MQTT 5 reason code: session taken over by another client with the same id."""
DISCONNECT = 0xE0
"""First byte of a DISCONNECT packet (MQTT 5, 3.14.1)."""
REST_BYTES_MAX = 1 << 20
"""Bytes searched for a DISCONNECT: more than a kernel keeps for one connection of ours."""
SHORT_S = 5.0
"""A connection that ends sooner was thrown out, if others before it were too: whoever is thrown out usually reconnects
within a second."""
TURNS = 3
"""Short connections in a row that rule out chance: a broker that is restarted twice in five seconds is absent in
between, and that breaks the row."""


class Name(Struct, frozen=True):
    """The id under which a client connects to its broker."""

    own: str
    used: str
    """Its own, or another while that one seems to be taken."""
    short: int = 0
    """Consecutive connections under it that ended within SHORT_S."""
    told: bool = False
    """Whether it has been reported that its own id is taken."""

    def is_proved(self, lasted_s: float) -> bool:
        """Whether a connection of this length proves, for the first time, that the id was the cause."""
        return self.used != self.own and not self.told and lasted_s > SHORT_S


def taken(name: Name, suffix: str) -> Name:
    """The broker has said that the id is taken."""
    return Name(name.own, _other(name, suffix), told=True)


def ended(name: Name, lasted_s: float, suffix: str) -> Name:
    """A connection of this length has ended, and the broker has not said why."""
    if lasted_s > SHORT_S:
        return replace(name, short=0)
    if name.short + 1 < TURNS:
        return replace(name, short=name.short + 1)
    # Thrown out under an id that nobody else can have: the id is not the cause, so back to its own.
    return Name(name.own, _other(name, suffix) if name.used == name.own else name.own)


def absent(name: Name) -> Name:
    """The broker was not there: earlier short connections ended with it."""
    return replace(name, short=0)


def _other(name: Name, suffix: str) -> str:
    return f"{name.own[:40]}-{suffix}"


def unread(half: Any, sock: Any) -> bytes:
    """Return received bytes of a closing connection that nobody has parsed yet.

    `half`: the packet that paho is receiving. A publisher may see the end of a connection before its thread has read
    the broker's last packet, which the kernel still holds. Never blocks, never raises.
    """
    head = bytes((half["command"], *half["remaining_count"])) if half["command"] else b""
    data = bytearray(head + half["packet"])
    try:
        sock.setblocking(False)
        while len(data) < REST_BYTES_MAX and (more := sock.recv(65_536)):
            data += more
    except (OSError, ValueError):
        pass  # nothing more, or a reset: what was read counts
    return bytes(data)


def last_word(data: bytes) -> int | None:
    """The reason code of a DISCONNECT among whole packets; None: there is none.

    A code without properties is one byte long; paho 2.1 reads it only from the third byte on.
    """
    while len(data) > 1:
        length, at = 0, 1
        for shift, byte in enumerate(data[1:5]):
            length, at = length | (byte & 0x7F) << 7 * shift, at + 1
            if not byte & 0x80:  # last byte of the length
                break
        if data[0] == DISCONNECT and length and len(data) > at:
            return data[at]
        data = data[at + length :]
    return None
