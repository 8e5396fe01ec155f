# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""An attacker in place of a process of the unit: it speaks on the real sockets, whatever it likes."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from tests.waiting import PATIENCE_S

SPEECH = "dit is heldere spraak uit de kamer"
"""What an attacker who hears would like to say to the world."""
PACKET_BYTES = 200_000
"""More than the link takes, less than the kernel's buffer."""


class Standin:
    """One connection to a socket of the unit."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sock.settimeout(5.0)  # who waits for a word asks again
        self._sock.connect(str(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def says(self, kind: str, **fields: Any) -> bool:
        """One message; False when the unit has hung up."""
        return self.sends(json.dumps({"type": kind, **fields}).encode())

    def sends(self, data: bytes) -> bool:
        """One packet; False when the unit has hung up."""
        try:
            self._sock.send(data)
        except OSError:
            return False
        return True

    def hears(self) -> dict[str, Any] | None:
        """The next message; None at the end, or when nothing comes."""
        try:
            data = self._sock.recv(65_536)
        except OSError:
            return None
        found: dict[str, Any] | None = json.loads(data) if data else None
        return found


def health(**more: Any) -> dict[str, Any]:
    """A recorder's health in which all is well, and what an attacker makes of it."""
    fields = {
        "ring_s": {"audio": 30.0, "video": 30.0}, "ring_bytes": 1, "age_ms": {}, "gaps": {},
        "devices": {"audio": "ok", "video": "ok"}, "free_bytes": 10**10,
    }  # fmt: skip
    return fields | more


def packets() -> Iterator[bytes]:
    """Packets that are no messages, or strange ones."""
    yield b""
    yield b"\x00" * 100
    yield b"[" * 60_000
    yield b'{"a":' * 10_000
    yield b'{"type":"RecorderState","tracks":' + b'["audio",' * 5_000
    yield b"x" * PACKET_BYTES
    yield b'{"type":"Ended","recording_id":"' + b"x" * 65_400 + b'","why":"store"}'
    yield '{"type":"Started","recording_id":"\ud800"}'.encode("utf-8", "surrogatepass")
    yield b'{"type":"RecorderState","tracks":["audio"],"until_ns":' + b"9" * 4000 + b"}"
    for kind in ("StartRecording", "Lease", "Forget", "Quiet", "Request", "Reply", "Acts", "Nonsense"):
        yield json.dumps({"type": kind, "recording_id": SPEECH, "verb": "alarm-reset", "tracks": []}).encode()


class Listener:
    """An attacker in place of the alarm process: it listens where the others come."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sock.bind(str(path))
        path.chmod(0o660)
        self._sock.listen(16)
        self._sock.settimeout(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)  # noqa: PTH108 - as the kernel has it

    def comes(self, kind: str) -> Standin:
        """The next process that comes and whose first message is of that kind."""
        while True:
            sock, _ = self._sock.accept()
            sock.settimeout(5.0)  # who says nothing is passed over
            found = Standin.__new__(Standin)
            found._sock = sock
            said = found.hears()
            if said is not None and said["type"] == kind:
                return found
