# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How full the store's disk is: a line of the log at each level, and the fault's text above the first."""

from __future__ import annotations

from daemon import log
from daemon.errors import DeviceError, StoreError
from daemon.keeper.audit import AuditLog
from daemon.model import acts
from daemon.model.ledger import Line
from daemon.model.space import FAULT_PCT, Level, filled_pct, level
from hardware.ports import Disk


class Filling:
    """Follows the log; call `look` regularly. One thread: the keeper's."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._level: Level = 0
        self.percent = 0
        self.fault = ""

    def follow(self, line: Line) -> None:
        """Take a line of the log: the level last reported."""
        if isinstance(line.act, acts.Filling):
            self._level = line.act.level

    def look(self, audit: AuditLog, held: int, recordings: int) -> Line | None:
        """Check the disk; return the log's line when a level was passed. `held`: recordings that a hold keeps."""
        try:
            space = self._disk.space()
        except DeviceError as error:
            self.fault = str(error)
            return None
        self.percent = filled_pct(space)
        now = level(self.percent, self._level)
        free_gb = space.free_bytes / 1e9
        text = f"the store's disk is {self.percent} % full, {free_gb:.1f} GB free; holds keep {held} of {recordings}"
        self.fault = text if now >= FAULT_PCT else ""
        if now == self._level:
            return None
        log.event("filling", "warning" if now else "info", percent=self.percent, free_bytes=space.free_bytes)
        try:
            return audit.add(acts.Filling(now, self.percent, space.free_bytes))
        except StoreError as error:
            log.event("filling_untold", "warning", why=str(error))  # the next look logs it: the level is unchanged
            return None
