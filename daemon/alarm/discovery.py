# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""How a unit introduces itself to Home Assistant: one device with entities, as MQTT discovery reads them. Pure.

Invariant: every entity that subscribes asks for QoS 1, because Home Assistant's default is QoS 0; and no entity acts on
a room. Names are Dutch, for the people at the dashboard.

Format: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery; the payloads are checked against Home
Assistant's own schemas by `make home-assistant`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

from daemon.alarm import messages
from daemon.model import fitted
from daemon.model.events import LEVELS, AlarmEventKind
from daemon.model.state import Phase
from daemon.model.unit import Unit

EXPIRE_S = 50
"""Older health is stale: three missed messages of 15 s, and a margin."""

EVENT = (
    "{{ {'event_type': value_json.data.kind, 'id': value_json.id, 'alarm_id': value_json.data.alarm_id,"
    " 'source': value_json.data.source, 'pressed_at': value_json.data.pressed_at, 'age_ms': value_json.data.age_ms,"
    " 'attempt': value_json.data.attempt, 'replay': value_json.data.replay, 'in_room': value_json.data.in_room,"
    " 'silent': value_json.data.silent, 'simulated': value_json.data.simulated, 'detail': value_json.data.detail}"
    " | tojson }}"
)


class Entity(NamedTuple):
    """One entity that Home Assistant shows of a unit."""

    component: str
    """Its kind, in Home Assistant's terms."""
    key: str
    """Its name within the unit. It never changes: Home Assistant's history depends on it."""
    body: dict[str, Any]


def payloads(unit: Unit, *, simulated: bool = False) -> tuple[tuple[str, bytes], ...]:
    """Return each topic with its payload, to be published retained; none if discovery is off.

    Topics and unique ids depend only on the names of the unit and its buttons: they survive new software and a new
    machine. At most seven, plus one per button.
    """
    if not unit.home_assistant.discovery_prefix:
        return ()
    node = f"spreekkamer_{unit.organisation}_{unit.site}_{unit.room}"  # no name contains an underscore: it is unique
    model = "Spreekkamer (SIMULATIE)" if simulated else "Spreekkamer"  # not in `name`: entity ids are made from it
    device = {"identifiers": [node], "name": f"{unit.room} ({unit.site})", "model": model}
    common = {"qos": 1, "device": device, "origin": {"name": "spreekkamer"}}
    found = []
    for component, key, own in (*_alarm(unit), *_well_being(unit), *_buttons(unit)):
        topic = f"{unit.home_assistant.discovery_prefix}/{component}/{node}/{key}/config"
        found.append((topic, messages.encode({**common, "unique_id": f"{node}_{key}", **own})))
    return tuple(found)


def _alarm(unit: Unit) -> Iterator[Entity]:
    """The alarm itself. It has no availability topic, so that a unit marked unavailable hides no alarm."""
    root = unit.topic_root()
    event = {
        "name": "Alarmmelding",
        "device_class": "button",
        "state_topic": root + "alarm/event",
        "event_types": list(get_args(AlarmEventKind)),
        "value_template": EVENT,
    }
    yield Entity("event", "alarm", event)
    is_open = {
        "name": "Alarm open",
        "device_class": "safety",
        "state_topic": root + "alarm/state",
        "value_template": "{{ 'ON' if value_json.open else 'OFF' }}",
        "json_attributes_topic": root + "alarm/state",
        # Home Assistant accepts no attribute called `state`.
        "json_attributes_template": "{{ {'open': value_json.open, 'level': value_json.state} | tojson }}",
    }
    yield Entity("binary_sensor", "alarm_open", is_open)
    level = {
        "name": "Alarm gekomen tot",
        "device_class": "enum",
        "options": ["idle", *LEVELS],
        "state_topic": root + "alarm/state",
        "value_template": "{{ value_json.state }}",
    }
    yield Entity("sensor", "alarm_level", level)


def _well_being(unit: Unit) -> Iterator[Entity]:
    """The unit's own condition."""
    connected = {
        "name": "Verbonden",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": unit.topic_root() + "availability",
        "value_template": "{{ 'ON' if value_json.online else 'OFF' }}",
    }
    yield Entity("binary_sensor", "connected", connected)
    problem = {
        "name": "Storing",
        "device_class": "problem",
        "value_template": "{{ 'ON' if value_json.faults else 'OFF' }}",
        "json_attributes_topic": unit.topic_root() + "health",
        "json_attributes_template": "{{ value_json.faults | tojson }}",
    }
    yield Entity("binary_sensor", "problem", {**_by_health(unit), **problem})
    phase = {
        "name": "Toestand",
        "device_class": "enum",
        "options": [phase.value for phase in Phase],
        "value_template": "{{ value_json.phase }}",
    }
    yield Entity("sensor", "phase", {**_by_health(unit), **phase})
    undelivered = {
        "name": "Nog niet bezorgd",
        "state_class": "measurement",
        "value_template": "{{ value_json.undelivered }}",
    }
    yield Entity("sensor", "undelivered", {**_by_health(unit), **undelivered})


def _buttons(unit: Unit) -> Iterator[Entity]:
    """Each button that raises an alarm: its last press, with its last test and last sign of life as attributes."""
    wired = [button.name for button, _ in fitted.buttons(unit) if button.raises]
    for name in (*wired, *(mobile.name for mobile in unit.mobile)):
        title = "Alarmknop" if name == "alarm" else f"Alarmknop {name}"
        proof = f"(value_json.buttons.get('{name}') or {{}})"  # none until the journal has been read
        button = {
            "name": f"{title} laatst gedrukt",
            "device_class": "timestamp",
            "value_template": f"{{{{ {proof}.get('last_press') }}}}",
            "json_attributes_topic": unit.topic_root() + "health",
            "json_attributes_template": f"{{{{ {proof} | tojson }}}}",
        }
        yield Entity("sensor", f"button_{name}", {**_by_health(unit), **button})


def _by_health(unit: Unit) -> dict[str, Any]:
    """Common keys of entities read from health: unavailable when health stops or the unit is away."""
    return {
        "state_topic": unit.topic_root() + "health",
        "expire_after": EXPIRE_S,
        "entity_category": "diagnostic",
        "availability_topic": unit.topic_root() + "availability",
        "availability_template": "{{ 'online' if value_json.online else 'offline' }}",
    }
