# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The unit's two signing keys: made on the unit, per board, and never imported.

Invariant: a private key belongs to one board. On another board (a copied card, or one moved after a board died) its
copy is overwritten and new keys are made. Public halves stay: they verify earlier signatures.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from daemon import durable, sign
from daemon.card import place
from daemon.card.facts import Identity
from daemon.errors import SealError, StoreError
from daemon.paths import Paths

MAKING = ".making"
"""Directory where a key is made: it gets its name when it is complete."""
OLD = "old"
"""There: the key being replaced, until it is overwritten."""
KEY_BYTES_MAX = 4096
"""An Ed25519 key file has some 400."""
NOBODY = "unknown-machine0"
"""What `hardware.machine` returns for an unknown board: no reason to change a key."""


def ensure(paths: Paths, name: str, board: str, known_board: str) -> Identity:
    """Make the keys that are missing, and all of them on another board. Raises SealError, StoreError.

    `name`: of the unit, as in its records. `known_board`: the board of the existing keys; empty: unknown.
    """
    is_another = bool(known_board) and NOBODY not in {board, known_board} and board != known_board
    made, publics = [], []
    try:
        _clean(paths.etc / MAKING, (paths.signing_key, paths.audit_key))
        for key, namespace in ((paths.signing_key, sign.RECORDINGS), (paths.audit_key, sign.KEEPER)):
            public = "" if is_another else _public(key)
            if not public:
                public = _make(key, name, namespace)
                made.append(key.name)
            _keep_public(key.with_suffix(".pub"), public)
            publics.append(public)
        found = Identity(publics[0], publics[1], tuple(made), is_another_board=is_another)
        _allow(paths.etc / "allowed_signers", found.signers(name))
    except OSError as error:
        raise StoreError(f"{paths.etc}: {error.strerror or error}") from error
    return found


def _public(key: Path) -> str:
    """The public half of an existing key; empty: there is none, or it cannot sign."""
    try:
        return sign.public_of(durable.read(key, KEY_BYTES_MAX))
    except (SealError, StoreError):
        return ""


def _make(key: Path, name: str, namespace: str) -> str:
    """Make a key and put it in place; the replaced one is overwritten once the new one is there."""
    home = key.parent / MAKING
    home.mkdir(mode=0o700)
    sign.make_key(home / key.name, name, namespace)
    for path in home.iterdir():
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    public = _public(home / key.name)
    old = home / OLD
    if key.is_symlink() or key.exists():
        os.link(key, old, follow_symlinks=False)
    (home / key.name).replace(key)
    durable.sync(key.parent)
    _clean(home, (key,))
    return public


def _clean(home: Path, keys: tuple[Path, ...]) -> None:
    """Remove the working directory; a replaced key is overwritten, even after a power cut."""
    old = home / OLD
    if old.is_file() and not old.is_symlink() and not any(key.exists() and key.samefile(old) for key in keys):
        place.overwrite(old)
    shutil.rmtree(home, ignore_errors=True)


def _keep_public(path: Path, public: str) -> None:
    """Put the newest first, which ssh-keygen uses; earlier ones stay, for what they signed."""
    try:
        before = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        before = []
    others = [line for line in before if line.strip() and " ".join(line.split()[:2]) != public]
    if before and " ".join(before[0].split()[:2]) == public:
        return
    durable.replace(path, "".join(f"{line}\n" for line in (public, *others)).encode(), 0o644)


def _allow(path: Path, signers: tuple[str, ...]) -> None:
    """Add the missing lines."""
    try:
        before = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        before = ""
    missing = [line for line in signers if line not in before.splitlines()]
    if missing:
        ended = before if not before or before.endswith("\n") else f"{before}\n"
        durable.replace(path, (ended + "".join(f"{line}\n" for line in missing)).encode(), 0o644)
