# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The keeper process: sweeps first, then sleeps until the next term ends.

Invariant: the first sweep is done before it says READY, and the recorder starts after that (promise K1). One loop;
sockets only enqueue. It wakes for the next expiry rather than polling for one; in between it checks its clocks.
"""

from __future__ import annotations

import datetime
import queue
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from daemon import durable, link, log, people, systemd, wire
from daemon.config import READ, Settings, changed_files, unread
from daemon.errors import StoreError
from daemon.keeper.acts import ActBook
from daemon.keeper.archive import Archive
from daemon.keeper.audit import AuditLog
from daemon.keeper.clearing import Clearing
from daemon.keeper.desk import Desk
from daemon.keeper.filling import Filling
from daemon.keeper.heads import Heads
from daemon.keeper.holders import Holders
from daemon.keeper.holds import Holds
from daemon.keeper.policies import Policies
from daemon.keeper.register import Register
from daemon.keeper.reviews import Reviews
from daemon.keeper.ringtime import RingCounter
from daemon.keeper.store import Store
from daemon.keeper.sweeper import BATCH_MAX
from daemon.keeper.terms import Terms
from daemon.keeper.timekeeper import Timekeeper
from daemon.keeper.trials import Trials
from daemon.keeper.unread import Unread
from daemon.keeper.verifier import Verifier
from daemon.keeper.witness import Witness
from daemon.keeper.worker import Inspected, LogInspected
from daemon.keeper.years import YearCounted, Years
from daemon.model import acts, bounds
from daemon.model.faults import KeeperFault
from daemon.model.holders import Moment
from daemon.model.ledger import Line, fields, hash_of
from daemon.model.retention import next_expiry_ns
from daemon.model.timeline import NS, age_ns, powered_ns
from daemon.names import TRACKS
from daemon.paths import Paths
from daemon.times import zone
from hardware.ports import Clock, ClockReading, Disk

WAIT_MAX_S = 1.0
"""How often the loop checks its clocks: UTC is believed after being stable for a while, look by look."""
HEALTH_NS = 15 * NS
UNHEARD_MAX = 256
"""Lines that wait for the alarm process, half a kilobyte each. If there are more, only the newest are kept: the last
head covers the rest."""
MEASURED_MAX = 3
"""Recordings measured per turn: the longest has some ten thousand files, 50 ms on a card."""
WORDS_MAX = 100
"""Words taken before time is checked: more than all peers can have in flight."""
WORDS_NS = 20 * NS
"""And no longer: a deletion has a minute, and the slowest word, a signature that hangs, takes ten seconds of it."""


class FromAlarm(msgspec.Struct, frozen=True):
    """A message from the alarm process."""

    message: link.Word


class FromOperator(msgspec.Struct, frozen=True):
    """A message from an operator."""

    peer: link.Peer
    message: link.Word


Word = FromAlarm | FromOperator | Inspected | LogInspected | YearCounted


class KeeperProcess:
    """Made by a composition root. `run` returns after `stop`."""

    def __init__(
        self, settings: Settings, paths: Paths, clock: Clock, disk: Disk, door: people.Door | None = None
    ) -> None:
        self._clock, self._paths = clock, paths
        self._settings = settings = settings.at(clock.read())
        self._policy = settings.policy
        days = zone(settings.policy.zone) or datetime.UTC
        self._queue: queue.SimpleQueue[Word | None] = queue.SimpleQueue()
        """None: stop."""
        self._store = Store(paths.recordings)
        self._time = Timekeeper(paths.time, clock, self._store)
        self._holds = Holds(paths.holds, self._store.whole, lambda: self._sign(clock.read()))
        self._audit = AuditLog(paths.audit_log, clock)
        archive = Archive(self._store, self._holds, self._audit, self._time, clock, paths, settings)
        self._acts = ActBook()
        self._heads = Heads(paths.audit_key, paths.audit_head, clock.boot_id())
        self._ring, self._seen, self._unread = (
            RingCounter(paths.ring_time, days),
            Witness(self._store),
            Unread(self._store),
        )
        self._holders = Holders(self._policy, settings.unit.name(), clock, self._moment)
        self._filling = Filling(disk)
        self._verifier = Verifier(archive, self._heads, self._seen, self._queue.put)
        self._trials = Trials(self._store, self._audit, paths)
        self._clearing = Clearing(self._store, self._audit)
        self._terms = Terms(archive, self._trials, self._unread)
        self._reviews = Reviews(self._holds, self._audit, self._policy.holds, days)
        self._register = Register(self._policy.roles())
        self._policies = Policies(settings, paths)
        self._years = Years(archive, self._heads, self._seen, days, self._policies.confirmed, self._queue.put)
        self._desk = Desk(
            archive, door or people.Door(), self._verifier, self._trials, self._holders, self._register,
            self._policies, self._state, self._sweep_now,
        )  # fmt: skip
        self._link = link.Client(paths.unit_socket, lambda _, message: self._queue.put(FromAlarm(message)))
        self._operators = link.Server(paths.keeper_socket, lambda p, m: self._queue.put(FromOperator(p, m)))
        self._settings_fault = ""
        self._behind = False
        """The store has more than the log records yet."""
        self._health_ns = 0
        self._holds_fault = ""
        self._unheard: deque[wire.Receipt] = deque(maxlen=UNHEARD_MAX)
        self._stopping = False
        self._answers: Mapping[type, Callable[[Any], None]] = {
            FromAlarm: self._from_alarm, FromOperator: self._from_operator, YearCounted: self._year_counted,
            Inspected: self._inspected, LogInspected: self._inspected,
        }  # fmt: skip

    def stop(self) -> None:
        """Ask the loop to end. Safe in a signal handler."""
        self._queue.put(None)

    def run(self) -> None:
        """Sweep, say READY, go on. Raises StoreError if the log takes nothing; a new one can be made then."""
        try:
            self.begin()
            self._link.start()
            self._operators.start()
            systemd.notify("READY=1")
            log.event("ready", recordings=len(self._store), policy=self._policy.name)
            while not self._stopping and self._settings.at(self._clock.read()).policy == self._policy:
                self._turn()
                self._stopping |= self._policies.is_answered()
            self._time.keep(stopping=True)
            self._ring.tick(self._audit, self._clock.read(), stopping=True)
            self._sign(self._clock.read())
            systemd.notify("STOPPING=1")
        finally:
            self.close()

    def begin(self) -> None:
        """Before everything else: continue counting time, and delete everything that is due. Raises StoreError."""
        self._open()
        try:
            durable.forget_new(self._paths.store)
        except StoreError as error:  # the daily inspection lists it; nothing else depends on it
            log.event("left_over_stays", "warning", why=str(error))
        self._time.start(self._audit)
        self._ring.start(self._clock.read())
        self._policies.keep(self._clock.read())
        self._bear_witness()
        self._look_at_holds()
        self._sweep(None)
        self._verifier.start()

    def _open(self) -> None:
        """Take the store's directories and its log, and read them. Raises StoreError."""
        for directory in (self._paths.recordings, self._paths.holds):
            try:
                directory.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"{directory}: {error.strerror or error}") from error
        self._store.refresh()
        followers = (
            self._time, self._holds, self._heads, self._acts, self._ring, self._seen, self._filling, self._verifier,
            self._unread, self._holders, self._register, self._policies, self._years,
        )  # fmt: skip
        follow = (part.follow for part in followers)
        self._audit.open(*follow, witnessed=self._heads.seen(), keys=self._heads.keys())

    def close(self) -> None:
        """Close the sockets, and then the log."""
        self._verifier.close()
        self._years.close()
        self._operators.close()
        self._link.close()
        self._audit.close()

    def _turn(self) -> None:
        self._take_words()
        now, changed = self._look()
        if self._look_at_holds() or changed or self._terms.is_due(now) or self._trials.wait:
            self._sweep()
        self._store.measure(MEASURED_MAX)
        self._time.keep()
        self._ring.tick(self._audit, now)
        self._look_at_years(now)
        self._look_at_reviews(now)
        self._desk.tick(now.boot_ns)
        self._verifier.tick(now.boot_ns)
        acted = self._desk.acted()
        if acted or self._heads.is_due(self._audit, now):
            self._sign(now)
        if acted:
            self._health_ns = 0
        if now.boot_ns >= self._health_ns:
            self._health_ns = now.boot_ns + HEALTH_NS
            self._store.look_again()
            self._terms.look_again()
            self._terms.end_unread()
            self._settings_fault = (
                (self._settings.fault or self._settings.holders_fault).partition("\n  ")[2].partition("\n")[0]
                or _in_words(changed_files(self._paths.etc, self._settings))
                or _unread(unread(self._paths.etc, signed=bool(self._settings.unit.policy.signers)))
            )
            self._look_at_policies(now)
            self._look_at_disk()
            self._clear(now)
            changed = True
            self._link.send(self._state())
        if changed or self._behind:
            self._bear_witness()
            if self._terms.purged():
                self._sweep()
        systemd.notify("WATCHDOG=1")

    def _bear_witness(self) -> None:
        """Log which recordings began and ended, and under which policy."""
        try:
            if line := self._seen.under(self._settings, self._audit):
                self._witness(line)  # a key that somebody adds to the policy is seen from outside
            self._behind = self._seen.look(self._audit)
            self._seen.account(self._audit, self._holds.named(), self._time.trusted(self._clock.read()))
        except StoreError as error:
            self._terms.refuse(error)

    def _take_words(self) -> None:
        """Handle all waiting words: a hold requested before the end of a term must not come after its deletion."""
        wait_s = 0.0 if self._terms.is_due(self._clock.read()) else WAIT_MAX_S
        until_ns = self._clock.boot_ns() + WORDS_NS
        for _ in range(WORDS_MAX):
            if self._clock.boot_ns() > until_ns:
                break
            try:
                word = self._queue.get(timeout=wait_s)
            except queue.Empty:
                break
            if word is None:
                self._stopping = True
            else:
                self._answers[type(word)](word)
            wait_s = 0.0

    def _look(self) -> tuple[ClockReading, bool]:
        """Read the clocks, and whether a recording has appeared in the store or gone."""
        try:
            lines = self._audit.lines
            now = self._time.look(self._audit)
            if self._audit.lines != lines:
                self._sign(now)  # an unsigned line would date nothing at the next start
            return now, self._store.refresh()
        except StoreError as error:
            self._terms.refuse(error)
            return self._clock.read(), False

    def _look_at_holds(self) -> bool:
        """Read changed files, and complete what could not be written before."""
        try:
            changed = self._holds.refresh()
            if changed or self._holds.owes:
                self._health_ns, self._behind = 0, True
                self._holds.settle(self._audit)
                self._reviews.look_again()
        except StoreError as error:
            self._holds_fault = str(error)
            return False
        self._holds_fault = ""
        return changed

    def _look_at_years(self, now: ClockReading) -> None:
        for line in self._years.tick(now):
            self._witness(line)
            self._behind = True  # the new file has the policy in force first of all

    def _year_counted(self, word: YearCounted) -> None:
        for line in self._years.take(word):
            self._witness(line)
        self._health_ns = 0

    def _look_at_reviews(self, now: ClockReading) -> None:
        told, lapsed = self._reviews.look(self._time.trusted(now))
        for message in told:
            self._link.send(message)
        if told or self._reviews.changed:
            self._health_ns = 0
        if lapsed:
            self._sweep()

    def _look_at_disk(self) -> None:
        held = len({part for hold in self._holds.active().values() for part in self._store.whole(hold.recording_id)})
        if line := self._filling.look(self._audit, held, len(self._store)):
            self._witness(line)

    def _look_at_policies(self, now: ClockReading) -> None:
        try:
            for line in self._policies.look(self._audit, now):
                self._witness(line)
        except StoreError as error:
            self._terms.refuse(error)

    def _clear(self, now: ClockReading) -> None:
        try:
            for line in self._clearing.look(now.boot_ns):
                self._witness(line)
        except StoreError as error:
            log.event("not_cleared", "warning", why=str(error))  # it stays listed, and is tried again

    def _inspected(self, word: Inspected | LogInspected) -> None:
        if line := self._verifier.take(word):
            self._witness(line)
            self._sweep()  # recordings put back into the store are past their term, and known by now
            self._health_ns = 0

    def _sweep(self, tracks_max: int | None = BATCH_MAX) -> list[Line]:
        """Delete what is due; each receipt is published for a witness, and the log is signed after them."""
        receipts = self._terms.sweep(tracks_max)
        for receipt in receipts:
            self._witness(receipt)
        if receipts:
            self._sign(self._clock.read())
            self._health_ns = 0
        return receipts

    def _sign(self, now: ClockReading) -> None:
        """Make one signature for all deletions: it covers every line before it."""
        if line := self._heads.sign(self._audit, now):
            self._witness(line)

    def _witness(self, line: Line) -> None:
        """Send a line for the broker's log; keep it while the alarm process is absent."""
        said = wire.Receipt(fields(line), hash_of(line))
        self._unheard.append(said)
        if self._link.send(said):
            self._unheard.pop()

    def _sweep_now(self) -> list[dict[str, str]]:
        """Sweep for an operator; return what was deleted."""
        gone = [receipt.act for receipt in self._sweep()]
        return [{"recording_id": one.recording_id, "track": one.track} for one in gone if isinstance(one, acts.Deleted)]

    def _moment(self) -> Moment:
        """The current moment for dating a proof: by the powered-on time, and by UTC if it is believed."""
        now = self._time.trusted(self._clock.read())
        known = now.wall_ns if now.state == "synchronised" else None
        return Moment(powered_ns(self._time.timeline, now.boot_ns), known)

    def _state(self) -> wire.KeeperState:
        now, timeline, kept = self._clock.read(), self._time.timeline, self._terms.kept()
        ages = {t: [age_ns(timeline, k.oldest, now.boot_ns) / 3.6e12 for k in kept if k.track == t] for t in TRACKS}
        oldest = {track: round(max(hours), 2) if hours else None for track, hours in ages.items()}
        wait_ns = next_expiry_ns(kept, timeline, now)
        faults: dict[KeeperFault, str] = {
            "keeper": self._terms.fault or self._time.fault,
            "audit": self._audit.fault or self._heads.fault or self._years.fault,
            "holds": self._holds_fault or self._seen.fault or self._holds.fault(), "hold_review": self._reviews.fault,
            "disk": self._filling.fault, "verify": self._verifier.fault,
            "settings": self._settings_fault, "holders": self._holders.fault(),
            "policy": bounds.line(self._policies.fault(), bounds.LONG_MAX),
        }  # fmt: skip
        return wire.KeeperState(
            recordings=len(self._store),
            store_bytes=self._store.bytes(),
            oldest_audio_h=oldest["audio"],
            oldest_video_h=oldest["video"],
            next_expiry_s=None if wait_ns is None else wait_ns // NS,
            filled_pct=self._filling.percent,
            unaccounted=len(self._store.unaccounted) + self._verifier.foreign,
            verified_h=self._verifier.age_h(now.boot_ns),
            holds=len(self._holds.active()),
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
            case wire.Acts() as told:
                self._take(told)

    def _take(self, told: wire.Acts) -> None:
        """Log the alarm process's acts. If the disk refuses, they are not acknowledged, and come again."""
        try:
            self._link.send(self._acts.take(told, self._audit))
        except StoreError as error:
            log.event("acts_not_written", "error", why=str(error))

    def _from_operator(self, word: FromOperator) -> None:
        if isinstance(word.message, wire.Request):
            self._desk.answer(word.peer, word.message)
        elif isinstance(word.message, link.Left):
            self._desk.left(word.peer)


def _unread(names: tuple[str, ...]) -> str:
    return f"{', '.join(names)}: is not read; expected {READ}" if names else ""


def _in_words(files: tuple[str, ...]) -> str:
    """The fault when a policy file was changed under a running unit, which continues under the old one."""
    if not files:
        return ""
    return f"{', '.join(files)} changed since the unit started; what was read then is in force until a restart"
