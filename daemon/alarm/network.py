"""What comes from the network: brokers that come and go, what they answer, receivers, consoles, wireless buttons.

The law here: it answers from the loop, at once; whatever changes the room is an input of the room's own table. What
means nothing here is refused, counted, and told once a kind.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from daemon import log
from daemon.alarm import journal, mqtt
from daemon.alarm.denied import REFUSED, Denied
from daemon.alarm.inbox import Foreign, Inbox, ReceiverSays, Refused
from daemon.alarm.messages import Ack, ResetCommand
from daemon.alarm.mobiles import Mobiles
from daemon.alarm.outbox import NOBODY, Outbox
from daemon.alarm.proofs import Proofs
from daemon.alarm.receipts import Receipts
from daemon.alarm.receivers import Receivers
from daemon.alarm.status import Telemetry
from daemon.model import events
from daemon.model.mobile import KEEPS_S
from daemon.model.state import Room
from daemon.model.unit import Unit
from hardware.ports import Clock

_BROKER_FAULT: dict[str, events.FaultName] = {"alarm": "broker", "second": "second_broker"}


def connections(unit: Unit, name: str, inbox: Inbox, sink: mqtt.Sink) -> dict[str, mqtt.Connection]:
    """The connections that alarms go by.

    A wireless button's press is an alarm: it comes where alarms go, and by the broker that the gateways know.
    """
    answers = (inbox.ack, inbox.presence)
    keeps_s = KEEPS_S if inbox.foreign else 0
    heard = (*answers, *inbox.foreign)
    made = {
        "alarm": mqtt.Connection(
            "alarm", f"{name}-alarm", unit.broker, sink, subscribe=heard, keeps_s=keeps_s, by_hand=bool(inbox.foreign)
        )
    }
    if unit.second_broker is not None:
        made["second"] = mqtt.Connection("second", f"{name}-second", unit.second_broker, sink, subscribe=answers)
    return made


class Pressed(msgspec.Struct, frozen=True):
    """Wireless buttons have been pressed, and the message that says so."""

    presses: tuple[events.AlarmPressed, ...]
    word: mqtt.Received


class House(NamedTuple):
    """What the network's words are for; all of it is the loop's."""

    clock: Clock
    outbox: Outbox
    proofs: Proofs
    telemetry: Telemetry
    room: Callable[[], Room]
    step: Callable[[events.Input], None]
    """One input for the room's table, and its effects carried out."""
    fault: Callable[[events.FaultName, str], None]
    """A fault and what is wrong; empty: nothing."""
    put: Callable[[Any], bool]
    """Enqueues for the loop; False when there is no place. Any thread."""
    keep: Callable[[journal.Heard], bool]
    """Has the journal keep what a wireless button said."""


class Network:
    """Owned by the loop: every method but `take` is called from its thread alone."""

    def __init__(self, house: House, unit: Unit, inbox: Inbox, brokers: Mapping[str, mqtt.Connection]) -> None:
        self._house, self._inbox, self._brokers = house, inbox, brokers
        self._receivers, self._denied, self._mobiles = Receivers(unit), Denied(), Mobiles(unit, house.clock)
        self._receipts = Receipts(self._acknowledge)
        house.outbox.heard_of = self._mobiles.heard_of
        self._refused: set[str] = set()
        self.answers: Mapping[type, Callable[[Any], None]] = {
            mqtt.Up: self._up, mqtt.Down: self._down, mqtt.Unheard: self._unheard, mqtt.NameTaken: self._name_taken,
            mqtt.Answered: self._answered, mqtt.Received: self._received, Pressed: self._pressed,
            journal.Found: self._looked_up,
        }  # fmt: skip
        """By what each kind of word is answered."""

    def take(self, word: mqtt.Word) -> None:
        """What a connection that alarms go by says: the sink of each. The connection's thread; never waits.

        A foreign message is judged here, and only a press goes on to the loop, which acknowledges it when it is kept.
        """
        if isinstance(word, mqtt.Anew):
            self._mobiles.begins_anew()
        elif isinstance(word, mqtt.Received) and self._inbox.is_foreign(word.topic):
            foreign = Foreign(word.topic, word.payload, word.retained, word.waited, word.again, word.mid)
            try:
                pressed = self._mobiles.hear(foreign, lambda presses: self._house.put(Pressed(presses, word)))
            except Exception as error:  # noqa: BLE001 - a message that is never acknowledged would come for ever
                log.event("foreign_message_failed", "error", topic=word.topic, error=repr(error))
                pressed = False
            if not pressed:
                self._acknowledge(word)
        else:
            self._house.put(word)
            if isinstance(word, mqtt.Received):
                self._acknowledge(word)  # a receiver says `stored` again for the next attempt

    def _acknowledge(self, word: mqtt.Received) -> None:
        if word.receipt:
            self._brokers[word.client].acknowledge(word)

    def kept(self, event_id: str) -> None:
        """An alarm event is in the journal: the broker need not keep the press any longer."""
        self._receipts.kept(event_id)

    def opened(self, found: journal.Opened) -> None:
        """The journal has been read."""
        self._mobiles.opened(found)

    def look(self, now_ns: int) -> None:
        """What only time shows: that nobody listens, and a wireless button that is silent."""
        self._house.fault("nobody_listening", self._receivers.nobody(now_ns))
        self._house.fault("mobile_button", self._mobiles.wrong())
        alive, refused = self._mobiles.news()
        for name in alive:
            self._house.proofs.seen(name)
        for why, count in refused.items():
            self.refuse("foreign", why, count)
        for heard in self._mobiles.due():
            self._house.keep(heard)
        self._receipts.tick(now_ns)

    def receivers(self) -> tuple[str, ...]:
        """Who listens, in order of name."""
        return self._receivers.online()

    def refuse(self, kind: str, why: str, count: int = 1) -> None:
        """Counted each time, told once a kind: who sends nonsense must not fill the log."""
        self._house.telemetry.count(f"refused_{kind}", count)
        if kind not in self._refused:
            self._refused.add(kind)
            log.event("message_refused", "warning", kind=kind, why=why)

    # --- brokers ----------------------------------------------------------------------------------------------------

    def _up(self, word: mqtt.Up) -> None:
        log.event("broker_up", client=word.client, protocol=word.protocol)
        self._house.telemetry.connected(word, self._house.room())
        if word.client in self._brokers:
            self._receivers.connected(word.client, self._house.clock.boot_ns())
            self._house.fault(_BROKER_FAULT[word.client], "")
            self._house.outbox.resend()

    def _down(self, word: mqtt.Down) -> None:
        self._house.fault("refused_by_broker", self._denied.lost(word.client))
        if word.client in self._brokers:
            self._receivers.lost(word.client)
            self._house.outbox.lost(word.client)
            self._house.telemetry.lost(word)
            self._house.fault(_BROKER_FAULT[word.client], word.reason)

    def _unheard(self, word: mqtt.Unheard) -> None:
        self._house.fault("refused_by_broker", self._denied.unheard(word))

    def _name_taken(self, word: mqtt.NameTaken) -> None:
        detail = f"another client came to the broker as {word.client_id}, this unit's name; we go on under another"
        self._house.telemetry.count("name_taken")
        self._house.fault("client_id", detail)

    def _answered(self, word: mqtt.Answered) -> None:
        if word.client not in self._brokers:
            if word.code >= REFUSED:
                self._house.telemetry.refused(word.key, word.code)
            return
        for item in self._house.outbox.answered(word):
            self._house.step(item)
        self._house.fault("refused_by_broker", self._denied.answered(word.client, word.code))
        self._receivers.answered(word.client, nobody=word.code == NOBODY)
        self._house.fault("nobody_listening", self._receivers.nobody(self._house.clock.boot_ns()))

    # --- messages ---------------------------------------------------------------------------------------------------

    def _received(self, word: mqtt.Received) -> None:
        letter = self._inbox.read(word)
        match letter:
            case Ack():
                self._acknowledged(letter.id, self._house.outbox.acknowledged(letter))
                self._receipts.kept(letter.id)
            case ReceiverSays():
                self._receiver_says(word.client, letter)
            case ResetCommand():
                self._console_resets(letter)
            case Refused():
                self.refuse(letter.kind, letter.why)

    def _looked_up(self, word: journal.Found) -> None:
        """The journal has looked for an event that is not in memory any more, or never was ours."""
        self._acknowledged(word.asked.event_id, self._house.outbox.found(word))

    def _acknowledged(self, event_id: str, steps: tuple[events.Input, ...] | None) -> None:
        if steps is None:
            self.refuse("ack", f"no alarm event of ours has the id {event_id}")
        for item in steps or ():
            self._house.step(item)

    def _receiver_says(self, client: str, said: ReceiverSays) -> None:
        """Counts on the connections that alarms go by; a broker may tell every client of ours, asked or not (amqtt)."""
        if client not in self._brokers:
            return
        come = self._receivers.heard(client, said.console, said.presence)
        if come is None:
            self.refuse("presence", "more receivers than are remembered")
        elif come:
            self._house.outbox.resend()
        self._house.fault("nobody_listening", self._receivers.nobody(self._house.clock.boot_ns()))

    def _pressed(self, item: Pressed) -> None:
        if item.word.receipt:
            now_ns = self._house.clock.boot_ns()
            self._receipts.owe(item.word, (press.alarm_id for press in item.presses), now_ns)
        for press in item.presses:
            self._house.step(press)

    def _console_resets(self, command: ResetCommand) -> None:
        """Names what it ends: one that comes again, or was recorded and is played back, ends nothing new."""
        if not any(alarm.id in command.alarm_ids for alarm in self._house.room().alarms):
            self.refuse("reset", "none of the alarms that it names is open")
            return
        self._house.step(events.ResetAsked(str(uuid.uuid4()), f"console {command.by}", "console", command.alarm_ids))
