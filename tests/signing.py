# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A municipality that signs its policy, with real ssh-keygen and as docs/guide/policy-signing.md has it done."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from daemon.config import Settings, load, load_to_run
from daemon.config.signed import NAMESPACE
from daemon.errors import SettingsError
from tests.waiting import PATIENCE_S

UNIT = """
organisation = "o"
site = "s"
room = "r"
[buttons.alarm]
pin = 5
[lamps]
recording = 22
[broker]
host = "localhost"
"""


class Signing:
    """A unit's settings, an officer's and a secretary's key, and the copies that the keeper keeps."""

    def __init__(self, home: Path) -> None:
        self.etc, self.copies, self.keys = home / "etc", home / "policy", home / "keys"
        for directory in (self.etc, self.copies, self.keys):
            directory.mkdir()
        for name in ("officer", "secretary", "engineer"):
            self.key(name)
        self.unit("officer", "secretary")

    def key(self, name: str, kind: str = "ed25519") -> None:
        """A key of somebody, as the guide has it made."""
        words = ("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(self.keys / name))
        subprocess.run(words, check=True, timeout=PATIENCE_S)

    def public(self, name: str) -> str:
        """Its public half."""
        return (self.keys / f"{name}.pub").read_text().strip()

    def unit(self, *roles: str, until: str = "") -> None:
        """unit.toml with these signers."""
        last = f"until = {until}\n" if until else ""
        each = (f'[[policy.signers]]\nrole = "{role}"\nkey = "{self.public(role)}"\n{last}' for role in roles)
        (self.etc / "unit.toml").write_text(UNIT + "".join(each))

    def code(self, name: str) -> str:
        """The short code, as the guide has it made: by coreutils alone."""
        blob = self.public(name).split()[1]
        command = f"echo {blob} | base64 -d | sha256sum"
        digest = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
        return "-".join(digest.stdout[at : at + 4] for at in range(0, 16, 4))

    def write(self, text: str, name: str = "policy.toml") -> Path:
        """A policy file, not signed."""
        path = self.etc / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def signed(self, text: str, by: str = "officer", name: str = "policy.toml", namespace: str = NAMESPACE) -> Path:
        """A policy file and its signature, as the guide has it made."""
        return self.sign(self.write(text, name), by, namespace)

    def sign(self, path: Path, by: str = "officer", namespace: str = NAMESPACE) -> Path:
        """A file as it is, signed anew."""
        path.with_name(path.name + ".sig").unlink(missing_ok=True)
        words = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(self.keys / by), str(path)]
        subprocess.run(words, check=True, timeout=PATIENCE_S, capture_output=True)
        return path

    def keep(self) -> None:
        """A copy of what is signed now, as the keeper makes it."""
        data, signature = (self.etc / "policy.toml").read_bytes(), (self.etc / "policy.toml.sig").read_bytes()
        copy = self.copies / f"{hashlib.sha256(data).hexdigest()}.toml"
        copy.with_name(copy.name + ".sig").write_bytes(signature)
        copy.write_bytes(data)

    def run(self, *, in_doubt: bool = False, wait_s: float = PATIENCE_S) -> Settings:
        """What a process works by."""
        return load_to_run(self.etc, self.copies, in_doubt=in_doubt, wait_s=wait_s)

    def refused(self) -> str:
        """What a check says of it, which must not hold."""
        with pytest.raises(SettingsError) as caught:
            load(self.etc)
        return str(caught.value)


def policy(name: str = "ours", day: str = "2020-05-04", *, hold_s: float = 1.0) -> str:
    """A policy that records nothing; `hold_s` tells two of one name apart."""
    return f'name = "{name}"\nin_force_from = {day}\n[alarm]\nhold_s = {hold_s}\n'


def hanging(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on whoever starts ssh-keygen waits for it, as on a disk that stalls."""
    home.mkdir()
    program = home / "ssh-keygen"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:{os.environ['PATH']}")
