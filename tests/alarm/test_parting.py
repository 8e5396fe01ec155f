# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How a connection ended: the last word of a broker, and when a name is taken."""

from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies as st

from daemon.alarm import parting
from daemon.alarm.parting import SHORT_S, TAKEN, TURNS, Name

MINE = Name("unit", "unit")
PUBACK, PINGRESP = b"\x40\x02\x00\x01", b"\xd0\x00"
LONG = b"\x30\x80\x01" + bytes(128)
"""A publish whose length takes two bytes."""
NOTHING_HALF = {"command": 0, "remaining_count": [], "packet": bytearray()}


def after(*lasted_s: float) -> Name:
    """The name after connections that lasted so long."""
    name = MINE
    for n, seconds in enumerate(lasted_s):
        name = parting.ended(name, seconds, f"{n}")
    return name


def test_a_last_word_is_found_among_packets() -> None:
    """A1: a DISCONNECT is seen alone, with properties, behind other packets; and no other packet is one."""
    for before in (b"", PUBACK, PINGRESP + LONG):
        assert parting.last_word(before + b"\xe0\x01\x8e") == TAKEN
        assert parting.last_word(before + b"\xe0\x02\x8e\x00") == TAKEN
        assert parting.last_word(before + b"\xe0\x00") is None
        assert parting.last_word(before) is None
    assert parting.last_word(b"\x30\x05\x00\x01a\xe0\x01") is None


@given(st.binary(max_size=300))
def test_whatever_a_broker_says_last_raises_nothing(data: bytes) -> None:
    """A1: bytes of any kind are looked through to their end."""
    said = parting.last_word(data)
    assert said is None or 0 <= said <= 255


def test_what_nobody_has_read_yet_is_read_before_the_end() -> None:
    """A1: the half of a packet that is here and the rest that the kernel has are one packet; an end without a word, and
    one of the hard kind, are no error.
    """
    for half, rest in ((b"", b"\xe0\x01\x8e"), (b"\xe0", b"\x01\x8e"), (b"\xe0\x01", b"\x8e"), (b"\xe0\x01\x8e", b"")):
        here, there = socket.socketpair()
        there.sendall(PUBACK * (not half) + rest)
        there.close()
        state = {"command": half[0] if half else 0, "remaining_count": list(half[1:2]), "packet": bytearray(half[2:])}
        assert parting.last_word(parting.unread(state, here)) == TAKEN
        here.close()
        assert parting.unread(NOTHING_HALF, here) == b""


def test_taking_turns_at_being_thrown_out_is_a_name_that_is_taken() -> None:
    """A1, A5: where the broker says nothing, three connections in a row that end as soon as they stand give up the
    name; one that held, or a broker that was not there, breaks the row.
    """
    assert after(*[0.1] * (TURNS - 1)).used == "unit"
    assert after(*[0.1] * TURNS) == Name("unit", f"unit-{TURNS - 1}")
    assert after(0.1, 0.1, SHORT_S + 1, 0.1, 0.1).used == "unit"
    assert parting.ended(parting.absent(after(0.1, 0.1)), 0.1, "x").used == "unit"


def test_it_was_the_name_if_the_next_one_holds() -> None:
    """A5: nobody is accused on suspicion: taken is told when a connection under another name has held, once; one that
    is thrown out under any name goes back to its own.
    """
    other = after(*[0.1] * TURNS)
    assert not MINE.is_proved(SHORT_S * 9)
    assert not other.is_proved(0.1)
    assert other.is_proved(SHORT_S + 0.1)
    assert after(*[0.1] * (2 * TURNS)) == MINE
    said = parting.taken(MINE, "x")
    assert (said.used, said.is_proved(SHORT_S * 9)) == ("unit-x", False)
