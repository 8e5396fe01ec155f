# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

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
from daemon.model.mobile import AGAIN
from simulators import bench_link, console_store
from simulators.places import bench_path
from simulators.room import no_network
from simulators.state import prepare
from tests.brokers import Mosquitto
from tests.torture.account import Figures, Seen, Trace, Try, account
from tests.torture.gateway import Gateway
from tests.torture.parts import READY_S, Part, Program, boot_ns, wait_for
from tests.torture.plan import BUTTONS, Kill, Press

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
        self._broker_deaths_ns: list[int] = []
        self._locks = {name: threading.Lock() for name in ("unit", "broker", "second", "console")}
        self._unit_up = threading.Event()
        self._killers: list[threading.Timer] = []
        self.unit: Program
        self.console: Program

    def run(self, plan: Sequence[Press], seconds: float) -> Result:
        """Goes through the plan, or as far as the seconds last, and counts. Raises AssertionError: a part hangs."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            for end in (self.broker.kill, self.console.stop, self.unit.stop, self._call_off):
                stack.callback(end)  # the last of them first
            self.broker.start()
            self.open()
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
        figures = account(self.tries, self._deaths_ns, seen, traces, self._broker_deaths_ns)
        spoilt = (*self.unit.spoilt, *self.console.spoilt, *self.more_spoilt())
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
            if press.named:
                self.reset_oldest()
            one = Try(boot_ns())
            self.tries.append(one)
            for kill in press.kills:
                self._killers.append(threading.Timer(kill.after_s, self._kill, (kill,)))
                self._killers[-1].start()
            if press.button is None or not self.press_wireless(one, press.button):
                self.press(one, press.hold_s)

    def _call_off(self) -> None:
        """No killer is left that would start a part again."""
        for killer in self._killers:
            killer.cancel()
            killer.join()

    def _kill(self, kill: Kill) -> None:
        """A part that is down already is not killed again."""
        parts = self.parts(kill.part)
        with contextlib.ExitStack() as stack:
            for name in parts:
                if not self._locks[name].acquire(blocking=False):
                    return
                stack.callback(self._locks[name].release)
            self._die(parts, kill)

    def _die(self, parts: dict[str, tuple[Part, ...]], kill: Kill) -> None:
        """All at one blow, and all back after the same time."""
        now_ns, every = boot_ns(), [part for some in parts.values() for part in some]
        if "unit" in parts:
            self._unit_up.clear()
            self._deaths_ns.append(now_ns)
        if "broker" in parts:
            self._broker_deaths_ns.append(now_ns)
        for part in every:
            part.kill()
        self.killed[kill.part] += bool(parts)
        time.sleep(kill.away_s)
        for part in every:
            part.start()
        if "unit" in parts:
            self._unit_up.set()

    def parts(self, name: str) -> dict[str, tuple[Part, ...]]:
        """What goes down with a part, by the name under which it is locked."""
        alone: dict[str, tuple[Part, ...]] = {
            "unit": (self.unit,),
            "broker": (self.broker,),
            "console": (self.console,),
        }
        if name == "power":
            return {"broker": alone["broker"], "unit": alone["unit"]}
        return {name: alone[name]} if name in alone else {}

    def open(self) -> None:  # noqa: B027 - nothing, where a side has no such thing
        """Starts what this side has beside a unit, a broker and a receiver; `close` ends it."""

    def close(self) -> None:  # noqa: B027 - nothing, where a side has no such thing
        """The end of what `open` began."""

    def more_spoilt(self) -> tuple[str, ...]:
        """What its other processes said that is not in their log's form."""
        return ()

    def reset_oldest(self) -> None:  # noqa: B027 - nothing, where a side has no such thing
        """A desk ends the oldest open alarm by its id, if the side knows such a thing."""

    def press_wireless(self, one: Try, button: int) -> bool:  # noqa: ARG002 - of a side that has one
        """A press without a wire; False: the side knows no such button, and is pressed on the wire."""
        return False

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
    def found(self) -> tuple[list[Seen], dict[str, Trace], int | None]:
        """What arrived, what left a trace (event id → boot time of its press), and other events that were lost."""


UNIT_TOML = """
organisation = "voorbeeldstad"
site = "stadhuis"
room = "kamer"
[buttons.alarm]
pin = 5
[lamps]
status = 17
[broker]
host = "127.0.0.1"
port = {port}
[second_broker]
host = "127.0.0.1"
port = {second}
"""
MOBILE_TOML = """
[[mobile]]
name = "{name}"
topic = "torture/{name}"
field = "action"
pressed = ["emergency"]
repeat_field = "n"
place = "room"
"""
ROOT = "spreekkamer/v1/voorbeeldstad/stadhuis/kamer/"


def wireless(button: int) -> str:
    """Its name."""
    return f"w{button}"


class Ours(World):
    """The unit as it is, on mock pins, at two brokers; the reference receiver as a process at each; a gateway."""

    name = "this unit"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.second = Mosquitto(home / "second")
        asked = home / "asked.toml"
        buttons = "".join(MOBILE_TOML.format(name=wireless(n)) for n in range(BUTTONS))
        asked.write_text(UNIT_TOML.format(port=self.broker.port, second=self.second.port) + buttons)
        self._paths = prepare(home / "unit", POLICY, asked, ("127.0.0.1", self.broker.port))
        self._bench = bench_path(self._paths)
        self._stores = (home / "console.sqlite3", home / "second-console.sqlite3")
        state = ("--state", str(home / "unit"))
        self.unit = Program("simulators.unit", "alarm", *state)
        recorder = Program("simulators.unit", "recorder", *state, before=no_network())
        self._others = (Program("simulators.unit", "keeper", *state), recorder)
        desk = ("simulators.console", "--json", "--store")
        self.console = Program(*desk, str(self._stores[0]), "--broker", self.broker.address)
        self._second_console = Program(*desk, str(self._stores[1]), "--broker", self.second.address, "--id", "hal")
        self._gateway = Gateway(self.broker.port)
        self._desk = Gateway(self.second.port)

    def parts(self, name: str) -> dict[str, tuple[Part, ...]]:
        """The second broker is one more; power takes all three processes."""
        if name == "second":
            return {"second": (self.second,)}
        found = super().parts(name)
        return found | {"unit": (self.unit, *self._others)} if name == "power" else found

    def open(self) -> None:
        """The second broker with its desk, the keeper and the recorder, the gateway."""
        self.second.start()
        for part in (self._second_console, *self._others):
            part.start()
        wait_for("the second receiver", lambda: self._second_console.says("up", value=True))
        self._gateway.start()
        self._desk.start()

    def close(self) -> None:
        """In reverse."""
        self._desk.stop()
        self._gateway.stop()
        for part in (*self._others, self._second_console):
            part.stop()
        self.second.kill()

    def more_spoilt(self) -> tuple[str, ...]:
        """Of the second desk, the keeper and the recorder."""
        return tuple(line for part in (self._second_console, *self._others) for line in part.spoilt)

    def press_wireless(self, one: Try, button: int) -> bool:
        """At QoS 1, by the first broker: `down_ns` is its answer. One that it does not answer for is not owed."""
        one.button = wireless(button)
        self._numbers += 1
        payload = json.dumps({"action": "emergency", "n": self._numbers})
        if self._gateway.say(f"torture/{one.button}", payload):
            one.down_ns = boot_ns()
        return True

    _numbers = 0

    def reset_oldest(self) -> None:
        """By whichever broker takes it; the others stay open."""
        try:
            alarms = ask(self._paths.operator_socket, "status")["alarms"]
        except UnitError:
            return
        if alarms:
            command = json.dumps({"alarm_ids": [next(iter(alarms))], "by": "balie"})
            _ = self._gateway.say(ROOT + "command/reset/balie", command) or self._desk.say(
                ROOT + "command/reset/balie", command
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

    def found(self) -> tuple[list[Seen], dict[str, Trace], int | None]:
        """From the receivers' disks; traces from the journal and, of what is in neither, from the event log."""
        rows = [row for store in self._stores for row in console_store.read(store)]
        stored = {row.event_id: row for row in rows}
        again = Counter({row.event_id: 0 for row in rows})
        for row in rows:
            again[row.event_id] += row.seen - 1  # one at each desk is none
        seen = [
            Seen(
                row.event_id,
                round(data["clock"]["boot_s"] * 1e9),
                1 + again[row.event_id],
                _button(data["source"]),
                data.get("detail") == AGAIN,
            )
            for row in stored.values()
            if row.kind in console_store.OPENS
            for data in [json.loads(row.body)["data"]]
        ]
        with contextlib.closing(sqlite3.connect(self._paths.journal / "alarms.sqlite3")) as db:
            kept = db.execute("SELECT event_id, kind, pressed_boot_ns, body FROM alarm_event").fetchall()
        traces = {
            event_id: Trace(pressed_ns, _button(data["source"]), data.get("detail") == AGAIN)
            for event_id, kind, pressed_ns, body in kept
            if kind in console_store.OPENS
            for data in [json.loads(body)["data"]]
        }
        for at_ns, line in self.unit.said:
            if line.get("event") in {"alarm_raised", "alarm_repeated"} and line["event_id"] not in stored:
                button = _button(line["source"])
                asked = [one.asked_ns for one in self.tries if one.asked_ns <= at_ns and one.button == button]
                traces.setdefault(line["event_id"], Trace(max(asked, default=0), button, is_logged_only=True))
        others = {event_id for event_id, kind, *_ in kept if kind not in console_store.OPENS}
        return seen, traces, len(others - stored.keys())


def _button(source: str) -> str:
    """The wireless button that an event names; empty: the one on the wire."""
    return "" if source == "alarm" else source


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

    def found(self) -> tuple[list[Seen], dict[str, Trace], int | None]:
        """From what both have said."""
        arrived = [line for _, line in self.console.said if "press" in line]
        times = Counter(line["id"] for line in arrived)
        pressed = {line["id"]: self.tries[line["press"]].asked_ns for line in arrived}
        seen = [Seen(event_id, pressed[event_id], times[event_id]) for event_id in pressed]
        raised = [line for _, line in self.unit.said if line.get("event") == "alarm_raised"]
        return seen, {line["event_id"]: Trace(self.tries[line["press"]].asked_ns) for line in raised}, None
