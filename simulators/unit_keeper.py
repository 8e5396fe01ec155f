# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The keeper of a simulated unit: the real one, by the room's clock, on a disk that can be made to fail."""

from __future__ import annotations

from daemon import run
from daemon.config import Settings
from daemon.keeper.entrance import Entrance
from daemon.keeper.process import KeeperProcess
from daemon.paths import Paths
from simulators.clock import SimClock
from simulators.disk import FaultyDisk
from simulators.places import clock_path


def start(paths: Paths) -> None:
    """Run until stopped."""

    def make(settings: Settings, paths: Paths) -> Entrance:
        clock, disk = SimClock(clock_path(paths)), FaultyDisk(paths).stand_between()
        return Entrance(paths, lambda: KeeperProcess(settings, paths, clock, disk))

    run.run("keeper", paths, make)
