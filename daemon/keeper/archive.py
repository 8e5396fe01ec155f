# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The store, with everything that decides what becomes of it: what the parts of the keeper work on."""

from __future__ import annotations

from typing import NamedTuple

from daemon.config import Settings
from daemon.keeper.audit import AuditLog
from daemon.keeper.holds import Holds
from daemon.keeper.store import Store
from daemon.keeper.timekeeper import Timekeeper
from daemon.paths import Paths
from hardware.ports import Clock


class Archive(NamedTuple):
    """One thread: the keeper's. Empty until `KeeperProcess.begin` reads it."""

    store: Store
    holds: Holds
    audit: AuditLog
    time: Timekeeper
    clock: Clock
    paths: Paths
    settings: Settings
