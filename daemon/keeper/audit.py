# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The audit log: one JSON line per act, each with the SHA-256 of the line before (promise K3).

Invariant: an act is in the log, on the disk, before it is done, and again when it is done. A line torn by a power cut
or a full disk stays where it is; the next one carries its hash and says so. A broken log is reported, and deletion
goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from msgspec.structs import replace

from daemon import durable, log, loglines, records
from daemon.auditfiles import AuditFiles
from daemon.errors import StoreError, TakenError
from daemon.keeper.reserve import Reserve
from daemon.keeper.tail import Tail, tail_of
from daemon.model import acts
from daemon.model.acts import Act
from daemon.model.ledger import Acted, Line, Walk, encode
from daemon.model.timeline import Stamp
from hardware.ports import Clock, Track

Follower = Callable[[Line], None]
"""Gets every line in order, those of earlier starts first. It never raises."""
Key = tuple[str, Track]
"""A recording and one of its tracks."""


class AuditLog:
    """One thread. In use from `open` to `close`. It is also the lock that gives a store one keeper."""

    _reserve: Reserve

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path, self.files = path, AuditFiles(path)
        self._clock, self._walk, self._tail = clock, Walk(), Tail()
        self._unfinished = Unfinished()
        self._followers: tuple[Follower, ...] = ()
        self._log: int | None = None
        self.is_new = False
        self.size, self._in_doubt, self._owes_torn = 0, False, False
        self._before = 0
        """Bytes of the closed years; `size` is that of the whole log."""
        self._owes_mark: tuple[int, int] | None = None
        self._owes_sync = False
        """The name of a new file is not on the disk yet: a cut would bring back the old one without the next line."""

    def open(
        self, *followers: Follower, witnessed: Mapping[int, str] | None = None, keys: tuple[str, ...] = ()
    ) -> Self:
        """Take the lock and read the log. Raises StoreError, and TakenError: another keeper has the lock.

        `witnessed`: number of lines -> the head seen then, as for `Walk`. `keys`: the keeper's own; to followers, lines
        after the newest head signed by them are unsigned.
        """
        self._walk, self._followers = Walk(witnessed), (self._unfinished.follow, *followers)
        self._log = durable.open_log(self.path)
        try:
            self._lock(self._log)
            self._settle()
            self._tail = tail_of(self.files, keys)
            self._measure()
            self._reserve = Reserve(self._log)
            self._catch_up(at_start=True)
        except BaseException:
            self.close()
            raise
        return self

    @property
    def lines(self) -> int:
        """Number of lines, by their own count."""
        return self._walk.lines

    @property
    def head(self) -> str:
        """The hash of the last line."""
        return self._walk.head

    @property
    def fault(self) -> str:
        """What is broken in it, for a person; empty: nothing that its hashes or head could show."""
        if not self._walk.faults:
            return ""
        more = f", and {self._walk.faults_n - 1} more" if self._walk.faults_n > 1 else ""
        return f"the audit log does not hold together: {self._walk.faults[0]}{more}"

    @property
    def is_doubtful(self) -> bool:
        """Whether it may have lost lines: it is new at this start, or broken."""
        return self.is_new or bool(self._walk.faults)

    @property
    def unfinished(self) -> dict[Key, Begun]:
        """Deletions that were begun and not finished."""
        return self._unfinished.begun

    def add(self, act: Act, acted: Acted | None = None) -> Line:
        """Add a line, durable on return, and return it. Raises StoreError."""
        return self._write([(act, acted)])[0]

    def add_all(self, several: Iterable[Act]) -> list[Line]:
        """Add several lines with one sync, durable on return. Raises StoreError; some may have been written then."""
        return self._write([(act, None) for act in several])

    def _write(self, several: Sequence[tuple[Act, Acted | None]]) -> list[Line]:
        self.be_certain()
        made, text, head = self._lines(several, self.lines, self.head)
        self._append(text)
        self._grow(made, text, head)
        return made

    def _lines(self, several: Sequence[tuple[Act, Acted | None]], n: int, head: str) -> tuple[list[Line], bytes, str]:
        """Lines from number `n` on behind the one with this hash, as they are written, and the hash of the last."""
        now, boot_id = self._clock.read(), self._clock.boot_id()
        made, text = [], b""
        for act, acted in several:
            line = Line(
                n=n, at_wall_ns=now.wall_ns, at_boot_ns=now.boot_ns, boot_id=boot_id, clock=now.state, prev=head,
                act=act, acted=acted,
            )  # fmt: skip
            data = encode(line)
            made.append(line)
            text, n, head = text + data, n + 1, records.sha256(data)
        return made, text, head

    def turn(self, act: acts.YearBegan, sign: Callable[[int, str], acts.Head]) -> list[Line]:
        """Close the newest file under the year that the act says, and go on in a new one that begins with this line.

        The head that signs it is there from the beginning: `sign` makes it of a number of lines and the last hash.
        Raises StoreError, and what `sign` raises: nothing has changed then.
        """
        assert act.closed is not None  # noqa: S101 - only a bug could break it
        self.be_certain()
        began, first, head = self._lines([(act, None)], self.lines, self.head)
        signed, second, head = self._lines([(sign(self.lines + 1, head), None)], self.lines + 1, head)
        made, data = began + signed, first + second
        reserve: list[Reserve] = []

        def take(log: int) -> None:
            self._lock(log)
            reserve.append(Reserve(log))
            if not reserve[0].keep(len(data)):
                raise StoreError(f"{self.path}: the disk has no room for another file")

        try:
            durable.add_name(self.path, self.files.of_year(act.closed))
            opened = durable.begin_log(self.path, data, take)
        except StoreError:
            with contextlib.suppress(OSError):
                self.files.settle()
            raise
        self.close()
        self._log, self._reserve, self._before = opened, reserve[0], self.size
        self._owes_sync = True
        self._grow(made, data, head)
        with contextlib.suppress(StoreError):  # tried again before the next line
            self._sync()
        return made

    def forget(self, year: int) -> None:
        """Delete the file of a closed year, durable on return. Raises StoreError: it may be there again after a cut.

        Invariant: a signed line of the log says so already.
        """
        path = self.files.of_year(year)
        try:
            size = path.stat().st_size if year in self.files.closed() else 0
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from error
        try:
            durable.remove(path)
        finally:
            if not path.exists():
                self._before, self.size = self._before - size, self.size - size

    def _sync(self) -> None:
        try:
            durable.sync(self.path.parent)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error
        self._owes_sync = False

    def _grow(self, made: Sequence[Line], data: bytes, head: str) -> None:
        """Lines have been added to the newest file."""
        self._walk.go_on(self.lines + len(made), head)
        self.size += len(data)
        self._reserve.keep(self.size - self._before)
        for line in made:
            self._tell(line)

    def be_certain(self) -> None:
        """Have the followers know everything in the log, even after a failed write. Raises StoreError."""
        if self._owes_sync:
            self._sync()
        if self._in_doubt:
            self._catch_up()

    def close(self) -> None:
        """Give the file and the lock back, if it is open."""
        if self._log is not None:
            os.close(self._log)
            self._log = None

    def _measure(self) -> None:
        try:
            self._before = sum(path.stat().st_size for path in self.files.closed().values())
            self.is_new = self._before + self.path.stat().st_size == 0
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error

    def _lock(self, log: int) -> None:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TakenError(f"{self.path}: another keeper has this store; expected to be the only one") from error

    def _settle(self) -> None:
        """Take back what a cut left of a year's turn."""
        assert self._log is not None  # noqa: S101 - `open` made it
        try:
            if not os.path.samestat(os.fstat(self._log), self.path.stat()):
                raise TakenError(f"{self.path}: another keeper has closed a year of it; expected to be the only one")
            self.files.settle()
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error

    def _append(self, data: bytes) -> None:
        assert self._log is not None  # noqa: S101 - nothing is added before `open` or after `close`
        try:
            durable.append(self._log, data)
        except StoreError:
            self._in_doubt = True  # part of it may have been written: that is read before the next line
            raise

    def _catch_up(self, *, at_start: bool = False) -> None:
        """Read what is new in the log: everything at start, later what a failed write left."""
        torn = self._read(at_start=at_start)
        has_room = self._reserve.keep(self.size - self._before)
        if torn and not has_room:
            # Half a newline and a line would be torn again, and of two torn lines in a row nobody knows the content.
            self._in_doubt = True
            raise StoreError(f"{self.path}: its last line is torn, and the disk has no room to go on behind it")
        if at_start:
            self._mark_tail()
            self._walk.finish()
            if self.fault:
                log.event("audit_broken", "error", faults=[str(fault) for fault in self._walk.faults])
        if torn:
            self._append(b"\n")
            self._take(torn.raw + b"\n", torn.ended_sha256, torn.size + 1)
            self._owes_torn = True
        self._walk.mend()
        self._in_doubt = False
        if self._owes_mark is not None:
            first, lines = self._owes_mark
            self._owes_mark = None
            try:
                self.add(acts.Unsigned(first, lines))
            except StoreError:
                self._owes_mark = first, lines
                raise
        if self._owes_torn:
            self._owes_torn = False
            try:
                self.add(acts.Torn("the line before was cut off"))
            except StoreError:
                self._owes_torn = True
                raise

    def _read(self, *, at_start: bool) -> loglines.Line | None:
        """Read line by line, at start all of it, later the newest file from `size` on; return a torn last line."""
        try:
            with self.files.open() if at_start else self.path.open("rb") as file:
                file.seek(0 if at_start else self.size - self._before)
                for line in loglines.read(file):
                    if not line.ended:
                        return line
                    self._take(line.raw, line.sha256, line.size)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error
        return None

    def _take(self, raw: bytes, sha256: str, size: int) -> None:
        line = self._walk.take(raw, sha256)
        at_bytes, self.size = self.size, self.size + size
        if line is not None:
            self._tell(replace(line, is_signed=not self._tail.is_unsigned(at_bytes, line)))

    def _mark_tail(self) -> None:
        """Lines that no keeper signed are never taken for signed, although the next head covers them."""
        if found := self._tail.found:
            self._owes_mark = (found[0], found[-1] + 1 - found[0])  # lines torn between them have a number too
            self._walk.disown(*self._owes_mark)

    def _tell(self, line: Line) -> None:
        for follow in self._followers:
            follow(line)


class Begun(NamedTuple):
    """A deletion that was begun."""

    act: acts.Deleting
    at: Stamp
    is_signed: bool


class Unfinished:
    """Deletions that were begun and have no receipt yet."""

    def __init__(self) -> None:
        self.begun: dict[Key, Begun] = {}

    def follow(self, line: Line) -> None:
        """Take a line of the log."""
        match line.act:
            case acts.Deleting(recording_id=name, track=track) as act:
                self.begun[name, track] = Begun(act, Stamp(line.boot_id, line.at_boot_ns), line.is_signed)
            case acts.NotDeleted(recording_id=name, track=track):
                self.begun.pop((name, track), None)
            case acts.Deleted(recording_id=name, track=track) if line.is_signed:
                self.begun.pop((name, track), None)
