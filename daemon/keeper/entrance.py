# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Starts the keeper. A store that cannot be opened, or whose log takes no line, is reported and tried again.

Invariant: only the keeper itself says READY, after its first sweep; until then no recorder starts, and nothing is
deleted. A store that another keeper has is not waited for: starting two is a mistake.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from daemon import link, log, wire
from daemon.errors import StoreError, TakenError
from daemon.paths import Paths

WAIT_S = 5.0
"""Between two attempts: as long as systemd waits before it restarts a keeper."""


class Keeper(Protocol):
    """The process to start."""

    def run(self) -> None:
        """Run until stopped. Raises StoreError if its store cannot be used."""

    def stop(self) -> None:
        """Ask it to end."""


class Entrance:
    """Made by a composition root, with a factory for keepers."""

    def __init__(self, paths: Paths, make: Callable[[], Keeper]) -> None:
        self._paths, self._make = paths, make
        self._keeper: Keeper | None = None
        self._stop = threading.Event()

    def stop(self) -> None:
        """Ask it to end. Safe in a signal handler."""
        self._stop.set()
        if (keeper := self._keeper) is not None:
            keeper.stop()

    def run(self) -> None:
        """Run until stopped. Raises TakenError."""
        while not self._stop.is_set():
            try:
                self._keeper = self._make()
                if self._stop.is_set():
                    self._keeper.stop()  # the request came before there was a keeper
                self._keeper.run()
            except TakenError:
                raise
            except StoreError as error:
                self._keeper = None
                self._wait(str(error))
            else:
                return

    def _wait(self, why: str) -> None:
        """Report to the alarm process why nothing is kept, until the next attempt."""
        log.event("store_refused", "error", why=why)
        state = wire.KeeperState(0, {}, None, None, None, faults={"keeper": why})
        told = link.Client(self._paths.unit_socket, lambda peer, word: _say(peer, word, state))
        told.start()
        self._stop.wait(WAIT_S)
        told.close()


def _say(peer: link.Peer, word: link.Word, state: wire.KeeperState) -> None:
    if isinstance(word, link.Joined):
        peer.send(state)
