# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Short codes of the keys that may sign a policy, and what is said when they are others."""

from __future__ import annotations

import base64

import pytest

from daemon.model.signers import REASONS, WHYS, PolicyOwner, Signer, changed, codes

BLOB = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS")
KEY = f"ssh-ed25519 {base64.b64encode(BLOB).decode()} officer@town"


def test_a_keys_code_is_what_sha256sum_says_of_it() -> None:
    """K7: sixteen digits by fours, whatever stands behind the key: `echo -n abc | sha256sum`."""
    assert codes([b"abc", b""]) == ("ba78-16bf-8f01-cfea", "e3b0-c442-98fc-1c14")
    signer = Signer("officer", KEY)
    assert signer.blob() == BLOB
    assert signer.code() == codes([BLOB])[0]
    assert PolicyOwner((signer, Signer("deputy", KEY))).codes() == (signer.code(),)
    assert PolicyOwner().codes() == ()


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ((), ("a",), ""), (("a", "b"), ("a", "b"), ""),
        (("a", "b"), ("a", "c"), "who may sign the policy was changed in unit.toml: before a, b, now a, c"),
        (("a",), (), "who may sign the policy was changed in unit.toml: before a, now nobody"),
    ],
)  # fmt: skip
def test_other_signers_than_before_are_told(before: tuple[str, ...], now: tuple[str, ...], words: str) -> None:
    """K7: both sides of it; a unit that had none has none to compare with."""
    assert changed(before, now) == words


def test_each_reason_says_what_was_expected() -> None:
    """H5: none of them is without its words."""
    assert list(REASONS) == list(WHYS)
