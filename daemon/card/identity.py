# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The unit's two signing keys: made on the unit, by board, and never brought.

The law here: a private key belongs to one board. On another board (a card that was copied, or moved when a board
died) its copy is overwritten and new ones are made. Public halves stay: they check what was signed before.
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
"""Where a key is made: it gets its name when it is whole."""
OLD = "old"
"""There: the one whose place it takes, until that is overwritten."""
KEY_BYTES_MAX = 4096
"""An Ed25519 key file has some 400."""
NOBODY = "unknown-machine0"
"""What `hardware.machine` says where it knows no board: no reason to change a key."""


def ensure(paths: Paths, name: str, board: str, known_board: str) -> Identity:
    """Makes the keys that are not there, and all of them on another board. Raises SealError, StoreError.

    `name`: of the unit, as its records bear it. `known_board`: whose keys these are; empty: nobody has said yet.
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
    """The public half of a key that is there; empty where none is, or none that signs."""
    try:
        return sign.public_of(durable.read(key, KEY_BYTES_MAX))
    except (SealError, StoreError):
        return ""


def _make(key: Path, name: str, namespace: str) -> str:
    """Makes a key and gives it its place; the one that was there is overwritten when the new one has it."""
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
    """Takes away where a key was made; a key that has given way is overwritten, also after a power cut."""
    old = home / OLD
    if old.is_file() and not old.is_symlink() and not any(key.exists() and key.samefile(old) for key in keys):
        place.overwrite(old)
    shutil.rmtree(home, ignore_errors=True)


def _keep_public(path: Path, public: str) -> None:
    """The newest first, which ssh-keygen takes; those before it stay, for what they signed."""
    try:
        before = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        before = []
    others = [line for line in before if line.strip() and " ".join(line.split()[:2]) != public]
    if before and " ".join(before[0].split()[:2]) == public:
        return
    durable.replace(path, "".join(f"{line}\n" for line in (public, *others)).encode(), 0o644)


def _allow(path: Path, signers: tuple[str, ...]) -> None:
    """Adds the lines that are not there yet."""
    try:
        before = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        before = ""
    missing = [line for line in signers if line not in before.splitlines()]
    if missing:
        ended = before if not before or before.endswith("\n") else f"{before}\n"
        durable.replace(path, (ended + "".join(f"{line}\n" for line in missing)).encode(), 0o644)
