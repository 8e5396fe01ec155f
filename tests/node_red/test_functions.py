# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The flow's functions themselves, run by node: what a room says of itself moves no other room's alarm."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from tests.node_red import page
from tests.waiting import PATIENCE_S

RUNNER = """
const [source, steps] = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const kept = new Map();
const flow = {get: (name) => kept.get(name), set: (name, value) => kept.set(name, value)};
const node = {warn: () => 0, status: () => 0, error: () => 0};
const answers = steps.map(([name, msg]) => new Function('msg', 'flow', 'node', source[name])(
  {...msg, payload: typeof msg.payload === 'string' ? Buffer.from(msg.payload) : msg.payload}, flow, node));
process.stdout.write(JSON.stringify([kept.get('open') || [], answers]));
"""
HERE, OTHER = (f"spreekkamer/v1/voorbeeldstad/stadhuis/kamer-{n}/alarm/" for n in (1, 2))
AT = "2026-11-24T09:00:00.000Z"


def run(*steps: tuple[str, dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Any]]:
    """What is on the desk after these messages, and what each function answered."""
    source = {name: node["func"] for name, node in page.nodes().items() if node["type"] == "function"}
    program = shutil.which("node")
    assert program
    given = json.dumps([source, steps])
    done = subprocess.run(
        [program, "-e", RUNNER], input=given, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    open_, answers = json.loads(done.stdout)
    return open_, answers


def raised(root: str, event_id: str, *, in_room: bool = True) -> tuple[str, dict[str, Any]]:
    """An event that was stored."""
    data = {"kind": "raised", "alarm_id": event_id, "in_room": in_room}
    return "sk-people", {"topic": f"{root}event", "payload": {"id": event_id, "time": AT, "data": data}}


def state(root: str, ids: list[str], at: str = AT) -> tuple[str, dict[str, Any]]:
    """A room's own word."""
    return "sk-open", {"topic": f"{root}state", "payload": json.dumps({"open": ids, "at": at, "state": "stored"})}


MANY = [f"made-up-{n}" for n in range(1000)]
FLOODS = {
    "state": [state(OTHER, MANY)],
    "states": [state(OTHER, MANY[n : n + 100], f"2026-11-24T09:{n // 100:02}:00.000Z") for n in range(0, 1000, 100)],
    "events": [raised(OTHER, event_id) for event_id in MANY],
    "outside": [raised(OTHER, event_id, in_room=False) for event_id in MANY],
}


@pytest.mark.case("security 10")
@pytest.mark.parametrize("flood", FLOODS)
def test_no_room_pushes_another_rooms_alarm_off_the_desk(flood: str) -> None:
    """A5: a thousand ids in one room's state or events leave every other room's alarm open, accepted, and ended."""
    words = [raised(HERE, "mine"), state(HERE, ["mine"]), *FLOODS[flood]]
    open_, answers = run(*words, ("sk-accept", {}), ("sk-end", {}))
    assert [alarm["id"] for alarm in open_ if alarm["root"] == HERE] == ["mine"]
    assert len([alarm for alarm in open_ if alarm["root"] == OTHER]) <= 100
    accepted, ended = (
        [json.loads(each["payload"]) | {"topic": each["topic"]} for each in answer[0]] for answer in answers[-2:]
    )
    mine = [word for word in accepted if word["id"] == "mine"]
    assert mine == [{"id": "mine", "level": "accepted", "by": "node-red", "topic": f"{HERE}ack/node-red"}]
    assert len(accepted) <= 101
    resets = {word["topic"]: word["alarm_ids"] for word in ended}
    assert resets[HERE.replace("alarm/", "command/reset/node-red")] == ["mine"]


def ended(root: str, alarm_id: str, kind: str = "reset") -> tuple[str, dict[str, Any]]:
    """The event that ends an alarm."""
    data = {"kind": kind, "alarm_id": alarm_id}
    return "sk-people", {"topic": f"{root}event", "payload": {"id": f"end-{alarm_id}", "time": AT, "data": data}}


LATER = "2026-11-24T09:05:00.000Z"
ENDS = {
    "reset": ([ended(HERE, "mine")], []),
    "cancelled": ([ended(HERE, "mine", "cancelled")], []),
    "another room's reset": ([ended(OTHER, "mine")], ["mine"]),
    "a room that came back without it": ([state(HERE, [], LATER)], ["mine"]),
    "accepted, then gone": ([("sk-accept", {}), state(HERE, [], LATER)], []),
    "gone, then accepted": ([state(HERE, [], LATER), ("sk-accept", {})], []),
    "accepted, and open in the room": ([("sk-accept", {}), state(HERE, ["mine"], LATER)], ["mine"]),
    "gone, and back": ([state(HERE, [], LATER), state(HERE, ["mine"], LATER), ("sk-accept", {})], ["mine"]),
    "a word from before the press": ([state(HERE, [], "2026-11-24T08:59:00.000Z"), ("sk-accept", {})], ["mine"]),
}


@pytest.mark.parametrize("how", ENDS)
def test_the_silence_of_a_room_ends_no_alarm_that_was_heard(how: str) -> None:
    """A1, A5: a stored alarm stays on the desk until its reset comes, or a person has accepted it."""
    words, left = ENDS[how]
    open_, _ = run(raised(HERE, "mine"), *words)
    assert [alarm["id"] for alarm in open_] == left


def test_what_only_the_room_told_ends_with_its_word() -> None:
    """A5: after a restart what is open is known from the rooms' words alone."""
    open_, _ = run(state(HERE, ["a", "b"]), state(HERE, ["b"], LATER))
    assert [alarm["id"] for alarm in open_] == ["b"]
