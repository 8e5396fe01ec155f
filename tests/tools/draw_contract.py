# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws the contract: docs/ref/asyncapi.json, and a JSON Schema a message in docs/ref/schemas/.

What a message looks like comes from its struct (`contract_schemas.py`); this file says where each is heard, how it is
sent and who sends it. `make docs` writes the files; a test compares.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Literal, NamedTuple

from daemon.alarm import client, messages, mqtt
from daemon.model.unit import Broker
from tests.contract.examples import EXAMPLES, body
from tests.tools.contract_schemas import Schema, Struct, components, slug, standing_alone, text

REF = Path(__file__).resolve().parent.parent.parent / "docs" / "ref"
DOCUMENT, SCHEMAS = REF / "asyncapi.json", REF / "schemas"
ORGANISATION = "spreekkamer/v1/{organisation}/"
ROOM = ORGANISATION + "{site}/{room}/"
MQTT_BINDING = "0.2.0"


class Topic(NamedTuple):
    """One channel, from the unit's point of view."""

    key: str
    address: str
    action: Literal["send", "receive"]
    qos: int
    retain: bool
    messages: tuple[Struct, ...]
    says: str


TOPICS = (
    Topic("alarmEvent", ROOM + "alarm/event", "send", 1, False, (messages.AlarmEvent,),
          "Alarms, and what belongs to them. An event is sent again, attempt + 1, until a receiver says that it stored "
          "it; the same id is the same event."),
    Topic("alarmState", ROOM + "alarm/state", "send", 1, True, (messages.AlarmState,), "The room's open alarms."),
    Topic("availability", ROOM + "availability", "send", 1, True, (messages.Availability,),
          "Whether the unit is there; its last will says that it is not. One of an older session says nothing."),
    Topic("health", ROOM + "health", "send", 0, True, (messages.Health,), "What the unit measures, every 15 s."),
    Topic("recordingEvent", ROOM + "recording/event", "send", 1, False,
          (messages.RecordingStarted, messages.RecordingEnded), "A recording has started or ended; never its content."),
    Topic("recordingHead", ROOM + "recording/head", "send", 1, False, (messages.RecordingHead,),
          "The head of a running recording's hash chain, so that the broker's log is a witness."),
    Topic("archiveEvent", ROOM + "archive/event", "send", 1, False,
          (messages.ArchiveEvent, messages.HoldReviewDue),
          "Lines of the keeper's audit log, so that the broker's log is a witness; holds that are due for review."),
    Topic("alarmPoll", ROOM + "alarm/poll", "send", 1, False, (messages.Poll,),
          "Who listens? Asked at each connection and every 15 s; every 3 s while a receiver that was there is silent."),
    Topic("alarmHere", ROOM + "alarm/here/{console}", "receive", 1, False, (messages.Poll,),
          "A receiver that hears alarms, and can store them, answers each poll with the poll's own bytes."),
    Topic("alarmAck", ROOM + "alarm/ack/{console}", "receive", 1, False, (messages.Ack,),
          "A receiver stores an alarm event first and says so then. Never retained."),
    Topic("commandReset", ROOM + "command/reset/{console}", "receive", 1, False, (messages.ResetCommand,),
          "A console ends the alarms that it names, where the policy lets it. Never retained."),
    Topic("consoleState", ORGANISATION + "console/{console}/state", "receive", 1, True, (messages.Presence,),
          "Who listens. A console says so at each connection, and leaves a will that says the opposite; an empty "
          "message forgets it."),
)  # fmt: skip
PARAMETERS = {
    "organisation": "The municipality: small letters, digits and hyphens, at most 64.",
    "site": "The building: small letters, digits and hyphens, at most 64.",
    "room": "The room: small letters, digits and hyphens, at most 64.",
    "console": "The receiver's own id: printable ASCII without a space and without / + #, at most 64.",
}
LAW = """\
What one room unit and its receivers say to each other over MQTT.

An alarm event is complete in itself, because many receivers speak MQTT 3.1.1 and see no properties. Within v1 a field \
or a word may be added, none changes its meaning and none goes: read what you know and pass over the rest. Whole \
numbers are written without a fraction."""


def document() -> Schema:
    """The AsyncAPI document."""
    schemas: dict[str, Schema] = {}
    for topic in TOPICS:
        for kind in topic.messages:
            schemas |= components(kind, "#/components/schemas/", sent=topic.action == "send")
    return {
        "asyncapi": "3.0.0",
        "id": "urn:spreekkamer:v1",
        "info": {
            "title": "Spreekkamer room unit",
            "version": "1.0.0",
            "description": LAW,
            "license": {"name": "EUPL-1.2", "url": "https://eupl.eu/1.2/en/"},
        },
        "defaultContentType": "application/json",
        "servers": {"site": _server()},
        "channels": {topic.key: _channel(topic) for topic in TOPICS},
        "operations": {_operation_key(topic): _operation(topic) for topic in TOPICS},
        "components": {
            "parameters": {name: {"description": says} for name, says in PARAMETERS.items()},
            "messages": {kind.__name__: _message(kind) for topic in TOPICS for kind in topic.messages},
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "certificate": {
                    "type": "X509",
                    "description": "Both sides by certificate; the unit's name is its certificate's name.",
                }
            },
        },
    }


def files() -> dict[Path, str]:
    """Every file of the contract, with its text."""
    alone = {
        SCHEMAS / f"{slug(kind)}.json": text(standing_alone(kind, sent=topic.action == "send"))
        for topic in TOPICS
        for kind in topic.messages
    }
    return {DOCUMENT: text(document()), **alone}


def _server() -> Schema:
    return {
        "host": "{broker}:8883",
        "protocol": "secure-mqtt",
        "protocolVersion": "5",
        "description": "The site's broker. Where it speaks 3.1.1 only, the unit falls back and its health says so.",
        "variables": {"broker": {"description": "`broker.host` in unit.toml."}},
        "security": [_ref("components", "securitySchemes", "certificate")],
        "bindings": {
            "mqtt": {
                "cleanSession": True,
                "lastWill": {
                    "topic": ROOM + "availability",
                    "qos": 1,
                    "retain": True,
                    "message": "Availability with online false, of the same boot and session",
                },
                "keepAlive": Broker(host="broker").keepalive_s,
                "sessionExpiryInterval": 2 * mqtt.WILL_DELAY_S,
                "maximumPacketSize": client.PACKET_BYTES_MAX,
                "bindingVersion": MQTT_BINDING,
            }
        },
    }


def _channel(topic: Topic) -> Schema:
    return {
        "address": topic.address,
        "description": topic.says,
        "parameters": {
            name: _ref("components", "parameters", name) for name in PARAMETERS if f"{{{name}}}" in topic.address
        },
        "messages": {kind.__name__: _ref("components", "messages", kind.__name__) for kind in topic.messages},
    }


def _operation_key(topic: Topic) -> str:
    return topic.action + topic.key[0].upper() + topic.key[1:]


def _operation(topic: Topic) -> Schema:
    found: Schema = {
        "action": topic.action,
        "channel": _ref("channels", topic.key),
        "summary": topic.says.partition(".")[0] + ".",
        "messages": [_ref("channels", topic.key, "messages", kind.__name__) for kind in topic.messages],
        "bindings": {"mqtt": {"qos": topic.qos, "retain": topic.retain, "bindingVersion": MQTT_BINDING}},
    }
    if messages.AlarmEvent in topic.messages:
        found["reply"] = {
            "channel": _ref("channels", "alarmAck"),
            "messages": [_ref("channels", "alarmAck", "messages", messages.Ack.__name__)],
        }
    return found


def _message(kind: Struct) -> Schema:
    found: Schema = {
        "name": kind.__name__,
        "title": slug(kind).replace("-", " ").capitalize(),
        "summary": inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0],
        "contentType": messages.CONTENT_TYPE if kind is messages.AlarmEvent else "application/json",
        "payload": _ref("components", "schemas", kind.__name__),
        "examples": [{"payload": body(value)} for value in EXAMPLES[kind]],
    }
    if kind is messages.AlarmEvent:
        found["bindings"] = {"mqtt": {"contentType": messages.CONTENT_TYPE, "bindingVersion": MQTT_BINDING}}
    if kind in {messages.AlarmEvent, messages.Ack}:
        found["correlationId"] = {
            "description": "The alarm event's id; an acknowledgement carries it back.",
            "location": "$message.payload#/id",
        }
    return found


def _ref(*path: str) -> dict[str, Any]:
    return {"$ref": "#/" + "/".join(path)}


if __name__ == "__main__":
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    drawn = files()
    for old in set(SCHEMAS.glob("*.json")) - set(drawn):
        old.unlink()
    for path, content in drawn.items():
        path.write_text(content)
        print(path)  # noqa: T201 - a tool says what it wrote
