# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The years of the audit log: closes one when the next begins, and deletes one at the end of the policy's term.

Invariant: before the file of a year is deleted, its report is signed and on the disk, and a signed line of the newest
file says that it goes. A year stays while one of its lines is needed: about an active hold, about a recording that is
there or missing, or about the boot that dates one. Only a believed UTC ends a year or a term.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection

import msgspec
from msgspec import UNSET

from daemon import durable, log, loglines, records, sign
from daemon.auditfiles import AuditFiles
from daemon.errors import SealError, StoreError
from daemon.inspection.counting import YearReport, count
from daemon.keeper.archive import Archive
from daemon.keeper.heads import Heads
from daemon.keeper.witness import Witness
from daemon.model import acts, logyears
from daemon.model.ledger import Gone, Line, parse
from daemon.model.policy import NO_POLICY
from daemon.model.report import year_of
from daemon.model.timeline import DAY_NS, NS
from daemon.orderthread import OrderThread
from hardware.ports import ClockReading

LOOK_NS = 60 * NS
"""A year is closed, and a term ends, within a minute of midnight."""
RETRY_NS = 3600 * NS
"""After a year that could not be counted, or whose deletion the disk refused."""
JOBS_MAX = 2
"""One year at a time; the second place is for the end, or a stop would not wait for the thread."""
STOP_S = 5.0
"""At a stop: the thread only reads, and its answer is not needed then."""


class Job(msgspec.Struct, frozen=True):
    """A year whose term is over."""

    files: AuditFiles
    unit: str
    year: int
    bytes: int
    """Of the whole log, up to its present end."""
    ids: frozenset[str]
    boots: frozenset[str]


class YearCounted(msgspec.Struct, frozen=True):
    """What came of it."""

    year: int
    report: YearReport | None = None
    lines: int = 0
    """Number of lines of the log at the end of the year's file."""
    head: str = ""
    why: str = ""
    """Why the year stays, for the log; empty: it can go."""


class Years:
    """Follows the log; call `tick` regularly, and `take` for the thread's answer. One thread: the keeper's."""

    def __init__(
        self, archive: Archive, heads: Heads, seen: Witness, zone: datetime.tzinfo,
        confirmed: Callable[[], tuple[str, ...]], put: Callable[[YearCounted], None],
    ) -> None:  # fmt: skip
        """`zone`: of the policy's days. `confirmed`: who may sign it. `put` is called on the thread that counts."""
        self._confirmed = confirmed
        self._archive, self._heads, self._seen, self._zone, self._put = archive, heads, seen, zone, put
        self._year: int | None = None
        """That of the newest file; None: no line says it."""
        self._told: dict[int, Gone] = {}
        """Years that go or have gone, with the newest line that says so."""
        self._lines = 0
        self._next_ns = 0
        self._again_ns: dict[int, int] = {}
        """Years that stay for now: when they are counted again, in boot time."""
        self._jobs: OrderThread[Job] = OrderThread("years", JOBS_MAX, self._run)
        self._is_counting = False
        self.fault = ""
        """What keeps a year beyond its term, for a person; empty: nothing but what is needed."""

    def follow(self, line: Line) -> None:
        """Take a line of the log."""
        match line.act if line.is_signed else None:
            case acts.YearBegan(year=year):
                self._year = year
            case acts.YearDeleted(year=year) as act:
                self._told[year] = Gone(line.n, act)

    def close(self) -> None:
        """Stop."""
        self._jobs.close(STOP_S)

    def tick(self, now: ClockReading) -> list[Line]:
        """Close a year, or begin to count one that goes. Return lines for a witness."""
        if now.boot_ns < self._next_ns:
            return []
        self._next_ns = now.boot_ns + LOOK_NS
        at, audit = self._archive.time.trusted(now), self._archive.audit
        grown, self._lines = audit.lines > self._lines, audit.lines
        if at.state != "synchronised":
            return []
        try:
            closed = audit.files.closed()
            told = self._step(closed, year_of(at.wall_ns, self._zone), now, grown=grown)
            self._end(closed, at, now)
        except (OSError, StoreError) as error:
            log.event("year_not_closed", "warning", why=str(error))
            return []
        return told

    def _step(self, closed: Collection[int], year: int, now: ClockReading, *, grown: bool) -> list[Line]:
        used = {*closed, *self._told}  # a name is used once, whether the file is there or not
        match logyears.step(self._year, used, year):
            case logyears.Turn() as turn:
                told = self._heads.turn(self._archive.audit, self._begins(turn.begins, turn.closes), now)
                log.event("year_closed" if self._year == year else "year_not_closed", year=turn.closes)
                return told
            case logyears.Mark() if grown:  # a log to which nobody adds is left alone
                self._archive.audit.add(self._begins(year, None))
        return []

    def _begins(self, year: int, closed: int | None) -> acts.YearBegan:
        timeline = self._archive.time.timeline
        boot = timeline.boots[timeline.boot_id]
        assert boot.own_ns is not None  # noqa: S101 - a year is told by a UTC that was believed in this boot
        signers = UNSET if closed is None else self._confirmed()
        powered_ns, offset_ns = boot.began_ns, boot.own_ns
        return acts.YearBegan(year=year, closed=closed, powered_ns=powered_ns, offset_ns=offset_ns, signers=signers)

    # --- the end of a term ------------------------------------------------------------------------------------------

    def _end(self, closed: Collection[int], at: ClockReading, now: ClockReading) -> None:
        """Delete what is told already; have the oldest year counted whose term is over."""
        over = [year for year in closed if self._is_over(year, at)]
        if not over:
            self.fault = ""
        elif self._is_counting and not self._jobs.alive():
            self._jobs, self._is_counting = OrderThread("years", JOBS_MAX, self._run), False
            self._refuse(over[0], StoreError("it could not be counted to its end: see the keeper's own log"), now)
        for year in [year for year in over if now.boot_ns >= self._again_ns.get(year, 0)]:
            if year in self._told:
                self._delete(year, now)
            elif not self._is_counting:
                self._is_counting = True
                self._jobs.start()
                self._jobs.give(self._job(year))

    def _is_over(self, year: int, at: ClockReading) -> bool:
        """By the policy of the municipality: an invalid one ends nothing."""
        policy = self._archive.settings.policy
        return policy != NO_POLICY and logyears.is_over(year, policy.log_term_y, at.wall_ns, self._zone)

    def _job(self, year: int) -> Job:
        archive = self._archive
        ids = archive.store.entries.keys() | archive.store.unaccounted.keys() | set(self._seen.known())
        holds = {name for one in archive.holds.active().values() for name in (one.hold_id, one.recording_id)}
        # The newest file has what is known of this boot: in its `boot`, or in the line with which the file begins.
        boots = frozenset(archive.time.timeline.boots.keys() - {archive.time.timeline.boot_id}) if ids else frozenset()
        unit = archive.settings.unit.name()
        return Job(archive.audit.files, unit, year, archive.audit.size, frozenset(ids | holds), boots)

    def take(self, word: YearCounted) -> list[Line]:
        """A year was counted: keep its report, say that its file goes, delete it. Return lines for a witness."""
        archive, now = self._archive, self._archive.clock.read()
        self._is_counting = False
        if word.report is None:
            self._refuse(word.year, StoreError(word.why), now)
            return []
        if word.why:
            log.event("year_stays", year=word.year, why=word.why)
            self._again_ns[word.year] = now.boot_ns + DAY_NS
            return []
        told: list[Line] = []
        try:
            report = msgspec.json.format(msgspec.json.encode(word.report), indent=1) + b"\n"
            signature = sign.sign(report, archive.paths.audit_key, sign.AUDIT)
            path = archive.audit.files.report_of(word.year)
            durable.replace(path.with_name(f"{path.name}.sig"), signature)
            durable.replace(path, report)
            # What says that an earlier year went goes with this one: it is said again.
            again = [one.act for one in self._told.values() if word.report.first <= one.n < word.lines]
            told += archive.audit.add_all([*again, acts.YearDeleted(
                year=word.year, first=word.report.first, lines=word.lines, head=word.head,
                term_y=archive.settings.policy.log_term_y, report_sha256=records.sha256(report),
            )])  # fmt: skip
        except (SealError, StoreError) as error:
            self._refuse(word.year, error, now)
            return told
        if (head := self._delete(word.year, now)) is not None:
            told.append(head)
        return told

    def _delete(self, year: int, now: ClockReading) -> Line | None:
        """Delete a year of which a line says that it goes, once that line is signed. Return the head."""
        head = None
        try:
            if not self._heads.covers(self._told[year].n):
                head = self._heads.sign(self._archive.audit, now)
                if head is None:
                    return None
            self._archive.audit.forget(year)
        except StoreError as error:
            self._refuse(year, error, now)
        else:
            log.event("year_deleted", year=year)
            self.fault = ""
        return head

    def _refuse(self, year: int, error: Exception, now: ClockReading) -> None:
        self.fault = f"the audit log of {year} is past its term and still there: {error}"
        log.event("year_stays", "warning", year=year, why=str(error))
        self._again_ns[year] = now.boot_ns + RETRY_NS

    # --- on its own thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while jobs := self._jobs.take():
            self._put(counted(jobs[0]))


def counted(job: Job) -> YearCounted:
    """Count a year, and look whether its lines are still needed. Reads the whole log, which takes seconds."""
    first, lines, head, why = None, 0, "", ""
    try:
        with job.files.of_year(job.year).open("rb") as file:
            for raw in loglines.read(file):
                if (line := parse(raw.raw)) is None:
                    continue
                first, lines, head = line.n if first is None else first, line.n + 1, raw.sha256
                if not why and logyears.needs(line, job.ids, job.boots):
                    why = f"line {line.n} is about a recording that is there, a hold, or the boot that dates one"
        with job.files.open() as whole:
            report = count(whole, job.bytes, job.year)
    except OSError as error:
        return YearCounted(job.year, why=f"it cannot be read: {error.strerror or error}")
    if first is None:
        return YearCounted(job.year, why="it has no line of a log")
    return YearCounted(job.year, YearReport(job.unit, job.year, first, report), lines, head, why)
