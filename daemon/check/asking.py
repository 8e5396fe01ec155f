# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a check has to work with: the unit's sockets, its files, and somebody in the room, or nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from daemon.config import Settings
from daemon.errors import LinkError
from daemon.link import ask
from daemon.paths import Paths

T = TypeVar("T")
POLL_S = 0.1
"""How often a figure is asked for while somebody is waiting for it: a person sees no delay, the loop no load."""


class Hands(Protocol):
    """Somebody in the room. Every question can be left unanswered: None."""

    def say(self, text: str) -> None:
        """Tells what is to be done now."""

    def asks(self, question: str) -> bool | None:
        """A question with yes or no for an answer."""

    def shows(self, picture: Callable[[], tuple[str, bool]], within_s: float, *, may_end: bool = False) -> bool:
        """Shows a text that changes until its second half says that it is done; False: it was not in time.

        With `may_end` somebody may end it before.
        """


class Room:
    """The unit as a check sees it. One thread: the command's."""

    def __init__(self, paths: Paths, settings: Settings, hands: Hands | None) -> None:
        self.paths, self.settings, self.hands = paths, settings, hands

    def alarm(self, verb: str, **args: Any) -> Any:
        """Asks the alarm process. Raises LinkError: it is not there."""
        return ask(self.paths.operator_socket, verb, **args)

    def keeper(self, verb: str, **args: Any) -> Any:
        """Asks the keeper. Raises LinkError: it is not there."""
        return ask(self.paths.keeper_socket, verb, **args)

    def health(self) -> dict[str, Any]:
        """What the alarm process says of everything; empty while it is not there."""
        try:
            found: dict[str, Any] = self.alarm("status")
        except LinkError:
            return {}
        return found


def wait(fact: Callable[[], T | None], within_s: float) -> T | None:
    """The fact, as soon as it is one; None when it is not in time."""
    until_s = time.monotonic() + within_s
    while True:
        found = fact()
        if found or time.monotonic() > until_s:
            return found or None
        time.sleep(POLL_S)


def board_root(paths: Paths) -> Path:
    """Where the kernel shows the board: /, or the simulated room's own."""
    simulated = paths.run / "board"
    return simulated if simulated.is_dir() else Path("/")
