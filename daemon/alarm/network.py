# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Events from the network: brokers that connect and disconnect, their answers, receivers, consoles, wireless buttons.

Invariant: they are answered from the loop, at once; any change to the room is an input of its table. A message that is
not accepted is refused, counted, and logged once per kind.
"""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from daemon import log
from daemon.alarm import certificates, messages, mqtt, orders, routes
from daemon.alarm.control import Control
from daemon.alarm.denied import Denied
from daemon.alarm.inbox import Foreign, FromReceiver, Inbox, ReceiverSays, Refused
from daemon.alarm.messages import Ack, Poll, ResetCommand
from daemon.alarm.mobiles import Mobiles
from daemon.alarm.outbox import NOBODY, Outbox
from daemon.alarm.proofs import Proofs
from daemon.alarm.receipts import Receipts
from daemon.alarm.receivers import Receivers
from daemon.alarm.status import Telemetry
from daemon.model import events
from daemon.model.faults import FaultName
from daemon.model.mobile import KEEPS_S
from daemon.model.unit import Unit
from daemon.times import utc

NS = 1_000_000_000

_BROKER_FAULT: dict[str, FaultName] = {"alarm": "broker", "second": "second_broker"}
POLL = "poll"
"""Key of a poll, and of the broker's answer to it."""
DEAF = "no receiver answered any more on this connection; a new one is made"
POLL_EXPIRES_S = 15
"""A broker drops a poll after this time: an old poll proves nothing."""
CERTIFICATES_NS = 3600 * 1_000_000_000
"""How often the files are read, besides at each new connection. An engineer sees a renewed one within the hour."""


def connections(unit: Unit, name: str, inbox: Inbox, sink: mqtt.Sink, memory: Path) -> dict[str, mqtt.Connection]:
    """Make the connections that alarms go by. `memory`: a directory for what they need after a restart.

    A wireless button's press is an alarm: it comes by the same connection, and by the broker that the gateways know.
    """
    answers = (*inbox.orders, inbox.presence)
    keeps_s = KEEPS_S if inbox.foreign else 0
    heard = (*answers, *inbox.foreign)
    first = mqtt.Connection(
        "alarm", f"{name}-alarm", unit.broker, sink, subscribe=heard, keeps_s=keeps_s, by_hand=bool(inbox.foreign),
        memory=memory / "broker.json",
    )  # fmt: skip
    made = {"alarm": first}
    if (second := unit.second_broker) is not None:
        made["second"] = mqtt.Connection(
            "second", f"{name}-second", second, sink, subscribe=answers, memory=memory / "second_broker.json"
        )
    return made


class Pressed(msgspec.Struct, frozen=True):
    """Presses of wireless buttons, and the message that brought them."""

    presses: tuple[events.AlarmPressed, ...]
    word: mqtt.Received


class Ends(msgspec.Struct, frozen=True):
    """Expiry of each path's certificates, UTC in seconds by name, as read from the files."""

    ends_s: dict[str, dict[str, int]]


class Network:
    """Owned by the loop: every method but `take` is called from its thread alone."""

    def __init__(
        self, control: Control, unit: Unit, inbox: Inbox, brokers: Mapping[str, mqtt.Connection], outbox: Outbox,
        proofs: Proofs, telemetry: Telemetry, put: Callable[[Any], bool], keep: Callable[[orders.Heard], bool], *,
        simulated: bool,
    ) -> None:  # fmt: skip
        """`put` enqueues for the loop, from any thread. `keep` has the journal keep a button's last message."""
        self._control, self._inbox, self._brokers, self._simulated = control, inbox, brokers, simulated
        self._outbox, self._proofs, self._telemetry, self._put, self._keep = outbox, proofs, telemetry, put, keep
        self._receivers, self._denied = Receivers(unit, tuple(brokers), simulated=simulated), Denied()
        self._mobiles, self._receipts = Mobiles(unit, control.clock), Receipts(self._acknowledge)
        outbox.heard_of = self._mobiles.heard_of
        self._settings = {"alarm": unit.broker} | ({"second": unit.second_broker} if unit.second_broker else {})
        self._topic = unit.topic_root() + "alarm/poll"
        self._certificates_ns = 0
        self._reader = threading.Thread()
        """Reads the certificate files: a stalled card must cost this thread, and no alarm."""
        self._shown: dict[str, str] = {}
        self._ends_s: dict[str, dict[str, int]] = {name: {} for name in brokers}
        self._renamed: set[str] = set()
        outbox.listens = lambda name: self._receivers.listens(name, control.clock.boot_ns())
        self._refused: set[str] = set()
        self._came = dict.fromkeys(brokers, 0)
        """Messages since the start, by connection; counted on its thread."""
        self._looked_at = dict(self._came)
        self.answers: Mapping[type, Callable[[Any], None]] = {
            mqtt.Up: self._up, mqtt.Down: self._down, mqtt.Unheard: self._unheard, mqtt.NameTaken: self._name_taken,
            mqtt.Answered: self._answered, mqtt.Received: self._received, Pressed: self._pressed,
            orders.Found: self._looked_up, Ends: self._ends,
        }  # fmt: skip
        """The handler of each kind of word."""

    def take(self, word: mqtt.Word) -> None:
        """Sink of the connections that alarms go by. The connection's thread; never waits.

        A foreign message is judged here. Only a press goes on to the loop, and is acknowledged once it is kept.
        """
        if isinstance(word, mqtt.Received):
            self._came[word.client] += 1
        if isinstance(word, mqtt.Anew):
            self._mobiles.begins_anew()
        elif isinstance(word, mqtt.Received) and self._inbox.is_foreign(word.topic):
            foreign = Foreign(word.topic, word.payload, word.retained, word.waited, word.again, word.mid)
            self._mobiles.hear(
                foreign, lambda presses: self._put(Pressed(presses, word)), lambda: self._acknowledge(word)
            )
        else:
            self._put(word)
            if isinstance(word, mqtt.Received):
                self._acknowledge(word)  # a receiver says `stored` again for the next attempt

    def _acknowledge(self, word: mqtt.Received) -> None:
        if word.receipt:
            self._brokers[word.client].acknowledge(word)

    def kept(self, event_id: str) -> None:
        """An alarm event is in the journal: the broker may forget the press."""
        self._receipts.kept(event_id)

    def opened(self, found: orders.Opened) -> None:
        """The journal has been read."""
        self._mobiles.opened(found)

    def look(self, now_ns: int) -> None:
        """Check what only time shows: that nobody listens, that a wireless button is silent."""
        self._control.fault("nobody_listening", self._receivers.nobody(now_ns))
        self._mobiles.look(now_ns)
        self._control.fault("mobile_button", self._mobiles.wrong())
        alive, refused = self._mobiles.news()
        for name in alive:
            self._proofs.seen(name)
        for why, count in refused.items():
            self.refuse("foreign", why, count)
        for heard in self._mobiles.due():
            self._keep(heard)
        self._receipts.tick(now_ns)
        for name in self._brokers:
            before, self._looked_at[name] = self._looked_at[name], self._came[name]
            self._receivers.crowded(name, self._looked_at[name] - before, now_ns)
            self._supervise(name, now_ns)
        is_up = {name: self._receivers.up_ns(name) is not None for name in self._brokers}
        self._control.fault("telemetry", self._telemetry.wrong(now_ns, is_up.__getitem__))
        if now_ns >= self._certificates_ns and any(broker.tls for broker in self._settings.values()):
            self._look_at_certificates(now_ns)

    def receivers(self) -> tuple[str, ...]:
        """Receivers that listen, sorted by name."""
        return self._receivers.online(self._control.clock.boot_ns())

    def paths(self) -> dict[str, messages.PathProof]:
        """The proof of each path, for health."""
        now = self._control.clock.read()

        def at(boot_ns: int | None) -> str | None:
            return None if boot_ns is None else utc(now.wall_ns + boot_ns - now.boot_ns)

        found: dict[str, messages.PathProof] = {}
        for name, broker in self._settings.items():
            proven = self._receivers.proven(name, now.boot_ns)
            found[_BROKER_FAULT[name]] = messages.PathProof(
                up_since=at(self._receivers.up_ns(name)),
                proven_until=at(max(proven.values(), default=None)),
                receivers={console: utc(now.wall_ns + until_ns - now.boot_ns) for console, until_ns in proven.items()},
                secured=certificates.secured(broker),
                certificate_days=certificates.days(self._ends_s[name], now.wall_ns // NS),
            )
        return found

    # --- what proves a path -----------------------------------------------------------------------------------------

    def _supervise(self, name: str, now_ns: int) -> None:
        """Poll the receivers, and replace a connection on which no answer comes back."""
        connection, waits = self._brokers[name], bool(self._outbox.undelivered)
        if self._receivers.poll_due(name, now_ns, hurry=waits):
            poll = Poll(secrets.token_hex(4), simulated=self._simulated)
            if connection.publish(self._topic, messages.encode(poll), key=POLL, spare=1, expires_s=POLL_EXPIRES_S):
                self._receivers.polled(name, poll.id, now_ns)
        if self._receivers.owed_ns(name, now_ns) > routes.PUBACK_NS:
            connection.renew(routes.NO_PUBACK)
            self._receivers.poll_taken(name)
        taken = self._receivers.is_taken_over(name, now_ns)
        if self._receivers.is_deaf(name, now_ns):
            log.event("path_deaf", "warning", client=name, another_name=taken)
            self._renamed |= {name} if taken else set()
            connection.renew(DEAF, another_name=taken)

    def _look_at_certificates(self, now_ns: int) -> None:
        """Read the files on a separate thread. If one is still reading, try again at the next look."""
        if not self._reader.is_alive():
            self._certificates_ns = now_ns + CERTIFICATES_NS
            args = (dict(self._shown),)
            self._reader = threading.Thread(target=self._read_certificates, args=args, name="certificates", daemon=True)
            self._reader.start()

    def _read_certificates(self, shown: dict[str, str]) -> None:
        found = {name: certificates.ends(broker, shown.get(name, "")) for name, broker in self._settings.items()}
        self._put(Ends(found))  # without a place for it the last verdict stays until the next hour

    def _ends(self, word: Ends) -> None:
        """A certificate that expires soon is a fault. While the clock is not synchronised the last verdict stays."""
        self._ends_s |= word.ends_s
        now = self._control.clock.read()
        if now.state == "synchronised":
            told = (
                certificates.wrong(f"{broker.host}:{broker.port}", self._ends_s[name], now.wall_ns // NS)
                for name, broker in self._settings.items()
            )
            self._control.fault("certificate", "; ".join(filter(None, told)))

    def refuse(self, kind: str, why: str, count: int = 1) -> None:
        """Count a refusal, and log the first of each kind: a flood of nonsense must not fill the log."""
        self._telemetry.count(f"refused_{kind}", count)
        if kind not in self._refused:
            self._refused.add(kind)
            log.event("message_refused", "warning", kind=kind, why=why)

    # --- brokers ----------------------------------------------------------------------------------------------------

    def _up(self, word: mqtt.Up) -> None:
        log.event("broker_up", client=word.client, protocol=word.protocol)
        self._control.fault("refused_by_broker", self._denied.heard(word.client, word.packet_bytes))
        self._telemetry.connected(word, self._control.room)
        if word.client in self._brokers:
            now_ns = self._control.clock.boot_ns()
            self._receivers.connected(word.client, now_ns)
            self._shown[word.client], self._certificates_ns = word.certificate_until, 0
            self._control.fault(_BROKER_FAULT[word.client], "")
            self._supervise(word.client, now_ns)
            self._outbox.resend()

    def _down(self, word: mqtt.Down) -> None:
        self._control.fault("refused_by_broker", self._denied.lost(word.client))
        self._telemetry.lost(word)
        if word.client in self._brokers:
            self._receivers.lost(word.client)
            self._outbox.lost(word.client)
            self._control.fault(_BROKER_FAULT[word.client], word.reason)

    def _unheard(self, word: mqtt.Unheard) -> None:
        self._control.fault("refused_by_broker", self._denied.unheard(word))
        if word.client in self._brokers:  # it can publish, though not hear: an alarm may still reach somebody
            self._outbox.resend()

    def _name_taken(self, word: mqtt.NameTaken) -> None:
        detail = f"another client came to the broker as {word.client_id}, this unit's name; we go on under another"
        self._telemetry.count("name_taken")
        self._control.fault("client_id", detail)

    def _answered(self, word: mqtt.Answered) -> None:
        if word.client not in self._brokers:
            self._telemetry.answered(word)
            return
        if word.key == POLL:
            self._receivers.poll_taken(word.client)
            return
        # Before the outbox, which asks at once who else listens.
        self._receivers.answered(word.client, nobody=word.code == NOBODY)
        self._control.step(*self._outbox.answered(word))
        self._control.fault("refused_by_broker", self._denied.answered(word.client, word.code))
        self._control.fault("nobody_listening", self._receivers.nobody(self._control.clock.boot_ns()))

    # --- messages ---------------------------------------------------------------------------------------------------

    def _received(self, word: mqtt.Received) -> None:
        letter = self._inbox.read(word)
        match letter:
            case FromReceiver(console=console, said=Poll(id=poll)):
                self._receiver_answers(word.client, console, poll)
            case FromReceiver():
                self._receiver_orders(letter)
            case ReceiverSays():
                self._receiver_says(word.client, letter)
            case Refused():
                self.refuse(letter.kind, letter.why)

    def _receiver_orders(self, letter: FromReceiver) -> None:
        """Take an acknowledgement or a reset: only from a receiver known to be there, and in its own name."""
        match letter.said:
            case Ack(by=by) | ResetCommand(by=by) if by != letter.console:
                self.refuse("impostor", f"{letter.console} speaks in the name of {by}")
            case Ack() | ResetCommand() if not self._receivers.knows(letter.console):
                self.refuse("stranger", f"{letter.console} has never said that it is there")
            case Ack(id=event_id):
                self._acknowledged(event_id, self._outbox.acknowledged(letter.said))
                self._receipts.kept(event_id)
            case ResetCommand():
                self._console_resets(letter.said)

    def _looked_up(self, word: orders.Found) -> None:
        """The journal has looked up an event that is no longer in memory, or never was ours."""
        self._acknowledged(word.asked.event_id, self._outbox.found(word))

    def _acknowledged(self, event_id: str, inputs: tuple[events.Input, ...] | None) -> None:
        if inputs is None:
            self.refuse("ack", f"no alarm event of ours has the id {event_id}")
        self._control.step(*inputs or ())

    def _receiver_says(self, client: str, said: ReceiverSays) -> None:
        """Count presence on the connections of alarms only: amqtt sends it to every client, asked or not."""
        if client not in self._brokers:
            return
        now_ns = self._control.clock.boot_ns()
        come = self._receivers.heard(client, said.console, said.presence, now_ns)
        self._has_come(client, come, "presence", "more receivers than are remembered")

    def _receiver_answers(self, client: str, console: str, poll: str) -> None:
        come = self._receivers.here(client, console, poll, self._control.clock.boot_ns())
        self._has_come(client, come, "here", "an answer to no poll of the last ones, or of one receiver too many")
        if come is not None and client in self._renamed:
            self._renamed.discard(client)
            self._name_taken(mqtt.NameTaken(client, self._brokers[client].own_id))

    def _has_come(self, client: str, come: bool | None, kind: str, why: str) -> None:  # noqa: FBT001 - see `Receivers.heard`
        if come is None:
            self.refuse(kind, why)
        elif come:
            self._supervise(client, self._control.clock.boot_ns())
            self._outbox.resend()
        self._control.fault("nobody_listening", self._receivers.nobody(self._control.clock.boot_ns()))

    def _pressed(self, item: Pressed) -> None:
        if item.word.receipt:
            now_ns = self._control.clock.boot_ns()
            self._receipts.owe(item.word, (press.alarm_id for press in item.presses), now_ns)
        try:
            self._control.step(*item.presses)
        finally:
            self._mobiles.done(item.presses)

    def _console_resets(self, command: ResetCommand) -> None:
        """End the alarms that it names: a repeated or replayed command ends nothing new."""
        if not any(alarm.id in command.alarm_ids for alarm in self._control.room.alarms):
            self.refuse("reset", "none of the alarms that it names is open")
            return
        self._control.step(events.ResetAsked(str(uuid.uuid4()), f"console {command.by}", "console", command.alarm_ids))
