"""The sides that go through the same plan: this unit with its reference receiver, and bare paho with bare paho."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from daemon.errors import LinkError, UnitError
from daemon.link import ask
from simulators import bench_link, console_store
from simulators.places import bench_path
from simulators.state import prepare
from tests.brokers import Mosquitto
from tests.torture.account import Figures, Seen, Try, account
from tests.torture.parts import READY_S, Part, Program, boot_ns, wait_for
from tests.torture.plan import Kill, Press

POLICY = "dronten-2022"
"""Nothing is recorded: the alarm process needs no other."""
DRAIN_S = 120.0
"""After the last press everything is up; the unit's longest wait between two attempts is a minute."""
PEER_DRAIN_S = 30.0
"""paho connects again within seconds; what has no answer then never gets one."""
QUIET_S = 1.0


class Result(Struct, frozen=True):
    """What a side did and what became of it."""

    name: str
    figures: Figures
    killed: dict[str, int]
    pressed_s: float
    drained_s: float | None
    """From the last press until nothing waited any more; None: it never was so."""
    others_lost: int | None
    """Events that are no presses (resets, faults), in the journal and not at the receiver; None: it has none."""
    spoilt: tuple[str, ...]
    """What a process said that is not in its log's form: a traceback."""


class World(ABC):
    """One side: a unit, a broker, a receiver, a hand and a killer."""

    name: str

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.broker = Mosquitto(home / "broker")
        self.tries: list[Try] = []
        self.killed: Counter[str] = Counter()
        self._deaths_ns: list[int] = []
        self._locks = {name: threading.Lock() for name in ("unit", "broker", "console")}
        self._unit_up = threading.Event()
        self._killers: list[threading.Timer] = []
        self.unit: Program
        self.console: Program

    def run(self, plan: Sequence[Press], seconds: float) -> Result:
        """Goes through the plan, or as far as the seconds last, and counts. Raises AssertionError: a part hangs."""
        with contextlib.ExitStack() as stack:
            for end in (self.broker.kill, self.console.stop, self.unit.stop, self._call_off):
                stack.callback(end)  # the last of them first
            self.broker.start()
            self.console.start()
            wait_for("the receiver", lambda: self.console.says("event", "ready") or self.console.says("up", value=True))
            self.unit.start()
            self._unit_up.set()
            began_s = time.monotonic()
            self._press_all(plan, began_s + seconds)
            pressed_s = time.monotonic() - began_s
            for killer in self._killers:
                killer.join()
            drained_s = self._drained(began_s + pressed_s)
        seen, traces, others_lost = self.found()
        figures = account(self.tries, self._deaths_ns, seen, traces)
        spoilt = (*self.unit.spoilt, *self.console.spoilt)
        return Result(self.name, figures, dict(self.killed), pressed_s, drained_s, others_lost, spoilt)

    def _press_all(self, plan: Sequence[Press], until_s: float) -> None:
        for press in plan:
            time.sleep(press.gap_s)
            if time.monotonic() > until_s:
                break
            assert self._unit_up.wait(READY_S), "the unit was not started again"
            wait_for("the unit", lambda: self.unit.says("event", "ready"))
            if press.reset:
                self.reset()
            one = Try(boot_ns())
            self.tries.append(one)
            for kill in press.kills:
                self._killers.append(threading.Timer(kill.after_s, self._kill, (kill,)))
                self._killers[-1].start()
            self.press(one, press.hold_s)

    def _call_off(self) -> None:
        """No killer is left that would start a part again."""
        for killer in self._killers:
            killer.cancel()
            killer.join()

    def _kill(self, kill: Kill) -> None:
        """A part that is down already is not killed again."""
        parts: dict[str, Part] = {"unit": self.unit, "broker": self.broker, "console": self.console}
        part, lock = parts[kill.part], self._locks[kill.part]
        if not lock.acquire(blocking=False):
            return
        with contextlib.ExitStack() as stack:
            stack.callback(lock.release)
            if kill.part == "unit":
                self._unit_up.clear()
                self._deaths_ns.append(boot_ns())
            part.kill()
            self.killed[kill.part] += 1
            time.sleep(kill.away_s)
            part.start()
            if kill.part == "unit":
                self._unit_up.set()

    def _drained(self, since_s: float) -> float | None:
        try:
            self.drain()
        except AssertionError:
            return None
        return time.monotonic() - since_s

    @abstractmethod
    def press(self, one: Try, hold_s: float) -> None:
        """Presses and lets go, and notes when."""

    @abstractmethod
    def reset(self) -> None:
        """An operator ends the alarm, if the side has such a thing and it is there."""

    @abstractmethod
    def drain(self) -> None:
        """Waits for the fact that nothing is on its way any more. Raises AssertionError."""

    @abstractmethod
    def found(self) -> tuple[list[Seen], dict[str, int], int | None]:
        """What arrived, what left a trace (event id → boot time of its press), and other events that were lost."""


class Ours(World):
    """The alarm process as it is, on mock pins; the reference receiver as a process."""

    name = "this unit"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._paths = prepare(home / "unit", POLICY, None, ("127.0.0.1", self.broker.port))
        self._bench, self._store = bench_path(self._paths), home / "console.sqlite3"
        self.unit = Program("simulators.unit", "alarm", "--state", str(home / "unit"))
        self.console = Program(
            "simulators.console", "--broker", self.broker.address, "--store", str(self._store), "--json"
        )

    def press(self, one: Try, hold_s: float) -> None:
        """In two steps, so that the hand knows when the contact closed even if the unit dies before it is open."""
        try:
            reply = bench_link.ask(self._bench, bench_link.Hold("alarm"))
            assert reply.ok, reply.text
            one.down_ns = boot_ns()
            time.sleep(hold_s)
            one.up_ns = boot_ns()
            bench_link.ask(self._bench, bench_link.Release("alarm"))
        except LinkError:
            return  # it died under the hand

    def reset(self) -> None:
        """Through the operator's socket."""
        with contextlib.suppress(UnitError):  # it died meanwhile
            ask(self._paths.operator_socket, "reset")

    def drain(self) -> None:
        """The unit says that a receiver has stored every event."""

        def empty() -> bool:
            try:
                return bool(ask(self._paths.operator_socket, "status")["undelivered"] == 0)
            except LinkError:
                return False

        wait_for("the unit", lambda: self.unit.says("event", "ready"))
        wait_for("an empty outbox", empty, DRAIN_S)

    def found(self) -> tuple[list[Seen], dict[str, int], int | None]:
        """From the receiver's disk; traces from the journal and, of what is in neither, from the event log."""
        stored = {row.event_id: row for row in console_store.read(self._store)}
        seen = [
            Seen(row.event_id, round(json.loads(row.body)["data"]["clock"]["boot_s"] * 1e9), row.seen)
            for row in stored.values()
            if row.kind in console_store.OPENS
        ]
        with contextlib.closing(sqlite3.connect(self._paths.journal / "alarms.sqlite3")) as db:
            kept = db.execute("SELECT event_id, kind, pressed_boot_ns FROM alarm_event").fetchall()
        traces = {event_id: pressed_ns for event_id, kind, pressed_ns in kept if kind in console_store.OPENS}
        for at_ns, line in self.unit.said:
            if line.get("event") in {"alarm_raised", "alarm_repeated"} and line["event_id"] not in stored:
                asked_ns = max(one.asked_ns for one in self.tries if one.asked_ns <= at_ns)
                traces.setdefault(line["event_id"], asked_ns)
        others = {event_id for event_id, kind, _ in kept if kind not in console_store.OPENS}
        return seen, traces, len(others - stored.keys())


class Peer(World):
    """Bare paho at both ends."""

    def __init__(self, home: Path, session: Literal["clean", "kept"]) -> None:
        super().__init__(home)
        self.name = f"bare paho, {session} sessions"
        words = (str(self.broker.port), "torture/peer", session)
        self.unit = Program("tests.torture.peer_unit", *words)
        self.console = Program("tests.torture.peer_console", *words)

    def press(self, one: Try, hold_s: float) -> None:
        """It debounces as we do, so the hand stays as long."""
        if self.unit.tell(str(len(self.tries) - 1)):
            one.down_ns = boot_ns()
            time.sleep(hold_s)
            one.up_ns = boot_ns()

    def reset(self) -> None:
        """It knows no alarm, only messages."""

    def drain(self) -> None:
        """Every message of its last life has its PUBACK, and the receiver hears nothing more."""
        try:
            wait_for("its PUBACKs", lambda: self._answered() >= 0, PEER_DRAIN_S)
        finally:
            heard = -1
            while heard != (heard := len(self.console.said)):
                time.sleep(QUIET_S)

    def _answered(self) -> int:
        """Of its last life: answers less messages."""
        life = [line for _, line in self.unit.said]
        born = max(n for n, line in enumerate(life) if line.get("event") == "ready")
        return sum("answered" in line for line in life[born:]) - sum("press" in line for line in life[born:])

    def found(self) -> tuple[list[Seen], dict[str, int], int | None]:
        """From what both have said."""
        arrived = [line for _, line in self.console.said if "press" in line]
        times = Counter(line["id"] for line in arrived)
        pressed = {line["id"]: self.tries[line["press"]].asked_ns for line in arrived}
        seen = [Seen(event_id, pressed[event_id], times[event_id]) for event_id in pressed]
        raised = [line for _, line in self.unit.said if line.get("event") == "alarm_raised"]
        return seen, {line["event_id"]: self.tries[line["press"]].asked_ns for line in raised}, None
