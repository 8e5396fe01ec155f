# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The witness's loop: message in, on the disk, acknowledged; forks found and published.

Invariant: what is acknowledged is on the disk. What the disk refuses is not acknowledged: it waits here, also when the
connection ends, and is tried again; the broker keeps it as well, for a witness that ends meanwhile. What is refused for
good is counted by its reason, named in the log and in the state, and acknowledged, or it would hold up those behind it.
One thread; the connection's thread only enqueues.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from daemon import log, systemd
from daemon.errors import LinkError, StoreError, TakenError
from daemon.model.witness import ROOT, TOPICS, Fork, Heard, head_of
from daemon.texts import shown
from daemon.times import utc
from daemon.witness.intake import Came, NotTakenError, line_of, read
from daemon.witness.store import HEADS_MAX, Unit, WitnessStore

BATCH_MAX = 100
"""Messages per sync: what an MQTT 5 broker has on its way to us at once."""
WORDS_MAX = 2000
"""Words that wait for the loop: twenty batches. The connection is renewed when one does not fit, and it comes again."""
UNITS_MAX = 200
"""Units of one witness: four times the largest town. Their state stays below the broker's 64 kB."""
RETRY_S = 3.0
"""Between two attempts at a disk that refuses."""
TICK_S = 1.0
STATE_S = 60.0
"""Between two states that differ in nothing but their time."""
FAULT_CHARS_MAX = 200
KEEPS_S = 604_800
"""A broker keeps messages so long for a witness that is away: `persistent_client_expiration` in our mosquitto.conf."""


class Joined(msgspec.Struct, frozen=True):
    """Connected and subscribed. `keeps`: the broker keeps messages for us while we are away (MQTT 5)."""

    protocol: str
    keeps: bool


class Gone(msgspec.Struct, frozen=True):
    """Not connected."""

    reason: str


class Deaf(msgspec.Struct, frozen=True):
    """The broker has refused a subscription."""

    topic: str
    code: int


class Missed(msgspec.Struct, frozen=True):
    """The broker has no session of ours: it kept nothing while we were away."""


class NameTaken(msgspec.Struct, frozen=True):
    """Another client uses our id."""

    client_id: str


Word = Came | Joined | Gone | Deaf | Missed | NameTaken


class Link(Protocol):
    """The connection to the broker."""

    def start(self) -> None:
        """Begin to connect."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a message over; False: it cannot be sent now."""

    def renew(self, why: str) -> None:
        """Build a new connection: the broker sends again what was not acknowledged."""

    def alive(self) -> bool:
        """Whether its thread runs."""

    def close(self) -> None:
        """Disconnect."""


class UnitHeard(msgspec.Struct, frozen=True):
    """What was heard of a unit."""

    lines: int
    """The highest number of lines of its audit log that was witnessed."""
    heard_at: str
    """UTC of its last message, by the witness's clock; empty: none since the witness started."""


class State(msgspec.Struct, frozen=True):
    """Retained on `witness/{id}/state`; its will says that it is not online."""

    online: bool
    at: str = ""
    """UTC at which this was sent."""
    faults: dict[str, str] = {}
    """Active faults: `disk`, `subscription`, or a unit's name (a fork)."""
    units: dict[str, UnitHeard] = {}
    kept: int = 0
    """Lines kept since the witness started."""
    passed: int = 0
    """Messages without a head, such as the start of a recording."""
    refused: dict[str, int] = {}
    """Messages that were not kept although they should carry a head, by reason."""


def state_topic(organisation: str, witness: str) -> str:
    """Where the witness says how it is."""
    return f"{ROOT}{organisation}/witness/{witness}/state"


def subscriptions(organisation: str) -> tuple[str, ...]:
    """Topic filters of the units of an organisation."""
    return tuple(f"{ROOT}{organisation}/+/+/{topic}" for topic in TOPICS)


class _Entry(msgspec.Struct, frozen=True):
    """A message to be kept."""

    came: Came
    unit: Unit
    head: Heard
    line: bytes


class WitnessProcess:
    """`put` from any thread, `stop` in a signal handler, the rest from the thread of `run`."""

    def __init__(self, organisation: str, witness: str, store: WitnessStore, wall_ns: Callable[[], int]) -> None:
        self._topic, self._store, self._wall_ns = state_topic(organisation, witness), store, wall_ns
        self._words: queue.Queue[Word] = queue.Queue(WORDS_MAX)
        self._stopping = False
        self._waiting: dict[tuple[str, bytes], Came] = {}
        """Not kept yet: the disk refused. By topic and text, in their order; what comes again waits once."""
        self._retry_s = 0.0
        self._faults: dict[str, str] = {}
        self._owed: list[tuple[Unit, Fork, str]] = []
        self._refused: dict[str, int] = {}
        self._kept = self._passed = 0
        self._said: object = None
        """What was new in the state published last."""
        self._said_s = 0.0
        self._overrun = False

    def put(self, word: Word) -> None:
        """Hand over a word; never waits. What does not fit is not acknowledged, and the connection is made anew."""
        try:
            self._words.put_nowait(word)
        except queue.Full:
            self._overrun = True

    def stop(self) -> None:
        """Ask the loop to end within `TICK_S`."""
        self._stopping = True

    def run(self, link: Link) -> None:
        """Witness until `stop`. Raises TakenError, and LinkError if the connection's thread has ended."""
        try:
            self._open()
            link.start()
            systemd.notify("READY=1")
            log.event("witness_ready", units=len(self._store.units))
            while not self._stopping:
                self._turn(link)
            systemd.notify("STOPPING=1")
            link.publish(self._topic, msgspec.json.encode(State(online=False, at=self._now())), retain=True)
        finally:
            link.close()
            self._store.close()

    def _open(self) -> bool:
        """Take the store; False: the disk refuses, and messages wait."""
        try:
            self._store.open()
        except TakenError:
            raise
        except StoreError as error:
            self._refused_by_disk(error)
            return False
        for unit in self._store.units.values():
            self._find_forks(unit)
        return True

    def _turn(self, link: Link) -> None:
        batch = self._take()
        now_s = time.monotonic()
        if self._waiting and now_s >= self._retry_s:
            batch, self._waiting = [*self._waiting.values(), *batch], {}
        elif self._waiting:
            self._wait_too(batch)
            batch = []
        for start in range(0, len(batch), BATCH_MAX):
            self._keep(batch[start : start + BATCH_MAX])
        if self._overrun and not self._waiting:
            self._overrun = False
            log.event("witness_overrun", "warning", waiting=len(self._waiting))
            link.renew("more messages at once than the disk takes; what was not acknowledged comes again")
        if not link.alive():
            raise LinkError("the connection's thread has ended; expected to be started again")
        self._say(link, now_s)

    def _take(self) -> list[Came]:
        """Wait for words, and return the messages among them."""
        found: list[Came] = []
        wait_s = TICK_S
        while len(found) < BATCH_MAX:
            try:
                word = self._words.get(timeout=wait_s) if wait_s else self._words.get_nowait()
            except queue.Empty:
                break
            wait_s = 0.0
            match word:
                case Came():
                    found.append(word)
                case Gone():  # nobody waits for these receipts any more; a broker that kept our session sends again
                    found = [came.outlived() for came in found]
                    self._waiting = {key: came.outlived() for key, came in self._waiting.items()}
                    self._heed(word)
                case _:
                    self._heed(word)
        return found

    def _heed(self, word: Word) -> None:
        match word:
            case Joined(protocol=protocol, keeps=keeps):
                self._said = None
                self._faults.pop("subscription", None)
                log.event("witness_listens", protocol=protocol)
                if not keeps:
                    log.event(
                        "witness_unbacked",
                        "warning",
                        protocol=protocol,
                        why="the broker keeps nothing while we are away",
                    )
            case Gone(reason=reason):
                log.event("witness_away", "warning", reason=reason)
            case Deaf(topic=topic, code=code):
                self._fault("subscription", f"the broker refuses {topic}: code {code:#x}")
            case Missed():
                log.event("witness_session_new", why="what units published meanwhile was not kept for this witness")
            case NameTaken(client_id=client_id):
                log.event("witness_id_taken", "warning", client_id=client_id)

    def _wait_too(self, batch: list[Came]) -> None:
        """The disk refuses: who sends again waits, the others are refused by name."""
        for came in batch:
            key = came.topic, came.payload
            if came.receipt is not None and (key in self._waiting or len(self._waiting) < WORDS_MAX):
                self._waiting[key] = came.also(self._waiting.get(key))
            else:
                self._overrun = self._overrun or came.receipt is not None
                self._refuse(came, "disk", self._faults.get("disk", ""))

    def _keep(self, batch: list[Came]) -> None:
        """Put messages on the disk, unit by unit, and acknowledge them."""
        if not (self._store.is_open or self._open()):
            self._wait_too(batch)
            return
        at = self._now()
        entries: dict[int, list[_Entry]] = {}
        for came in batch:
            entry = self._judged(came, at)
            if entry is not None:
                entries.setdefault(id(entry.unit), []).append(entry)
        year = int(at[:4])
        for several in entries.values():
            unit = several[0].unit
            try:
                self._store.keep(unit, year, (entry.line for entry in several))
            except StoreError as error:
                self._refused_by_disk(error)
                self._wait_too([entry.came for entry in several])
                continue
            self._mended("disk")
            self._taken(unit, several, at)
        self._settle()

    def _taken(self, unit: Unit, several: list[_Entry], at: str) -> None:
        """Lines are durable: acknowledge them, and look whether they fit together."""
        self._kept += len(several)
        unit.heard_at = at
        for entry in several:
            fork = unit.book.take(entry.head)
            if fork is not None:
                self._owed.append((unit, fork, at))
            entry.came.acknowledge()
        unit.book.forget(HEADS_MAX)
        self._find_forks(unit)

    def _settle(self) -> None:
        """Write down forks. They are known here and in the lines themselves until the disk takes them."""
        while self._owed:
            unit, fork, at = self._owed[0]
            try:
                self._store.keep_fork(unit, fork, at)
            except StoreError as error:
                self._fault("disk", str(error))
                return
            self._owed.pop(0)

    def _find_forks(self, unit: Unit) -> None:
        forks = unit.book.forks
        if not forks:
            return
        more = f", and {len(forks) - 1} more" if len(forks) > 1 else ""
        self._fault(
            unit.name, f"{next(iter(forks.values()))}{more}: what this unit says of its past cannot all be true"
        )

    def _judged(self, came: Came, at: str) -> _Entry | None:
        """What is to be kept of a message; None: nothing, and it is acknowledged."""
        try:
            names, said = read(came)
        except NotTakenError as error:
            self._refuse(came, error.why, str(error))
            return None
        head = head_of(said, "/".join(names))
        if head is None:
            self._passed += 1
            came.acknowledge()
            return None
        if (names, said.simulated) not in self._store.units and len(self._store.units) >= UNITS_MAX:
            self._refuse(came, "too_many_units", f"expected at most {UNITS_MAX}")
            return None
        unit = self._store.unit(names, simulated=said.simulated)
        if unit.book.has(head):
            unit.heard_at = at
            came.acknowledge()
            return None
        return _Entry(came, unit, head, line_of(came, at))

    def _refuse(self, came: Came, why: str, detail: str) -> None:
        count = self._refused[why] = self._refused.get(why, 0) + 1
        if count in {1, 10, 100} or count % 1000 == 0:
            about = {"topic": shown(came.topic)[:FAULT_CHARS_MAX], "detail": shown(detail)[:FAULT_CHARS_MAX]}
            log.event("witness_refused", "warning", why=why, count=count, **about)
        if why != "disk":
            came.acknowledge()

    def _refused_by_disk(self, error: StoreError) -> None:
        self._fault("disk", str(error))
        self._retry_s = time.monotonic() + RETRY_S

    def _fault(self, name: str, what: str) -> None:
        what = what[:FAULT_CHARS_MAX]
        if self._faults.get(name) != what:
            self._faults[name] = what
            log.event("witness_fault", "error", about=name, what=what)

    def _mended(self, name: str) -> None:
        if self._faults.pop(name, None) is not None:
            log.event("witness_fault_over", about=name)

    def _say(self, link: Link, now_s: float) -> None:
        """Publish the state at once when a fault, a refusal or a unit is new, and each minute."""
        news = dict(self._faults), tuple(self._refused), len(self._store.units)
        if news == self._said and now_s < self._said_s + STATE_S:
            return
        heard = {unit.name: UnitHeard(unit.book.lines, unit.heard_at) for unit in self._store.units.values()}
        state = State(True, self._now(), self._faults, heard, self._kept, self._passed, self._refused)
        if link.publish(self._topic, msgspec.json.encode(state), retain=True):
            self._said, self._said_s = news, now_s

    def _now(self) -> str:
        return utc(self._wall_ns())
