"""Signatures that a stranger can check: SSHSIG, made by `ssh-keygen -Y sign`, verified by `ssh-keygen -Y verify`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from daemon.errors import SealError
from daemon.records import NAMESPACE

WAIT_S = 10.0
"""A signature takes 5 ms; a thousand times that is a machine in trouble."""


def sign(data: bytes, key: Path) -> bytes:
    """The signature file for these bytes. Raises SealError."""
    command = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", NAMESPACE]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=WAIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SealError(f"ssh-keygen could not sign: {error}") from error
    if done.returncode != 0 or not done.stdout:
        raise SealError(f"ssh-keygen could not sign with {key}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def make_key(key: Path, name: str) -> None:
    """The unit's own key, made once, with its line for `allowed_signers` beside it. Raises SealError."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=WAIT_S, check=False)
    if done.returncode != 0:
        raise SealError(f"ssh-keygen could not make {key}: {done.stderr.decode(errors='replace').strip()}")
    public = key.with_suffix(".pub").read_text().split()
    line = f'{name} namespaces="{NAMESPACE}" {public[0]} {public[1]}\n'
    (key.parent / "allowed_signers").write_text(line)
