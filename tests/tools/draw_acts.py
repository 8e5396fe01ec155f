# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws the audit log's kinds: the tables of docs/ref/audit-log.md and the JSON Schema of a line: `make docs`.

What a line looks like comes from its struct, the examples from a log that a unit wrote (`tests/logs/`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import FieldInfo, fields

from daemon.model import acts
from daemon.model.acts import KINDS, Act, OfAlarm, Place, Refused
from daemon.model.ledger import Acted, Frame
from tests.auditlog import written
from tests.tools.contract_schemas import DIALECT, Schema, Struct, field_texts, portable, text
from tests.tools.typed_fields import code

REF = Path(__file__).resolve().parent.parent.parent / "docs" / "ref"
PAGE, SCHEMA = REF / "audit-log.md", REF / "audit-log.schema.json"
BEGIN, END = "<!-- {}: drawn by `make docs` -->\n", "<!-- {}: until here -->\n"
HEAD = "| event | when | fields |\n|---|---|---|\n"
LAW = """\
One line of the audit log of a room unit, store/audit.jsonl: JSON, UTF-8, ended by a line feed.

The chain is not a matter of one line: prev is the SHA-256 of the line before, line feed included, and n counts on. A \
line of a release that is later than this schema may have an event or a field that is not in it. Whole numbers are \
written without a fraction."""


# --- the page ---------------------------------------------------------------------------------------------------------


def frame() -> str:
    """The fields of every line, and those of the alarm process's acts."""
    parts = ["| field | in every line |\n|---|---|\n", *_rows(Frame)]
    parts += ["\n| field | in an act of the alarm process |\n|---|---|\n", *_rows(Acted), *_rows(Place, "act.")]
    return "".join(parts)


def _rows(kind: Struct, before: str = "") -> Iterator[str]:
    for field in fields(kind):
        yield f"| {code(before + field.encode_name)} | {_meaning(kind, field)} |\n"


def kinds() -> str:
    """A table for each part of the catalogue, in its order: a row a kind."""
    parts: list[str] = []
    before: tuple[str, ...] = ()
    source = inspect.getsource(acts)
    for found in re.finditer(r"^# --- (.+?) -+$|^class (\w+)\(", source, re.MULTILINE):
        heading, name = found.groups()
        kind: Any = getattr(acts, name) if name else None
        if heading:
            parts.append(f"\n### {heading[0].upper()}{heading[1:]}\n\n{HEAD}")
        elif kind in KINDS.values():
            names = kind.__struct_fields__
            own = "; ".join(_field(kind, field) for field in fields(kind))
            own, before = "the same" if len(names) > 1 and names == before else own, names
            parts.append(f"| {code(kind.__struct_config__.tag)} | {_says(kind)} | {own} |\n")
    return "".join(parts).lstrip()


def _field(kind: Struct, field: FieldInfo) -> str:
    name = code(field.encode_name) + ("" if field.required else "\\*")
    says = _meaning(kind, field).rstrip(".")
    return f"{name}: {says[0].lower() + says[1:] if says[1:2].islower() else says}" if says else name


def _meaning(kind: Struct, field: FieldInfo) -> str:
    return field_texts(kind).get(field.name, "").replace("|", "\\|")


def _says(kind: Struct) -> str:
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split())


def page() -> str:
    """The whole page: what is written by hand, and what is drawn into it."""
    whole = PAGE.read_text(encoding="utf-8")
    for name, drawn in (("fields", frame()), ("kinds", kinds())):
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = whole.partition(begin)
        whole = f"{before}{begin}\n{drawn}\n{end}{rest.partition(end)[2]}"
    return whole


# --- the schema -------------------------------------------------------------------------------------------------------


def schema() -> Schema:
    """The JSON Schema of a line."""
    structs: list[Any] = [Frame, Acted, Place, *KINDS.values()]
    _, found = msgspec.json.schema_components(structs, ref_template="#/$defs/{name}")
    for kind in structs:
        _describe(found[kind.__name__], kind)
    found[Frame.__name__]["required"] = list(found[Frame.__name__]["properties"])
    whole = {
        "$schema": DIALECT, "$id": "urn:spreekkamer:v1:audit-line", "title": "Line of the audit log",
        "description": LAW, "type": "object", "required": ["event"], "properties": {"event": {"enum": list(KINDS)}},
        "allOf": [{"$ref": f"#/$defs/{Frame.__name__}"}, *(_rule(kind) for kind in KINDS.values())],
        "examples": [written()[event] for event in KINDS],
        "$defs": {kind.__name__: found[kind.__name__] for kind in structs},
    }  # fmt: skip
    drawn: Schema = portable(whole)
    return drawn


def _rule(kind: type[Act]) -> Schema:
    """Which fields go with which event; the keeper refuses people too, and then nobody acted before."""
    of_alarm = [{"$ref": f"#/$defs/{Acted.__name__}"}] if issubclass(kind, OfAlarm) and kind is not Refused else []
    fits = {"event": {"const": kind.__struct_config__.tag}}
    return {"if": {"properties": fits}, "then": {"allOf": [{"$ref": f"#/$defs/{kind.__name__}"}, *of_alarm]}}


def _describe(drawn: Schema, kind: Struct) -> None:
    drawn["description"] = inspect.cleandoc(kind.__doc__ or "")
    for name, says in field_texts(kind).items():
        inner = drawn["properties"][name]
        drawn["properties"][name] = {"description": says, **({"allOf": [inner]} if "$ref" in inner else inner)}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMA.write_text(text(schema()), encoding="utf-8")
    print(PAGE, SCHEMA, sep="\n")  # noqa: T201 - a tool says what it wrote
