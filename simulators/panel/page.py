# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The page of one room: its facts, its acts and its server, started and stopped together."""

from __future__ import annotations

from simulators.panel.server import Panel
from simulators.panel.world import RoomWorld
from simulators.room import SimulatedRoom


class Page:
    """Made before the room starts, so that a person sees it start. Both methods: one thread."""

    def __init__(self, room: SimulatedRoom, port: int = 0) -> None:
        self._world = RoomWorld(room)
        self._panel = Panel(self._world, self._world.facts, port)

    @property
    def address(self) -> str:
        """The address for a browser."""
        return self._panel.address

    def start(self) -> None:
        """Start and wait until it listens. Raises LinkError."""
        self._panel.start()
        self._world.start()

    def stop(self) -> None:
        """End it; open pages show that the room is away."""
        self._panel.stop()
        self._world.stop()
