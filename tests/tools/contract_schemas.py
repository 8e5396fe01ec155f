# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The JSON Schema of every message, from its struct: shapes from the types, meanings from the docstrings.

The law here: this file adds only what the types cannot say. They are wider than the contract on purpose: the journal's
rows are read back through them, and a row that is refused is an alarm that is not sent.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from daemon import wire
from daemon.alarm import messages
from daemon.model.events import LEVELS, AlarmEventKind
from daemon.model.faults import FaultName
from daemon.model.fitted import OUTPUTS
from daemon.model.holds import Kind
from daemon.model.ledger import Frame
from daemon.model.state import Phase
from tests.contract.examples import EXAMPLES, body

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Struct = type[msgspec.Struct]
Schema = dict[str, Any]

END, PORTABLE_END = r"\Z", r"$(?!\n)"
"""The end of a text: in Python's patterns, and so that ECMA's read it the same. There `$` is the end already; in
Python's it also stands before a last line feed, which the second half refuses."""
MOMENT = {"format": "date-time", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z" + END}
"""UTC with milliseconds, as `daemon.times.utc` writes it."""
SHA256 = {"pattern": "^[0-9a-f]{64}" + END}
ID = {"minLength": 1, "maxLength": 64, "pattern": r"^[\x21-\x7e]+" + END}
"""An id that leaves the unit comes back in an acknowledgement or a command: within `messages.Text`."""
_FRAME = msgspec.json.schema(Frame, ref_template="{name}")["$defs"][Frame.__name__]["properties"]
AUDIT_LINE: Schema = {
    **{name: {key: value for key, value in drawn.items() if key != "default"} for name, drawn in _FRAME.items()},
    "event": {"type": "string", "minLength": 1},
}
"""What stands in every line of the audit log; each event adds its own (docs/ref/audit-log.md)."""
NARROWER: dict[tuple[Struct, str], Schema] = {
    (messages.AlarmEvent, "id"): ID,
    (messages.AlarmEvent, "source"): {"minLength": 1, "format": "uri-reference"},
    (messages.AlarmEvent, "type"): {"enum": [f"nl.spreekkamer.alarm.{kind}.v1" for kind in get_args(AlarmEventKind)]},
    (messages.AlarmEvent, "time"): MOMENT,
    (messages.AlarmEvent, "specversion"): {"const": "1.0"},
    (messages.AlarmEvent, "datacontenttype"): {"const": "application/json"},
    (messages.AlarmData, "alarm_id"): ID,
    (messages.AlarmData, "seq"): {"minimum": 1},
    (messages.AlarmData, "attempt"): {"minimum": 1},
    (messages.AlarmData, "age_ms"): {"minimum": 0},
    (messages.AlarmData, "pressed_at"): MOMENT,
    (messages.AlarmState, "state"): {"enum": ["idle", *LEVELS]},
    (messages.AlarmState, "at"): MOMENT,
    (messages.Availability, "session"): {"minimum": 0},
    (messages.ButtonProof, "last_press"): MOMENT,
    (messages.ButtonProof, "last_test"): MOMENT,
    (messages.ButtonProof, "last_seen"): MOMENT,
    (messages.PathProof, "up_since"): MOMENT,
    (messages.PathProof, "proven_until"): MOMENT,
    (messages.Health, "at"): MOMENT,
    (messages.Health, "phase"): {"enum": [phase.value for phase in Phase]},
    (messages.Health, "faults"): {"propertyNames": {"enum": sorted(get_args(FaultName))}},
    (messages.Health, "lamps"): {"propertyNames": {"enum": list(OUTPUTS)}},
    (messages.Health, "policy_sha256"): SHA256,
    (messages.RecordingStarted, "at"): MOMENT,
    (messages.RecordingEnded, "at"): MOMENT,
    (messages.RecordingEnded, "lines"): {"minimum": 0},
    (messages.RecordingHead, "at"): MOMENT,
    (messages.RecordingHead, "lines"): {"minimum": 1},
    (messages.RecordingHead, "sha256"): SHA256,
    (messages.ArchiveEvent, "at"): MOMENT,
    (messages.ArchiveEvent, "line"): {
        "properties": AUDIT_LINE,
        "required": list(AUDIT_LINE),
        "additionalProperties": True,
    },
    (messages.ArchiveEvent, "head"): SHA256,
    (messages.HoldReviewDue, "at"): MOMENT,
    (messages.HoldReviewDue, "kind"): {"enum": list(get_args(Kind))},
    (messages.HoldReviewDue, "review"): {"format": "date"},
    (messages.HoldReviewDue, "lapses_on"): {"format": "date"},
    (messages.HoldReviewDue, "overdue_d"): {"minimum": 0},
}


def slug(struct: Struct) -> str:
    """The name of a message in file names: of AlarmEvent, alarm-event."""
    return re.sub(r"(?<!^)([A-Z])", r"-\1", struct.__name__).lower()


def components(struct: Struct, refs: str, *, sent: bool) -> dict[str, Schema]:
    """The schema of a message and of every struct in it, by name; `refs` is where they point at each other.

    Of a message that the unit sends every field is required but those that an earlier release did not know, or that are
    not always known (UNSET); of one that it reads, those without a default.
    """
    _, found = msgspec.json.schema_components([struct], ref_template=refs + "{name}")
    return {name: _finished(_struct(name), schema, sent=sent) for name, schema in found.items()}


def standing_alone(struct: Struct, *, sent: bool) -> Schema:
    """A message's schema with all that it points at, for who wants no AsyncAPI."""
    inner = components(struct, "#/$defs/", sent=sent)
    main = inner.pop(struct.__name__)
    head = {"$schema": DIALECT, "$id": f"urn:spreekkamer:v1:{slug(struct)}"}
    tail = {"examples": [body(value) for value in EXAMPLES[struct]]}
    return {**head, **main, **tail, **({"$defs": inner} if inner else {})}


@cache
def field_texts(struct: Struct) -> dict[str, str]:
    """The docstring below each field of a struct, and of those in the daemon that it stands on."""
    found: dict[str, str] = {}
    for kind in reversed(struct.__mro__):
        if kind.__module__.partition(".")[0] != "daemon":
            continue
        (tree,) = ast.parse(inspect.getsource(kind)).body
        assert isinstance(tree, ast.ClassDef)
        for node, after in zip(tree.body, tree.body[1:], strict=False):
            match node, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = " ".join(text.split())
    return found


def _struct(name: str) -> Struct:
    found: Struct = getattr(messages, name, None) or getattr(wire, name)
    return found


def _finished(struct: Struct, schema: Schema, *, sent: bool) -> Schema:
    """A schema with what the docstrings say, and with what is true of a message on the wire."""
    hints, texts = get_type_hints(struct), field_texts(struct)
    schema["description"] = inspect.cleandoc(struct.__doc__ or "")
    for field in msgspec.structs.fields(struct):
        found = _narrowed(schema["properties"][field.encode_name], NARROWER.get((struct, field.name), {}))
        hint = hints[field.name]
        if get_origin(hint) is dict and get_origin(key := get_args(hint)[0]) is Literal:
            found["propertyNames"] = {"enum": sorted(get_args(key))}
        if sent:
            found.pop("default", None)
        if text := texts.get(field.name):
            # AsyncAPI's dialect reads no words beside a reference.
            found = {"description": text, **({"allOf": [found]} if "$ref" in found else found)}
        schema["properties"][field.encode_name] = found
    if sent:
        later = {field.encode_name for field in msgspec.structs.fields(struct) if field.default is msgspec.UNSET}
        schema["required"] = [name for name in schema["properties"] if name not in later]
    drawn: Schema = portable(schema)
    return drawn


def _narrowed(schema: Schema, narrower: Schema) -> Schema:
    """A constraint belongs to the alternatives that are not null."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [s if s == {"type": "null"} else {**s, **narrower} for s in schema["anyOf"]]}
    return {**schema, **narrower}


def portable(value: Any) -> Any:
    """The same with patterns that both dialects read alike."""
    if isinstance(value, dict):
        return {k: v.replace(END, PORTABLE_END) if k == "pattern" else portable(v) for k, v in value.items()}
    return [portable(item) for item in value] if isinstance(value, list) else value


def text(value: Schema) -> str:
    """As a file holds it."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
