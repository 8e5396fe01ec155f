# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What comes from the network: brokers that come and go, what they answer, receivers, consoles, wireless buttons.

The law here: it answers from the loop, at once; whatever changes the room is an input of the room's own table. What
means nothing here is refused, counted, and told once a kind.
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
"""The key of a poll: of the broker's answer to it."""
DEAF = "no receiver answered any more on this connection; a new one is made"
POLL_EXPIRES_S = 15
"""A poll that a broker has kept for somebody who was away is none."""
CERTIFICATES_NS = 3600 * 1_000_000_000
"""How often the files are looked at; a new connection looks as well. An engineer who renewed one sees so in an hour."""


def connections(unit: Unit, name: str, inbox: Inbox, sink: mqtt.Sink, memory: Path) -> dict[str, mqtt.Connection]:
    """The connections that alarms go by. `memory`: a directory for what they have to know after a restart.

    A wireless button's press is an alarm: it comes where alarms go, and by the broker that the gateways know.
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
    """Wireless buttons have been pressed, and the message that says so."""

    presses: tuple[events.AlarmPressed, ...]
    word: mqtt.Received


class Ends(msgspec.Struct, frozen=True):
    """What the files of each way say: UTC in seconds at which each of its certificates ends, by what it is called."""

    ends_s: dict[str, dict[str, int]]


class Network:
    """Owned by the loop: every method but `take` is called from its thread alone."""

    def __init__(
        self, control: Control, unit: Unit, inbox: Inbox, brokers: Mapping[str, mqtt.Connection], outbox: Outbox,
        proofs: Proofs, telemetry: Telemetry, put: Callable[[Any], bool], keep: Callable[[orders.Heard], bool], *,
        simulated: bool,
    ) -> None:  # fmt: skip
        """`put` enqueues for the loop, from any thread. `keep` has the journal keep a wireless button's last word."""
        self._control, self._inbox, self._brokers, self._simulated = control, inbox, brokers, simulated
        self._outbox, self._proofs, self._telemetry, self._put, self._keep = outbox, proofs, telemetry, put, keep
        self._receivers, self._denied = Receivers(unit, tuple(brokers), simulated=simulated), Denied()
        self._mobiles, self._receipts = Mobiles(unit, control.clock), Receipts(self._acknowledge)
        outbox.heard_of = self._mobiles.heard_of
        self._settings = {"alarm": unit.broker} | ({"second": unit.second_broker} if unit.second_broker else {})
        self._topic = unit.topic_root() + "alarm/poll"
        self._certificates_ns = 0
        self._reader = threading.Thread()
        """Reads the certificates' files: a card that stands still must cost this thread, and no alarm."""
        self._shown: dict[str, str] = {}
        self._ends_s: dict[str, dict[str, int]] = {name: {} for name in brokers}
        self._renamed: set[str] = set()
        outbox.listens = lambda name: self._receivers.listens(name, control.clock.boot_ns())
        self._refused: set[str] = set()
        self._came = dict.fromkeys(brokers, 0)
        """Messages since the start, by connection: its thread counts them."""
        self._looked_at = dict(self._came)
        self.answers: Mapping[type, Callable[[Any], None]] = {
            mqtt.Up: self._up, mqtt.Down: self._down, mqtt.Unheard: self._unheard, mqtt.NameTaken: self._name_taken,
            mqtt.Answered: self._answered, mqtt.Received: self._received, Pressed: self._pressed,
            orders.Found: self._looked_up, Ends: self._ends,
        }  # fmt: skip
        """By what each kind of word is answered."""

    def take(self, word: mqtt.Word) -> None:
        """What a connection that alarms go by says: the sink of each. The connection's thread; never waits.

        A foreign message is judged here, and only a press goes on to the loop, which acknowledges it when it is kept.
        """
        if isinstance(word, mqtt.Received):
            self._came[word.client] += 1
        if isinstance(word, mqtt.Anew):
            self._mobiles.begins_anew()
        elif isinstance(word, mqtt.Received) and self._inbox.is_foreign(word.topic):
            foreign = Foreign(word.topic, word.payload, word.retained, word.waited, word.again, word.mid)
            try:
                pressed = self._mobiles.hear(foreign, lambda presses: self._put(Pressed(presses, word)))
            except Exception as error:  # noqa: BLE001 - a message that is never acknowledged would come for ever
                log.event("foreign_message_failed", "error", topic=word.topic, error=repr(error))
                pressed = False
            if not pressed:
                self._acknowledge(word)
        else:
            self._put(word)
            if isinstance(word, mqtt.Received):
                self._acknowledge(word)  # a receiver says `stored` again for the next attempt

    def _acknowledge(self, word: mqtt.Received) -> None:
        if word.receipt:
            self._brokers[word.client].acknowledge(word)

    def kept(self, event_id: str) -> None:
        """An alarm event is in the journal: the broker need not keep the press any longer."""
        self._receipts.kept(event_id)

    def opened(self, found: orders.Opened) -> None:
        """The journal has been read."""
        self._mobiles.opened(found)

    def look(self, now_ns: int) -> None:
        """What only time shows: that nobody listens, and a wireless button that is silent."""
        self._control.fault("nobody_listening", self._receivers.nobody(now_ns))
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
        """Who listens, in order of name."""
        return self._receivers.online(self._control.clock.boot_ns())

    def paths(self) -> dict[str, messages.PathProof]:
        """What proves each way of an alarm, for health."""
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
        """Asks who listens, and gives up a connection on which nothing comes back."""
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
        """Has the files read by a thread of its own; while one still does, the next look asks again."""
        if not self._reader.is_alive():
            self._certificates_ns = now_ns + CERTIFICATES_NS
            args = (dict(self._shown),)
            self._reader = threading.Thread(target=self._read_certificates, args=args, name="certificates", daemon=True)
            self._reader.start()

    def _read_certificates(self, shown: dict[str, str]) -> None:
        found = {name: certificates.ends(broker, shown.get(name, "")) for name, broker in self._settings.items()}
        self._put(Ends(found))  # without a place for it the last verdict stands, until the next hour

    def _ends(self, word: Ends) -> None:
        """What ends soon is a fault, while the clock is worth something; else the last verdict stands."""
        self._ends_s |= word.ends_s
        now = self._control.clock.read()
        if now.state == "synchronised":
            told = (
                certificates.wrong(f"{broker.host}:{broker.port}", self._ends_s[name], now.wall_ns // NS)
                for name, broker in self._settings.items()
            )
            self._control.fault("certificate", "; ".join(filter(None, told)))

    def refuse(self, kind: str, why: str, count: int = 1) -> None:
        """Counted each time, told once a kind: who sends nonsense must not fill the log."""
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
        if word.client in self._brokers:  # it speaks, though deaf: an alarm may reach somebody by it
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
        # Before the outbox: it asks at once who else listens.
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
        """An acknowledgement or a reset: of a receiver that is known to be there, under the name that it has there."""
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
        """The journal has looked for an event that is not in memory any more, or never was ours."""
        self._acknowledged(word.asked.event_id, self._outbox.found(word))

    def _acknowledged(self, event_id: str, inputs: tuple[events.Input, ...] | None) -> None:
        if inputs is None:
            self.refuse("ack", f"no alarm event of ours has the id {event_id}")
        self._control.step(*inputs or ())

    def _receiver_says(self, client: str, said: ReceiverSays) -> None:
        """Counts on the connections that alarms go by; a broker may tell every client of ours, asked or not (amqtt)."""
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
        """Names what it ends: one that comes again, or was recorded and is played back, ends nothing new."""
        if not any(alarm.id in command.alarm_ids for alarm in self._control.room.alarms):
            self.refuse("reset", "none of the alarms that it names is open")
            return
        self._control.step(events.ResetAsked(str(uuid.uuid4()), f"console {command.by}", "console", command.alarm_ids))
