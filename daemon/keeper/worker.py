"""The thread that reads the store: one job at a time, at half speed, and never in the way of a deletion.

The law here: the loop gives a job and gets one word back; the thread changes nothing, in the store or in the keeper.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from daemon import loglines, sign
from daemon.errors import SealError
from daemon.inspection.directory import inspect
from daemon.inspection.judge import Expected, Finding, Inspection
from daemon.model.ledger import Walk

REST_S_MAX = 1.0
"""A card that takes longer than this for a piece is busy with something better; it is not waited for longer."""
STOP_S = 5.0
"""A thread that is told to stop is between two pieces of a quarter of a megabyte, or in ssh-keygen."""


class Job(msgspec.Struct, frozen=True):
    """A recording to be inspected."""

    recording_id: str
    path: Path
    expected: Expected
    keys: tuple[str, ...]
    closed: bool
    """Whether it had been closed when this was asked."""


class LogJob(msgspec.Struct, frozen=True):
    """The audit log, as far as it goes now."""

    path: Path
    bytes: int
    heads: Mapping[int, str]
    """Number of lines -> head: as the keeper has it, and as the newest signed one has it."""
    keys: tuple[str, ...]


class Inspected(msgspec.Struct, frozen=True):
    """What came of a recording."""

    job: Job
    found: Inspection


class LogInspected(msgspec.Struct, frozen=True):
    """What came of the log."""

    found: Inspection


class StoppedError(Exception):
    """The keeper ends."""


class Worker:
    """`give` from the loop, when nothing is under way; `put` is called on the thread."""

    def __init__(self, put: Callable[[Inspected | LogInspected], None]) -> None:
        self._put = put
        self._jobs: queue.SimpleQueue[Job | LogJob | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._since_s = 0.0
        self._thread = threading.Thread(target=self._run, name="inspection", daemon=True)

    def give(self, job: Job | LogJob) -> None:
        """Begins it; the thread with the first."""
        if self._thread.ident is None:
            self._thread.start()
        self._jobs.put(job)

    @property
    def is_dead(self) -> bool:
        """The thread has ended although nobody asked it to: what it was reading broke it."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def close(self) -> None:
        """Ends it; what it was reading is not judged."""
        self._stop.set()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._since_s = time.monotonic()
            try:
                if isinstance(job, Job):
                    self._put(Inspected(job, inspect(job.path, job.expected, job.keys, self._pace)))
                else:
                    self._put(LogInspected(self._walk(job)))
            except StoppedError:
                return

    def _pace(self, _: int) -> None:
        """Rests as long as it has worked: half of what the disk can do is left to who records and who deletes."""
        worked_s = time.monotonic() - self._since_s
        if self._stop.wait(min(worked_s, REST_S_MAX)):
            raise StoppedError
        self._since_s = time.monotonic()

    def _walk(self, job: LogJob) -> Inspection:
        walk, name = Walk(job.heads), job.path.name
        try:
            with job.path.open("rb") as file:
                for line in loglines.read(file, job.bytes):
                    walk.take(line.raw, line.sha256)
                    if walk.signed and job.keys:
                        self._check(walk, job.keys)
                    if walk.lines % 100 == 0:
                        self._pace(line.size)
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        except (OSError, SealError) as error:
            return Inspection((Finding(name, f"cannot be checked: {error}"),), 1, job.bytes)
        walk.finish()
        if not walk.faults:
            return Inspection((), 1, job.bytes)
        more = f"; and {walk.faults_n - 1} more: `spreekkamer audit verify`" if walk.faults_n > 1 else ""
        return Inspection((Finding(name, f"{walk.faults[0]}{more}"),), 1, job.bytes)

    @staticmethod
    def _check(walk: Walk, keys: tuple[str, ...]) -> None:
        assert walk.signed is not None  # noqa: S101 - only a bug could break it
        if not sign.is_signed(walk.signed.statement, walk.signed.signature, keys, sign.AUDIT):
            walk.blame(walk.signed.n, "is signed by another key, or what stands before it was made anew")
