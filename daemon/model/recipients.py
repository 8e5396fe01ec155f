# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Which public keys a policy accepts for its holders: age's X25519, intact and usable; and why no other kind.

The reasons are in docs/decisions/0018-holders-have-x25519-keys.md.
"""

from __future__ import annotations

WANTED = "an age X25519 recipient, `age1` and 58 small letters and digits"
LENGTH = 62
_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_PRIME = 2**255 - 19
_LOW_ORDER = frozenset({
    0, 1, _PRIME - 1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
})  # fmt: skip
"""Points of Curve25519 and its twist that give every secret the same result, zero (RFC 7748, section 6.1). age does not
seal to them; pyrage 1.4 panics."""
_OTHERS = {
    "age1pq": "the unit's library cannot seal to a post-quantum key yet",
    "age1tag": "neither the page nor the command that open recordings can ask a hardware key",
    "age1tagpq": "neither the page nor the command that open recordings can ask a hardware key",
}


def recipient_fault(text: object) -> str:
    """What was expected instead; empty: nothing, it is accepted."""
    if not isinstance(text, str):
        return WANTED
    kind = text.rpartition("1")[0]
    if text.startswith("ssh-"):
        return f"{WANTED}: an SSH key is made for something else, and the page that opens recordings takes none"
    if len(text) != LENGTH and kind in _OTHERS:
        return f"{WANTED}: {_OTHERS[kind]}"
    if len(text) != LENGTH and kind.startswith("age1"):
        return f"{WANTED}: a plug-in would be another's program where recording keys are made"
    if not is_recipient(text):
        is_near = text.lower().startswith("age1") and abs(len(text) - LENGTH) < LENGTH // 3
        return f"{WANTED}; a letter of it is wrong, missing or in another's place" if is_near else WANTED
    return f"{WANTED}; this one is no key: anybody could open what is sealed to it" if _is_low_order(text) else ""


def is_recipient(text: str) -> bool:
    """Whether the checksum of an X25519 recipient is valid (Bech32, BIP 173), and it has 32 bytes."""
    prefix, _, data = text.rpartition("1")
    if prefix != "age" or len(text) != LENGTH or not set(data) <= set(_LETTERS):
        return False
    values = [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *map(_LETTERS.index, data)]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check == 1 and _number(text) % 16 == 0


def _number(recipient: str) -> int:
    """The 52 characters between prefix and checksum: 256 bits of key, four of zero padding."""
    number = 0
    for letter in recipient.rpartition("1")[2][:-6]:
        number = number << 5 | _LETTERS.index(letter)
    return number


def _is_low_order(recipient: str) -> bool:
    key = (_number(recipient) >> 4).to_bytes(32, "big")
    return (int.from_bytes(key, "little") & ~(1 << 255)) % _PRIME in _LOW_ORDER
