# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Recording keys: made in a child, closed to every group, opened by the ordinary `age`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from daemon import slipkey
from daemon.errors import SealError
from daemon.recorder.seal import make_key, seal
from tests.waiting import wait_for


class Holder:
    """One holder with an age key file."""

    def __init__(self, home: Path, name: str) -> None:
        identity = pyrage.x25519.Identity.generate()
        self.file, self.recipient = home / f"{name}.key", str(identity.to_public())
        self.file.write_text(f"{identity}\n")


def age(data: bytes, key: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["age", "-d", "-i", str(key)], input=data, capture_output=True, check=False)


def test_one_holder_of_every_group_opens_and_fewer_do_not(tmp_path: Path) -> None:
    """R6, K5: a custodian and a secretary together open with two plain `age -d`; neither alone, nor two custodians."""
    custodians = [Holder(tmp_path, f"custodian-{n}") for n in range(2)]
    secretaries = [Holder(tmp_path, f"secretary-{n}") for n in range(2)]
    key = make_key((tuple(h.recipient for h in custodians), tuple(h.recipient for h in secretaries)))
    sealed = seal(b"what was said", key)
    for custodian in custodians:
        for secretary in secretaries:
            inner = age(key.envelope, custodian.file)
            secret = age(inner.stdout, secretary.file)
            (tmp_path / "recording.key").write_bytes(secret.stdout)
            assert age(sealed, tmp_path / "recording.key").stdout == b"what was said"
            assert slipkey.public(slipkey.seed(secret.stdout.decode())) == key.slip
    inner = age(key.envelope, custodians[0].file)
    assert age(inner.stdout, custodians[1].file).returncode != 0
    assert age(key.envelope, secretaries[0].file).returncode != 0


def test_no_two_keys_are_alike_and_the_secret_half_is_not_here() -> None:
    """R6: what comes back from the child is the public half and an envelope; no secret key is in it."""
    holder = str(pyrage.x25519.Identity.generate().to_public())
    first, second = make_key(((holder,),)), make_key(((holder,),))
    assert first.recipient != second.recipient
    assert first.slip != second.slip
    for key in (first, second):
        assert b"AGE-SECRET-KEY" not in key.envelope
        assert key.recipient.startswith("age1")


def test_a_holder_that_is_none_is_an_error_in_words() -> None:
    """A recipient that age does not take is a clear error, not a key that nobody can open."""
    with pytest.raises(SealError, match="no recording key could be made"):
        make_key((("age1nonsense",),))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "none"), ("Killed", "none"), ('{"recipient": "age1"}', "envelope"),
        ('{"recipient": "age1", "envelope": "x"}', "base64"),
    ],
)  # fmt: skip
def test_what_is_no_key_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, why: str
) -> None:
    """R8: a child that says something else is a key that failed, and the thread that makes keys tries again."""
    monkeypatch.setattr(sys, "executable", str(child(tmp_path, said)))
    with pytest.raises(SealError, match=f"no recording key could be made: .*{why}"):
        make_key((("age1",),))


def test_the_child_of_an_earlier_release_makes_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R8: during a return to an earlier release its child runs under this recorder, and says nothing of slips: what is
    recorded then has none.
    """
    said = '{"recipient": "age1", "envelope": "aaaa"}'
    monkeypatch.setattr(sys, "executable", str(child(tmp_path, said)))
    assert make_key((("age1",),)).slip == ""


def child(home: Path, said: str) -> Path:
    path = home / "child"
    path.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{said}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.case("security 12")
def test_the_child_that_makes_a_key_is_locked_and_cannot_be_read() -> None:
    """R6, R1: the process that has a secret key for a moment locks its memory as the recorder does, and can neither be
    dumped nor be read by others of its user; what the recorder did for its own ended with exec.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "daemon.recorder.keymaker"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as child:
        status = Path(f"/proc/{child.pid}/status")

        def locked() -> bool:
            return "VmLck:\t       0 kB" not in status.read_text() and "VmLck" in status.read_text()

        def undumpable() -> bool:
            limits = Path(f"/proc/{child.pid}/limits").read_text().splitlines()
            return any(line.split()[:6] == ["Max", "core", "file", "size", "0", "0"] for line in limits)

        wait_for("no core dump", undumpable, 30)
        if os.geteuid() == 0:  # anybody else has a limit, and then no swap may be on
            wait_for("locked memory", locked, 30)
        child.kill()
