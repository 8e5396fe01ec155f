"""The keeper process: sweeps first, then sleeps until the next term ends.

The law here: the first sweep is done before it says READY, and the recorder starts after that (promise K1). One loop;
sockets only enqueue. It wakes at the next expiry, not to look whether there is one; between, it glances at its clock.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from daemon import link, log, people, systemd, wire
from daemon.config import Settings
from daemon.errors import StoreError
from daemon.keeper.acts import ActBook
from daemon.keeper.audit import AuditLog
from daemon.keeper.desk import Desk, Parts
from daemon.keeper.heads import Heads
from daemon.keeper.holds import Holds
from daemon.keeper.reviews import Reviews
from daemon.keeper.store import TRACKS, Store
from daemon.keeper.sweeper import Sweeper
from daemon.model.events import KeeperFault
from daemon.model.ledger import hash_of
from daemon.model.retention import Kept, age_ns, due, next_expiry_ns
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
UNHEARD_MAX = 256
"""Lines that wait for the alarm process, half a kilobyte each; of more the newest, whose head covers the others."""
WORDS_MAX = 100
"""Words that are taken before time is looked at: more than all peers can have on their way at once."""


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

    def __init__(self, settings: Settings, paths: Paths, clock: Clock, door: people.Door | None = None) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[Word] = queue.SimpleQueue()
        for directory in (paths.recordings, paths.holds):
            directory.mkdir(parents=True, exist_ok=True)
        self._store = Store(paths.recordings)
        self._holds, self._acts = Holds(paths.holds), ActBook()
        self._heads = Heads(paths.audit_key, paths.audit_head, clock.boot_id())
        self._audit = AuditLog(paths.audit_log, clock, self._holds.follow, self._heads.follow, self._acts.follow)
        self._sweeper = Sweeper(self._store, self._audit, clock)
        self._policy = settings.policy
        self._reviews = Reviews(self._holds, self._audit, self._policy.holds)
        parts = Parts(self._store, self._holds, self._audit, clock, self._policy.holds, paths)
        self._desk = Desk(parts, self._state, self._sweep_now, door or people.Door())
        self._link = link.Client(paths.unit_socket, lambda _, message: self._queue.put(FromAlarm(message)))
        self._operators = link.Server(paths.keeper_socket, lambda p, m: self._queue.put(FromOperator(p, m)))
        self._due_ns: int | None = None
        """Boot time of the next expiry, as the clocks stood when it was worked out."""
        self._clocks = (0, "")
        self._health_ns = 0
        self._fault, self._holds_fault = "", ""
        self._unheard: deque[wire.Receipt] = deque(maxlen=UNHEARD_MAX)
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
            self.close()

    def close(self) -> None:
        """Nobody comes in any more, and the log's file is given back."""
        self._operators.close()
        self._link.close()
        self._audit.close()

    def _turn(self) -> None:
        self._take_words()
        now = self._clock.read()
        if self._look_at_holds() or self._store.refresh() or self._is_due(now):
            self._sweep()
        self._look_at_reviews(now)
        self._desk.tick(now.boot_ns)
        if self._heads.is_due(now):
            self._sign(now)
        if now.boot_ns >= self._health_ns:
            self._health_ns = now.boot_ns + HEALTH_NS
            self._link.send(self._state())
        systemd.notify("WATCHDOG=1")

    def _take_words(self) -> None:
        """All that has come: a hold that was asked for before a term ended must not come after its deletion."""
        wait_s = WAIT_MAX_S
        for _ in range(WORDS_MAX):
            try:
                word = self._queue.get(timeout=wait_s)
            except queue.Empty:
                break
            self._answers[type(word)](word)
            wait_s = 0.0

    def _look_at_holds(self) -> bool:
        """Takes up what has changed among the files, and completes what could not be written before."""
        try:
            changed = self._holds.refresh()
            if changed or self._holds.owes:
                self._holds.settle(self._audit)
                self._reviews.look_again()
        except StoreError as error:
            self._holds_fault = str(error)
            return False
        self._holds_fault = ""
        return changed

    def _look_at_reviews(self, now: ClockReading) -> None:
        told, lapsed = self._reviews.look(now)
        for message in told:
            self._link.send(message)
        if told or self._reviews.changed:
            self._health_ns = 0
        if lapsed:
            self._sweep()

    def _is_due(self, now: ClockReading) -> bool:
        """Whether the next expiry has come, or the clocks are no longer those that it was worked out by."""
        offset_ns, state = self._clocks
        stepped = now.state != state or abs(now.wall_ns - now.boot_ns - offset_ns) > STEP_NS
        return stepped or (self._due_ns is not None and now.boot_ns >= self._due_ns)

    def _sweep(self, *, first: bool = False) -> list[dict[str, Any]]:
        """Deletes what is due and returns the receipts; a disk that refuses is a fault, and tried again."""
        receipts: list[dict[str, Any]] = []
        try:
            if first:
                self._look_at_holds()
                self._store.refresh()
                receipts = self._sweeper.finish()
            now = self._clock.read()
            for late in due(self._kept(), now, self._clock.boot_id()):
                receipts.append(self._sweeper.delete(late))
        except StoreError as error:
            if not self._fault:
                log.event("sweep_failed", "error", why=str(error))
            self._fault, self._due_ns = str(error), self._clock.boot_ns() + RETRY_NS
        else:
            self._fault = ""
            wait_ns = next_expiry_ns(self._kept(), now, self._clock.boot_id())
            self._due_ns = None if wait_ns is None else now.boot_ns + wait_ns
            self._clocks = (now.wall_ns - now.boot_ns, now.state)
        for receipt in receipts:
            self._witness(wire.Receipt(receipt, hash_of(receipt)))
        if receipts:
            self._sign(now)
            self._health_ns = 0
        return receipts

    def _sign(self, now: ClockReading) -> None:
        """One signature for all that has been deleted: it covers every line before it."""
        if line := self._heads.sign(self._audit, now):
            self._witness(wire.Receipt(line, hash_of(line)))

    def _witness(self, said: wire.Receipt) -> None:
        """For the broker's log; kept while the alarm process is away."""
        self._unheard.append(said)
        if self._link.send(said):
            self._unheard.pop()

    def _sweep_now(self) -> list[dict[str, str]]:
        """For an operator: what went."""
        return [{key: receipt[key] for key in ("recording_id", "track")} for receipt in self._sweep()]

    def _kept(self) -> tuple[Kept, ...]:
        return self._store.kept(self._holds.held())

    def _state(self) -> wire.KeeperState:
        now, boot_id, kept = self._clock.read(), self._clock.boot_id(), self._kept()
        ages = {t: [age_ns(k, now, boot_id) / 3.6e12 for k in kept if k.track == t] for t in TRACKS}
        wait_ns = next_expiry_ns(kept, now, boot_id)
        faults: dict[KeeperFault, str] = {
            "keeper": self._fault, "audit": self._heads.fault, "hold_review": self._reviews.fault,
            "holds": self._holds_fault or self._holds.fault(),
        }  # fmt: skip
        return wire.KeeperState(
            recordings=len(self._store),
            store_bytes=self._store.bytes(),
            oldest_h={track: round(max(hours), 2) for track, hours in ages.items() if hours},
            next_expiry_s=None if wait_ns is None else wait_ns // NS,
            unaccounted=len(self._store.unaccounted),
            holds=len(self._holds.in_force()),
            faults={name: what for name, what in faults.items() if what},
        )

    def _from_alarm(self, word: FromAlarm) -> None:
        match word.message:
            case link.Joined():
                self._health_ns = 0
                while self._unheard and self._link.send(self._unheard[0]):
                    self._unheard.popleft()
            case wire.Acts() as acts:
                self._take(acts)

    def _take(self, acts: wire.Acts) -> None:
        """Writes down what the alarm process did; a disk that refuses is not answered for, and it is told again."""
        try:
            self._link.send(self._acts.take(acts, self._audit))
        except StoreError as error:
            log.event("acts_not_written", "error", why=str(error))

    def _from_operator(self, word: FromOperator) -> None:
        if isinstance(word.message, wire.Request):
            self._desk.answer(word.peer, word.message)
        elif isinstance(word.message, link.Left):
            self._desk.left(word.peer)

    def _stop(self, _: Stop) -> None:
        self._stopping = True
