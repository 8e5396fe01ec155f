# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""An engineer's test recordings: inspected once they are closed, and deleted at once if every file is valid.

Invariant: a recording is a test if its own signed records say so, and is deleted before its term only if every file in
it is valid. An invalid one is reported and kept; one with a hold is kept too.
"""

from __future__ import annotations

import msgspec

from daemon import log, sign
from daemon.errors import SealError
from daemon.inspection.directory import inspect
from daemon.inspection.judge import Expected, Finding
from daemon.keeper.audit import AuditLog
from daemon.keeper.store import Store
from daemon.model import acts
from daemon.paths import Paths

OUTCOMES_MAX = 20
"""Tests whose outcome is remembered: a check makes one."""
SAID_MAX = 5
"""Findings reported per test; the first explains the others."""
NO_KEY = (Finding("unit_ed25519.pub", "no key of the unit to check it by"),)


class Outcome(msgspec.Struct, frozen=True):
    """Result of a test."""

    files: int
    bytes: int
    findings: tuple[str, ...]
    deleted: bool = False


class Trials:
    """One thread: the keeper's."""

    def __init__(self, store: Store, audit: AuditLog, paths: Paths) -> None:
        self._store, self._audit, self._paths = store, audit, paths
        self._outcomes: dict[str, Outcome] = {}
        self._judged: set[str] = set()
        self.passed: set[str] = set()
        """Tests with every file valid: they are due now."""

    @property
    def wait(self) -> bool:
        """Whether a test is being made, or has been closed and is not judged yet."""
        return any(
            entry.begun_as_test and name not in self._judged and (entry.is_test or not entry.closed)
            for name, entry in self._store.entries.items()
        )

    def outcome(self, recording_id: str) -> Outcome | None:
        """Result of a test; None: it is not closed yet, or was none."""
        found = self._outcomes.get(recording_id)
        return found and msgspec.structs.replace(found, deleted=not self._store.is_known(recording_id))

    def look(self) -> None:
        """Judge the tests closed since the last look. Raises StoreError: the log takes no line."""
        entries = self._store.entries
        if any(entry.begun_as_test and not entry.closed for entry in entries.values()):
            self._store.look_again()
        self._judged &= entries.keys()
        self.passed &= entries.keys()
        for name in [name for name, entry in entries.items() if entry.is_test and name not in self._judged]:
            self._judge(name)

    def _judge(self, recording_id: str) -> None:
        """Reads some four megabytes and checks two signatures: under a tenth of a second."""
        keys = self._keys()
        found = inspect(self._store.path(recording_id), Expected(), keys)
        said = tuple(f"{one.path} {one.what}" for one in (found.findings if keys else NO_KEY)[:SAID_MAX])
        self._audit.add(acts.RecordingTested(recording_id, found.files, found.bytes, said))
        log.event("recording_tested", "warning" if said else "info", recording_id=recording_id, findings=said)
        self._judged.add(recording_id)
        if not said:
            self.passed.add(recording_id)
        while len(self._outcomes) >= OUTCOMES_MAX:
            del self._outcomes[next(iter(self._outcomes))]
        self._outcomes[recording_id] = Outcome(found.files, found.bytes, said)

    def _keys(self) -> tuple[str, ...]:
        try:
            return sign.public_keys(self._paths.signing_key.with_suffix(".pub"), sign.RECORDINGS)
        except SealError:
            return ()
