"""The audit log: one JSON line an act, each with the SHA-256 of the line before (promise K3).

The law here: an act is in the log, on the disk, before it is done, and again when it is done. A line that a power cut
tore stays where it is; the next line goes on from its hash and says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon import durable, records
from daemon.errors import StoreError
from daemon.model.ledger import encode
from hardware.ports import Clock

Follower = Callable[[dict[str, Any]], None]
"""Is told every line in order, those of earlier starts first. It never raises: what it does not understand is a line
that somebody else wrote."""
START = "0" * 64
"""What stands in the first line for the line before."""


class AuditLog:
    """Open for as long as the keeper lives; one thread."""

    def __init__(self, path: Path, clock: Clock, *followers: Follower) -> None:
        self.path, self._clock, self._followers = path, clock, followers
        self.lines, self.head = 0, START
        self.unfinished: dict[tuple[str, str], dict[str, Any]] = {}
        """Deletions that were begun and not finished: (recording, track) -> the line that began it."""
        torn = self._read() if path.exists() else False
        self._log = durable.open_log(path)
        if torn:
            self.head = records.sha256(self._tail + b"\n")
            durable.append(self._log, b"\n")
            self.add("torn", detail="the line before was cut off")

    def add(self, event: str, **fields: Any) -> dict[str, Any]:
        """Adds a line, durable on return, and returns it. Raises StoreError."""
        now = self._clock.read()
        line = {
            "n": self.lines, "at_wall_ns": now.wall_ns, "at_boot_ns": now.boot_ns, "boot_id": self._clock.boot_id(),
            "clock": now.state, "event": event, **fields, "prev": self.head,
        }  # fmt: skip
        data = encode(line)
        durable.append(self._log, data)
        self.lines, self.head = self.lines + 1, records.sha256(data)
        self._follow(line)
        return line

    def close(self) -> None:
        """Gives the file back."""
        os.close(self._log)

    def _read(self) -> bool:
        """Walks the log, a line at a time; True when its last line is torn."""
        self._tail = b""
        try:
            with self.path.open("rb") as file:
                for raw in file:
                    self._tail = raw
                    self.lines, self.head = self.lines + 1, records.sha256(raw)
                    self._follow(_parse(raw))
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error
        return bool(self._tail) and not self._tail.endswith(b"\n")

    def _follow(self, line: dict[str, Any]) -> None:
        key = (str(line.get("recording_id")), str(line.get("track")))
        if line.get("event") == "deleting":
            self.unfinished[key] = line
        elif line.get("event") == "deleted":
            self.unfinished.pop(key, None)
        for follow in self._followers:
            follow(line)


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        line = json.loads(raw)
    except ValueError:
        return {}  # torn: its hash still counts
    return line if isinstance(line, dict) else {}
