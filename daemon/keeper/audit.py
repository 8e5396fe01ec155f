"""The audit log: one JSON line an act, each with the SHA-256 of the line before (promise K3).

The law here: an act is in the log, on the disk, before it is done, and again when it is done. A line that a power cut
or a full disk tore stays where it is; the next line goes on from its hash and says so.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from daemon import durable, records
from daemon.errors import StoreError
from daemon.keeper.reserve import Reserve
from daemon.model.ledger import encode
from hardware.ports import Clock

START = "0" * 64
"""What stands in the first line for the line before."""
Follower = Callable[[dict[str, Any]], None]
"""Is told every line in order, those of earlier starts first. It never raises: what it does not understand is a line
that somebody else wrote."""
Act = tuple[str, dict[str, Any]]
"""An event and its fields."""


class AuditLog:
    """Open for as long as the keeper lives; one thread. It is also the lock by which a store has one keeper."""

    def __init__(self, path: Path, clock: Clock, *followers: Follower) -> None:
        self.path, self._clock = path, clock
        self.lines, self.head = 0, START
        self._unfinished = Unfinished()
        self._followers = (self._unfinished.follow, *followers)
        self._size, self._in_doubt, self._owes_torn = 0, False, False
        self._log = durable.open_log(path)
        try:
            self._lock()
            self._reserve = Reserve(self._log)
            self._catch_up()
        except BaseException:
            os.close(self._log)
            raise

    @property
    def unfinished(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Deletions that were begun and not finished: (recording, track) -> the line that began it."""
        return self._unfinished.lines

    def add(self, event: str, **fields: Any) -> dict[str, Any]:
        """Adds a line, durable on return, and returns it. Raises StoreError."""
        return self.add_all([(event, fields)])[0]

    def add_all(self, acts: Sequence[Act]) -> list[dict[str, Any]]:
        """Adds several lines with one sync, durable on return. Raises StoreError; any of them can stand there then."""
        if self._in_doubt:
            self._catch_up()
        now, boot_id = self._clock.read(), self._clock.boot_id()
        made, text, n, head = [], b"", self.lines, self.head
        for event, fields in acts:
            line = {
                "n": n, "at_wall_ns": now.wall_ns, "at_boot_ns": now.boot_ns, "boot_id": boot_id,
                "clock": now.state, "event": event, **fields, "prev": head,
            }  # fmt: skip
            data = encode(line)
            made.append(line)
            text, n, head = text + data, n + 1, records.sha256(data)
        self._append(text)
        self.lines, self.head, self._size = n, head, self._size + len(text)
        self._reserve.keep(self._size)
        for line in made:
            self._tell(line)
        return made

    def close(self) -> None:
        """Gives the file and the lock back."""
        os.close(self._log)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"{self.path}: another keeper has this store; expected to be the only one") from error

    def _append(self, data: bytes) -> None:
        try:
            durable.append(self._log, data)
        except StoreError:
            self._in_doubt = True  # a part of it may stand there: that is looked at before the next line
            raise

    def _catch_up(self) -> None:
        """Takes up what stands in the log beyond what is known: all of it at the start, what a failure left later."""
        torn = self._read()
        has_room = self._reserve.keep(self._size)
        if torn and not has_room:
            # Half a newline and a line would be torn again, and of two torn lines in a row nobody knows what was there.
            self._in_doubt = True
            raise StoreError(f"{self.path}: its last line is torn, and the disk has no room to go on behind it")
        if torn:
            self._append(b"\n")
            self._count(torn + b"\n")
            self._owes_torn = True
        self._in_doubt = False
        if self._owes_torn:
            self._owes_torn = False
            try:
                self.add("torn", detail="the line before was cut off")
            except StoreError:
                self._owes_torn = True
                raise

    def _read(self) -> bytes:
        """Walks the log from `_size` on, a line at a time; returns the last line when it is torn."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._size)
                for raw in file:
                    if not raw.endswith(b"\n"):
                        return raw
                    self._count(raw)
                    self._tell(_parse(raw))
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error
        return b""

    def _count(self, raw: bytes) -> None:
        self.lines, self.head, self._size = self.lines + 1, records.sha256(raw), self._size + len(raw)

    def _tell(self, line: dict[str, Any]) -> None:
        for follow in self._followers:
            follow(line)


class Unfinished:
    """Which deletions were begun and have no receipt yet."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], dict[str, Any]] = {}

    def follow(self, line: dict[str, Any]) -> None:
        """Takes a line of the log."""
        key = (str(line.get("recording_id")), str(line.get("track")))
        if line.get("event") == "deleting":
            self.lines[key] = line
        elif line.get("event") == "deleted":
            self.lines.pop(key, None)


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return {}  # torn in the middle: its hash still counts
    return line if isinstance(line, dict) else {}
