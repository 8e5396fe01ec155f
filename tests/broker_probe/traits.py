# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a broker does that another does differently, asked by a client that is neither a unit nor a desk."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.brokers import KEEPALIVE_S
from tests.faults.house import ROOT, Unit
from tests.torture.parts import wait_for

KEPT = 1500
"""Retained messages: rooms of a large organisation, a few topics each."""
QUIET_S = 2.0
"""Nothing more comes when nothing has come for so long, on the loopback."""
AVAILABILITY = ROOT + "availability"
WILL_S = 30.0
"""A broker waits five seconds with it where it can (MQTT 5)."""


class Guest:
    """A plain client. Any thread."""

    def __init__(self, host: str, port: int, protocol: MQTTProtocolVersion) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "", protocol=protocol)
        self.heard: queue.SimpleQueue[paho.MQTTMessage] = queue.SimpleQueue()
        self._codes: dict[int, int] = {}
        self._granted = False
        self._client.on_message = lambda _c, _u, message: self.heard.put(message)
        self._client.on_publish = lambda _c, _u, n, code, _p: self._codes.update({n: code.value})
        self._client.on_subscribe = lambda *_: setattr(self, "_granted", True)
        self._client.max_queued_messages_set(0)
        self._client.connect(host, port, KEEPALIVE_S)
        self._client.loop_start()
        wait_for("a guest that is let in", self._client.is_connected)

    def says(self, topic: str, body: bytes, *, retain: bool = False) -> int:
        """Returns the reason code of the PUBACK; MQTT 3.1.1 has none, and it is 0."""
        sent = self._client.publish(topic, body, qos=1, retain=retain)
        wait_for(f"a PUBACK for {topic}", lambda: sent.mid in self._codes)
        return self._codes[sent.mid]

    def hears(self, topic: str) -> None:
        """Returns when it is granted."""
        self._granted = False
        self._client.subscribe(topic, qos=1)
        wait_for(f"a SUBACK for {topic}", lambda: self._granted)

    def all_of_now(self) -> list[paho.MQTTMessage]:
        """What comes until it is quiet."""
        found = []
        while True:
            try:
                found.append(self.heard.get(timeout=QUIET_S))
            except queue.Empty:
                return found

    def leave(self) -> None:
        """For good."""
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def guest(host: str, port: int, protocol: MQTTProtocolVersion) -> Iterator[Guest]:
    """One that leaves."""
    one = Guest(host, port, protocol)
    try:
        yield one
    finally:
        one.leave()


def unheard(host: str, port: int, protocol: MQTTProtocolVersion) -> str:
    """The code of a PUBACK for what nobody subscribes to."""
    with guest(host, port, protocol) as one:
        code = one.says("probe/nobody", b"?")
    return f"0x{code:02x}" if code else "0"


def retained(host: str, port: int, protocol: MQTTProtocolVersion) -> str:
    """How many of KEPT retained messages a subscription with a wildcard gets."""
    with guest(host, port, protocol) as one:
        for n in range(KEPT):
            one.says(f"probe/kept/{n}", b"?", retain=True)
    with guest(host, port, protocol) as late:
        late.hears("probe/kept/#")
        topics = {message.topic for message in late.all_of_now()}
    came = sum(topic.startswith("probe/kept/") for topic in topics)
    unasked = ", and unasked ones" * (len(topics) > came)
    return {0: "never", KEPT: "all"}.get(came, f"{came:,} of {KEPT:,}") + unasked


def will(host: str, port: int, protocol: MQTTProtocolVersion, unit: Unit) -> str:
    """Kills the unit. When the broker says its will, and whether who comes later hears it too."""
    with guest(host, port, protocol) as one:
        one.hears(AVAILABILITY)
        unit.kill()
        killed_s = time.monotonic()
        wait_for("the unit's will", lambda: _heard_will(one.heard), WILL_S)
        took_s = time.monotonic() - killed_s
    with guest(host, port, protocol) as late:
        late.hears(AVAILABILITY)
        kept = any(_is_will(message) for message in late.all_of_now())
    return f"{took_s:.0f} s, {'kept' if kept else 'not kept'}"


def _heard_will(heard: queue.SimpleQueue[paho.MQTTMessage]) -> bool:
    try:
        return _is_will(heard.get_nowait())
    except queue.Empty:
        return False


def _is_will(message: paho.MQTTMessage) -> bool:
    """Not of another topic: amqtt hands on what nobody has asked for."""
    return message.topic == AVAILABILITY and json.loads(message.payload)["online"] is False
