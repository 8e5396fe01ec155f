# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The receiver's peer: bare paho, QoS 1. Says each message on standard output, which the harness keeps for it.

python -m tests.torture.peer_console PORT TOPIC clean|kept

What it has said is never lost, whatever kills it: kinder to the peer than a disk.
"""

from __future__ import annotations

import sys

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.torture.peer_unit import say


def main() -> None:
    """Until it is ended."""
    port, topic, session = sys.argv[1:]
    client = paho.Client(CallbackAPIVersion.VERSION2, "peer-console", clean_session=session == "clean")

    def heard(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        sys.stdout.write(message.payload.decode() + "\n")
        sys.stdout.flush()

    def connected(*_: object) -> None:
        client.subscribe(topic, qos=1)

    client.on_connect = connected
    client.on_subscribe = lambda *_: say(event="ready")
    client.on_message = heard
    client.connect_async("127.0.0.1", int(port))
    client.loop_forever(retry_first_connection=True)


if __name__ == "__main__":
    main()
