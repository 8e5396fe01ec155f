# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The subscriber of both: stamps each message as it has it. One line a message: CLOCK_MONOTONIC, topic, bytes.

It is a receiver too: after the stamp it acknowledges an alarm event, which would otherwise be sent again.

python -m tests.benchmarks.listener PORT OUT TOPIC…
"""

from __future__ import annotations

import json
import os
import sys
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Until it is ended."""
    port, path, *topics = sys.argv[1:]
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    client = paho.Client(CallbackAPIVersion.VERSION2, "bench-listener", protocol=paho.MQTTv5)

    def heard(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic.endswith("/alarm/poll"):
            client.publish(message.topic.removesuffix("poll") + "here/bench", message.payload, qos=1)
            return
        at_ns = time.monotonic_ns()
        os.write(file, b"%d %s %d\n" % (at_ns, message.topic.encode(), len(message.payload)))
        if message.topic.endswith("/alarm/event"):
            ack = {"id": json.loads(message.payload)["id"], "level": "stored", "by": "bench"}
            client.publish(message.topic.removesuffix("event") + "ack/bench", json.dumps(ack), qos=1)

    def connected(*_: object) -> None:
        client.subscribe([(topic, 1) for topic in (*topics, "spreekkamer/v1/+/+/+/alarm/poll")])
        client.publish("spreekkamer/v1/voorbeeldstad/console/bench/state", '{"online":true}', qos=1, retain=True)

    def granted(*_: object) -> None:
        os.write(file, b"0 listening 0\n")

    client.on_connect = connected
    client.on_subscribe = granted
    client.on_message = heard
    client.connect("127.0.0.1", int(port))
    client.loop_forever()


if __name__ == "__main__":
    main()
