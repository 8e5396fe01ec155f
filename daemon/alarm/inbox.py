# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Incoming MQTT messages: sorted by topic, checked, and turned into a value or a refusal. Nothing is decided here.

Invariant: no payload raises an exception or an alarm. Refusals are counted, and logged once per kind.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from daemon.alarm.messages import Ack, Poll, Presence, ResetCommand
from daemon.alarm.mqtt import Received
from daemon.model.unit import Unit
from daemon.texts import shown

T = TypeVar("T")

TOPIC_MAX = 200
"""Maximum length of a foreign topic in the log; our own longest is half of that."""
BYTES_MAX = 65_536
"""Larger payloads are refused unread: our largest, a reset of a hundred alarms, is 4 kB; a wireless button's is under
2 kB."""
CONSOLE = re.compile("[!-.0-~]{1,64}")
"""A receiver's id: `messages.Text` within one topic level. A topic may have 65 kB, and health repeats every id each
15 s."""
NO_ID = "an id that is not one level of 1 to 64 characters of printable ASCII"


class ReceiverSays(msgspec.Struct, frozen=True):
    """A receiver's presence, with its id from the topic."""

    console: str
    presence: Presence


class FromReceiver(msgspec.Struct, frozen=True):
    """A receiver's message to this unit, with its id from the topic: the access list binds that, not the payload."""

    console: str
    said: Ack | ResetCommand | Poll


class Foreign(msgspec.Struct, frozen=True):
    """A message on a wireless button's topic."""

    topic: str
    payload: bytes
    retained: bool
    waited: bool = False
    """The broker kept it while the unit was away."""
    again: bool = False
    """The broker may have delivered it before."""
    mid: int = 0
    """Packet identifier at QoS 1, else 0."""


class Refused(msgspec.Struct, frozen=True):
    """A message that is not accepted, and why."""

    kind: str
    """The kind it claims to be: ack, here, reset, presence, foreign, unknown."""
    why: str


Letter = FromReceiver | ReceiverSays | Refused


class Inbox:
    """Knows the topics of one unit."""

    def __init__(self, unit: Unit) -> None:
        root = unit.topic_root()
        self._orders: dict[str, tuple[str, type[Ack | ResetCommand | Poll]]] = {
            root + "alarm/ack/": ("ack", Ack),
            root + "alarm/here/": ("here", Poll),
            root + "command/reset/": ("reset", ResetCommand),
        }
        self.orders = tuple(topic + "+" for topic in self._orders)
        self._consoles = f"spreekkamer/v1/{unit.organisation}/console/"
        self.presence = self._consoles + "+/state"
        self.foreign = tuple(dict.fromkeys(mobile.topic for mobile in unit.mobile))

    def is_foreign(self, topic: str) -> bool:
        """Whether wireless buttons use this topic. The unit's own topics come first."""
        return topic in self.foreign and topic.rpartition("/")[0] + "/" not in self._orders

    def read(self, message: Received) -> Letter:
        """Read a message that is not a wireless button's. Never raises."""
        topic, payload = message.topic, message.payload
        start, _, console = topic.rpartition("/")
        if (order := self._orders.get(start + "/")) is not None:
            return _once(message, console, *order)
        if topic.startswith(self._consoles) and topic.endswith("/state"):
            return _presence(topic.removeprefix(self._consoles).removesuffix("/state"), payload)
        return Refused("unknown", f"a topic that was not asked for: {shown(topic[:TOPIC_MAX])}")


def _presence(console: str, payload: bytes) -> ReceiverSays | Refused:
    """Read a receiver's presence, under the id in its topic."""
    if not CONSOLE.fullmatch(console):
        return Refused("presence", NO_ID)
    if not payload:  # MQTT's way to clear a retained message: the receiver has been removed
        return ReceiverSays(console, Presence(online=False))
    found = _decoded("presence", payload, Presence)
    return found if isinstance(found, Refused) else ReceiverSays(console, found)


def _once(
    message: Received, console: str, kind: str, of: type[Ack | ResetCommand | Poll]
) -> FromReceiver | Refused:  # fmt: skip
    """Read a message that counts only when it is sent: a retained copy is refused."""
    if message.retained:
        return Refused(kind, "a retained message: an order is said once, and not to who comes later")
    if not CONSOLE.fullmatch(console):
        return Refused(kind, NO_ID)
    found = _decoded(kind, message.payload, of)
    return found if isinstance(found, Refused) else FromReceiver(console, found)


def _decoded(kind: str, payload: bytes, of: type[T]) -> T | Refused:
    too_long = _too_long(kind, payload)
    if too_long is not None:
        return too_long
    try:
        return msgspec.json.decode(payload, type=of)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Refused(kind, str(error))
    except RecursionError:
        return Refused(kind, "nested hundreds of levels deep")


def _too_long(kind: str, payload: bytes) -> Refused | None:
    return Refused(kind, f"longer than {BYTES_MAX} bytes") if len(payload) > BYTES_MAX else None
