# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The keeper process in the field. `python -m daemon.keeper`."""

from __future__ import annotations

from daemon import people, run
from daemon.config import Settings
from daemon.keeper.entrance import Entrance
from daemon.keeper.process import KeeperProcess
from daemon.paths import Paths
from hardware.clock import SystemClock
from hardware.disk import FileSystemDisk


def make(settings: Settings, paths: Paths) -> Entrance:
    """The process on this machine's clock."""
    door = people.Door(has_owner=paths != Paths.field())
    return Entrance(paths, lambda: KeeperProcess(settings, paths, SystemClock(), FileSystemDisk(paths.store), door))


if __name__ == "__main__":
    run.main("keeper", make)
