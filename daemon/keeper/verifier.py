# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""`store verify`: an inspection of the whole store, one recording at a time, daily and on request.

Invariant (promise K3): every file belongs to a recording that is younger than its term or held, and every hash, chain
link and signature is valid. Anything else is reported, and nothing is changed. A finding counts only if the expectation
has not changed meanwhile: a recording that was deleted or closed is inspected again. On the loop's thread; `worker.py`
reads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec

from daemon import log, sign
from daemon.errors import SealError, StoreError
from daemon.inspection.judge import Expected, Finding, Inspection
from daemon.keeper.archive import Archive
from daemon.keeper.heads import Heads
from daemon.keeper.store import Entry
from daemon.keeper.surroundings import LEFT_OVER, around
from daemon.keeper.witness import Witness
from daemon.keeper.worker import Inspected, Job, LogInspected, LogJob, Worker
from daemon.model import acts
from daemon.model.ledger import Line
from daemon.model.timeline import DAY_NS, NS, Stamp, age_ns
from hardware.ports import Track

EARLIEST_NS = 900 * NS
"""After a start: a boot has more urgent work, and a unit that is switched on for an hour still gets its inspection."""
AGAIN_NS = 900 * NS
"""When a faulty recording has changed, the store is inspected again, at the earliest this long after the last
inspection: a mended recording is not a fault for a day, and one that changes all the time does not keep the card
busy."""
OPEN_NS = (14_400 + 600) * NS
"""The longest recording that a policy allows, with the time before and after; an older open one was never closed."""
FINDINGS_MAX = 1000
"""Findings kept to be shown; more are counted. A completely foreign store has one per file."""
NAMED_MAX = 20
"""Findings named in the log's line, which stays under 4 kB."""
PAGE_MAX = 100
"""Findings in one answer, each a few hundred bytes."""
FOREIGN = ("is foreign", LEFT_OVER, "is a link", "is no file", "is no directory")
"""Start of a finding about something unknown."""


class Result(msgspec.Struct, frozen=True):
    """One inspection of the store."""

    at_wall_ns: int
    recordings: int
    files: int
    bytes: int
    took_s: float
    faults: int
    """All findings, also those not kept."""
    foreign: int
    """Files and directories among them that belong to nothing."""
    findings: tuple[Finding, ...]
    simulated: int
    """Recordings made on simulated devices: not evidence (promise H3)."""


class Run(msgspec.Struct):
    """An inspection under way."""

    began_ns: int
    left: list[str]
    total: int
    keys: tuple[str, ...]
    findings: list[Finding]
    recordings: int = 0
    files: int = 0
    bytes: int = 0
    faults: int = 0
    simulated: int = 0


class Verifier:
    """Follows the audit log while it is read; then call `tick`, and `take` for every answer of the worker."""

    def __init__(
        self, archive: Archive, heads: Heads, seen: Witness, put: Callable[[Inspected | LogInspected], None]
    ) -> None:
        self._archive, self._store, self._heads, self._seen = archive, archive.store, heads, seen
        self._worker, self._put = Worker(put), put
        self._receipts: set[tuple[str, Track]] = set()
        """Deleted tracks, of recordings that still exist."""
        self._last: Stamp | None = None
        self._earliest_ns = 0
        self._doubtful: dict[str, Job] = {}
        """By id, what was expected of faulty recordings: at most FINDINGS_MAX."""
        self._run: Run | None = None
        self.result: Result | None = None
        self.fault = ""

    def follow(self, line: Line) -> None:
        """Take a line of the log."""
        match line.act:
            case acts.Deleted(recording_id=recording_id, track=track):
                if self._store.is_known(recording_id):  # a log of years has thousands that no longer exist
                    self._receipts.add((recording_id, track))
            case acts.Verified():
                self._last = Stamp(line.boot_id, line.at_boot_ns)

    def start(self) -> None:
        """The log has been read."""
        self._earliest_ns = self._archive.clock.boot_ns() + EARLIEST_NS
        self._forget()

    def close(self) -> None:
        """Stop."""
        self._worker.close()

    def begin(self) -> None:
        """Begin an inspection, unless one is under way."""
        if self._run is None:
            self._forget()
            archive, names = self._archive, sorted(self._store.entries, reverse=True)
            self._run, self._doubtful = Run(archive.clock.boot_ns(), names, len(names), (), []), {}
            log.event("verifying", recordings=len(names))
            self._run.keys = self._keys(archive.paths.signing_key.with_suffix(".pub"), sign.RECORDINGS)
            self._log_first()

    def tick(self, boot_ns: int) -> None:
        """Begin when a day has passed or a faulty recording has changed; end what killed the worker."""
        if self._run is None and boot_ns >= self._earliest_ns and (self._is_due(boot_ns) or self._has_changed()):
            self.begin()
        if self._run is not None and self._worker.is_dead:
            self._add([Finding("recordings", "could not be walked to the end: see the keeper's log")])
            self._worker = Worker(self._put)
            self._finish()

    @property
    def foreign(self) -> int:
        """Files and directories in recordings and the store that belong to nothing, by the last inspection."""
        return self.result.foreign if self.result else 0

    def age_h(self, boot_ns: int) -> float | None:
        """Hours since the last inspection; None: there was none, or it is unknown."""
        timeline = self._archive.time.timeline
        if self._last is None or self._last.boot_id not in timeline.boots:
            return None
        return round(age_ns(timeline, self._last, boot_ns) / 3.6e12, 1)

    def state(self, after: int) -> dict[str, Any]:
        """For an operator: the progress, the result, and the findings from number `after` on."""
        run, result = self._run, self.result
        body: dict[str, Any] = {
            "running": run is not None, "done": run.recordings if run else 0, "total": run.total if run else 0,
            "result": None, "findings": [],
        }  # fmt: skip
        if result is not None:
            body["result"] = {key: value for key, value in msgspec.to_builtins(result).items() if key != "findings"}
            body["findings"] = msgspec.to_builtins(result.findings[after : after + PAGE_MAX])
        return body

    def take(self, word: Inspected | LogInspected) -> Line | None:
        """Take an answer of the worker, and give it the next job. Return the log's line after the last."""
        if self._run is None:
            return None
        if isinstance(word, LogInspected):
            self._count(word.found)
        elif self._stands(word):
            self._run.recordings += 1
            if word.found.findings and len(self._doubtful) < FINDINGS_MAX:
                self._doubtful[word.job.recording_id] = msgspec.structs.replace(word.job, keys=())
            below = [Finding(f"recordings/{finding.path}", finding.what) for finding in word.found.findings]
            self._count(msgspec.structs.replace(word.found, findings=tuple(below)))
        else:
            self._run.left.append(word.job.recording_id)
        return self._next()

    # --- the inspection ---------------------------------------------------------------------------------------------

    def _is_due(self, boot_ns: int) -> bool:
        timeline = self._archive.time.timeline
        if self._last is None or self._last.boot_id not in timeline.boots:
            return True
        return age_ns(timeline, self._last, boot_ns) >= DAY_NS

    def _has_changed(self) -> bool:
        entries = self._store.entries
        return any(self._job(name, entries.get(name)) != job for name, job in self._doubtful.items())

    def _forget(self) -> None:
        self._receipts = {key for key in self._receipts if self._store.is_known(key[0])}

    def _keys(self, path: Any, namespace: str) -> tuple[str, ...]:
        try:
            return sign.public_keys(path, namespace)
        except SealError as error:
            self._add([Finding(f"etc/{path.name}", f"no signature can be checked: {error}")])
            return ()

    def _log_first(self) -> None:
        archive = self._archive
        keys = self._keys(archive.paths.audit_key.with_suffix(".pub"), sign.AUDIT)
        heads = {**self._heads.seen(), archive.audit.lines: archive.audit.head}
        self._worker.give(LogJob(archive.audit.files, archive.audit.size, heads, keys))

    def _next(self) -> Line | None:
        run, store = self._run, self._store
        while run is not None and run.left:
            recording_id = run.left.pop()
            if (job := self._job(recording_id, store.entries.get(recording_id))) is not None:
                self._worker.give(msgspec.structs.replace(job, keys=run.keys))
                return None
        return self._finish()

    def _job(self, recording_id: str, entry: Entry | None) -> Job | None:
        """The job for a recording, without the keys; None: it has gone."""
        if entry is None:
            return None
        expected = self._expected(recording_id, entry)
        return Job(recording_id, self._store.path(recording_id), expected, keys=(), closed=entry.closed)

    def _expected(self, recording_id: str, entry: Entry) -> Expected:
        archive = self._archive
        begun = archive.audit.unfinished
        going = frozenset(track for track in entry.kept if (recording_id, track) in begun)
        gone = frozenset(track for track in entry.kept if (recording_id, track) in self._receipts) - going
        stamp = Stamp(entry.boot_id, entry.at_boot_ns)
        is_young = age_ns(archive.time.timeline, stamp, archive.clock.boot_ns()) < OPEN_NS
        return Expected(gone, going, may_be_open=not entry.closed and is_young)

    def _stands(self, word: Inspected) -> bool:
        """Whether the expectation still holds; a finding without it is found again, or has gone."""
        if not word.found.findings:
            return True
        store = self._store
        store.changed(word.job.recording_id)
        entry = store.entries.get(word.job.recording_id)
        return self._job(word.job.recording_id, entry) == msgspec.structs.replace(word.job, keys=())

    def _count(self, found: Inspection) -> None:
        assert self._run is not None  # noqa: S101 - only a bug could break it
        self._run.files, self._run.bytes = self._run.files + found.files, self._run.bytes + found.bytes
        self._run.simulated += found.simulated
        self._add(found.findings)

    def _add(self, findings: Collection[Finding]) -> None:
        assert self._run is not None  # noqa: S101 - only a bug could break it
        self._run.faults += len(findings)
        self._run.findings += list(findings)[: FINDINGS_MAX - len(self._run.findings)]

    def _finish(self) -> Line | None:
        run, archive = self._run, self._archive
        assert run is not None  # noqa: S101 - only a bug could break it
        self._add(list(around(archive.store, archive.holds, archive.time, archive.paths, archive.clock.boot_ns())))
        for name, tracks in self._seen.missing(archive.audit).items():
            if archive.store.is_known(name):
                continue  # its files are listed one by one
            what = f"is missing: the audit log began it, and has no receipt for its {' and '.join(tracks)}"
            self._add([Finding(f"recordings/{name}", what)])
        now = archive.clock.read()
        findings = tuple(sorted(run.findings))
        took_s = round((now.boot_ns - run.began_ns) / NS, 1)
        foreign = sum(finding.what.startswith(FOREIGN) for finding in run.findings)
        self.result = Result(
            now.wall_ns, run.recordings, run.files, run.bytes, took_s, run.faults, foreign, findings, run.simulated
        )
        self._run, self._last = None, Stamp(archive.clock.boot_id(), now.boot_ns)
        self._earliest_ns = max(self._earliest_ns, now.boot_ns + AGAIN_NS)
        self.fault = _in_words(self.result)
        named = tuple(finding.path for finding in findings[:NAMED_MAX])
        log.event("verified", "warning" if run.faults else "info", faults=run.faults, files=run.files, took_s=took_s)
        try:
            return archive.audit.add(acts.Verified(run.recordings, run.files, run.bytes, run.faults, named))
        except StoreError as error:
            log.event("verified_untold", "warning", why=str(error))
            return None


def _in_words(result: Result) -> str:
    if not result.findings:
        return ""
    first, more = result.findings[0], result.faults - 1
    return f"{first.path} {first.what}" + (f"; and {more} more: `spreekkamer store verify`" if more else "")
