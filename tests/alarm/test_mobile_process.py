# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Wireless buttons the whole way: a gateway's payload, a real broker, the real alarm process, a receiver."""

from __future__ import annotations

import json
import queue
from pathlib import Path
from typing import Any

from daemon.alarm.mqtt import Connection, Up, Word
from daemon.config import shipped
from daemon.model.unit import Broker
from tests.brokers import Mosquitto
from tests.rooms import Unit, policy_with, running, wait_for
from tests.waiting import PATIENCE_S

BUTTONS = """
[[mobile]]
name = "hall-1"
topic = "zigbee2mqtt/hall-1"
pressed = ["emergency"]
field = "action"
battery_field = "battery"
repeat_s = 60.0

[[mobile]]
name = "outside-1"
repeat_s = 0.0
topic = "zigbee2mqtt/outside-1"
pressed = ["emergency"]
field = "action"
place = "elsewhere"
"""
PRESS = {"action": "emergency", "battery": 97, "linkquality": 120}


class Gateway:
    """What a Zigbee gateway is to a broker: one more client that publishes."""

    def __init__(self, broker: Mosquitto) -> None:
        words: queue.Queue[Word] = queue.Queue()
        self._connection = Connection("gateway", "test-gateway", Broker("127.0.0.1", broker.port), words.put)
        self._connection.start()
        assert isinstance(words.get(timeout=PATIENCE_S), Up)

    def says(self, button: str, body: Any, *, retain: bool = False) -> None:
        """Publishes what a button's gateway would: a table as JSON, or bytes as they are."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        assert self._connection.publish(f"zigbee2mqtt/{button}", payload, retain=retain)

    def close(self) -> None:
        """Leaves the broker."""
        self._connection.close()


def alarms(unit: Unit) -> list[dict[str, Any]]:
    """The alarm events as the receiver's broker had them, each once however often it was sent."""
    return list({event["id"]: event["data"] for event in list(unit.room.heard)}.values())


def count(unit: Unit, wanted: int) -> list[dict[str, Any]]:
    """Waits for so many alarm events."""
    return wait_for(f"{wanted} alarm events", lambda: found if len(found := alarms(unit)) >= wanted else None)


def test_a_wireless_press_reaches_the_receiver_once(tmp_path: Path) -> None:
    """A1, A5: a wireless press is an alarm like any other; what was retained, told twice or is no JSON raises nothing;
    an outside worker's leaves this room as it is; a low battery is a fault before the button is needed.
    """
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    gateway = Gateway(broker)
    gateway.says("hall-1", PRESS, retain=True)  # last week's: it waits for whoever subscribes
    settings = tmp_path / "unit.toml"
    settings.write_text((shipped() / "unit.toml").read_text() + BUTTONS)
    state = tmp_path / "unit"
    policy = policy_with("dronten-2022", state)
    try:
        with running(state, policy=policy, unit=settings, broker=broker.address) as unit:
            unit.ready(ring_s=0)
            gateway.says("outside-1", PRESS)
            (outside,) = count(unit, 1)  # the retained one came before it, on the same connection
            assert (outside["kind"], outside["source"], outside["source_kind"]) == ("raised", "outside-1", "mobile")
            assert outside["in_room"] is False
            assert unit.health()["phase"] == "ready"

            for body in (PRESS, PRESS, {"action": "", "battery": 97}, b"\xff\x00", {"battery": 9}):
                gateway.says("hall-1", body)
            wait_for("its battery is a fault", lambda: "battery" in unit.health()["faults"].get("mobile_button", ""))
            unit.phase("alarm")
            wait_for("what was no JSON is counted", lambda: unit.health()["counters"].get("refused_foreign") == 1)
            gateway.says("outside-1", {**PRESS, "battery": 96})  # whatever the five raised goes out before this one
            found = [(event["kind"], event["source"], event["in_room"]) for event in count(unit, 3)]
            assert found == [
                ("raised", "outside-1", False), ("raised", "hall-1", True), ("raised", "outside-1", False)
            ]  # fmt: skip
    finally:
        gateway.close()
        broker.kill()
