"""The flow of docs/guide/node-red.md, as far as it needs no Node-RED: `make node-red` runs it."""

from __future__ import annotations

import msgspec

from daemon.alarm import messages
from tests.node_red import check


def test_the_flow_says_who_listens_and_hears_at_qos_1() -> None:
    """A1, A5: events are heard at QoS 1 and answered unretained; birth, close and will are one console's presence."""
    nodes = {node["id"]: node for node in check.flow(check.PAGE.read_text(encoding="utf-8"))}
    (broker,) = (node for node in nodes.values() if node["type"] == "mqtt-broker")
    for name, online in (("birth", True), ("close", False), ("will", False)):
        assert broker[f"{name}Topic"] == check.PRESENCE
        assert (broker[f"{name}Qos"], broker[f"{name}Retain"]) == ("1", "true")
        assert msgspec.json.decode(broker[f"{name}Payload"], type=messages.Presence).online is online
    (heard,) = (node for node in nodes.values() if node["type"] == "mqtt in")
    assert (heard["topic"], heard["qos"]) == ("spreekkamer/v1/voorbeeldstad/+/+/alarm/event", "1")
    (said,) = (node for node in nodes.values() if node["type"] == "mqtt out")
    assert (said["qos"], said["retain"]) == ("1", "false")


def test_only_what_was_stored_reaches_the_acknowledgement() -> None:
    """A1: no wire leads from what is heard to what is answered but through the node that stores."""
    nodes = {node["id"]: node for node in check.flow(check.PAGE.read_text(encoding="utf-8"))}
    wires = {key: [to for port in node.get("wires", []) for to in port] for key, node in nodes.items()}
    assert all(to in nodes for found in wires.values() for to in found)
    assert wires["sk-in"] == ["sk-store"]
    assert "file.sync()" in nodes["sk-store"]["func"]
