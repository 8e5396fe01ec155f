# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Recording keys and sealing: segments are sealed to a key whose secret half is nowhere on the unit (promise R6)."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from collections.abc import Callable

import msgspec
import pyrage

from daemon import log
from daemon.errors import SealError
from daemon.recorder.keymaker import Ask, Made

CHILD_WAIT_S = 20.0
"""A key takes 0.1 s; this allows two hundred times that, for a Pi that is starting everything at once."""
RETRY_S = 5.0
"""Between two attempts after a child failed: the cause (memory, a full process table) takes seconds to pass."""


class Key(msgspec.Struct, frozen=True, eq=False):
    """The public half of a recording key, and its secret half in an envelope for the holders."""

    recipient: str
    envelope: bytes
    slip: str = ""
    """The public half of the key that signs a slip: who opened the envelope can sign, and nobody else."""


def seal(clear: bytes, key: Key) -> bytes:
    """Return an age file (age-encryption.org/v1): about 200 bytes longer, 0.3 ms for a second of image."""
    sealed: bytes = pyrage.encrypt(clear, [pyrage.x25519.Recipient.from_str(key.recipient)])
    return sealed


def make_key(groups: tuple[tuple[str, ...], ...]) -> Key:
    """Return a fresh key, made in a child process. Raises SealError."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", "daemon.recorder.keymaker"],
            input=msgspec.json.encode(Ask(groups)), capture_output=True, timeout=CHILD_WAIT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SealError(f"no recording key could be made: {error}") from error
    if child.returncode != 0:
        raise SealError(f"no recording key could be made: {child.stderr.decode(errors='replace').strip()[-500:]}")
    try:
        made = msgspec.json.decode(child.stdout, type=Made)
        return Key(made.recipient, base64.b64decode(made.envelope), made.slip)
    except ValueError as error:  # msgspec's and base64's are among them
        raise SealError(f"no recording key could be made: what its child said is none: {error}") from error


class KeySupply:
    """Keeps `count` keys ready, so that a change of keys never waits for a child. `take` from any thread."""

    def __init__(self, groups: tuple[tuple[str, ...], ...], count: int, on_trouble: Callable[[str], None]) -> None:
        self._groups, self._count, self._on_trouble = groups, count, on_trouble
        self._ready: list[Key] = []
        self._change = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)

    def start(self) -> None:
        """Begin to make keys."""
        self._thread.start()

    def take(self) -> Key | None:
        """Return a key that was never used; None: none is ready."""
        with self._change:
            key = self._ready.pop(0) if self._ready else None
            self._change.notify_all()
        return key

    def close(self) -> None:
        """End the thread, after the child it may be waiting for."""
        with self._change:
            self._stopping = True
            self._change.notify_all()

    def _run(self) -> None:
        in_trouble = False
        while True:
            with self._change:
                self._change.wait_for(lambda: self._stopping or len(self._ready) < self._count)
                if self._stopping:
                    return
            try:
                key = make_key(self._groups)
            except SealError as error:
                if not in_trouble:
                    log.event("no_key", "error", why=str(error))
                    self._on_trouble(str(error))
                in_trouble = True
                with self._change:
                    self._change.wait(RETRY_S)
                continue
            if in_trouble:
                self._on_trouble("")
            in_trouble = False
            with self._change:
                self._ready.append(key)
