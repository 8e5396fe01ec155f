"""The keeper process: sweeps first, then sleeps until the next term ends.

The law here: the first sweep is done before it says READY, and the recorder starts after that (promise K1). One loop;
sockets only enqueue. It wakes at the next expiry, not to look whether there is one; between, it looks at its clocks.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from daemon import link, log, people, systemd, wire
from daemon.config import Settings
from daemon.errors import StoreError
from daemon.keeper.acts import ActBook
from daemon.keeper.audit import AuditLog
from daemon.keeper.desk import Desk, Parts
from daemon.keeper.heads import Heads
from daemon.keeper.holds import Holds
from daemon.keeper.reviews import Reviews
from daemon.keeper.ringtime import RingMeter
from daemon.keeper.store import TRACKS, Store
from daemon.keeper.sweeper import BATCH_MAX, Sweeper, fault_of
from daemon.keeper.timekeeper import Timekeeper
from daemon.keeper.witness import Witness
from daemon.model.events import KeeperFault
from daemon.model.ledger import hash_of
from daemon.model.policy import TrackPolicy
from daemon.model.retention import Circumstances, Due, Kept, LateWhy, due, late_why, next_expiry_ns
from daemon.model.timeline import NS, age_ns
from daemon.paths import Paths
from hardware.ports import Clock, ClockReading, Track

WAIT_MAX_S = 1.0
"""The loop looks at its clocks this often: UTC is believed when it has stood still for a while, look by look."""
HEALTH_NS = 15 * NS
RETRY_NS = 30 * NS
"""After a deletion that the disk refused: within the minute that promise K1 allows."""
UNHEARD_MAX = 256
"""Lines that wait for the alarm process, half a kilobyte each; of more the newest, whose head covers the others."""
MEASURED_MAX = 3
"""Recordings that are measured in one turn: the longest has some ten thousand files, 50 ms on a card."""
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
        self._store.refresh()
        self._time = Timekeeper(paths.time, clock, self._store)
        self._holds, self._acts = Holds(paths.holds), ActBook()
        self._heads = Heads(paths.audit_key, paths.audit_head, clock.boot_id())
        self._ring, self._seen = RingMeter(paths.ring_time), Witness(self._store)
        followers = (
            self._time.follow, self._holds.follow, self._heads.follow, self._acts.follow, self._ring.follow,
            self._seen.follow,
        )  # fmt: skip
        self._audit = AuditLog(paths.audit_log, clock, *followers, witnessed=self._heads.seen())
        self._sweeper = Sweeper(self._store, self._audit)
        self._settings = settings.at(clock.read())
        self._policy = self._settings.policy
        self._reviews = Reviews(self._holds, self._audit, self._policy.holds)
        parts = Parts(self._store, self._holds, self._audit, clock, self._policy.holds, paths)
        self._desk = Desk(parts, self._state, self._sweep_now, door or people.Door())
        self._link = link.Client(paths.unit_socket, lambda _, message: self._queue.put(FromAlarm(message)))
        self._operators = link.Server(paths.keeper_socket, lambda p, m: self._queue.put(FromOperator(p, m)))
        self._behind = False
        """There is more in the store than the log has been told of."""
        self._started_ns = clock.boot_ns()
        self._due_ns: int | None = None
        """Boot time of the next expiry, by the UTC that was believed when it was worked out."""
        self._believed_ns: int | None = None
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
        self.begin()
        self._link.start()
        self._operators.start()
        systemd.notify("READY=1")
        log.event("ready", recordings=len(self._store), policy=self._policy.name)
        try:
            while not self._stopping and self._settings.at(self._clock.read()).policy == self._policy:
                self._turn()
            self._time.keep(stopping=True)
            self._ring.tick(self._audit, self._clock.read(), stopping=True)
        finally:
            systemd.notify("STOPPING=1")
            self.close()

    def begin(self) -> None:
        """What comes before everything else: time goes on, and everything that is due goes. Raises StoreError."""
        self._time.start(self._audit)
        self._ring.start(self._clock.read())
        self._bear_witness()
        self._look_at_holds()
        self._sweep(tracks_max=None)

    def close(self) -> None:
        """Nobody comes in any more, and the log's file is given back."""
        self._operators.close()
        self._link.close()
        self._audit.close()

    def _turn(self) -> None:
        self._take_words()
        now, changed = self._look()
        if self._look_at_holds() or changed or self._is_due(now):
            self._sweep(BATCH_MAX)
        self._store.measure(MEASURED_MAX)
        self._time.keep()
        self._ring.tick(self._audit, now)
        self._look_at_reviews(now)
        self._desk.tick(now.boot_ns)
        if self._desk.acted() or self._heads.is_due(self._audit, now):
            self._sign(now)
        if now.boot_ns >= self._health_ns:
            self._health_ns = now.boot_ns + HEALTH_NS
            self._store.look_again()
            changed = True
            self._link.send(self._state())
        if changed or self._behind:
            self._bear_witness()
            if self._purged():
                self._due_ns = now.boot_ns
        systemd.notify("WATCHDOG=1")

    def _bear_witness(self) -> None:
        """Has the log say what began and ended, and under which policy."""
        try:
            self._seen.under(self._settings, self._audit)
            self._behind = self._seen.look(self._audit)
        except StoreError as error:
            self._refuse(error)

    def _take_words(self) -> None:
        """All that has come: a hold that was asked for before a term ended must not come after its deletion."""
        wait_s = 0.0 if self._is_due(self._clock.read()) else WAIT_MAX_S
        for _ in range(WORDS_MAX):
            try:
                word = self._queue.get(timeout=wait_s)
            except queue.Empty:
                break
            self._answers[type(word)](word)
            wait_s = 0.0

    def _look(self) -> tuple[ClockReading, bool]:
        """At the clocks, and whether anything has come into the store or gone from it."""
        try:
            return self._time.look(self._audit), self._store.refresh()
        except StoreError as error:
            self._refuse(error)
            return self._clock.read(), False

    def _look_at_holds(self) -> bool:
        """Takes up what has changed among the files, and completes what could not be written before."""
        try:
            changed = self._holds.refresh()
            if changed or self._holds.owes:
                self._health_ns = 0
                self._holds.settle(self._audit)
                self._reviews.look_again()
        except StoreError as error:
            self._holds_fault = str(error)
            return False
        self._holds_fault = ""
        return changed

    def _look_at_reviews(self, now: ClockReading) -> None:
        told, lapsed = self._reviews.look(self._time.trusted(now))
        for message in told:
            self._link.send(message)
        if told or self._reviews.changed:
            self._health_ns = 0
        if lapsed:
            self._sweep(BATCH_MAX)

    def _is_due(self, now: ClockReading) -> bool:
        """Whether the next expiry has come, or another UTC is believed than when it was worked out."""
        believed = self._time.timeline.believed_ns != self._believed_ns
        return believed or (self._due_ns is not None and now.boot_ns >= self._due_ns)

    def _sweep(self, tracks_max: int | None) -> list[dict[str, Any]]:
        """Deletes so many of the tracks that are due, and returns the receipts; what the disk refuses waits."""
        receipts: list[dict[str, Any]] = []
        try:
            self._time.take_up(self._audit)
            self._believed_ns = self._time.timeline.believed_ns
            receipts = self._sweeper.finish()
            overdue = due(self._kept(), self._time.timeline, self._clock.read())
            receipts += self._sweeper.delete(overdue[:tracks_max], self._late_why)
        except StoreError as error:
            self._refuse(error)
        else:
            self._fault = fault_of(self._sweeper.refused)
            now = self._clock.read()
            wait_ns = next_expiry_ns(self._kept(), self._time.timeline, now)
            self._due_ns = None if wait_ns is None else now.boot_ns + (RETRY_NS if self._fault else wait_ns)
        for receipt in receipts:
            self._witness(wire.Receipt(receipt, hash_of(receipt)))
        if receipts:
            self._sign(self._clock.read())
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

    def _refuse(self, error: StoreError) -> None:
        """The disk refuses what everything depends on: the log, or the store's own directory."""
        if not self._fault:
            log.event("sweep_failed", "error", why=str(error))
        self._fault, self._due_ns = str(error), self._clock.boot_ns() + RETRY_NS

    def _late_why(self, late: Due, refused: bool) -> LateWhy:  # noqa: FBT001 - the sweeper's own seam
        was_held = self._holds.was_held(late.kept.recording_id, late.kept.track)
        of = Circumstances(self._started_ns, refused=refused, was_held=was_held)
        return late_why(late.late_ns, self._time.timeline, self._clock.read(), of)

    def _sweep_now(self) -> list[dict[str, str]]:
        """For an operator: what went."""
        return [{key: receipt[key] for key in ("recording_id", "track")} for receipt in self._sweep(BATCH_MAX)]

    def _kept(self) -> tuple[Kept, ...]:
        kept, purged = self._store.kept(self._holds.held()), self._purged()
        if not purged:
            return tuple(kept)
        # What is open is closed by its recorder first, which ends under the same policy.
        is_closed = {name for name, entry in self._store.entries.items() if entry.closed}
        return tuple(
            replace(one, purged=True) if one.track in purged and one.recording_id in is_closed else one for one in kept
        )

    def _purged(self) -> frozenset[Track]:
        """The tracks of which nothing may be there under the policy, by a UTC that is believed (promise K4)."""
        policy = self._settings.at(self._time.trusted(self._clock.read())).policy
        both: tuple[tuple[Track, TrackPolicy], ...] = (("audio", policy.audio), ("video", policy.video))
        return frozenset(name for name, track in both if not track.record and track.existing == "purge")

    def _state(self) -> wire.KeeperState:
        now, timeline, kept = self._clock.read(), self._time.timeline, self._kept()
        ages = {t: [age_ns(timeline, k.oldest, now.boot_ns) / 3.6e12 for k in kept if k.track == t] for t in TRACKS}
        wait_ns = next_expiry_ns(kept, timeline, now)
        faults: dict[KeeperFault, str] = {
            "keeper": self._fault or self._time.fault, "audit": self._audit.fault or self._heads.fault,
            "holds": self._holds_fault or self._holds.fault(), "hold_review": self._reviews.fault,
        }  # fmt: skip
        return wire.KeeperState(
            recordings=len(self._store),
            store_bytes=sum(self._store.bytes().values()),
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
            case wire.RingTime() as ring:
                self._ring.heard(ring)
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
