# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The composition root of `daemon/witness`: gives it a store, the clock, and a connection of the alarm's own kind."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from daemon.alarm import mqtt
from daemon.model.unit import Broker
from daemon.witness import process as witness
from daemon.witness.intake import Came
from daemon.witness.store import WitnessStore


def made(broker: Broker, organisation: str, name: str, store: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """A witness: what runs it, and what asks it to end (safe in a signal handler)."""
    process = witness.WitnessProcess(organisation, name, WitnessStore(store), time.time_ns)
    link = Link(process.put, broker, organisation, name)
    return functools.partial(process.run, link), process.stop


class Link:
    """A connection whose messages are acknowledged by hand, and kept by the broker while the witness is away."""

    def __init__(self, put: Callable[[witness.Word], None], broker: Broker, organisation: str, name: str) -> None:
        self._put = put
        will = mqtt.Will(witness.state_topic(organisation, name), msgspec.json.encode(witness.State(online=False)))
        client_id, topics = f"spreekkamer-witness-{name}", witness.subscriptions(organisation)
        self._connection = mqtt.Connection(
            "witness", client_id, broker, self._heard, will=will, subscribe=topics, keeps_s=witness.KEEPS_S,
            by_hand=True,
        )  # fmt: skip
        self.start, self.renew = self._connection.start, self._connection.renew
        self.alive, self.close = self._connection.alive, self._connection.close

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a message over; False: it cannot be sent now."""
        return self._connection.publish(topic, payload, retain=retain)

    def _heard(self, word: mqtt.Word) -> None:
        """On the connection's thread."""
        match word:
            case mqtt.Received(topic=topic, payload=payload, retained=retained, receipt=receipt):
                acknowledge = functools.partial(self._connection.acknowledge, word) if receipt else None
                self._put(Came(topic, payload, retained, acknowledge))
            case mqtt.Up(protocol=protocol):
                self._put(witness.Joined(protocol, protocol == "MQTT 5"))
            case mqtt.Down(reason=reason):
                self._put(witness.Gone(reason))
            case mqtt.Unheard(topic=topic, code=code):
                self._put(witness.Deaf(topic, code))
            case mqtt.Anew():
                self._put(witness.Missed())
            case mqtt.NameTaken(client_id=client_id):
                self._put(witness.NameTaken(client_id))
            case mqtt.Answered():
                return
