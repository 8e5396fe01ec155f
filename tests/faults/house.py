# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""A house for one fault after the other: a real broker, a link that can go wrong, the real alarm process, a receiver.

The law here: the end is the same for every fault. Each press is one event at the receiver, in order, with an id of its
own; nothing else is there; nothing is wrong any more; and the unit has said nothing in its log that is no event of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from daemon.alarm.messages import AlarmEvent
from daemon.errors import LinkError
from daemon.link import Conversation, ask
from daemon.model.unit import Broker
from simulators import bench_link, console_store
from simulators.clock import SimClock
from simulators.console import Console
from simulators.console_facts import Arrived, Fact
from simulators.link import Proxy
from simulators.places import bench_path, clock_path
from simulators.state import prepare
from tests.brokers import KEEPALIVE_S, Mosquitto
from tests.certificates import UNIT
from tests.contract.wire import witnessing
from tests.rooms import wait_for
from tests.torture.parts import Program
from tests.waiting import PATIENCE_S

ORGANISATION, SITE, ROOM = UNIT.split("/")
ROOT = f"spreekkamer/v1/{UNIT}/"
CONSOLE = "balie"
POLICY = "dronten-2022"
"""Nothing is recorded: the alarm process needs no other. Only the keeper is missed, and said to be."""
UNIT_TOML = """
organisation = "{organisation}"
site = "{site}"
room = "{room}"
[buttons.alarm]
pin = 5
[lamps]
status = 17
[broker]
host = "{host}"
port = {port}
keepalive_s = {keepalive_s}
"""
HOLD_S, FINGER_S = 0.08, 0.06
"""A finger is down this long, and away this long at least, or its next press is the bounce of this one."""
PRESS_KINDS = ("raised", "repeated")
START_S = 60.0
"""A start takes a second and a half of a processor, of which a busy machine has a twentieth for it."""
WITHIN_S = 30.0
"""For a fact that takes ten seconds at most, on a machine that runs something else as well."""


class Unit:
    """The alarm process of a room, alone, and what a test asks of it."""

    def __init__(self, state: Path, broker: Broker, more: str = "") -> None:
        text = UNIT_TOML.format(
            organisation=ORGANISATION, site=SITE, room=ROOM, host=broker.host, port=broker.port, keepalive_s=KEEPALIVE_S
        )
        if (tls := broker.tls) is not None:
            text += f'[broker.tls]\nca = "{tls.ca}"\ncertificate = "{tls.certificate}"\nkey = "{tls.key}"\n'
        state.mkdir(parents=True, exist_ok=True)
        (state / "asked.toml").write_text(text + more)
        self.paths = prepare(state, POLICY, state / "asked.toml", (broker.host, broker.port))
        self.clock = SimClock(clock_path(self.paths))
        self.pressed: list[str] = []
        """The ids that the unit gave to the presses that a test has waited for, in order."""
        self.was_reset = False
        """Somebody has asked for a reset: it is an event, and so is what it takes back."""
        self._program = Program("tests.faults.unit_root", str(state))

    @property
    def machine_name(self) -> str:
        """What its client ids begin with."""
        return f"spreekkamer-{hashlib.sha256(str(self.paths.run).encode()).hexdigest()[:16]}"

    @property
    def pid(self) -> int | None:
        """Of the process; None when it has ended."""
        return self._program.pid

    def start(self) -> None:
        """Returns when a press would be seen."""
        self._program.start()
        first = "the unit's first word"
        try:
            wait_for(first, lambda: self._program.says("event", "ready") or self._program.spoilt, START_S)
        except AssertionError as error:
            error.add_note(self._program.why())
            raise
        assert not self._program.spoilt, self._program.spoilt[-20:]

    def stop(self) -> None:
        """As systemd does."""
        self._program.stop()

    def kill(self) -> None:
        """As a power cut does."""
        self._program.kill()

    def said(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Lines of the event log with this event and these fields, of all its lives."""
        lines = [line for _, line in list(self._program.said) if line.get("event") == event]
        return [line for line in lines if all(line.get(key) == value for key, value in fields.items())]

    def press(self, times: int = 1) -> str:
        """Presses the alarm button; returns the id of the last event, as soon as the unit has it."""
        for _ in range(times):
            reply = bench_link.ask(bench_path(self.paths), bench_link.Press("alarm", HOLD_S))
            assert reply.ok, reply.text
            self.hears()
            time.sleep(FINGER_S)
        return self.pressed[-1]

    def hears(self) -> str:
        """Waits for one more press in the log, of whatever button; returns the id of its event."""
        wait_for("a line of the log for the press", lambda: len(self.presses()) > len(self.pressed))
        self.pressed = self.presses()
        return self.pressed[-1]

    def presses(self) -> list[str]:
        """The ids that the unit gave to presses, as its log has them, in order."""
        lines = [line for _, line in list(self._program.said)]
        return [line["event_id"] for line in lines if line.get("event") in {"alarm_raised", "alarm_repeated"}]

    def health(self) -> dict[str, Any]:
        """What `spreekkamer status --json` shows; empty while the process is away, not while a machine is slow."""
        try:
            with Conversation(self.paths.operator_socket, PATIENCE_S) as alarm:
                found: dict[str, Any] = alarm.ask("status")
        except LinkError:
            return {}
        return found

    def lines(self) -> dict[str, dict[str, Any]]:
        """What `spreekkamer status --alarms` shows, by event id."""
        return {line["id"]: line for line in ask(self.paths.operator_socket, "alarms")}

    def faults(self) -> dict[str, str]:
        """What is wrong, beside that this house has no keeper."""
        found = dict(self.health().get("faults", {"unit": "away"}))
        found.pop("keeper", None)
        return found

    def well(self) -> None:
        """Waits until nothing is wrong."""
        with self.explained():
            wait_for("a unit without a fault", lambda: not self.faults(), WITHIN_S)

    def has_fault(self, name: str, words: str = "") -> str:
        """Waits until the unit says that this is wrong, in these words; returns all that it says."""

        def says_it() -> str:
            text = self.faults().get(name, "")
            return text if words in text else ""

        with self.explained():
            return wait_for(f"the fault {name} ({words})", says_it, WITHIN_S)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Adds to a wait that was in vain what the unit says is wrong."""
        try:
            yield
        except AssertionError as error:
            error.add_note(f"the unit says: {self.faults()}")
            raise

    def shows(self, sign: str) -> None:
        """Waits until the status lamp says this."""

        def says_it() -> bool:
            return [line["says"] for line in self.said("lamp", lamp="status")][-1:] == [sign]

        wait_for(f"the lamp says {sign}", says_it)

    def has_level(self, event_id: str, level: str) -> None:
        """Waits until an alarm has come so far."""
        wait_for(f"{event_id} is {level}", lambda: self.health().get("alarms", {}).get(event_id) == level, WITHIN_S)

    def reset(self) -> None:
        """Ends what is open, as an operator does: the next press is a new alarm, and the lamp is at rest."""
        self.was_reset = True
        assert ask(self.paths.operator_socket, "reset") == "ready"

    def spoilt(self) -> list[str]:
        """What it said that is no event, and events that only a bug makes."""
        bugs = [str(line) for _, line in self._program.said if line.get("event") == "mqtt_client_failed"]
        return [*self._program.spoilt, *bugs]


class Receiver:
    """The reference receiver, and what it has heard."""

    def __init__(self, broker: Broker, store: Path) -> None:
        self._broker, self._store = broker, store
        self._facts: list[Fact] = []
        self._console: Console | None = None

    def start(self) -> None:
        """Returns when it listens."""
        self._console = Console(CONSOLE, ORGANISATION, self._broker, self._store, self._facts.append)
        self._console.start()
        wait_for("a receiver that listens", lambda: self._console is not None and self._console.is_up)

    def stop(self) -> None:
        """Says goodbye, if it is there."""
        if self._console is not None:
            self._console.stop()
            self._console = None

    @property
    def there(self) -> bool:
        """Whether it runs."""
        return self._console is not None

    @property
    def console(self) -> Console:
        """It runs."""
        assert self._console is not None
        return self._console

    def arrived(self, *kinds: str) -> list[Arrived]:
        """Every attempt that came, in order; of these kinds, or of all."""
        found = [fact for fact in list(self._facts) if isinstance(fact, Arrived)]
        return [fact for fact in found if not kinds or fact.kind in kinds]

    def new(self, *kinds: str) -> list[Arrived]:
        """What came for the first time."""
        return [fact for fact in self.arrived(*kinds) if fact.seen == 1]

    def first(self, event_id: str) -> Arrived:
        """Waits for an event; its first attempt that came."""
        return wait_for(
            f"{event_id} at the receiver",
            lambda: next((fact for fact in self.new() if fact.event_id == event_id), None),
            WITHIN_S,
        )

    def body(self, event_id: str) -> AlarmEvent:
        """An event as it came the first time; waits for it."""
        self.first(event_id)
        bodies = [row.body for row in console_store.read(self._store) if row.event_id == event_id]
        return msgspec.json.decode(bodies[0], type=AlarmEvent)


class House:
    """What `house` gives to a test."""

    def __init__(self, broker: Mosquitto, link: Proxy, unit: Unit, receiver: Receiver) -> None:
        self.broker, self.link, self.unit, self.receiver = broker, link, unit, receiver
        self.others: set[str] = set()
        """Kinds of events beside presses that a test makes the unit send."""

    def settles(self) -> None:
        """Waits until nothing is undelivered, and holds what arrived against what was pressed."""
        unit, receiver = self.unit, self.receiver
        wait_for("everything delivered", lambda: unit.health().get("undelivered") == 0, WITHIN_S)

        def came() -> list[str]:
            return [fact.event_id for fact in receiver.new(*PRESS_KINDS)]

        # As the log has them by now: on a busy machine a contact's bounce can be a press that no test knows of yet.
        try:
            wait_for("every press at the receiver", lambda: came() == unit.presses())
        except AssertionError as error:
            error.add_note(f"pressed {unit.presses()}, and what came is {came()}")
            raise
        unit.pressed = unit.presses()
        others = self.others | ({"reset", "cancelled"} if unit.was_reset else set())
        strange = [fact for fact in receiver.new() if fact.kind not in {*PRESS_KINDS, *others}]
        assert strange == [], strange
        assert unit.spoilt() == [], unit.spoilt()

    def ends_well(self) -> None:
        """The law of this page; and then the house is as it was, for the next fault."""
        if not self.receiver.there:
            self.receiver.start()
        self.settles()
        self.unit.well()
        if self.unit.health()["alarms"]:
            self.unit.reset()
            self.settles()


@contextlib.contextmanager
def house(
    home: Path, *, broker: Mosquitto | None = None, unit_as: Broker | None = None, receiver_as: Broker | None = None,
    witness: bool = False, more: str = "", well: bool = True,
) -> Iterator[House]:  # fmt: skip
    """A house in which everything runs and nothing is wrong when it begins.

    With `broker`, and how unit and receiver come to it, there is no link in between. `witness`: everything on the wire
    is held against the contract; that is somebody who listens. `more`: tables for unit.toml. `well`: False for a house
    in which something is wrong from the beginning.
    """
    with contextlib.ExitStack() as stack:
        mosquitto = broker or Mosquitto(home / "broker")
        stack.callback(mosquitto.kill)
        mosquitto.start()
        link = Proxy(mosquitto.port)
        stack.callback(link.stop)
        link.start()
        if witness:
            stack.enter_context(witnessing(mosquitto.port))
        receiver = Receiver(
            receiver_as or Broker("127.0.0.1", mosquitto.port, KEEPALIVE_S), home / "console" / "alarms"
        )
        stack.callback(receiver.stop)
        (home / "console").mkdir()
        receiver.start()
        unit = Unit(home / "unit", unit_as or Broker("127.0.0.1", link.port, KEEPALIVE_S), more)
        stack.callback(unit.stop)
        unit.start()
        if well:
            unit.well()
        yield House(mosquitto, link, unit, receiver)
