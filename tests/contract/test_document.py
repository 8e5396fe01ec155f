# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The contract's files: that they are of today, that both dialects read them alike, and that their examples fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft7Validator, Draft202012Validator

from daemon import wire as wire_structs
from daemon.alarm import messages
from tests.contract import wire
from tests.contract.examples import EXAMPLES, body, event
from tests.tools import contract_schemas, draw_contract

KEYWORDS = {
    "$schema", "$id", "$ref", "$defs", "title", "description", "default", "examples", "type", "enum", "const",
    "properties", "required", "additionalProperties", "propertyNames", "items", "minItems", "maxItems", "anyOf",
    "allOf", "minLength", "maxLength", "pattern", "format", "minimum", "maximum", "maxProperties",
}  # fmt: skip
"""What JSON Schema 2020-12 and AsyncAPI's dialect, which is draft 7, mean alike where it is used here."""


def keywords(schema: Any) -> Iterator[str]:
    """Every keyword that a schema uses; names of fields and values are none."""
    for key, value in schema.items():
        yield key
        if key in {"properties", "$defs"}:
            for inner in value.values():
                yield from keywords(inner)
        elif key in {"anyOf", "allOf"}:
            for inner in value:
                yield from keywords(inner)
        elif key in {"items", "propertyNames", "additionalProperties"} and isinstance(value, dict):
            yield from keywords(value)


def test_the_contract_is_current() -> None:
    """H2: docs/ref/asyncapi.json and docs/ref/schemas/ are what the structs say today, and no file is left over."""
    drawn = draw_contract.files()
    stale = [path.name for path, content in drawn.items() if not path.exists() or path.read_text() != content]
    assert stale == [], "not what the structs say: run `make docs` and read what changed"
    assert set(draw_contract.SCHEMAS.iterdir()) == set(drawn) - {draw_contract.DOCUMENT}


@pytest.mark.parametrize("change", ["a word", "a bound", "a topic"])
def test_the_contract_follows_the_code(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """H2: another docstring, another bound or another way of sending changes the files."""
    if change == "a word":
        monkeypatch.setattr(messages.Ack, "__doc__", "Something else.")
    elif change == "a bound":
        bounds = contract_schemas.NARROWER | {(messages.Ack, "by"): {"maxLength": 63}}
        monkeypatch.setattr(contract_schemas, "NARROWER", bounds)
    else:
        head, *tail = draw_contract.TOPICS
        monkeypatch.setattr(draw_contract, "TOPICS", (head._replace(qos=2), *tail))
    assert any(path.read_text() != content for path, content in draw_contract.files().items())


def test_every_word_below_a_field_is_in_the_contract() -> None:
    """H2: what a field's docstring says stands in the published document."""
    said = draw_contract.DOCUMENT.read_text()
    inner: tuple[type[msgspec.Struct], ...] = (messages.AlarmData, messages.ButtonProof, wire_structs.RecorderHealth)
    for kind in (*EXAMPLES, *inner):
        for name, text in contract_schemas.field_texts(kind).items():
            assert json.dumps(text, ensure_ascii=False)[1:-1] in said, f"{kind.__name__}.{name}"
    assert contract_schemas.field_texts(messages.Presence)["sites"].startswith("The sites")


def test_every_message_of_the_document_has_an_example_and_a_file() -> None:
    """H2: the messages of the AsyncAPI document, the examples and the schema files are the same set."""
    names = {kind.__name__ for kind in EXAMPLES}
    assert set(wire.document()["components"]["messages"]) == names
    assert {wire.schema(name)["title"] for name in names} == names


def test_the_page_gives_every_channel_and_every_field() -> None:
    """H2: docs/ref/mqtt.md has a row a channel, with the direction, QoS and retain flag of the document, and it names
    every field of every message.
    """
    page = (wire.REF / "mqtt.md").read_text(encoding="utf-8")
    for topic in draw_contract.TOPICS:
        short = topic.address.removeprefix(draw_contract.ROOM).removeprefix(draw_contract.ORGANISATION)
        how = ("out" if topic.action == "send" else "in", str(topic.qos), "yes" if topic.retain else "never")
        assert f"| `{short}` | {' | '.join(how)} | " in page
    inner: tuple[type[msgspec.Struct], ...] = (messages.AlarmData, messages.ClockFigures, messages.ButtonProof)
    for kind in (*EXAMPLES, *inner):
        names = [field.encode_name for field in msgspec.structs.fields(kind)]
        assert [name for name in names if f"`{name}`" not in page and f'"{name}"' not in page] == [], kind.__name__


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_a_schema_is_one_and_its_examples_fit(kind: type[msgspec.Struct]) -> None:
    """H2: a published schema is valid 2020-12 and uses what both dialects know; a real message fits both of its copies,
    and with one field less or one more it no longer does.
    """
    alone = wire.schema(kind.__name__)
    Draft202012Validator.check_schema(alone)
    assert set(keywords(alone)) <= KEYWORDS
    document = wire.document()
    inside = Draft7Validator({"$ref": f"#/components/schemas/{kind.__name__}", "components": document["components"]})
    for value in EXAMPLES[kind]:
        found = body(value)
        assert wire.validator(kind.__name__).is_valid(found)
        assert inside.is_valid(found)
        less = {key: item for key, item in found.items() if key != alone["required"][0]}
        assert not wire.validator(kind.__name__).is_valid(less)
        assert not inside.is_valid(less)
        assert not wire.validator(kind.__name__).is_valid({**found, "unheard_of": 1})


def test_the_unit_leaves_nothing_out() -> None:
    """A4, A5: every field of what the unit sends is required, those that have a default in the code too."""
    for name in ("AlarmEvent", "AlarmState", "Availability", "Health", "RecordingEnded"):
        published = wire.schema(name)
        for part in (published, *published.get("$defs", {}).values()):
            later = {"unit", "sha256"} if part["title"] == "RecordingEnded" else set()
            assert part["required"] == [field for field in part["properties"] if field not in later], part["title"]
            assert not any("default" in field for field in part["properties"].values()), part["title"]


@pytest.mark.parametrize("example", EXAMPLES[messages.AlarmEvent], ids=lambda example: example.data.kind)
def test_an_alarm_event_is_a_cloud_event_to_another_reader(example: messages.AlarmEvent) -> None:
    """A4: the CloudEvents project's own reader takes an alarm event and finds its moment and its data."""
    found = JSONFormat().read(CloudEvent, messages.encode(example))
    assert (found.get_id(), found.get_type(), found.get_source()) == (example.id, example.type, example.source)
    moment = found.get_time()
    assert moment is not None
    assert moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") == example.time
    assert found.get_data() == body(example.data)


@pytest.mark.parametrize("wrong", [{"specversion": "2.0"}, {"id": ""}, {"type": ""}, {"source": ""}], ids=str)
def test_what_is_no_cloud_event_is_refused_by_both(wrong: dict[str, str]) -> None:
    """A4: an envelope that the CloudEvents project's reader refuses is refused by our schema as well."""
    spoilt = {**body(event()), **wrong}
    assert not wire.validator("AlarmEvent").is_valid(spoilt)
    with pytest.raises(CloudEventValidationError):
        JSONFormat().read(CloudEvent, json.dumps(spoilt))
