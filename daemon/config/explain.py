# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Settings in words: every fault of a file at once, and every value in force with its source."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, NamedTuple, get_args, get_origin

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
    type_info,
)
from msgspec.structs import fields

from daemon.config import Fault, Settings, show
from daemon.model.recipients import recipient_fault


class Row(NamedTuple):
    """One setting in force."""

    key: str
    value: Any
    source: str
    """The file that sets it, or `default`."""
    meaning: str


def rows_of(settings: Settings) -> tuple[Row, ...]:
    """Every setting of unit.toml and of each policy file, in the order of their dates."""
    files: list[tuple[str, msgspec.Struct, dict[str, Any]]] = [("unit.toml", settings.unit, settings.unit_raw)]
    files += [(dated.file, dated.policy, dated.raw) for dated in settings.policies]
    return tuple(row for file, value, raw in files for row in _rows(value, raw, file, ""))


def _rows(value: msgspec.Struct, raw: dict[str, Any], file: str, key: str) -> list[Row]:
    rows: list[Row] = []
    for field in fields(value):
        name, said = _join(key, field.encode_name), field.encode_name in raw
        item = getattr(value, field.name)
        if isinstance(item, msgspec.Struct):
            rows += _rows(item, raw.get(field.encode_name, {}), file, name)
        elif isinstance(item, tuple) and item and isinstance(item[0], msgspec.Struct):
            for index, part in enumerate(item):
                rows += _rows(part, raw[field.encode_name][index], file, f"{name}[{index}]")
        else:
            rows.append(Row(name, item, file if said else "default", expected(type_info(field.type))))
    return rows


def faults_of(raw: dict[str, Any], kind: type[msgspec.Struct], file: str) -> list[Fault]:
    """Every key of a file's table that is unknown, missing or of the wrong type."""
    faults: list[Fault] = []
    _check_table(raw, kind, file, "", faults)
    return faults


def _check(raw: Any, kind: Any, file: str, key: str, faults: list[Fault]) -> None:
    """Check a value against its annotation, and continue after a fault."""
    table = _table_in(kind)
    if table is not None:
        _check_table(raw, table, file, key, faults)
        return
    item = _item_of(kind)
    if item is not None and isinstance(raw, list):
        before = len(faults)
        for index, part in enumerate(raw):
            _check(part, item, file, f"{key}[{index}]", faults)
        if len(faults) > before:
            return
    try:
        msgspec.convert(raw, kind)
    except msgspec.ValidationError:
        wanted = recipient_fault(raw) if key.endswith("].recipient") else expected(type_info(kind))
        faults.append(Fault(file, key, show(raw), f"expected {wanted}"))


def _check_table(raw: Any, kind: type[msgspec.Struct], file: str, key: str, faults: list[Fault]) -> None:
    if not isinstance(raw, dict):
        faults.append(Fault(file, key, show(raw), f"expected {expected(type_info(kind))}"))
        return
    known = {field.encode_name: field for field in fields(kind)}
    for name, value in raw.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known)}"
            faults.append(Fault(file, _join(key, name), show(value), f"unknown key; {hint}"))
    for name, field in known.items():
        if name in raw:
            _check(raw[name], field.type, file, _join(key, name), faults)
        elif field.required:
            faults.append(Fault(file, _join(key, name), "", f"is missing; expected {expected(type_info(field.type))}"))


def _table_in(kind: Any) -> type[msgspec.Struct] | None:
    """The struct type of an annotation, `X` or `X | None`."""
    for part in (kind, *get_args(kind)):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            return part if get_origin(kind) is not tuple else None
    return None


def _item_of(kind: Any) -> Any:
    """The item type of an annotated `tuple[X, ...]`; None for anything else."""
    if get_origin(kind) is Annotated:
        return _item_of(get_args(kind)[0])
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def expected(info: Type) -> str:
    """What a value of this type must be, in words: kind, bounds, meaning."""
    if isinstance(info, Metadata):
        meaning = (info.extra_json_schema or {}).get("description", "")
        words = expected(info.type)
        return f"{words} ({meaning})" if meaning else words
    if isinstance(info, UnionType):
        return expected(next(part for part in info.types if not isinstance(part, NoneType)))
    return _words(info)


def _words(info: Type) -> str:  # noqa: PLR0911 - one line per kind
    match info:
        case BoolType():
            return "true or false"
        case IntType(ge=low, le=high) | FloatType(ge=low, le=high) if low is not None and high is not None:
            number = "a whole number" if isinstance(info, IntType) else "a number"
            return f"{number} from {_plain(low)} to {_plain(high)}" + _multiple(info)
        case LiteralType(values=values):
            return " or ".join(str(value) for value in values)
        case StrType():
            return "text"
        case DateType():
            return "a date such as 2020-05-04, without quotes"
        case DateTimeType():
            return "a moment with its offset, without quotes"
        case VarTupleType(item_type=item):
            return f"a list, each {expected(item)}"
        case DictType():
            return "a table, each key a path in quotes, each value a text, a number, true or false"
        case StructType(cls=cls):
            return f"a table with {', '.join(cls.__struct_fields__)}"
        case _:
            return "a value of another kind"


def _plain(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


def _multiple(info: IntType | FloatType) -> str:
    return f", a multiple of {info.multiple_of}" if info.multiple_of else ""


def _join(key: str, name: str) -> str:
    """A key below another, quoted where TOML requires it, so that an empty one is visible too."""
    plain = name.isascii() and name.replace("-", "_").replace("_", "0").isalnum()
    part = name if plain else f'"{name}"'
    return f"{key}.{part}" if key else part
