# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a check works with: the unit's sockets, its files, and a person in the room, or nobody."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from daemon.config import Settings
from daemon.errors import LinkError
from daemon.link import ask
from daemon.paths import Paths
from daemon.times import zone

T = TypeVar("T")
CLOSED = "closed"
UNUSED = "closed: nobody is there, by the in-use contact"
POLL_S = 0.1
"""How often a figure is polled while somebody waits for it: no visible delay, no load on the loop."""


class Hands(Protocol):
    """A person in the room. Any question may stay unanswered: None."""

    def say(self, text: str) -> None:
        """Say what to do now."""

    def asks(self, question: str) -> bool | None:
        """Ask a yes or no question."""

    def shows(self, picture: Callable[[], tuple[str, bool]], within_s: float, *, may_end: bool = False) -> bool:
        """Show a changing text until its second part says that it is done; False: not in time.

        With `may_end` the person may end it earlier.
        """


class CheckedRoom:
    """The unit as a check sees it. One thread: the command's."""

    def __init__(self, paths: Paths, settings: Settings, hands: Hands | None) -> None:
        self.paths, self.settings, self.hands = paths, settings, hands
        self.place = zone(settings.policy.zone) or datetime.UTC
        """In whose time an engineer reads."""

    def alarm(self, verb: str, **args: Any) -> Any:
        """Ask the alarm process. Raises LinkError if it is absent."""
        return ask(self.paths.operator_socket, verb, **args)

    def keeper(self, verb: str, **args: Any) -> Any:
        """Ask the keeper. Raises LinkError if it is absent."""
        return ask(self.paths.keeper_socket, verb, **args)

    def health(self) -> dict[str, Any]:
        """The alarm process's health; empty if it is absent."""
        try:
            found: dict[str, Any] = self.alarm("status")
        except LinkError:
            return {}
        return found

    def is_unused(self) -> bool:
        """Whether its devices are closed because nobody is there, by the in-use contact."""
        health = self.health()
        return (
            health.get("phase") == "ready" and CLOSED in ((health.get("recorder") or {}).get("devices") or {}).values()
        )


def why_closed(health: dict[str, Any]) -> str:
    """Why a device is closed, for a person."""
    return UNUSED if health.get("phase") == "ready" else "closed: a covered window or an objection"


def wait(fact: Callable[[], T | None], within_s: float) -> T | None:
    """Return the fact as soon as it is true; None: not in time."""
    until_s = time.monotonic() + within_s
    while True:
        found = fact()
        if found or time.monotonic() > until_s:
            return found or None
        time.sleep(POLL_S)


def board_root(paths: Paths) -> Path:
    """Root of the kernel's view of the board: /, or the simulated room's own."""
    simulated = paths.run / "board"
    return simulated if simulated.is_dir() else Path("/")
