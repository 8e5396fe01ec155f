# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Directories in which no recording was begun: the disk was full, or the recorder was killed, after creating one.

Invariant: a directory is deleted only after ten minutes in which it was empty, or had only the signature of a
begin.json: no recorder can still be using it. The log says so first. Anything else that is not a recording stays, and
is reported.
"""

from __future__ import annotations

import os

from daemon import durable, log
from daemon.errors import StoreError
from daemon.keeper.audit import AuditLog
from daemon.keeper.store import Store
from daemon.model import acts
from daemon.model.ledger import Line
from daemon.model.timeline import NS
from daemon.names import ID

WAIT_NS = 600 * NS
"""The recorder creates the directory and its begin.json within a second; a disk that stalls for a minute has lost the
recording, because its lease is over."""
ALONE = {"begin.json.sig"}


class Clearing:
    """Call `look` regularly."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store, self._audit = store, audit
        self._since_ns: dict[str, int] = {}

    def look(self, boot_ns: int) -> list[Line]:
        """Delete the directories that have waited long enough; return the log's lines. Raises StoreError."""
        empty = {name: files for name in self._store.unaccounted if (files := self._stillborn(name)) is not None}
        self._since_ns = {name: self._since_ns.get(name, boot_ns) for name in empty}
        ripe = [name for name, since_ns in sorted(self._since_ns.items()) if boot_ns - since_ns >= WAIT_NS]
        return [self._clear(name, empty[name]) for name in ripe]

    def _stillborn(self, name: str) -> list[str] | None:
        """The files of a directory in which nothing was begun; None: it is something else."""
        path = self._store.path(name)
        if not ID.match(name) or path.is_symlink():
            return None
        try:
            with os.scandir(path) as entries:
                found = {entry.name for entry in entries}
        except OSError:
            return None
        return sorted(found) if found <= ALONE else None

    def _clear(self, name: str, files: list[str]) -> Line:
        line = self._audit.add(acts.Cleared(name, tuple(files)))
        path = self._store.path(name)
        try:
            for file in files:
                (path / file).unlink()
            path.rmdir()
            durable.sync(path.parent)
        except OSError as error:
            raise StoreError(f"{path}: could not be cleared: {error.strerror or error}") from error
        log.event("cleared", "warning", name=name)
        return line
