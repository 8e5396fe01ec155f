# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The only thread that writes a recording: it makes sealed items durable, in order, under the lease.

Invariant: the recording's lease is checked before each write, and again before the bytes get a name (promise R3),
because a slow card can make an order wait longer than a lease lasts. Only what closes it, its last gaps and its end,
needs no lease. `Closed` is reported when nothing of a recording
can be written any more, not before. An error ends the recording and is reported; it never ends this thread.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from daemon import durable, log, records
from daemon.errors import StoreError
from daemon.model.events import EndReason
from daemon.orderthread import OrderThread
from daemon.recorder.bundle import Bundle, Missing, Sign
from daemon.recorder.closing import REFUSED, Closer, missing_since
from daemon.recorder.cutter import Hole
from daemon.recorder.ring import Item, Sealed, begin_ns, end_ns
from hardware.ports import Clock, Track

ORDERS_MAX = 200
"""Orders that may wait for the disk: over a minute of two tracks. A card that stalls longer has lost the recording, and
memory use must stay bounded."""
NOT_YET = "nothing could be recorded yet"
"""Why a track of an event's first part begins after the press: no recorder, or no device."""
FULL_SHARE = 2
"""A part may take at most this fraction of the free bytes for its pre-event items: on a disk that is nearly full the
rest is for what comes."""


class Open(msgspec.Struct, frozen=True, eq=False):
    """Order: begin a recording, with what the ring held."""

    begin: records.Begin
    items: tuple[Item, ...]
    missing: dict[Track, Missing] = {}
    """How far the continued part has come, if this process wrote it; else its records say it."""


class Add(msgspec.Struct, frozen=True, eq=False):
    """Order: more of a recording."""

    recording_id: str
    items: tuple[Item, ...]


class Mark(msgspec.Struct, frozen=True):
    """Order: a line in the chain."""

    recording_id: str
    what: str
    at_boot_ns: int


class Close(msgspec.Struct, frozen=True):
    """Order: end a recording."""

    recording_id: str
    why: EndReason
    detail: str


class Probe(msgspec.Struct, frozen=True):
    """Order: see whether a disk that refused accepts writes again."""


Order = Open | Add | Mark | Close | Probe


class Opened(msgspec.Struct, frozen=True):
    """Reported when the ring's items are durable."""

    recording_id: str
    took_ms: float
    ends_ns: dict[Track, int]
    """How far the disk has each track."""


class Grew(msgspec.Struct, frozen=True):
    """Reported when more is durable."""

    recording_id: str
    lines: int
    head: str
    ends_ns: dict[Track, int]


class Closed(msgspec.Struct, frozen=True):
    """Reported when a recording is closed, or could not be opened: not a byte of it is written any more."""

    recording_id: str
    why: EndReason
    detail: str
    lines: int
    ends_ns: dict[Track, int] = {}
    begun: bool = True
    """False: nothing of it is in the store."""
    head: str = ""
    """The chain's last head; empty: it was not closed, and the next start adds lines."""


class Probed(msgspec.Struct, frozen=True):
    """Answer to Probe: why the disk still refuses; empty: it accepts writes."""

    detail: str


class _LeaseOverError(Exception):
    """The lamp's owner has not renewed the lease."""


class Writer:
    """`give` and `cut` from the loop; the sink is called on the writer's thread."""

    def __init__(
        self, recordings: Path, clock: Clock, sign: Sign, sink: Callable[[Opened | Grew | Closed | Probed], None]
    ) -> None:
        self._recordings, self._clock, self._sign, self._sink = recordings, clock, sign, sink
        self._orders: OrderThread[Order] = OrderThread("writer", ORDERS_MAX, self._run)
        self._closer = Closer(recordings, clock, sign)
        self._bundle: Bundle | None = None
        self._begins: Path | None = None
        """The directory of a recording that is just being begun: the disk may refuse when some of it is there."""
        self._head = ""
        self._doubted = False
        """The disk refused last time: it is probed before beginning a recording that might leave pieces behind."""
        self.lease = ("", 0)
        """Which recording may be written, and until when. Set by the loop, read here (one tuple: no lock is needed)."""
        self._cut: Close | None = None

    def start(self) -> None:
        """Begin to wait for orders, and to close what earlier starts left open. Raises StoreError: no directory."""
        try:
            self._recordings.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            where = f"{self._recordings}: {error.strerror}"
            raise StoreError(f"{where}; expected a directory or a place for one") from error
        self._orders.start()
        self._closer.start()

    def give(self, order: Order) -> bool:
        """Hand over an order without waiting; False: ORDERS_MAX are waiting for the disk."""
        return self._orders.give(order)

    def cut(self, order: Close) -> None:
        """End a recording before anything else that waits for it: items that are not durable are dropped.

        `Closed` comes when the disk's current write has returned.
        """
        self._cut = order
        self.give(order)  # wakes the thread if nothing waits

    def close(self) -> None:
        """Wait five seconds for pending orders: systemd allows a stop more, but a stalled card gets no more."""
        self._closer.close()
        self._orders.close(end_s=5.0, place_s=1.0)

    def _run(self) -> None:
        while orders := self._orders.take():
            (order,) = orders
            try:
                if self._cut is not None:
                    self._end_cut(self._cut)
                self._carry_out(order)
            except _LeaseOverError:
                self._lease_over(order)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next recording needs this thread
                self._fail(str(error), order)
        if self._bundle is not None:  # left open: the next start closes it
            with contextlib.suppress(OSError):
                self._bundle.abandon()

    def _carry_out(self, order: Order) -> None:
        match order:
            case Open():
                self._open(order)
            case Probe():
                self._probe()
            case _ if self._bundle is None or order.recording_id != self._bundle.begin.recording_id:
                pass  # of a recording that is closed already
            case Close():
                self._end(order.why, order.detail)
            case Add() | Mark():
                self._check_lease(self._bundle.begin.recording_id)
                if isinstance(order, Add):
                    self._bundle.add(order.items)
                else:
                    self._bundle.mark(order.what, order.at_boot_ns)
                bundle = self._bundle
                self._sink(Grew(bundle.begin.recording_id, bundle.lines, bundle.head, dict(bundle.ends_ns)))

    def _check_lease(self, recording_id: str) -> None:
        leased, until_ns = self.lease
        if leased != recording_id or self._clock.boot_ns() >= until_ns:
            raise _LeaseOverError

    def _open(self, order: Open) -> None:
        began_ns = self._clock.boot_ns()
        recording_id = order.begin.recording_id
        self._check_lease(recording_id)
        if self._doubted:
            durable.probe(self._recordings)
        begin = msgspec.structs.replace(order.begin, previous_head=self._head)
        missing = order.missing
        if begin.continues is not None and not missing:
            missing = missing_since(self._recordings, begin.continues, begin.boot_id)
        missing = {track: Missing(begin.trigger_boot_ns, NOT_YET) for track in begin.tracks} | missing
        self._closer.begun(recording_id)
        path = self._recordings / recording_id
        self._begins = None if path.exists() else path
        items = _fitting(order.items, _free_bytes(self._recordings))
        self._bundle = Bundle(self._recordings, begin, self._sign, missing, lambda: self._check_lease(recording_id))
        self._begins = None
        self._bundle.add(items)
        self._doubted = False
        self._sink(Opened(recording_id, (self._clock.boot_ns() - began_ns) / 1e6, dict(self._bundle.ends_ns)))

    def _probe(self) -> None:
        try:
            durable.probe(self._recordings)
        except StoreError as error:
            self._sink(Probed(str(error)))
        else:
            self._sink(Probed(""))

    def _end_cut(self, cut: Close) -> None:
        self._cut = None
        if self._bundle is not None and self._bundle.begin.recording_id == cut.recording_id:
            self._end(cut.why, cut.detail)

    def _lease_over(self, order: Order) -> None:
        detail = "the lamp's owner did not renew the lease"
        if self._bundle is None:
            assert isinstance(order, Open)  # noqa: S101 - only a bug could break it
            self._sink(Closed(order.begin.recording_id, "lease", f"{detail}: not a byte was written", 0, begun=False))
            return
        try:
            if isinstance(order, Add):  # a gap is a record, as the end is: neither holds anything of the room
                self._bundle.add([item for item in order.items if isinstance(item, Hole)])
            self._end("lease", detail)
        except Exception as error:  # noqa: BLE001 - as in _run
            self._fail(str(error), order)

    def _end(self, why: EndReason, detail: str) -> None:
        assert self._bundle is not None  # noqa: S101 - only a bug could break it
        self._bundle.end(why, detail, self._clock)
        bundle, self._bundle = self._bundle, None
        self._say_closed(bundle, why, detail, bundle.head)

    def _fail(self, detail: str, order: Order) -> None:
        """The disk refused: leave what is there, and close it when the disk accepts or at the next start."""
        log.event("recording_failed", "error", why=detail)
        bundle, self._bundle, self._doubted = self._bundle, None, True
        if bundle is not None:
            with contextlib.suppress(OSError):
                bundle.abandon()
            self._closer.left(bundle.path, REFUSED)
            self._say_closed(bundle, "store", detail)
        elif isinstance(order, Open):
            begun = self._is_begun()
            self._sink(Closed(order.begin.recording_id, "store", detail, 0, begun=begun))

    def _is_begun(self) -> bool:
        """Whether the recording that could not be begun is in the store all the same, which closes it."""
        path, self._begins = self._begins, None
        try:
            if path is None or not (path / "begin.json").exists():
                return False
        except OSError:  # the disk does not say: the next start looks
            return False
        self._closer.left(path, REFUSED)
        return True

    def _say_closed(self, bundle: Bundle, why: EndReason, detail: str, head: str = "") -> None:
        self._head = bundle.head
        self._sink(Closed(bundle.begin.recording_id, why, detail, bundle.lines, dict(bundle.ends_ns), head=head))


def _free_bytes(directory: Path) -> int:
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def _fitting(items: tuple[Item, ...], free_bytes: int) -> list[Item]:
    """The newest of the ring's items that a nearly full disk has room for; a gap replaces the rest."""
    left = free_bytes // FULL_SHARE
    if sum(len(item.data) for item in items if isinstance(item, Sealed)) <= left:
        return list(items)
    kept: list[Item] = []
    for item in reversed(items):
        left -= len(item.data) if isinstance(item, Sealed) else 0
        if left < 0:
            break
        kept.append(item)
    dropped = items[: len(items) - len(kept)]
    gaps: list[Item] = [
        Hole(track, min(begin_ns(item) for item in those), max(end_ns(item) for item in those), "the disk is full")
        for track in ("audio", "video")
        if (those := [item for item in dropped if item.track == track])
    ]
    return [*gaps, *reversed(kept)]
