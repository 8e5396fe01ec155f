# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The alarm's peer: bare paho, QoS 1. A line on standard input is a press; 50 ms after it a message goes out.

python -m tests.benchmarks.peer_publisher PORT TOPIC BYTES STAMPS
"""

from __future__ import annotations

import os
import sys
import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

DEBOUNCE_NS = 50_000_000


def main() -> None:
    """Until standard input ends."""
    port, topic, size, path = sys.argv[1:]
    client = paho.Client(CallbackAPIVersion.VERSION2, "bench-peer", protocol=paho.MQTTv5)
    up = threading.Event()
    client.on_connect = lambda *_: up.set()
    client.connect("127.0.0.1", int(port))
    client.loop_start()
    up.wait(10)
    payload = b"x" * int(size)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in sys.stdin:
        down_ns = time.monotonic_ns()
        time.sleep(max(0, down_ns + DEBOUNCE_NS - time.monotonic_ns()) / 1e9)
        client.publish(topic, payload, qos=1)
        time.sleep(0.03)
        os.write(file, b"%d\n" % down_ns)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
