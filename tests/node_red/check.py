"""Runs the flow of docs/guide/node-red.md in a real Node-RED against a real mosquitto: `make node-red`.

Stores first, acknowledges then; says that it listens, and its will says that it does not.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from simulators.room import free_port
from tests.brokers import Mosquitto
from tests.rooms import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "guide" / "node-red.md"
PROGRAM = ROOT / ".cache" / "node-red" / "node_modules" / "node-red" / "red.js"
PRESENCE = "spreekkamer/v1/voorbeeldstad/console/node-red/state"
ROOM = "spreekkamer/v1/voorbeeldstad/stadhuis/spreekkamer-1/"


def flow(page: str) -> list[dict[str, Any]]:
    """The flow as it stands in the page."""
    blocks = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, "the page has one flow"
    found: list[dict[str, Any]] = json.loads(blocks[0])
    return found


def say(text: str) -> None:
    """A line for who runs it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def event(event_id: str, kind: str = "raised", attempt: int = 1) -> bytes:
    """An alarm event, with what a receiver may need of it."""
    data = {"kind": kind, "alarm_id": event_id, "attempt": attempt, "pressed_at": "2026-11-24T09:00:00.000Z"}
    return json.dumps({"id": event_id, "data": data}).encode()


class Witness:
    """What the broker says to somebody who listens to everything, in order."""

    def __init__(self, port: int, stored: Path) -> None:
        self.heard: list[tuple[str, dict[str, Any], bool]] = []
        self.was_stored: list[bool] = []
        """For each acknowledgement: whether the file was there when it came."""
        self._stored = stored
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe("#", qos=1)

    def _on_message(self, _: Any, __: Any, message: paho.MQTTMessage) -> None:
        if message.topic.endswith(("/ack", "/state")):
            body = json.loads(message.payload)
            self.heard.append((message.topic, body, message.retain))
            if message.topic.endswith("/ack"):
                self.was_stored.append(any(body["id"] in file.name for file in self._stored.glob("*.json")))

    def publish(self, payload: bytes) -> None:
        """Says something on a room's alarm topic."""
        self._client.publish(ROOM + "alarm/event", payload, qos=1).wait_for_publish(10)

    def acks(self, event_id: str) -> int:
        """How often an event was acknowledged as stored, in the words that a unit takes."""
        said = {"id": event_id, "level": "stored", "by": "node-red"}
        return sum(heard[:2] == (ROOM + "alarm/ack", said) for heard in self.heard)

    def presence(self) -> list[bool]:
        """What was said of the receiver, in order."""
        return [body["online"] for topic, body, _ in self.heard if topic == PRESENCE]

    def close(self) -> None:
        """Goes."""
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def node_red(home: Path, port: int, stored: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Node-RED of its own with the flow of the page, at a broker on this port."""
    home.mkdir(exist_ok=True)
    nodes = flow(PAGE.read_text(encoding="utf-8"))
    broker = next(node for node in nodes if node["type"] == "mqtt-broker")
    broker.update(broker="127.0.0.1", port=str(port))
    (home / "flows.json").write_text(json.dumps(nodes))
    settings = {"flowFile": "flows.json", "uiHost": "127.0.0.1", "uiPort": free_port(), "telemetry": {"enabled": False}}
    (home / "settings.js").write_text(f"module.exports = {json.dumps(settings)};\n")
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            ["node", str(PROGRAM), "--userDir", str(home), "--settings", str(home / "settings.js")],
            env={**os.environ, "SPREEKKAMER_DIR": str(stored)},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    except BaseException:
        say((home / "log").read_text()[-4000:])
        raise
    finally:
        process.kill()
        process.wait()


def run(home: Path) -> None:
    """The whole story; an assertion names what did not happen."""
    stored = home / "stored"
    stored.mkdir()
    broker = Mosquitto(home / "broker")
    broker.start()
    witness = Witness(broker.port, stored)
    try:
        with node_red(home / "red", broker.port, stored) as process:
            wait_for("presence", lambda: witness.presence() == [True], within_s=60)
            say("says that it listens")
            witness.publish(event("first"))
            wait_for("the first acknowledgement", lambda: witness.acks("first") == 1)
            kept = [file.read_bytes() for file in stored.glob("*.json")]
            assert kept == [event("first")], kept
            say("stored, then acknowledged")
            witness.publish(event("first", attempt=2))
            wait_for("the answer to the duplicate", lambda: witness.acks("first") == 2)
            assert [file.read_bytes() for file in stored.glob("*.json")] == kept
            say("a duplicate: acknowledged again, kept once")
            for junk in (b"alarm!", b"\xff\xfe", b"{}", b'{"id":"../../x y","data":{"kind":"raised","alarm_id":"a"}}'):
                witness.publish(junk)
            stored.rename(home / "gone")
            witness.publish(event("no-disk"))
            wait_for("the complaint", lambda: "not stored" in (home / "red" / "log").read_text())
            (home / "gone").rename(stored)
            witness.publish(event("last", "a-kind-of-later-units"))
            wait_for("the last acknowledgement", lambda: witness.acks("last") == 1)
            assert witness.acks("no-disk") == 0
            assert len(list(stored.iterdir())) == len(kept) + 1, "junk was stored, or something was left over"
            say("junk is refused, what cannot be stored is not acknowledged, an unknown kind is kept")
            assert all(witness.was_stored), "an acknowledgement came before its file"
            process.kill()
            wait_for("the will", lambda: witness.presence() == [True, False])
            say("killed: the will says so")
        later = Witness(broker.port, stored)
        try:
            wait_for("the retained word", lambda: [h for h in later.heard if h[0] == PRESENCE])
            assert later.heard[-1] == (PRESENCE, {"online": False}, True)
            with node_red(home / "red", broker.port, stored):
                wait_for("presence again", lambda: later.presence() == [False, True], within_s=60)
                witness.publish(event("first", attempt=3))
                wait_for("the answer after the restart", lambda: witness.acks("first") == 3)
                assert len(list(stored.iterdir())) == len(kept) + 1
            say("started again: it knows what it has")
        finally:
            later.close()
    finally:
        witness.close()
        broker.kill()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="node-red-") as directory:
        run(Path(directory))
    say("node-red: all of it")
