# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Signatures that anyone can check: SSHSIG, made by `ssh-keygen -Y sign`, verified by `ssh-keygen -Y verify`."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import re
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from daemon.errors import SealError
from daemon.texts import plain

RECORDINGS = "spreekkamer"
"""Namespace of the recorder's signatures: a signature made for another purpose is not valid there."""
AUDIT = "spreekkamer-audit"
"""Namespace of the audit log's heads, which the keeper signs with its own key."""
CHECKS = "spreekkamer-check"
"""Namespace of commissioning reports, which the keeper signs too: none of them can pass for a head of its log."""
KEEPER = f"{AUDIT},{CHECKS}"
"""What the keeper's key may sign, in the syntax of `allowed_signers`."""
SLIPS = "spreekkamer-slip"
"""Namespace of slips, which the page that opens recordings signs with a key that follows from a recording's own."""
WAIT_S = 10.0
"""A signature takes 5 ms; a thousand times that is a machine in trouble."""
KIND = "ssh-ed25519"
"""The one kind of key whose signatures the unit makes and takes."""
_KEY = re.compile(r"ssh-ed25519 [A-Za-z0-9+/]+=*")
_LINE = re.compile(
    r'(?P<who>"[^"]+"|[^\s"#]\S*)\s+(?:(?P<options>(?:[a-zA-Z-]+(?:="[^"]*")?,?)+)\s+)?ssh-ed25519\s+\S+'
)
"""A line of an `allowed_signers` file (ssh-keygen(1)): principals, options, key."""
_ARMOUR = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----\n([A-Za-z0-9+/=\n]+)\n-----END OPENSSH PRIVATE KEY-----")
_SIGNATURE = re.compile(rb"-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]+)\r?\n-----END SSH SIGNATURE-----")
_SIGNED = b"SSHSIG\0\0\0\1"
"""How a signature begins: magic bytes, and version 1."""
_REFUSED = b"Could not verify signature"
"""What ssh-keygen prints when it has looked; every other failure says nothing about the signature."""
_REAP_S = 0.2
"""A child that was killed ends at once, unless the kernel waits for a disk: then it is not waited for."""
_ONE = b"\0\0\0\1"
"""The number of keys in a file, which precedes them."""
_MAGIC = b"openssh-key-v1\0"
_POINT = 36
"""Bytes of an Ed25519 key in a blob: its length, and 32."""
_OWN = 0o600
"""ssh-keygen takes no private key that others may read."""
_WHO = "signer"
"""Principal for looking up a key without one."""


def sign(data: bytes, key: Path, namespace: str = RECORDINGS) -> bytes:
    """Return the signature file for these bytes. Raises SealError."""
    return _signed(data, str(key), namespace)


def sign_with(data: bytes, key: bytes, namespace: str) -> bytes:
    """As `sign`, with a key that is in no file: its content, as OpenSSH writes it. Raises SealError."""
    try:
        with _paths(key) as (fds, (path,)):
            Path(path).chmod(_OWN)  # here alone: the recorder's sandbox refuses it, and verifies
            return _signed(data, path, namespace, fds)
    except OSError as error:
        raise SealError(f"ssh-keygen could not sign: {error}") from error


def _signed(data: bytes, key: str, namespace: str, fds: tuple[int, ...] = ()) -> bytes:
    command = ["ssh-keygen", "-Y", "sign", "-q", "-f", key, "-n", namespace]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=WAIT_S, check=False, pass_fds=fds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SealError(f"ssh-keygen could not sign: {error}") from error
    if done.returncode != 0 or not done.stdout:
        raise SealError(f"ssh-keygen could not sign with {key}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def public_keys(path: Path, namespace: str) -> tuple[str, ...]:
    """Return the keys that may sign in a namespace, as lines of an `allowed_signers` file. Raises SealError.

    A `.pub` file has one key without a principal: it counts for any unit. A line that names a unit (`place/house/room`)
    counts for that unit only. Its dates count: revoke a key with `valid-before`, or by removing its line.
    """
    try:
        lines = plain(path.read_bytes()).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SealError(f"{path}: cannot be read: {error}") from error
    found = tuple(line for text in lines if (line := _signer(text.strip(), namespace)))
    if not found:
        raise SealError(f"{path}: no Ed25519 key for `{namespace}`; expected a .pub file or an allowed_signers")
    return found


def _signer(line: str, namespace: str) -> str:
    """A line in the syntax of `allowed_signers`; empty: it is none, or for something else."""
    if key := _KEY.match(line):
        return f'{_WHO} namespaces="{namespace}" {key[0]}'
    found = _LINE.match(line)
    if found is None or "cert-authority" in (found["options"] or ""):
        return ""
    named = re.search(r'namespaces="([^"]*)"', found["options"] or "")
    return line if named is None or namespace in named[1].split(",") else ""


def _names(line: str) -> list[str]:
    found = _LINE.match(line)
    return found["who"].strip('"').split(",") if found else []


def is_signed(data: bytes, signature: bytes, keys: tuple[str, ...], namespace: str, unit: str = "") -> bool:
    """Whether one of these signers made this signature for these bytes, by ssh-keygen's own rules.

    `unit`: the unit named in the signed data; signers of other units do not count. Raises SealError if ssh-keygen
    cannot be run.
    """
    lines = [_signer(key, namespace) for key in keys]
    for line in filter(None, lines):
        names = _names(line)
        if unit and unit not in names and all("/" in name for name in names):
            continue
        if any(_is_signed_by(name, line, data, signature, namespace) for name in names[:1]):
            return True
    return False


def _is_signed_by(who: str, line: str, data: bytes, signature: bytes, namespace: str) -> bool:
    try:
        with _paths(f"{line}\n".encode(), signature) as (fds, paths):
            command = ["ssh-keygen", "-Y", "verify", "-q", "-I", who, "-n", namespace, "-f", paths[0], "-s", paths[1]]
            done = subprocess.run(command, input=data, capture_output=True, timeout=WAIT_S, check=False, pass_fds=fds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SealError(f"ssh-keygen could not verify: {error}") from error
    return done.returncode == 0


class Made(NamedTuple):
    """With what a signature file was made, by its own words."""

    key: bytes
    """The public key."""
    kind: str
    """Its kind, such as ssh-ed25519."""
    namespace: str


def made(signature: bytes) -> Made | None:
    """Return with what a signature was made; None: it is no whole signature file. Whether it is good is not looked at.

    OpenSSH's PROTOCOL.sshsig: magic bytes, version, then strings: public key, namespace, reserved, hash, signature.
    """
    found = _SIGNATURE.fullmatch(signature.strip())
    if found is None:
        return None
    try:
        blob = base64.b64decode(found[1])
        if not blob.startswith(_SIGNED):
            return None
        key, rest = _text(blob[len(_SIGNED) :])
        namespace, rest = _text(rest)
        for _ in range(3):
            _, rest = _text(rest)
        kind, _ = _text(key)
        said = kind.decode("ascii", "replace"), namespace.decode("utf-8", "replace")
    except (ValueError, struct.error):
        return None
    return None if rest else Made(key, *said)


def is_signed_by(public: str, data: bytes, signature: bytes, namespace: str, wait_s: float) -> bool:
    """Whether this key made this signature for these bytes. Raises SealError if ssh-keygen gives no answer in time.

    `public`: kind and key, as in a `.pub` file. Returns within `wait_s`, also where the child cannot be ended.
    """
    if wait_s <= 0:
        raise SealError("ssh-keygen is not asked: no time is left")
    line = f"{_WHO} {' '.join(public.split()[:2])}\n".encode()
    try:
        with _paths(line, signature, data) as (fds, paths), Path(paths[2]).open("rb") as content:
            # Popen returns when its program is loaded, however long a disk takes for it: env is small and read often.
            command = ["env", "ssh-keygen", "-Y", "verify", "-I", _WHO, "-n", namespace, "-f", paths[0], "-s", paths[1]]
            child = subprocess.Popen(
                command, stdin=content, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=fds,
            )  # fmt: skip
            with _ended(child, wait_s) as output:
                said = output.read()
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SealError(f"ssh-keygen could not verify: {error}") from error
    if child.returncode != 0 and _REFUSED not in said:
        raise SealError(f"ssh-keygen could not verify: {said.decode(errors='replace').strip()}")
    return child.returncode == 0


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes], wait_s: float) -> Iterator[IO[bytes]]:
    """The output of a child that has ended. Raises TimeoutExpired, without waiting for one that cannot be killed."""
    output = child.stdout or io.BytesIO()
    try:
        child.wait(wait_s)
        yield output
    except subprocess.TimeoutExpired:
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_REAP_S)
        raise
    finally:
        output.close()


def public_of(key: bytes) -> str:
    """Return the public half of an Ed25519 key file, as in a `.pub` file. Raises SealError if it is not one.

    OpenSSH's PROTOCOL.key: a magic string, three strings (cipher, and the key derivation), the number of keys, then the
    public half in clear. ssh-keygen would refuse to read it: it is root's, and a group may read it.
    """
    found = _ARMOUR.fullmatch(key.strip())
    if found is None:
        raise SealError("no key file of OpenSSH's")
    try:
        rest = base64.b64decode(found[1]).removeprefix(_MAGIC)
        for _ in range(3):
            _, rest = _text(rest)
        blob, private = _text(rest[len(_ONE) :])
        kind, point = _text(blob)
    except (ValueError, struct.error) as error:
        raise SealError(f"no key file of OpenSSH's: {error}") from error
    if not rest.startswith(_ONE) or kind != b"ssh-ed25519" or len(point) != _POINT or not private:
        raise SealError("no Ed25519 key")
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def fingerprint(public: str) -> str:
    """A public key as `ssh-keygen -l` shows it. `public`: type and key, as in a `.pub` file."""
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _text(data: bytes) -> tuple[bytes, bytes]:
    """A string preceded by its length (RFC 4251, 5), and the rest. Raises ValueError, struct.error."""
    (length,) = struct.unpack(">I", data[:4])
    if length > len(data) - 4:
        raise ValueError("it is cut off")
    return data[4 : 4 + length], data[4 + length :]


def make_key(key: Path, name: str, namespace: str = RECORDINGS) -> None:
    """Make a key of the unit once, and its line in the `allowed_signers` beside it. Raises SealError."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=WAIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SealError(f"ssh-keygen could not make {key}: {error}") from error
    if done.returncode != 0:
        raise SealError(f"ssh-keygen could not make {key}: {done.stderr.decode(errors='replace').strip()}")
    public = key.with_suffix(".pub").read_text().split()
    with (key.parent / "allowed_signers").open("a", encoding="utf-8") as signers:
        signers.write(f'{name} namespaces="{namespace}" {public[0]} {public[1]}\n')


@contextlib.contextmanager
def _paths(*contents: bytes) -> Iterator[tuple[tuple[int, ...], list[str]]]:
    """Paths of these bytes, for a program: in memory on Linux, in a temporary directory elsewhere."""
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
    """A file without a name, for a program that needs a path."""
    fd = os.memfd_create("spreekkamer")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
