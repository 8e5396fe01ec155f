# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The key of a slip: what follows from a seed is what RFC 8032 and ssh-keygen make of it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from daemon import sign, slipkey
from daemon.errors import SealError

VECTORS = {
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60":
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb":
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7":
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
}  # fmt: skip
"""RFC 8032, 7.1: secret key, public key."""


def test_a_public_key_is_what_the_standard_says(tmp_path: Path) -> None:
    """R6: the RFC's own vectors; and of keys that ssh-keygen made, the public half that it wrote."""
    for seed, point in VECTORS.items():
        assert base64.b64decode(slipkey.public(bytes.fromhex(seed)).split()[1])[-32:].hex() == point
    for n in range(20):
        sign.make_key(tmp_path / str(n), "x")
        public = " ".join((tmp_path / f"{n}.pub").read_text().split()[:2])
        lines = (tmp_path / str(n)).read_text().splitlines()[1:-1]
        raw, point_ = base64.b64decode("".join(lines)), base64.b64decode(public.split()[1])[-32:]
        at = raw.rfind(point_)  # the secret half is the seed, and the public one again
        assert slipkey.public(raw[at - 32 : at]) == public


def test_a_key_file_is_one_that_ssh_keygen_signs_with() -> None:
    """R6: of whatever seed: the file has the public half, ssh-keygen signs with it, and finds the signature good."""
    for n in range(9):
        seed = hashlib.sha256(b"%d" % n).digest()
        key, public = slipkey.private(seed), slipkey.public(seed)
        assert sign.public_of(key) == public
        signature = sign.sign_with(b"words", key, sign.SLIPS)
        assert sign.is_signed_by(public, b"words", signature, sign.SLIPS, sign.WAIT_S)
        assert not sign.is_signed_by(public, b"others", signature, sign.SLIPS, sign.WAIT_S)
    with pytest.raises(SealError, match="ssh-keygen could not sign"):
        sign.sign_with(b"words", b"no key", sign.SLIPS)


def test_a_seed_is_of_this_purpose_alone() -> None:
    """R6: it is no plain hash of the secret, and a newline after the secret changes nothing."""
    secret = "AGE-SECRET-KEY-1" + "Q" * 58
    assert slipkey.seed(secret) == slipkey.seed(f"{secret}\n") == hashlib.sha256(
        b"spreekkamer-slip/1\n" + secret.encode()
    ).digest()  # fmt: skip
    assert slipkey.seed(secret) != hashlib.sha256(secret.encode()).digest()
