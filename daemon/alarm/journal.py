# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm journal: each press is kept before it counts, on a separate thread.

Invariant: one thread, one SQLite connection. The loop hands over and goes on; a stalled disk holds up this thread and
nothing else (promise A3). A refusing disk is reported once and tried again until it accepts. An order that no disk can
carry out is dropped and logged, and no error ends the thread.

SQLite in WAL mode with synchronous=FULL: one fsync per commit, durable across a power cut (NORMAL and OFF lost rows in
trials on ext4). Waiting orders are committed together. One connection in one process also avoids the WAL-reset bug of
SQLite before 3.51.3.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from daemon import log
from daemon.alarm import aside, tables
from daemon.alarm.orders import Order, Prune, Said, SetAside, Trouble
from daemon.orderthread import OrderThread

T = TypeVar("T")

WAITING_MAX = 10_000
"""Orders that may wait for a stalled disk: a press every second for nearly three hours, some ten megabytes."""
BATCH_MAX = 100
"""Orders per commit: the acknowledgements that a flood brings during one fsync."""
RETRY_S = 2.0
"""Between two attempts on a refusing disk: a card that was pulled takes seconds to come back."""
STALLED_S = 5.0
"""A commit takes milliseconds, or a second while the card erases a block. After this the disk counts as stalled."""


class Journal:
    """Hands orders to the journal's thread, and its answers to a sink, which is called on that thread."""

    def __init__(self, path: Path, sink: Callable[[Said], object]) -> None:
        self._path, self._sink = path, sink
        self._orders: OrderThread[Order] = OrderThread("journal", WAITING_MAX, self._run)
        self._stop = threading.Event()
        self._in_trouble = False
        self._since_s: float | None = None
        self._db: sqlite3.Connection | None = None
        self._batch: list[Order] = []
        """The batch being committed; kept for another attempt if that fails."""
        self._beside: list[Path] = []
        self._was_read = False

    def start(self) -> None:
        """Open the journal on its thread; `Opened` follows when the disk answers."""
        self._orders.start()

    def give(self, order: Order) -> bool:
        """Hand over an order without waiting; False: WAITING_MAX orders are waiting for a stalled disk."""
        return self._orders.give(order)

    def alive(self) -> bool:
        """Whether the thread still runs; without it nothing is kept. True before the start. Any thread."""
        return self._orders.alive()

    def stalled(self) -> str:
        """Report that the disk has not answered for STALLED_S; empty: it has, or it refuses. Any thread."""
        since_s = self._since_s
        if since_s is None or time.monotonic() - since_s < STALLED_S:
            return ""
        return f"{self._path}: the disk has not answered for over {STALLED_S:.0f} s; alarms are in memory only"

    def close(self) -> None:
        """Commit what waits, within two seconds: systemd kills a process that takes much longer to stop."""
        self._stop.set()
        self._orders.close(end_s=2.0)

    # --- on the journal's thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        """Serve until closed. After an unforeseen error, which is logged and reported, start again."""
        while True:
            try:
                self._serve()
            except Exception as error:  # noqa: BLE001 - a dead thread would keep nothing more, and report nothing
                log.event("journal_failed", "error", error=repr(error))
                self._say_trouble(f"{self._path}: {error!r}")
                if self._stop.wait(RETRY_S):
                    return
            else:
                return
            finally:
                self._shut()

    def _serve(self) -> None:
        words = self._insist(self._open)
        if words is None:
            return
        for word in words:
            self._sink(word)
        while self._take():
            for word in self._insist(self._commit) or ():
                self._sink(word)
            if any(isinstance(order, Prune) for order in self._batch):
                self._look_beside()
            self._batch = []

    def _take(self) -> bool:
        """Take a new batch, unless one is still to be committed; False: there is no more."""
        self._batch = self._batch or self._orders.take(BATCH_MAX)
        return bool(self._batch)

    def _open(self) -> list[Said]:
        try:
            self._db, anew = aside.open_journal(self._path)
            found = None if self._was_read else tables.opened(self._db)
        except BaseException:
            self._shut()
            raise
        self._look_beside(anew=anew and self._was_read)
        self._was_read = True
        return [] if found is None else [found]

    def _commit(self) -> list[Said]:
        """Commit the batch as a whole; if that is impossible, order by order."""
        assert self._db is not None  # noqa: S101 - `_open` has been through
        try:
            return self._together(self._db, self._batch)
        except Exception as error:  # noqa: BLE001 - what the disk refuses is raised again
            self._mend(error)
        return [word for order in self._batch for word in self._alone(order)]

    def _alone(self, order: Order) -> list[Said]:
        """Commit one order; drop one that no tables can hold."""
        for _ in ("this journal", "the one that has taken its place"):
            assert self._db is not None  # noqa: S101 - `_open` has been through
            try:
                return self._together(self._db, [order])
            except Exception as error:  # noqa: BLE001 - what the disk refuses is raised again
                if self._mend(error):
                    continue
                log.event("journal_order_dropped", "error", order=type(order).__name__, error=repr(error))
                break
        return []

    def _mend(self, error: Exception) -> bool:
        """Whether a new journal has replaced a bad one. False: the tables are good, so the order is at fault.

        Raises what the disk refuses.
        """
        assert self._db is not None  # noqa: S101 - `_open` has been through
        if aside.is_disks(error):
            raise error
        why = str(error) if aside.is_broken(error) else aside.unusable(self._db)
        if why:
            self._shut()
            self._db = aside.set_aside(self._path, why)
            self._look_beside(anew=True)
        return bool(why)

    @staticmethod
    def _together(db: sqlite3.Connection, orders: list[Order]) -> list[Said]:
        with tables.transaction(db):
            said = [tables.carry_out(db, order) for order in orders]
        return [word for word in said if word is not None]

    def _look_beside(self, *, anew: bool = False) -> None:
        """Report the files set aside beside the journal, when they have changed."""
        found = aside.lying_beside(self._path)
        if found != self._beside or anew:
            self._beside = found
            names = ", ".join(path.name for path in found)
            text = f"{self._path.parent}: set aside because it could not be used: {names}; look at it and move it away"
            self._sink(SetAside(text if found else "", anew))

    def _shut(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _say_trouble(self, reason: str) -> None:
        """Report trouble once, and its end once."""
        if bool(reason) != self._in_trouble:
            self._in_trouble = bool(reason)
            self._sink(Trouble(reason))

    def _insist(self, act: Callable[[], T]) -> T | None:
        """Repeat an action until the disk accepts it, reporting trouble once and its end once. None: told to stop."""
        while True:
            self._since_s = time.monotonic()
            try:
                result = act()
            except (sqlite3.Error, OSError) as error:
                self._say_trouble(f"{self._path}: {error}")
                self._since_s = None
                if self._stop.wait(RETRY_S):
                    return None
            else:
                self._say_trouble("")
                return result
            finally:
                self._since_s = None
