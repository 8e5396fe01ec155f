"""Signatures that a stranger can check: SSHSIG, made by `ssh-keygen -Y sign`, verified by `ssh-keygen -Y verify`."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from daemon.errors import SealError

RECORDINGS = "spreekkamer"
"""The namespace of what the recorder signs: a signature made for something else does not fit there."""
AUDIT = "spreekkamer-audit"
"""The namespace of the audit log's heads, which the keeper signs with a key of its own."""
CHECKS = "spreekkamer-check"
"""The namespace of commissioning reports, which the keeper signs too: none of them can pass for a head of its log."""
KEEPER = f"{AUDIT},{CHECKS}"
"""What the keeper's key may sign, as `allowed_signers` writes it."""
WAIT_S = 10.0
"""A signature takes 5 ms; a thousand times that is a machine in trouble."""
_KEY = re.compile(r"ssh-ed25519 [A-Za-z0-9+/]+=*")
_WHO = "signer"
"""The name under which a key is looked up: which key it was is known, so that any name does."""


def sign(data: bytes, key: Path, namespace: str = RECORDINGS) -> bytes:
    """The signature file for these bytes. Raises SealError."""
    command = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", namespace]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=WAIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SealError(f"ssh-keygen could not sign: {error}") from error
    if done.returncode != 0 or not done.stdout:
        raise SealError(f"ssh-keygen could not sign with {key}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def public_keys(path: Path, namespace: str) -> tuple[str, ...]:
    """The Ed25519 keys of a `.pub` file or an `allowed_signers` that may sign in a namespace. Raises SealError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SealError(f"{path}: cannot be read: {error}") from error
    meant = (line for line in lines if "namespaces=" not in line or namespace in _namespaces(line))
    found = tuple(key[0] for line in meant if (key := _KEY.search(line)) and not line.startswith("#"))
    if not found:
        raise SealError(f"{path}: no Ed25519 key for `{namespace}`; expected a .pub file or an allowed_signers")
    return found


def _namespaces(line: str) -> list[str]:
    found = re.search(r'namespaces="([^"]*)"', line)
    return found[1].split(",") if found else []


def is_signed(data: bytes, signature: bytes, keys: tuple[str, ...], namespace: str) -> bool:
    """Whether one of these keys made this signature for these bytes. Raises SealError when that cannot be asked."""
    signers = "".join(f'{_WHO} namespaces="{namespace}" {key}\n' for key in keys).encode()
    try:
        with _paths(signers, signature) as (fds, paths):
            command = ["ssh-keygen", "-Y", "verify", "-q", "-I", _WHO, "-n", namespace, "-f", paths[0], "-s", paths[1]]
            done = subprocess.run(command, input=data, capture_output=True, timeout=WAIT_S, check=False, pass_fds=fds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SealError(f"ssh-keygen could not verify: {error}") from error
    return done.returncode == 0


def make_key(key: Path, name: str, namespace: str = RECORDINGS) -> None:
    """A key of the unit, made once, and a line for it in the `allowed_signers` beside it. Raises SealError."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=WAIT_S, check=False)
    if done.returncode != 0:
        raise SealError(f"ssh-keygen could not make {key}: {done.stderr.decode(errors='replace').strip()}")
    public = key.with_suffix(".pub").read_text().split()
    with (key.parent / "allowed_signers").open("a", encoding="utf-8") as signers:
        signers.write(f'{name} namespaces="{namespace}" {public[0]} {public[1]}\n')


@contextlib.contextmanager
def _paths(*contents: bytes) -> Iterator[tuple[tuple[int, ...], list[str]]]:
    """Paths of these bytes, for a program: in memory here, in a directory where a system has no such files."""
    if hasattr(os, "memfd_create"):
        fds = tuple(_memory(data) for data in contents)
        try:
            yield fds, [f"/proc/self/fd/{fd}" for fd in fds]
        finally:
            for fd in fds:
                os.close(fd)
        return
    with tempfile.TemporaryDirectory() as home:
        paths = [Path(home) / str(number) for number in range(len(contents))]
        for path, data in zip(paths, contents, strict=True):
            path.write_bytes(data)
        yield (), [str(path) for path in paths]


def _memory(data: bytes) -> int:
    """A file without a name, for a program that wants a path."""
    fd = os.memfd_create("spreekkamer")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
