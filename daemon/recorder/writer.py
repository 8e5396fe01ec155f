"""The only thread that writes: it takes sealed items in order and makes them durable, under the lease.

The law here: before each write the lease is looked at again (promise R3), because a slow card can make an order wait
longer than a lease lasts. An error closes the recording for good, and is said; the loop decides what follows.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from daemon import log, records
from daemon.errors import SealError, StoreError, UnitError
from daemon.model.events import EndReason
from daemon.recorder.bundle import Bundle, Interrupted, Sign, close_interrupted
from daemon.recorder.ring import Item
from hardware.ports import Clock

ORDERS_MAX = 200
"""Orders that may wait for the disk: over a minute of two tracks. A card that is stalled longer than that has lost the
recording, and memory must not follow it."""


REFUSED = "the disk refused while it recorded"


class Open(msgspec.Struct, frozen=True, eq=False):
    """Order: begin a recording, with what the ring held."""

    begin: records.Begin
    items: tuple[Item, ...]


class Add(msgspec.Struct, frozen=True, eq=False):
    """Order: more of the recording."""

    items: tuple[Item, ...]


class Mark(msgspec.Struct, frozen=True):
    """Order: a line in the chain."""

    what: str
    at_boot_ns: int


class Close(msgspec.Struct, frozen=True):
    """Order: end the recording."""

    why: EndReason
    detail: str
    alarm: bool
    test: bool = False


class Tidy(msgspec.Struct, frozen=True):
    """Order: close what a disk that refused left open, if it takes it now."""


Order = Open | Add | Mark | Close | Tidy


class Opened(msgspec.Struct, frozen=True):
    """Said when the ring is durable."""

    recording_id: str
    took_ms: float


class Grew(msgspec.Struct, frozen=True):
    """Said after each addition."""

    recording_id: str
    lines: int
    head: str


class Closed(msgspec.Struct, frozen=True):
    """Said when not a byte more will be written."""

    recording_id: str
    why: EndReason
    detail: str
    lines: int


class Tidied(msgspec.Struct, frozen=True):
    """Said when nothing is left that a disk refused to close."""


class Writer:
    """`give` from the loop; the sink is called on the writer's thread."""

    def __init__(
        self, recordings: Path, clock: Clock, sign: Sign, sink: Callable[[Opened | Grew | Closed | Tidied], None]
    ) -> None:
        self._recordings, self._clock, self._sign, self._sink = recordings, clock, sign, sink
        self._orders: queue.Queue[Order | None] = queue.Queue(ORDERS_MAX)
        self._bundle: Bundle | None = None
        self._head = ""
        self._left: list[Path] = []
        """Recordings that the disk refused to go on with."""
        self.lease_ns = 0
        """Until when may be written; set by the loop, read here before each write (one int: no lock is needed)."""
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Begins to wait for orders."""
        self._thread.start()

    def give(self, order: Order) -> bool:
        """Hands over an order without waiting; False when the disk is so far behind that it was not taken."""
        try:
            self._orders.put_nowait(order)
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """Waits five seconds for what is pending: systemd allows a stop more, and a stalled card gets no more."""
        with contextlib.suppress(queue.Full):
            self._orders.put(None, timeout=1.0)
            self._thread.join(timeout=5.0)

    def recover(self) -> list[Interrupted]:
        """Closes what earlier starts left open. Called once, before `start`."""
        closed = []
        for path in sorted(self._recordings.iterdir()):
            if path.is_dir() and not (path / "SHA256SUMS.sig").exists():
                try:
                    closed.append(close_interrupted(path, self._clock, self._sign))
                except UnitError as error:
                    log.event("recording_not_closed", "warning", path=path.name, why=str(error))
        return closed

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                self._carry_out(order)
            except (StoreError, SealError) as error:
                self._fail(str(error))

    def _carry_out(self, order: Order) -> None:
        match order:
            case Open():
                self._open(order)
            case Tidy():
                self._tidy()
            case Close() if self._bundle is not None:
                self._end(order.why, order.detail, alarm=order.alarm, test=order.test)
            case Add() | Mark() if self._bundle is not None:
                if self._clock.boot_ns() >= self.lease_ns:
                    self._end("lease", "the lamp's owner did not renew the lease", alarm=self._bundle.begin.alarm)
                    return
                if isinstance(order, Add):
                    self._bundle.add(order.items)
                else:
                    self._bundle.mark(order.what, order.at_boot_ns)
                self._sink(Grew(self._bundle.begin.recording_id, self._bundle.lines, self._bundle.head))

    def _open(self, order: Open) -> None:
        started_ns = self._clock.boot_ns()
        if started_ns >= self.lease_ns:
            self._sink(Closed(order.begin.recording_id, "lease", "the lease was over before the first byte", 0))
            return
        begin = msgspec.structs.replace(order.begin, previous_head=self._head)
        try:
            self._bundle = Bundle(self._recordings, begin, self._sign)
            self._bundle.add(order.items)
        except (StoreError, SealError) as error:
            if self._bundle is None:
                self._sink(Closed(begin.recording_id, "store", str(error), 0))
                return
            raise
        self._sink(Opened(begin.recording_id, (self._clock.boot_ns() - started_ns) / 1e6))

    def _end(self, why: EndReason, detail: str, *, alarm: bool, test: bool = False) -> None:
        assert self._bundle is not None  # noqa: S101 - only a bug could break it
        self._bundle.end(why, detail, self._clock, alarm=alarm, test=test)
        self._say_closed(why, detail)

    def _fail(self, detail: str) -> None:
        """The disk refused: what is there stays as it is, and is closed when the disk takes it or at the next start."""
        log.event("recording_failed", "error", why=detail)
        if self._bundle is not None:
            self._bundle.abandon()
            self._left.append(self._bundle.path)
            self._say_closed("store", detail)

    def _tidy(self) -> None:
        for path in list(self._left):
            try:
                if path.exists():
                    close_interrupted(path, self._clock, self._sign, REFUSED)
            except UnitError as error:
                log.event("recording_not_closed", "debug", path=path.name, why=str(error))
                return
            self._left.remove(path)
        self._sink(Tidied())

    def _say_closed(self, why: EndReason, detail: str) -> None:
        assert self._bundle is not None  # noqa: S101 - only a bug could break it
        bundle = self._bundle
        self._bundle, self._head = None, bundle.head
        self._sink(Closed(bundle.begin.recording_id, why, detail, bundle.lines))
