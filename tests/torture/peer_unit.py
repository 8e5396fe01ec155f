# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The unit's peer: a plain script with bare paho, QoS 1. A line on standard input is a press, by its number.

python -m tests.torture.peer_unit PORT TOPIC clean|kept

Kinder to the peer than most scripts are: it waits for no connection before the first press, paho connects again by
itself, and paho's queue is not bounded.
"""

from __future__ import annotations

import json
import sys
import time
import uuid

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

DEBOUNCE_S = 0.05


def say(**fields: object) -> None:
    """One line."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Until standard input ends."""
    port, topic, session = sys.argv[1:]
    client = paho.Client(CallbackAPIVersion.VERSION2, "peer-unit", clean_session=session == "clean")
    client.on_publish = lambda _c, _u, mid, *_: say(answered=mid)
    client.connect_async("127.0.0.1", int(port))
    client.loop_start()
    say(event="ready")
    for line in sys.stdin:
        time.sleep(DEBOUNCE_S)
        event_id = str(uuid.uuid4())
        info = client.publish(topic, json.dumps({"id": event_id, "press": int(line)}), qos=1)
        say(event="alarm_raised", event_id=event_id, press=int(line), mid=info.mid)


if __name__ == "__main__":
    main()
