# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The flow of docs/guide/node-red.md, as far as it needs no Node-RED: `make node-red` runs it."""

from __future__ import annotations

import msgspec

from daemon.alarm import messages
from tests.node_red import page

ROOMS = "spreekkamer/v1/voorbeeldstad/+/+/"


def test_the_flow_says_who_listens_and_hears_at_qos_1() -> None:
    """A1, A5: events are heard at QoS 1 and answered unretained; birth, close and will are one console's presence."""
    nodes = page.nodes()
    broker = nodes["sk-broker"]
    topics = {broker[f"{name}Topic"] for name in ("birth", "close", "will")}
    assert topics == {"spreekkamer/v1/voorbeeldstad/console/node-red/state"}
    for name, online in (("birth", True), ("close", False), ("will", False)):
        assert (broker[f"{name}Qos"], broker[f"{name}Retain"]) == ("1", "true")
        assert msgspec.json.decode(broker[f"{name}Payload"], type=messages.Presence).online is online
    assert broker["usetls"]
    assert nodes[broker["tls"]]["verifyservercert"]
    heard = {(node["topic"], node["qos"]) for node in nodes.values() if node["type"] == "mqtt in"}
    assert heard == {(ROOMS + f"alarm/{tail}", "1") for tail in ("event", "poll", "state")}
    said = [(node["qos"], node["retain"]) for node in nodes.values() if node["type"] == "mqtt out"]
    assert said == [("1", "false")]


def test_only_what_was_stored_reaches_the_acknowledgement() -> None:
    """A1: no wire leads from what is heard to what is answered but through the node that stores."""
    nodes = page.nodes()
    wires = {key: [to for port in node.get("wires", []) for to in port] for key, node in nodes.items()}
    assert all(to in nodes for found in wires.values() for to in found)
    assert wires["sk-event"] == ["sk-store"]
    assert wires["sk-open"] == []
    assert {key for key, found in wires.items() if "sk-out" in found} == {"sk-store", "sk-here", "sk-accept", "sk-end"}
    assert "file.sync()" in nodes["sk-store"]["func"]


def test_the_page_shows_the_functions_as_they_are() -> None:
    """H2: what the page lets a person read is what the flow runs."""
    functions = [node["func"] for node in page.flow() if node["type"] == "function"]
    assert [block.rstrip("\n") for block in page.blocks("javascript")] == functions
