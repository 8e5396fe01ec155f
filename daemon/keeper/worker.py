# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The thread that reads the store: one job at a time, at half speed, and never in the way of a deletion.

Invariant: the loop gives a job and gets one answer; the thread changes nothing, in the store or in the keeper.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from daemon import loglines, sign
from daemon.auditfiles import AuditFiles, descriptors
from daemon.errors import SealError
from daemon.inspection.directory import inspect
from daemon.inspection.judge import Expected, Finding, Inspection
from daemon.model.ledger import START, Signed, Walk
from daemon.orderthread import OrderThread

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

REST_S_MAX = 1.0
"""A card that takes longer than this for a piece is busy with something more important; the rest is no longer."""
HEADS_MAX = 8
"""Signatures checked per inspection, 5 ms each: the newest, each of which covers every line before it."""
PIECE_BYTES = 1_048_576
JOBS_MAX = 2
"""One job at a time; the second place is for the end."""
STOP_S = 5.0
"""A thread that is told to stop is between two pieces of a quarter of a megabyte, or in ssh-keygen."""


class Job(msgspec.Struct, frozen=True):
    """A recording to be inspected."""

    recording_id: str
    path: Path
    expected: Expected
    keys: tuple[str, ...]
    closed: bool
    """Whether it was closed when the job was made."""


class LogJob(msgspec.Struct, frozen=True):
    """The audit log, up to its present end."""

    files: AuditFiles
    bytes: int
    heads: Mapping[int, str]
    """Number of lines -> head: the keeper's own, and the newest signed one."""
    keys: tuple[str, ...]


class Proven(msgspec.Struct, frozen=True):
    """The part of the log that was valid at the last inspection: it is hashed again, but not judged again."""

    bytes: int = 0
    sha256: str = hashlib.sha256().hexdigest()
    lines: int = 0
    head: str = START


class Inspected(msgspec.Struct, frozen=True):
    """Result for a recording."""

    job: Job
    found: Inspection


class LogInspected(msgspec.Struct, frozen=True):
    """Result for the log."""

    found: Inspection


class StoppedError(Exception):
    """The keeper ends."""


class Worker:
    """`give` from the loop, when no job is under way; `put` is called on the thread."""

    def __init__(self, put: Callable[[Inspected | LogInspected], None]) -> None:
        self._put = put
        self._jobs: OrderThread[Job | LogJob] = OrderThread("inspection", JOBS_MAX, self._run)
        self._stop = threading.Event()
        self._since_s = 0.0
        self._proven = Proven()

    def give(self, job: Job | LogJob) -> None:
        """Begin a job; the first starts the thread."""
        self._jobs.start()
        self._jobs.give(job)

    @property
    def is_dead(self) -> bool:
        """The thread has ended unasked: what it was reading broke it."""
        return not self._jobs.alive()

    def close(self) -> None:
        """End the thread; its current job is not judged."""
        self._stop.set()
        self._jobs.close(STOP_S)

    def _run(self) -> None:
        while jobs := self._jobs.take():
            (job,) = jobs
            self._since_s = time.monotonic()
            try:
                if isinstance(job, Job):
                    self._put(Inspected(job, inspect(job.path, job.expected, job.keys, self._pace)))
                else:
                    self._put(LogInspected(self._walk(job)))
            except StoppedError:
                return

    def _pace(self, _: int) -> None:
        """Rest as long as it has worked: half of the disk's capacity is left for recording and deleting."""
        worked_s = time.monotonic() - self._since_s
        if self._stop.wait(min(worked_s, REST_S_MAX)):
            raise StoppedError
        self._since_s = time.monotonic()

    def _walk(self, job: LogJob) -> Inspection:
        name, signed = job.files.newest.name, deque[Signed](maxlen=HEADS_MAX)
        try:
            with job.files.open() as file:
                before, digest = self._still_proven(file, job.bytes)
                walk = Walk({lines: head for lines, head in job.heads.items() if lines > before.lines})
                walk.go_on(before.lines, before.head)
                for line in loglines.read(file, job.bytes - before.bytes):
                    walk.take(line.raw, line.sha256)
                    digest.update(line.raw)
                    if walk.signed:
                        signed.append(walk.signed)
                    if walk.lines % 100 == 0:
                        self._pace(line.size)
                for one in signed if job.keys else ():
                    self._check(walk, one, job.keys)
                for fd in descriptors(file):
                    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        except (OSError, SealError) as error:
            return Inspection((Finding(name, f"cannot be checked: {error}"),), 1, job.bytes)
        walk.finish()
        if not walk.faults:
            self._proven = Proven(job.bytes, digest.hexdigest(), walk.lines, walk.head)
            return Inspection((), 1, job.bytes)
        more = f"; and {walk.faults_n - 1} more: `spreekkamer audit verify`" if walk.faults_n > 1 else ""
        return Inspection((Finding(name, f"{walk.faults[0]}{more}"),), 1, job.bytes)

    def _still_proven(self, file: IO[bytes], size: int) -> tuple[Proven, HASH]:
        """The part of the log found valid before, if its bytes are the same; the file is then positioned after it."""
        digest, left = hashlib.sha256(), self._proven.bytes
        while 0 < left <= size and (piece := file.read(min(PIECE_BYTES, left))):
            digest.update(piece)
            left -= len(piece)
            self._pace(len(piece))
        if left == 0 and digest.hexdigest() == self._proven.sha256:
            return self._proven, digest
        file.seek(0)
        return Proven(), hashlib.sha256()

    @staticmethod
    def _check(walk: Walk, signed: Signed, keys: tuple[str, ...]) -> None:
        if not sign.is_signed(signed.statement, signed.signature, keys, sign.AUDIT):
            walk.blame(signed.n, "is signed by another key, or what stands before it was made anew")
