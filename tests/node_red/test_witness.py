# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The flow of docs/guide/node-red-witness.json: its function, run by node, and what `--witness` reads."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

from daemon.commands import testimony
from daemon.witness.process import subscriptions
from tests.node_red.page import GUIDE
from tests.witness.service import ORGANISATION, UNIT, log, said

RUNNER = """
const [source, dir, messages] = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const kept = new Map(), told = [];
const context = {get: (name) => kept.get(name), set: (name, value) => kept.set(name, value)};
const node = {warn: (text) => told.push(text), status: () => 0, error: (text) => told.push(text)};
const env = {get: () => dir};
const run = new Function('msg', 'node', 'env', 'context', 'fs', source);
for (const [topic, payload, retain] of messages) {
  run({topic: topic, payload: Buffer.from(payload, 'base64'), retain: retain}, node, env, context, require('fs'));
}
process.stdout.write(JSON.stringify(told));
"""


def flow() -> list[dict[str, Any]]:
    """Node by node."""
    found: list[dict[str, Any]] = json.loads((GUIDE / "node-red-witness.json").read_text(encoding="utf-8"))
    return found


def keep(place: Path, *messages: tuple[str, bytes, bool]) -> list[str]:
    """Has the function keep these; what it complained of."""
    (function,) = [node for node in flow() if node["type"] == "function"]
    program = shutil.which("node")
    assert program
    given = json.dumps([function["func"], str(place), [(t, b64(payload), retain) for t, payload, retain in messages]])
    done = subprocess.run([program, "-e", RUNNER], input=given, capture_output=True, text=True, check=True, timeout=60)
    found: list[str] = json.loads(done.stdout)
    return found


def b64(payload: bytes) -> str:
    """For JSON."""
    return base64.b64encode(payload).decode()


def test_what_it_keeps_is_what_witness_reads(tmp_path: Path) -> None:
    """K7: every head is there as it was said, with numbers beyond 2^53 unchanged; what is no message of a unit, is
    retained, or leads out of the directory is named and not kept.
    """
    topic = f"spreekkamer/v1/{UNIT}/archive/event"
    lines = log(5)
    good = [(topic, body, False) for body in said(lines)]
    told = keep(
        tmp_path, *good, (topic, b"noise", False), (topic, good[0][1], True),
        ("spreekkamer/v1/stad/../x/archive/event", good[0][1], False),
    )  # fmt: skip
    assert len(told) == 3
    found = testimony.of_log(tmp_path, UNIT)
    assert found.book.of_log() == {n: sha256(raw).hexdigest() for n, raw in enumerate(lines, 1)}
    assert found.unread == 0
    (file,) = tmp_path.rglob("*.jsonl")
    assert file.parent == tmp_path / UNIT
    assert [json.loads(kept)["message"]["line"] for kept in file.read_bytes().splitlines()] == [*map(json.loads, lines)]


def test_a_place_that_takes_nothing_is_said(tmp_path: Path) -> None:
    """H1: what could not be kept is an error of the node."""
    (tmp_path / "file").write_text("")
    (body,) = said(log(1))
    (told,) = keep(tmp_path / "file", (f"spreekkamer/v1/{UNIT}/archive/event", body, False))
    assert told.startswith("not kept: ")


def test_it_hears_what_the_witness_hears() -> None:
    """K7: the topics of the service, at QoS 1, by TLS, from a session that the broker keeps; it says nothing."""
    nodes = {node["id"]: node for node in flow()}
    heard = {(node["topic"], node["qos"]) for node in nodes.values() if node["type"] == "mqtt in"}
    assert heard == {(topic, "1") for topic in subscriptions(ORGANISATION)}
    broker = nodes["skw-broker"]
    assert (broker["usetls"], broker["cleansession"], broker["protocolVersion"]) == (True, False, "5")
    assert nodes[broker["tls"]]["verifyservercert"]
    assert not [node for node in nodes.values() if node["type"] == "mqtt out"]
