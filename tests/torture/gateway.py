# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Who speaks to a unit over MQTT beside its receivers: a gateway for wireless buttons, a desk that resets by name."""

from __future__ import annotations

import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

ANSWER_S = 0.5
"""A broker answers within milliseconds or is dead; who presses does not wait longer."""
CONNECTED_S = 5.0
"""paho comes back within a second of a broker that has come back."""


class Gateway:
    """One paho client at QoS 1 that forgets what was not answered: what is sent again comes from its user."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._client = paho.Client(CallbackAPIVersion.VERSION2, f"gateway-{port}", protocol=paho.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._answered: set[int] = set()
        self._client.on_publish = self._on_publish
        self._news = threading.Condition()

    def start(self) -> None:
        """Connects, and stays connected as far as there is a broker."""
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()

    def stop(self) -> None:
        """Goes."""
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: str) -> bool:
        """Whether the broker has answered for a message. Waits a moment for a broker that is just coming back."""
        until_s = time.monotonic() + CONNECTED_S
        while not self._client.is_connected():
            if time.monotonic() > until_s:
                return False
            time.sleep(0.01)
        mid = self._client.publish(topic, payload, qos=1).mid
        with self._news:
            return self._news.wait_for(lambda: mid in self._answered, ANSWER_S)

    def _on_publish(self, _client: object, _data: object, mid: int, _code: object, _properties: object) -> None:
        with self._news:
            self._answered.add(mid)
            self._news.notify_all()
