"""The keeper process: sweeps first, then sleeps until the next term ends.

The law here: the first sweep is done before it says READY, and the recorder starts after that (promise K1). One loop;
sockets only enqueue. It wakes at the next expiry, not to look whether there is one; between, it glances at its clock.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from daemon import link, log, systemd, wire
from daemon.config import Settings
from daemon.errors import StoreError, UnitError
from daemon.keeper.audit import AuditLog
from daemon.keeper.store import TRACKS, Store
from daemon.keeper.sweeper import Sweeper
from daemon.model.retention import age_ns, due, next_expiry_ns
from daemon.paths import Paths
from hardware.ports import Clock, ClockReading

NS = 1_000_000_000
WAIT_MAX_S = 1.0
"""The loop compares its clock with the next expiry this often: a stepped clock is noticed within a second."""
HEALTH_NS = 15 * NS
STEP_NS = NS
"""The wall clock and the boot clock drifting this far apart is a step (or ten hours of an undisciplined clock)."""
RETRY_NS = 30 * NS
"""After a deletion that the disk refused: within the minute that promise K1 allows."""
PAGE_MAX = 20
"""Recordings in one answer: each takes under a kilobyte, and a message is 64 at most."""


class Stop(msgspec.Struct, frozen=True):
    """Somebody wants the process to end."""


class FromAlarm(msgspec.Struct, frozen=True):
    """A word from the alarm process."""

    message: link.Word


class FromOperator(msgspec.Struct, frozen=True):
    """A word from an operator."""

    peer: link.Peer
    message: link.Word


Word = FromAlarm | FromOperator | Stop


class KeeperProcess:
    """Made by a composition root; `run` returns when `stop` was called."""

    def __init__(self, settings: Settings, paths: Paths, clock: Clock) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[Word] = queue.SimpleQueue()
        for directory in (paths.recordings, paths.store / "holds"):
            directory.mkdir(parents=True, exist_ok=True)
        self._store = Store(paths.recordings)
        self._audit = AuditLog(paths.store / "audit.jsonl", clock)
        self._sweeper = Sweeper(self._store, self._audit, clock)
        self._policy = settings.policy
        self._link = link.Client(paths.unit_socket, lambda _, message: self._queue.put(FromAlarm(message)))
        self._operators = link.Server(paths.keeper_socket, lambda p, m: self._queue.put(FromOperator(p, m)))
        self._due_ns: int | None = None
        """Boot time of the next expiry, as the clocks stood when it was worked out."""
        self._clocks = (0, "")
        self._health_ns = 0
        self._fault = ""
        self._stopping = False
        self._answers: Mapping[type, Callable[[Any], None]] = {
            FromAlarm: self._from_alarm, FromOperator: self._from_operator, Stop: self._stop,
        }  # fmt: skip

    def stop(self) -> None:
        """Asks the loop to end. Safe in a signal handler."""
        self._queue.put(Stop())

    def run(self) -> None:
        """Sweeps, says ready, keeps on."""
        self._sweep(first=True)
        self._link.start()
        self._operators.start()
        systemd.notify("READY=1")
        log.event("ready", recordings=len(self._store), policy=self._policy.name)
        try:
            while not self._stopping:
                self._turn()
        finally:
            systemd.notify("STOPPING=1")
            self._operators.close()
            self._link.close()
            self._audit.close()

    def _turn(self) -> None:
        try:
            word = self._queue.get(timeout=WAIT_MAX_S)
        except queue.Empty:
            pass
        else:
            self._answers[type(word)](word)
        now = self._clock.read()
        if self._store.refresh() or self._is_due(now):
            self._sweep()
        if now.boot_ns >= self._health_ns:
            self._health_ns = now.boot_ns + HEALTH_NS
            self._link.send(self._state())
        systemd.notify("WATCHDOG=1")

    def _is_due(self, now: ClockReading) -> bool:
        """Whether the next expiry has come, or the clocks are no longer those that it was worked out by."""
        offset_ns, state = self._clocks
        stepped = now.state != state or abs(now.wall_ns - now.boot_ns - offset_ns) > STEP_NS
        return stepped or (self._due_ns is not None and now.boot_ns >= self._due_ns)

    def _sweep(self, *, first: bool = False) -> None:
        """Deletes what is due; a disk that refuses is a fault that is shown, and tried again."""
        receipts: list[dict[str, Any]] = []
        try:
            if first:
                self._store.refresh()
                receipts = self._sweeper.finish()
            now = self._clock.read()
            for late in due(self._store.kept(), now, self._clock.boot_id()):
                receipts.append(self._sweeper.delete(late))
        except StoreError as error:
            if not self._fault:
                log.event("sweep_failed", "error", why=str(error))
            self._fault, self._due_ns = str(error), self._clock.boot_ns() + RETRY_NS
        else:
            self._fault = ""
            wait_ns = next_expiry_ns(self._store.kept(), now, self._clock.boot_id())
            self._due_ns = None if wait_ns is None else now.boot_ns + wait_ns
            self._clocks = (now.wall_ns - now.boot_ns, now.state)
        for receipt in receipts:
            self._link.send(wire.Receipt(receipt, self._audit.head))
        if receipts:
            self._health_ns = 0

    def _state(self) -> wire.KeeperState:
        now, boot_id, kept = self._clock.read(), self._clock.boot_id(), self._store.kept()
        ages = {t: [age_ns(k, now, boot_id) / 3.6e12 for k in kept if k.track == t] for t in TRACKS}
        wait_ns = next_expiry_ns(kept, now, boot_id)
        return wire.KeeperState(
            recordings=len(self._store),
            store_bytes=self._store.bytes(),
            oldest_h={track: round(max(hours), 2) for track, hours in ages.items() if hours},
            next_expiry_s=None if wait_ns is None else wait_ns // NS,
            unaccounted=len(self._store.unaccounted),
            faults={"keeper": self._fault} if self._fault else {},
        )

    def _from_alarm(self, word: FromAlarm) -> None:
        if isinstance(word.message, link.Joined):
            self._health_ns = 0

    def _from_operator(self, word: FromOperator) -> None:
        if isinstance(word.message, wire.Request):
            try:
                reply = wire.Reply(self._reply(word.message))
            except UnitError as error:
                reply = wire.Reply(error=str(error), exit_code=error.exit_code)
            word.peer.send(reply)

    def _reply(self, request: wire.Request) -> Any:
        match request.verb:
            case "recordings":
                return self._store.page(str(request.args.get("after", "")), PAGE_MAX)
            case "recording":
                return self._store.summary(self._store.find(str(request.args.get("recording_id", ""))))
            case "state":
                return self._state()
            case verb:
                raise UnitError(f"unknown request `{verb}`; known: recordings, recording, state")

    def _stop(self, _: Stop) -> None:
        self._stopping = True
