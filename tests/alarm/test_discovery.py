# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How a unit introduces itself to Home Assistant; what Home Assistant says of it: `make home-assistant`."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
from msgspec.structs import replace

from daemon.alarm import discovery, messages
from daemon.alarm.status import HEALTH_NS
from daemon.model.unit import Broker, Buttons, ButtonUnit, HomeAssistant, Mobile, Unit

UNIT = Unit(
    "voorbeeldstad", "stadhuis", "spreekkamer-1", Buttons(ButtonUnit(5)), Broker("localhost"),
    mobile=(Mobile("hall-1", "zigbee2mqtt/hall-1", ("emergency",)),), home_assistant=HomeAssistant("homeassistant"),
)  # fmt: skip
ENTITIES = 9
"""Seven, and one for each of the two buttons."""
SAID = {
    "alarm/event": messages.AlarmEvent,
    "alarm/state": messages.AlarmState,
    "availability": messages.Availability,
    "health": messages.Health,
}
"""What the unit says on each topic that an entity listens to."""
TOPIC = re.compile(r"homeassistant/(event|binary_sensor|sensor)/([a-zA-Z0-9_-]+)/([a-zA-Z0-9_-]+)/config")
"""As Home Assistant takes it apart: component, node id, object id."""


def bodies(unit: Unit = UNIT) -> dict[str, dict[str, Any]]:
    return {topic: json.loads(body) for topic, body in discovery.payloads(unit)}


def test_every_entity_listens_at_qos_1() -> None:
    """A1: no entity leaves Home Assistant at its own QoS 0, and each hears this room's topics alone."""
    found = bodies()
    assert len(found) == ENTITIES
    for topic, body in found.items():
        assert TOPIC.fullmatch(topic), topic
        assert body["qos"] == 1
        heard = [text for key, text in body.items() if key.endswith("_topic")]
        assert heard
        assert {str(text).removeprefix(UNIT.topic_root()) for text in heard} <= set(SAID)


def test_every_template_reads_what_the_unit_says() -> None:
    """H2: each field that a template names is a field of the message on that template's topic."""
    read = 0
    for body in bodies().values():
        for key, template in body.items():
            if not key.endswith("template"):
                continue
            topic = body.get(key.replace("template", "topic"), body["state_topic"])
            for path in re.findall(r"value_json((?:\.(?!get\()[a-z_]+)+)", template):
                kind: Any = SAID[topic.removeprefix(UNIT.topic_root())]
                for name in path.split(".")[1:]:
                    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
                    assert name in fields, f"{template}: {name}"
                    kind = fields[name]
                read += 1
    assert read > 20


def test_health_is_old_after_three_messages() -> None:
    """H1: what is read from health goes when three have not come, and not before."""
    after = {body["expire_after"] for body in bodies().values() if body["state_topic"].endswith("health")}
    assert all(3 * HEALTH_NS < seconds * 1e9 < 4 * HEALTH_NS for seconds in after)
    assert after


def test_every_button_shows_when_it_was_pressed() -> None:
    """A5: the wired button and each wireless one has a moment of its own, by the name that health has."""
    read = [body["value_template"] for topic, body in bodies().items() if "/button_" in topic]
    assert len(read) == 1 + len(UNIT.mobile)
    assert [name for name in ("alarm", "hall-1") for text in read if f"get('{name}')" in text] == ["alarm", "hall-1"]


def test_nothing_hides_an_alarm() -> None:
    """A5: the alarm's own entities have no availability: what is said of the unit does not take them away."""
    alarm = [body for topic, body in bodies().items() if "/alarm" in topic]
    assert len(alarm) == 3
    assert all(not key.startswith(("availability", "expire")) for body in alarm for key in body)


def test_no_entity_acts_on_a_room() -> None:
    """A5: a finger that slips on a dashboard ends no alarm: no entity has a command."""
    assert all("command_topic" not in body for body in bodies().values())


def test_units_do_not_meet() -> None:
    """H1: two rooms share no topic, unique id or device, whatever hyphens they have; one room keeps its own."""
    others = [
        replace(UNIT, site="stadhuis-spreekkamer", room="1"),
        replace(UNIT, room="spreekkamer-2"),
        replace(UNIT, organisation="voorbeeldstad-stadhuis", site="x"),
    ]
    seen = [
        (topic, body["unique_id"], json.dumps(body["device"], sort_keys=True))
        for unit in (UNIT, *others)
        for topic, body in bodies(unit).items()
    ]
    assert len({topic for topic, _, _ in seen}) == len({unique for _, unique, _ in seen}) == 4 * ENTITIES
    assert len({device for _, _, device in seen}) == 4
    moved = replace(UNIT, broker=Broker("elsewhere"), buttons=Buttons(ButtonUnit(9)))
    assert discovery.payloads(moved) == discovery.payloads(UNIT)


def test_without_a_prefix_nothing_is_said() -> None:
    """H1: a unit that is not told to introduces itself to nobody."""
    assert discovery.payloads(replace(UNIT, home_assistant=HomeAssistant())) == ()
