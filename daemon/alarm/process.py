# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm process: one loop, one writer of state.

Invariant: every other thread (pins, MQTT, journal, sockets, signals) only enqueues. The loop takes what has come, lets
the table in `model/room.py` decide, and carries out the effects in their order: the alarm is kept and published, then
the lamps, then the recorder. It waits for nothing but its queue and its next deadline.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from daemon import cardstate, link, log, people, systemd, wire
from daemon.alarm import journal, mqtt, network, orders, sooner
from daemon.alarm.acts import Acts
from daemon.alarm.aiming import Aiming
from daemon.alarm.control import Control
from daemon.alarm.desk import Desk
from daemon.alarm.effects import Effects
from daemon.alarm.inbox import Inbox
from daemon.alarm.intake import Intake
from daemon.alarm.lights import Lights
from daemon.alarm.lines import Lines
from daemon.alarm.messages import AlarmEvent
from daemon.alarm.mishaps import Mishaps
from daemon.alarm.network import Network, connections
from daemon.alarm.outbox import Outbox
from daemon.alarm.peers import Peers
from daemon.alarm.privacy import Privacy
from daemon.alarm.proofs import UNSURE, Proofs
from daemon.alarm.remembered import PART, WAITS, Remembered
from daemon.alarm.speakers import FromOperator, FromUnit, Speakers, field_users, refuse
from daemon.alarm.status import Telemetry
from daemon.alarm.uses import Uses
from daemon.config import Settings
from daemon.errors import DeviceError, LinkError
from daemon.model import events, fitted
from daemon.model.faults import FaultName
from daemon.model.policy import NS
from daemon.model.relay import Relay
from daemon.model.room import deadline_ns, lease_deadline_ns
from daemon.model.rules.recorder import unrecorded
from daemon.model.rules.use import unseen
from daemon.model.state import Rules
from daemon.paths import Paths
from hardware import ports

BATCH_MAX = 100
"""Items taken before time is checked again, unless a press is due to be decided: then at once."""
WAIT_MAX_S = 1.0
"""The loop wakes at least this often: to feed the watchdog, and to notice a step of the clock."""
LOOK_NS = 1_000_000_000
"""How often the loop checks what only time shows: an alarm without an answer, a button without a test."""
AWAKE_NS = 1_000_000
"""The loop wakes this long before a press is decided, and stays awake. A sleeping processor takes a fifth of a
millisecond to wake, and as long again to fill its caches: more than deciding and publishing take together."""
SWITCH_S = 0.0005
"""How long a thread may hold Python's lock: the default of 5 ms is longer than an alarm takes."""

Item = mqtt.Word | network.Pressed | orders.Said | FromUnit | FromOperator


class Devices(msgspec.Struct, frozen=True):
    """The devices that a composition root hands in."""

    buttons: ports.Buttons
    lamps: ports.Lamps
    clock: ports.Clock
    machine_id: str
    """Of the machine, not of the card: two units with the same id disconnect each other from the broker for ever."""
    simulated: bool
    """Whether buttons or lamps are simulated: every message says so (promise H3)."""
    door: people.Door | None = None
    """Who may ask for what; None: by this machine's groups."""


class AlarmProcess:
    """Made by a composition root. `run` returns after `stop`."""

    def __init__(self, settings: Settings, paths: Paths, devices: Devices) -> None:
        settings = settings.at(devices.clock.read())
        self._settings, self._devices, self._clock = settings, devices, devices.clock
        unit, policy, simulated = settings.unit, settings.policy, devices.simulated
        name, inbox = f"spreekkamer-{devices.machine_id}", Inbox(unit)
        self._intake: Intake[Item] = Intake()
        self._mishaps = Mishaps(self._clock.boot_ns)
        self._control = Control(Rules.of(policy), self._clock, self._mishaps)
        self._lines = Lines(policy, devices.buttons.active)
        relay = Relay(unit.relay.maximum_s * NS) if unit.relay else None
        self._lights = Lights(devices.lamps, frozenset(output.name for output, _ in fitted.outputs(unit)), relay)
        self._journal = journal.Journal(paths.journal / "alarms.sqlite3", self.put)
        self._brokers = connections(unit, name, inbox, self._from_network, paths.journal)
        self._acts = Acts(self._clock, self._journal.give)
        self._remembered = Remembered(self._clock, self._acts)
        self._privacy = Privacy(policy, self._control, self._acts)
        self._uses = Uses(self._acts, self._clock.boot_ns())
        self._outbox = Outbox(unit, self._clock, self._journal, self._brokers, simulated=simulated)
        self._outbox.on_delivered = self._delivered
        self._proofs = Proofs(unit, self._clock, self._journal)
        self._telemetry = Telemetry(settings, self._clock, name, self.put, self._figures, simulated=simulated)
        self._aiming = Aiming(self._lights, lambda aim: self._peers.tell_recorder(aim))  # noqa: PLW0108 - made below
        sides = settings.unit.microphone.channel_names
        self._peers = Peers(self._control, self._acts, self._aiming, self._telemetry, sides)
        self._network = Network(
            self._control, unit, inbox, self._brokers, self._outbox, self._proofs, self._telemetry, self.put,
            self._journal.give, simulated=simulated,
        )  # fmt: skip
        self._desk = Desk(
            self._control, unit, devices.door or people.Door(), self._lights, self._lines, self._aiming, self._acts,
            self._privacy, self._outbox, self._telemetry, self._peers, self._network,
        )  # fmt: skip
        self._control.effects = Effects(
            self._control, self._outbox, self._proofs, self._acts, self._remembered, self._privacy, self._uses,
            self._lights, self._telemetry, self._peers,
        )  # fmt: skip
        self._speakers = Speakers(field_users(), os.geteuid())
        self._unit_server = link.Server(paths.unit_socket, self._from_unit)
        self._operators = link.Server(paths.operator_socket, self._from_operators)
        self._watchdog_s = systemd.watchdog_interval_s() or WAIT_MAX_S
        self._look_ns, self._card = 0, paths.card
        self._disk_says = self._beside_says = ""
        self._stopping = False
        self._answers: Mapping[type, Callable[[Any], None]] = {
            **self._network.answers, FromUnit: self._peers.heard,
            FromOperator: self._asked, orders.Opened: self._opened, orders.Kept: self._kept,
            orders.Trouble: self._trouble, orders.SetAside: self._set_aside, orders.Waiting: self._outbox.read,
            orders.ActKept: lambda _: self._acts.kept(), orders.Batch: self._acts.read,
        }  # fmt: skip

    def put(self, item: Item) -> bool:
        """Enqueue; False: the item's source has no place left, and the item is lost, counted and a fault.

        Any thread; never blocks, never raises.
        """
        return self._intake.put(self._source(item), item)

    def _source(self, item: Item) -> str:
        match item:
            case mqtt.Received():
                return "answers"
            case network.Pressed():
                return "buttons"
            case FromUnit():
                return item.speaker
            case FromOperator():
                return "operators"
            case mqtt.Up() | mqtt.Down() | mqtt.Answered() | mqtt.Unheard() | mqtt.NameTaken():
                return item.client
        return "journal"

    def _from_unit(self, peer: link.Peer, message: link.Word) -> None:
        """A message on the unit's socket. The link's thread."""
        word = self._speakers.word(peer, message)
        if word is None:
            return
        # The end of a connection always has a place: there is one for each peer that the loop has heard.
        if self._intake.put(word.speaker, word, sure=isinstance(message, link.Left)):
            self._speakers.taken(word)
        else:
            peer.close()

    def _from_operators(self, peer: link.Peer, message: link.Word) -> None:
        """A message on the operators' socket. The link's thread."""
        if isinstance(message, wire.Request):
            if not self.put(FromOperator(peer, message)):
                peer.close()
        elif not isinstance(message, link.Joined | link.Left):
            refuse(peer, message)

    def stop(self) -> None:
        """Ask the loop to end. Safe in a signal handler."""
        self._stopping = True
        self._intake.wake()

    # --- life -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Start what listens, then what speaks. Ready means: a press is seen, kept and will be sent."""
        sys.setswitchinterval(SWITCH_S)
        self._journal.start()
        now_ns = self._clock.boot_ns()
        self._control.step(*self._lines.start(self._devices.buttons.start(self._intake.edge), now_ns))
        self._mishaps.guard("the in-use contact", self._use)
        self._listen()
        card, upgrade = cardstate.read(self._card).refused, cardstate.taken_back(self._card)
        for name, detail in (*self._missing(), ("card", card), ("upgrade", upgrade)):
            self._control.fault(name, detail)
        self._lights.show(self._control.room, now_ns)
        sooner.over()
        systemd.notify("READY=1")
        log.event("ready", unit=self._settings.unit.name(), policy=self._settings.policy.name)
        for broker in self._brokers.values():
            broker.start()
        self._telemetry.start()
        try:
            while not self._stopping:
                self._turn()
        finally:
            self._close()

    def _missing(self) -> tuple[tuple[FaultName, str], ...]:
        """Who has not connected yet; each fault ends when they do."""
        absent: tuple[tuple[FaultName, str], ...] = (
            ("broker", "not connected yet"), ("keeper", "has not come yet"), ("recorder", "has not come yet"),
        )  # fmt: skip
        return absent if self._settings.policy.tracks() else absent[:2]

    def _close(self) -> None:
        """Close in reverse order: the buttons first, the journal last. One failure does not keep the others open."""
        systemd.notify("STOPPING=1")
        ends = (
            self._devices.buttons.close, self._telemetry.close, *(broker.close for broker in self._brokers.values()),
            self._operators.close, self._unit_server.close, self._devices.lamps.close, self._journal.close,
        )  # fmt: skip
        with contextlib.ExitStack() as stack:
            for end in reversed(ends):
                stack.callback(end)

    def _turn(self) -> None:
        """Take what has come, edges first, until a press is due to be decided; then do what time demands."""
        wait_s = self._wait_s()
        for _ in range(BATCH_MAX):
            item = self._intake.take(wait_s)
            if item is None:
                break
            if isinstance(item, ports.Edge):
                self._mishaps.guard("an edge", self._edge, item)
            else:
                self._answer(item)
            press_ns = self._lines.next_ns
            if press_ns is not None and press_ns <= self._clock.boot_ns():
                break
            wait_s = 0.0  # then whatever else has come
        self._time_passes()

    def _answer(self, item: Item) -> None:
        """Handle one item. If that raises, disconnect the peer that sent it; it sends its state anew."""
        if not self._mishaps.guard(type(item).__name__, self._answers[type(item)], item) and isinstance(
            item, FromUnit | FromOperator
        ):
            item.peer.close()

    def _wait_s(self) -> float:
        press_ns, room = self._lines.next_ns, self._control.room
        deadlines = (
            None if press_ns is None else press_ns - AWAKE_NS, deadline_ns(room), lease_deadline_ns(room),
            self._lights.next_change_ns, self._telemetry.next_ns, self._outbox.next_ns,
        )  # fmt: skip
        due = [ns for ns in deadlines if ns is not None]
        wait_s = (min(due) - self._clock.boot_ns()) / 1e9 if due else WAIT_MAX_S
        return min(max(wait_s, 0.0), WAIT_MAX_S, self._watchdog_s)

    def _time_passes(self) -> None:
        """Do everything that is due. Buttons first: a press is decided by time, 50 ms after its edge."""
        for edge in self._intake.edges():  # a press must not overtake its release
            self._mishaps.guard("an edge", self._edge, edge)
        now_ns = self._clock.boot_ns()
        self._mishaps.guard("the buttons", self._press_time, now_ns)
        self._mishaps.guard("the in-use contact", self._use)
        self._mishaps.guard("a deadline of the room", self._room_time, now_ns)
        self._mishaps.guard("what waits to be sent", self._outbox.tick, now_ns)
        self._mishaps.guard("aiming", self._aiming.tick, self._control.room, now_ns)
        if now_ns >= self._look_ns:
            self._look_ns = now_ns + LOOK_NS
            self._alive()
            self._look(now_ns)
        self._mishaps.guard("the lamps", self._lamp_time, now_ns)
        self._mishaps.guard("health", self._telemetry.tick, now_ns, self._control.room)
        systemd.notify("WATCHDOG=1")

    def _press_time(self, now_ns: int) -> None:
        self._control.step(*self._lines.tick(now_ns))

    def _use(self) -> None:
        """After the presses, which need nothing of it."""
        self._control.step(*self._lines.states())

    def _room_time(self, now_ns: int) -> None:
        due_ns = deadline_ns(self._control.room)
        if due_ns is not None and due_ns <= now_ns:
            self._control.step(events.TimePassed(str(uuid.uuid4()), secrets.token_hex(16)))
        due_ns = lease_deadline_ns(self._control.room)
        if due_ns is not None and due_ns <= now_ns:
            self._control.step(events.LeaseDue())

    def _lamp_time(self, now_ns: int) -> None:
        self._control.fault("lamp", "; ".join(self._lights.faults.values()))
        self._lights.show(self._control.room, now_ns)

    def _alive(self) -> None:
        """End the process when one of its threads has ended: only a new process brings it back.

        systemd starts one within a second, and the journal has the open alarms. Raises DeviceError.
        """
        threads = {
            "buttons: the thread that brings their edges": self._devices.buttons.alive(),
            "journal: its thread": self._journal.alive(),
            "unit.sock: the thread that reads it": self._unit_server.alive(),
            "operator.sock: the thread that reads it": self._operators.alive(),
            **{f"mqtt {name}: its thread": broker.alive() for name, broker in self._brokers.items()},
            "mqtt telemetry: its thread": self._telemetry.alive(),
        }
        if ended := [what for what, lives in threads.items() if not lives]:
            raise DeviceError(f"{'; '.join(ended)} has ended; expected it to live")

    def _look(self, now_ns: int) -> None:
        """Check what only time shows."""
        jobs: tuple[tuple[str, Callable[[], None]], ...] = (
            ("the buttons' levels", lambda: self._lines.look(now_ns)),
            ("the day's refusals", lambda: self._desk.tick(now_ns)),
            ("what is unanswered", lambda: self._control.fault("unanswered", self._outbox.unanswered(now_ns))),
            ("the journal", self._look_at_disk),
            ("the network", lambda: self._network.look(now_ns)),
            ("the buttons' tests", lambda: self._control.fault("button_test", self._proofs.overdue())),
            ("the open alarm's recording", lambda: self._control.fault("unrecorded", unrecorded(self._control.room))),
            ("the buttons' proofs", lambda: self._proofs.tick(now_ns)),
            ("the audit log's acts", lambda: self._acts.tick(now_ns)),
            ("the uses", lambda: self._uses.tick(now_ns)),
            ("the contact's uses", lambda: self._control.fault("in_use_unseen", unseen(self._control.room))),
            ("the policy", self._obey),
            ("the covered window", self._privacy.cover),
            ("the sockets", self._listen),
        )
        for what, job in jobs:
            self._mishaps.guard(what, job)
        self._mishaps.count(self._intake.lost)
        self._control.fault("inputs", self._mishaps.wrong())

    def _listen(self) -> None:
        """Listen on sockets not open yet. The alarm goes on without the other processes: it does not need them."""
        wrong: list[str] = []
        for server in (self._unit_server, self._operators):
            try:
                if not server.listens:
                    server.start()
            except LinkError as error:
                wrong.append(str(error))
        self._control.fault("sockets", "; ".join(wrong))

    # --- inputs, except the network's (network.py) and the other processes' (peers.py) --------------------------------

    def _edge(self, edge: ports.Edge) -> None:
        self._control.step(*self._lines.edge(edge))

    def _delivered(self, event: AlarmEvent) -> None:
        """An event is fully delivered. If it is a test, its button has been proved."""
        self._proofs.delivered(event)
        self._look_ns = 0

    def _opened(self, found: orders.Opened) -> None:
        self._outbox.opened(found)
        self._proofs.opened(found.buttons, found.modes.get(UNSURE))
        self._network.opened(found)
        waiting_ns = self._remembered.waiting_ns(found.modes.get(WAITS))
        alarms = self._outbox.open_alarms(found)
        part, owed_ns = self._remembered.part_of(alarms, found.modes.get(PART))
        self._control.step(events.AlarmsFound(alarms, secrets.token_hex(16), waiting_ns, part, owed_ns))
        self._control.step(self._privacy.opened(found.modes))
        self._privacy.cover()
        self._uses.opened(found.modes)

    def _kept(self, word: orders.Kept) -> None:
        self._outbox.kept(word.event_id)
        self._network.kept(word.event_id)
        self._control.step(events.Delivered(word.event_id, "kept"))
        self._acts.kept()

    def _trouble(self, word: orders.Trouble) -> None:
        self._disk_says = word.reason
        self._look_at_disk()

    def _set_aside(self, word: orders.SetAside) -> None:
        """The journal is in order; a file beside it was not, and a person has to look at it."""
        self._beside_says = word.text
        if word.anew:
            self._outbox.anew({alarm.id for alarm in self._control.room.alarms})
        self._look_at_disk()

    def _look_at_disk(self) -> None:
        refuses = self._journal.stalled() or self._disk_says
        detail = refuses or self._beside_says
        self._control.fault("journal", detail)
        if refuses and not self._control.room.settled:
            # No journal, so no objection in it: a unit with a broken card still records.
            self._control.step(events.ObjectionFound())

    def _asked(self, word: FromOperator) -> None:
        word.peer.send(self._desk.answer(word.message, word.peer.person))

    # --- the policy -------------------------------------------------------------------------------------------------

    def _obey(self) -> None:
        """Follow a new policy without a restart: no press may be missed over it."""
        settings = self._settings.at(self._clock.read())
        if settings.policy != self._settings.policy:
            self._settings = settings
            self._lines.obey(settings.policy)
            self._privacy.obey(settings.policy)
            self._telemetry.obey(settings)
            self._control.step(events.PolicyChanged(settings.policy))

    def _from_network(self, word: mqtt.Word) -> None:
        """Any thread."""
        self._network.take(word)

    def _figures(self) -> dict[str, object]:
        """Figures that only the loop knows."""
        return {
            "lamps": self._lights.state(), "undelivered": self._outbox.undelivered,
            "lost": self._intake.lost, "failed": self._mishaps.failures,
            "queue": len(self._intake),
            "edges": self._devices.buttons.failures + self._lines.lost,
            "consoles": self._network.receivers(), "paths": self._network.paths(),
            "buttons": self._proofs.shown(),
        }  # fmt: skip
