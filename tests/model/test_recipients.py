# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which public keys a policy takes, each other kind refused with its reason; and that pyrage seals to what is taken."""

from __future__ import annotations

import pyrage
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.model.recipients import _LETTERS, _LOW_ORDER, WANTED, is_recipient, recipient_fault

HARDWARE = f"{WANTED}: neither the page nor the command that open recordings can ask a hardware key"
PLUGIN = f"{WANTED}: a plug-in would be another's program where recording keys are made"
NEAR = f"{WANTED}; a letter of it is wrong, missing or in another's place"
ALL_BUT_MINE = {
    "age1pq1" + "q" * 1952: f"{WANTED}: the unit's library cannot seal to a post-quantum key yet",
    "age1tag1" + "q" * 60: HARDWARE,
    "age1tagpq1" + "q" * 1900: HARDWARE,
    "age1yubikey1" + "q" * 60: PLUGIN,
    "age1se1" + "q" * 60: PLUGIN,
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS": (
        f"{WANTED}: an SSH key is made for something else, and the page that opens recordings takes none"
    ),
    "naam@voorbeeldstad.nl": WANTED,
    "": WANTED,
    None: WANTED,
    "age1" + "q" * 58: NEAR,
    "AGE1" + "Q" * 58: NEAR,
    "age1" + "q" * 57 + "B": NEAR,
    "age1" + "q" * 39: NEAR,
    "age1" + "q" * 38: WANTED,
    "age1" + "q" * 77: NEAR,
    "age1" + "q" * 78: WANTED,
    "agE" + "q" * 59: WANTED,
    "age1pq1" + "q" * 55: NEAR,
    "age1se1" + "q" * 55: NEAR,
}


def bech32(data: bytes, prefix: str = "age", padding: int = 0) -> str:
    """The text of 32 bytes, with check digits that fit."""
    number = int.from_bytes(data, "big") << 4 | padding
    values = [number >> 5 * n & 31 for n in range(51, -1, -1)]
    check = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values, *[0] * 6]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    values += [(check ^ 1) >> 5 * n & 31 for n in range(5, -1, -1)]
    return f"{prefix}1" + "".join(_LETTERS[value] for value in values)


@pytest.mark.parametrize(("text", "why"), ALL_BUT_MINE.items())
def test_each_other_kind_is_refused_with_its_reason(text: object, why: str) -> None:
    """K6: post-quantum, tagged, plug-in, SSH: a policy says why not, when it is read (decision 18); what is nearly a
    key is told apart from what is none.
    """
    assert recipient_fault(text) == why


@pytest.mark.case("keeper 16")
@pytest.mark.parametrize("number", sorted(_LOW_ORDER))
@pytest.mark.parametrize("more", [0, 2**255 - 19, 2**255])
def test_a_key_that_is_none_is_refused(number: int, more: int) -> None:
    """K6, R6: every low-order point, also as it is not written usually: anybody could open it, and pyrage panics."""
    if number + more >= 2**256 or (more == 2**255 - 19 and number > 18):
        pytest.skip("does not fit into 32 bytes, or 255 bits")
    text = bech32((number + more).to_bytes(32, "little"))
    assert is_recipient(text)
    assert recipient_fault(text) == f"{WANTED}; this one is no key: anybody could open what is sealed to it"


@settings(max_examples=300)
@given(st.binary(min_size=32, max_size=32), st.integers(0, 15))
@example(b"\x09" + b"\0" * 31, 0)
@example(b"\xff" * 32, 0)
def test_what_is_taken_can_be_sealed_to(data: bytes, padding: int) -> None:
    """K6, R6: no recipient that passes makes pyrage fail: recordings are made by a child that would die of it."""
    text = bech32(data, padding=padding)
    if recipient_fault(text):
        assert padding or "is no key" in recipient_fault(text)
        return
    assert pyrage.encrypt(b"x", [pyrage.x25519.Recipient.from_str(text)])


@given(st.integers(0, 61), st.sampled_from(_LETTERS))
def test_one_wrong_letter_is_found(at: int, letter: str) -> None:
    """K6: a typing error makes no recording that nobody can open."""
    text = str(pyrage.x25519.Identity.generate().to_public())
    wrong = text[:at] + letter + text[at + 1 :]
    assert (recipient_fault(wrong) == "") == (wrong == text)


def test_a_key_is_taken_whatever_its_letters() -> None:
    """K6: nothing is wrong with one that has each of them."""
    every = sum(n % 32 << 5 * (51 - n) for n in range(51)) >> 4
    text = bech32(every.to_bytes(32, "big"))
    assert set(_LETTERS) <= set(text)
    assert recipient_fault(text) == ""


def test_check_digits_alone_make_no_key() -> None:
    """K6: they also fit another prefix, and a text that ends in `p` with any number of `q` put in before it."""
    assert is_recipient(bech32(b"\x09" * 32))
    assert not is_recipient(bech32(b"\x09" * 32, prefix="agf"))
    made = (bech32(n.to_bytes(32, "big")) for n in range(20_000))
    ends_in_p = next(text for text in made if text.endswith("p") and text[-6] in "qs")  # padding is not the reason
    assert is_recipient(ends_in_p)
    assert recipient_fault(f"{ends_in_p[:-1]}qp") == NEAR
