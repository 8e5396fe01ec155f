# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""What a reference page says of a struct's field: its bounds, its default, its meaning, from the type and its text."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
from msgspec.inspect import (
    BoolType,
    DateTimeType,
    DateType,
    DictType,
    FloatType,
    IntType,
    LiteralType,
    Metadata,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
)
from msgspec.structs import FieldInfo

from tests.tools.contract_schemas import field_texts

Struct = type[msgspec.Struct]


UNITS = {
    "s": "s", "ms": "ms", "ns": "ns", "h": "hours", "d": "days", "m": "m", "hz": "Hz", "bps": "bits a second",
    "pct": "%", "dbfs": "dBFS", "ppm": "ppm", "ev": "stops", "bytes": "bytes",
}  # fmt: skip
"""Names carry their unit last."""


def bounds(info: Type, name: str = "") -> str:
    """What a value may be, as a cell of a table; with a unit, where its name has one."""
    if isinstance(info, Metadata):
        return bounds(info.type, name)
    if isinstance(info, UnionType):
        return " or ".join(bounds(part, name) for part in info.types if not isinstance(part, NoneType))
    if isinstance(info, IntType | FloatType):
        unit = UNITS.get(name.rpartition("_")[2], "") if "_" in name else ""
        return f"{_number(info)} {unit}".rstrip()
    return _words(info)


def _words(info: Type) -> str:  # noqa: PLR0911 - a line a kind
    match info:
        case BoolType():
            return "`true`, `false`"
        case LiteralType(values=values):
            return ", ".join(code(value) for value in values)
        case StrType():
            return f"text{_length(info)}" + (f", {code(info.pattern)}" if info.pattern else "")
        case DateType():
            return "a date"
        case DateTimeType():
            return "a moment with its offset"
        case VarTupleType(item_type=item):
            return f"a list{_length(info)}: {bounds(item)}"
        case DictType(key_type=key, value_type=value):
            return f"a table{_length(info)}: {bounds(key)} to {bounds(value)}"
        case StructType(cls=cls):
            return f"a table: {code(cls.__name__)}"
    return "any"


def _number(info: IntType | FloatType) -> str:
    kind = "a whole number" if isinstance(info, IntType) else "a number"
    more = f", a multiple of {info.multiple_of}" if info.multiple_of else ""
    return f"{_plain(info.ge)} to {_plain(info.le)}{more}" if info.ge is not None and info.le is not None else kind


def _plain(bound: float) -> str:
    """A bound for people: the large powers of two and ten as such."""
    for power in ("2^53", "2^62", "10^12"):
        base, exponent = map(int, power.split("^"))
        if abs(bound) == base**exponent:
            return f"{'-' if bound < 0 else ''}{power}"
    return str(int(bound)) if bound == int(bound) else str(bound)


def _length(info: Any) -> str:
    least, most = info.min_length, info.max_length
    return f" of {least} to {most}" if least and most else f" of at most {most}" if most else ""


def code(value: object) -> str:
    """In the type of code; a bar would end the cell."""
    return f"`{value}`".replace("|", "\\|")


def default(field: FieldInfo) -> str:
    """What holds when nobody sets it."""
    if field.required:
        return "must be set"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None or value in ((), {}):
        return "none"
    if value == "":
        return "empty"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, tuple):
        return ", ".join(code(part) for part in value)
    return code(value.isoformat() if isinstance(value, datetime.date) else value)


def meaning(struct: Struct, field: FieldInfo, info: Type) -> str:
    """The description of the type, and the text below the field."""
    found = [_description(info), field_texts(struct).get(field.name, "")]
    text = " ".join(part if part.endswith((".", "`")) or part == found[-1] else f"{part}." for part in found if part)
    return text.replace("|", "\\|")


def _description(info: Type) -> str:
    """Of the type itself, or of its one alternative that is not null."""
    if isinstance(info, UnionType):
        return next((text for part in info.types if (text := _description(part))), "")
    return str((info.extra_json_schema or {}).get("description", "")) if isinstance(info, Metadata) else ""
