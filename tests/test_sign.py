# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Whose signature counts: names, dates and options of allowed_signers have the meaning that ssh-keygen gives them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from daemon import sign
from daemon.errors import SealError
from tests.waiting import PATIENCE_S

A, B = "heusden/stadhuis/kamer-1", "heusden/stadhuis/kamer-2"
DATA = b"begin"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A unit's key."""
    path = tmp_path / "key"
    sign.make_key(path, A)
    return path


def public(key: Path) -> str:
    """Type and key."""
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def judged(tmp_path: Path, line: str, signature: bytes, unit: str) -> bool | None:
    """What ours says; None: the file has no signer."""
    (tmp_path / "signers").write_text(line + "\n")
    try:
        keys = sign.public_keys(tmp_path / "signers", sign.RECORDINGS)
    except SealError:
        return None
    return sign.is_signed(DATA, signature, keys, sign.RECORDINGS, unit)


def by_ssh_keygen(tmp_path: Path, signature: bytes, unit: str) -> bool:
    """What ssh-keygen says of the same."""
    (tmp_path / "sig").write_bytes(signature)
    command = ["ssh-keygen", "-Y", "verify", "-I", unit, "-n", sign.RECORDINGS,
               "-f", str(tmp_path / "signers"), "-s", str(tmp_path / "sig")]  # fmt: skip
    return subprocess.run(command, input=DATA, capture_output=True, check=False, timeout=PATIENCE_S).returncode == 0


@pytest.mark.case("security 8")
@pytest.mark.parametrize(
    ("line", "good"),
    [
        ("{unit} {key}", True),
        ('{unit} namespaces="spreekkamer" {key}', True),
        ('{unit} namespaces="spreekkamer-audit" {key}', None),
        ('{unit} namespaces="spreekkamer",valid-after="20200101",valid-before="20990101" {key}', True),
        ('{unit} namespaces="spreekkamer",valid-before="20200101" {key}', False),
        ('{unit} valid-after="20990101" {key}', False),
        ("{other} {key}", False),
        ("{other},{unit} {key}", True),
        ("# {unit} {key}", None),
        ("{unit} cert-authority {key}", None),
    ],
)
def test_a_line_means_what_ssh_keygen_takes_it_for(tmp_path: Path, key: Path, line: str, *, good: bool | None) -> None:
    """K5: a name that is another unit's, a date that is over, a namespace, a comment: ours and ssh-keygen agree."""
    text = line.format(unit=A, other=B, key=public(key))
    signature = sign.sign(DATA, key)
    assert judged(tmp_path, text, signature, A) is good
    assert by_ssh_keygen(tmp_path, signature, A) is bool(good)


@pytest.mark.case("security 8")
def test_a_key_in_a_comment_is_none(tmp_path: Path, key: Path) -> None:
    """K5: what stands behind a key, or on a line of another kind, is no signer."""
    other = tmp_path / "other"
    sign.make_key(other, B)
    signature = sign.sign(DATA, other)
    assert judged(tmp_path, f"{A} {public(key)} {public(other)}", signature, A) is False
    assert judged(tmp_path, f"{A} ssh-rsa AAAA {public(other)}", signature, A) is None
    (tmp_path / "x.pub").write_text(f"{public(key)} {public(other)}\n")
    keys = sign.public_keys(tmp_path / "x.pub", sign.RECORDINGS)
    assert not sign.is_signed(DATA, signature, keys, sign.RECORDINGS, A)
    assert sign.is_signed(DATA, sign.sign(DATA, key), keys, sign.RECORDINGS, A), "a key without a name is any unit's"


@pytest.mark.case("security 8")
def test_a_name_that_is_no_units_stands_for_any(tmp_path: Path, key: Path) -> None:
    """K5: a machine's name says nothing of the room, and does not contradict it."""
    assert judged(tmp_path, f"raspberrypi {public(key)}", sign.sign(DATA, key), A) is True


def test_nothing_that_is_verified_has_its_mode_changed(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R6, R7: the recorder's sandbox refuses every chmod, and a signed policy is verified in it all the same."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    signature = sign.sign(DATA, key)
    (tmp_path / "signers").write_text(f"{A} {public(key)}\n")
    for name in ("chmod", "fchmod"):
        monkeypatch.setattr(os, name, refused)
    keys = sign.public_keys(tmp_path / "signers", sign.RECORDINGS)
    assert sign.is_signed(DATA, signature, keys, sign.RECORDINGS, A)
    assert sign.is_signed_by(public(key), DATA, signature, sign.RECORDINGS, PATIENCE_S)
