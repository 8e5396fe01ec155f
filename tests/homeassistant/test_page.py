# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The blocks of docs/guide/home-assistant.md that need no Home Assistant: `make home-assistant` runs the rest."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import yaml

from daemon.alarm import messages
from daemon.model.unit import HomeAssistant
from tests.homeassistant import page


def store(home: Path, name: str, payload: bytes) -> subprocess.CompletedProcess[str]:
    program = home / "spreekkamer_store.py"
    program.write_text(page.block("python"))
    text = base64.b64encode(payload).decode()
    command = [sys.executable, str(program), str(home / "alarms"), name, text]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def publishes(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for step in steps:
        found += [step["data"]] if step.get("service") == "mqtt.publish" else []
        found += publishes(step["repeat"]["sequence"]) if "repeat" in step else []
    return found


def test_the_package_listens_and_answers_at_qos_1() -> None:
    """A1: Home Assistant hears alarm events at QoS 1, and says nothing that a broker would retain."""
    package = yaml.safe_load(page.package())
    stores, _, answers = package["automation"]
    assert [(t["topic"].rpartition("+/")[2], t["qos"]) for t in answers["trigger"]] == [("alarm/poll", 1)]
    assert [(t["topic"].rpartition("+/")[2], t["qos"]) for t in stores["trigger"]] == [("alarm/event", 1)]
    said = (
        publishes(stores["action"])
        + publishes(answers["action"])
        + [data for item in package["script"].values() for data in publishes(item["sequence"])]
    )
    assert len(said) == 4
    assert all((data["qos"], data["retain"]) == (1, False) for data in said)


def test_it_stores_before_it_acknowledges() -> None:
    """A1: in the automation the store, and the condition that it succeeded, come before the acknowledgement."""
    steps = yaml.safe_load(page.package())["automation"][0]["action"]
    names = [step.get("service") or next(iter(step)) for step in steps]
    stored, answered = names.index("shell_command.spreekkamer_store"), names.index("mqtt.publish")
    assert stored < answered
    assert [step["value_template"] for step in steps[stored + 1 : answered]] == ["{{ stored.returncode == 0 }}"]


def test_the_presence_is_what_a_unit_takes() -> None:
    """A5: birth and will go, retained, to one console's topic, in words that the unit understands."""
    said = page.messages()
    assert set(said) == {"birth_message", "will_message"}
    words = {name: msgspec.json.decode(str(body["payload"]), type=messages.Presence) for name, body in said.items()}
    assert (words["birth_message"].online, words["will_message"].online) == (True, False)
    assert len({body["topic"] for body in said.values()}) == 1
    assert all((body["qos"], body["retain"]) == (1, True) for body in said.values())
    topic = str(said["birth_message"]["topic"])
    receiver = re.fullmatch(r"spreekkamer/v1/voorbeeldstad/console/([a-z-]+)/state", topic)
    assert receiver
    again = yaml.safe_load(page.package())["automation"][1]
    (said_again,) = publishes(again["action"])
    assert again["trigger"][0]["topic"] == said_again["topic"] == topic
    assert (said_again["qos"], said_again["retain"]) == (1, True)
    assert set(re.findall(r"'by': '([^']+)'", page.package())) == {receiver[1]}


def test_the_setting_is_one() -> None:
    """H2: the lines for unit.toml are what unit.toml takes."""
    table = tomllib.loads(page.block("toml"))["home_assistant"]
    assert msgspec.convert(table, HomeAssistant).discovery_prefix == "homeassistant"


def test_the_store_keeps_an_event_once(tmp_path: Path) -> None:
    """A1: the guide's program keeps every byte, knows a duplicate, leaves nothing beside, and fails aloud."""
    (tmp_path / "alarms").mkdir()
    body = json.dumps({"id": "x", "data": {"detail": "é ' \" $(true)"}}).encode()
    assert store(tmp_path, "room_x", body).stdout == "new\n"
    assert store(tmp_path, "room_x", b"another").stdout == "known\n"
    assert [(file.name, file.read_bytes()) for file in (tmp_path / "alarms").iterdir()] == [("room_x.json", body)]
    (tmp_path / "alarms").rename(tmp_path / "gone")
    assert store(tmp_path, "room_y", body).returncode != 0
