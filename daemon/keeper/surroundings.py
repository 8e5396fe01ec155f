# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Findings of `store verify` besides recordings: foreign names and files, tracks that should have been deleted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from daemon.auditfiles import AuditFiles
from daemon.inspection.judge import Finding
from daemon.keeper.holds import Holds
from daemon.keeper.store import Store
from daemon.keeper.timekeeper import Timekeeper
from daemon.model.retention import PROMISED_NS
from daemon.model.timeline import NS, age_ns
from daemon.paths import Paths
from daemon.texts import shown

LEFT_OVER = "is left over from a write that was cut off"
OF_A_DISK = "lost+found"
"""Created by mke2fs in every file system; a store on its own disk has one."""


def around(store: Store, holds: Holds, time: Timekeeper, paths: Paths, boot_ns: int) -> Iterator[Finding]:
    """Everything that belongs to no single recording. The keeper's thread."""
    for name, why in store.unaccounted.items():
        yield Finding(f"recordings/{shown(name)}", why)
    for kept in store.kept(holds.held()):
        late_ns = age_ns(time.timeline, kept.oldest, boot_ns) - kept.term_ns
        if late_ns > PROMISED_NS and not kept.held:
            yield Finding(f"recordings/{kept.recording_id}/{kept.track}", f"is {late_ns // NS} s older than its term")
    for hold_id, why in holds.unreadable.items():
        yield Finding(f"holds/{hold_id}.json", f"is no hold that can be read: {why}")
    for hold_id in holds.foreign():
        if hold_id not in holds.unreadable:
            yield Finding(f"holds/{hold_id}.json", "is foreign: the keeper never made it, and it holds nothing")
    log = [paths.audit_log]
    with contextlib.suppress(OSError):  # the same directory is listed below, and the failure told there
        log = AuditFiles(paths.audit_log).all_kept()
    ours = (paths.recordings, paths.holds, *log, paths.audit_head, paths.time, paths.ring_time)
    yield from _foreign(paths.store, "", {OF_A_DISK, *(path.name for path in ours)})
    yield from _foreign(paths.holds, "holds/", {f"{hold_id}.json" for hold_id in holds.active()})


def _foreign(directory: Path, within: str, mine: Collection[str]) -> Iterator[Finding]:
    try:
        with os.scandir(directory) as entries:
            found = sorted((entry.name, entry.is_symlink()) for entry in entries)
    except OSError as error:
        yield Finding(within or ".", f"cannot be listed: {error.strerror or error}")
        return
    for name, is_link in found:
        if name.endswith(".new"):
            yield Finding(within + shown(name), LEFT_OVER)
        elif name not in mine and not (within and name.endswith(".json")):
            yield Finding(within + shown(name), "is foreign: the keeper never made it")
        elif is_link:
            yield Finding(within + shown(name), "is a link")
