# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How a connection to a broker ended, and under which name the next one comes. Values in, values out.

The law here: two clients with one name throw each other out for ever, so whoever has reason to think that its name is
taken goes on under another. A broker that speaks MQTT 5 may say so with its last word; mosquitto does since 2.0.13, and
Debian 12 has 2.0.11, which closes without a word, as every broker of MQTT 3.1.1 does. Then the turns tell it: one
connection after the other ends as soon as it stands, though the broker is there. Whether it was the name shows under
the next: there it holds.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

TAKEN = 0x8E
"""Reason code of MQTT 5 for a connection that another client with the same id has taken over."""
DISCONNECT = 0xE0
"""First byte of the packet that says it (MQTT 5, 3.14.1)."""
REST_BYTES_MAX = 1 << 20
"""What is looked through for a last word: more than a kernel keeps for one connection of ours."""
SHORT_S = 5.0
"""A connection that ends sooner was thrown out, if others before it were too: who finds itself thrown out comes back
within a second as a rule."""
TURNS = 3
"""Short connections in a row that make it no chance: a broker that is started twice in five seconds is not there at all
in between, and that breaks the row."""


class Name(Struct, frozen=True):
    """Under what a client comes to its broker."""

    own: str
    used: str
    """The own one, or another while that one is thought to be taken."""
    short: int = 0
    """Connections under it that ended within SHORT_S of standing, in a row."""
    told: bool = False
    """Whether it has been said that the own one is taken."""

    def is_proved(self, lasted_s: float) -> bool:
        """Whether a connection that has stood for so long shows for the first time that it was the name."""
        return self.used != self.own and not self.told and lasted_s > SHORT_S


def taken(name: Name, suffix: str) -> Name:
    """The broker has said it."""
    return Name(name.own, _other(name, suffix), told=True)


def ended(name: Name, lasted_s: float, suffix: str) -> Name:
    """A connection that stood for so long has ended, and the broker has not said why."""
    if lasted_s > SHORT_S:
        return replace(name, short=0)
    if name.short + 1 < TURNS:
        return replace(name, short=name.short + 1)
    # What is thrown out under a name that nobody can have is thrown out for something else: then back to its own.
    return Name(name.own, _other(name, suffix) if name.used == name.own else name.own)


def absent(name: Name) -> Name:
    """The broker was not there: what ended before ended with it."""
    return replace(name, short=0)


def _other(name: Name, suffix: str) -> str:
    return f"{name.own[:40]}-{suffix}"


def unread(half: Any, sock: Any) -> bytes:
    """What has come on a connection that is about to be closed and nobody has understood yet.

    `half`: the packet that paho is in the middle of. Who publishes may see the end of a connection before its thread
    has read what the broker said last, and the kernel still has it. Never blocks, never raises.
    """
    head = bytes((half["command"], *half["remaining_count"])) if half["command"] else b""
    data = bytearray(head + half["packet"])
    try:
        sock.setblocking(False)
        while len(data) < REST_BYTES_MAX and (more := sock.recv(65_536)):
            data += more
    except (OSError, ValueError):
        pass  # nothing more, or an end of the hard kind: what was read counts
    return bytes(data)


def last_word(data: bytes) -> int | None:
    """The reason code of a DISCONNECT among whole packets; None: the broker said no such thing.

    A code without properties is one byte long, and paho 2.1 looks at it only from the third byte on.
    """
    while len(data) > 1:
        length, at = 0, 1
        for shift, byte in enumerate(data[1:5]):
            length, at = length | (byte & 0x7F) << 7 * shift, at + 1
            if not byte & 0x80:  # the last of the length
                break
        if data[0] == DISCONNECT and length and len(data) > at:
            return data[at]
        data = data[at + length :]
    return None
