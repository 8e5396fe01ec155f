# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Draws the two tables of docs/guide/settings.md from the structs of both files: `make docs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec.inspect import Metadata, NoneType, StructType, Type, UnionType, VarTupleType, type_info
from msgspec.structs import FieldInfo, fields

from daemon.model.policy import Policy
from daemon.model.unit import Unit
from tests.tools.typed_fields import Struct, bounds, code, default, meaning

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "guide" / "settings.md"
HEAD = "| key | default | what it may be | what |\n|---|---|---|---|\n"
FILES: tuple[tuple[str, Struct], ...] = (("## unit.toml", Unit), ("## policy.toml", Policy))


class Key(NamedTuple):
    """One key of a settings file."""

    name: str
    struct: Struct
    field: FieldInfo


def keys(struct: Struct, before: str = "") -> Iterator[Key]:
    """Every key, those of inner tables by their whole path; a list of tables has its own, and those of one table."""
    for field in fields(struct):
        name, info = before + field.encode_name, type_info(field.type)
        inner = _table(info)
        many = isinstance(_plain(info), VarTupleType)
        if inner is None or many or _is_optional(info):
            yield Key(name, struct, field)
        if inner is not None:
            yield from keys(inner, f"{name}[]." if many else f"{name}.")


def _plain(info: Type) -> Type:
    """Without what is annotated, and without null."""
    if isinstance(info, Metadata):
        return _plain(info.type)
    if isinstance(info, UnionType):
        return _plain(next(part for part in info.types if not isinstance(part, NoneType)))
    return info


def _is_optional(info: Type) -> bool:
    return isinstance(info, UnionType) and isinstance(_plain(info), StructType)


def _table(info: Type) -> Struct | None:
    """The table that a key is, or of which it is a list."""
    plain = _plain(info)
    if isinstance(plain, VarTupleType):
        plain = _plain(plain.item_type)
    return plain.cls if isinstance(plain, StructType) else None


def rows(struct: Struct) -> Iterator[str]:
    """A row a key; keys of tables that are alike, such as the buttons', share theirs."""
    alike: dict[tuple[Struct, str], list[Key]] = {}
    for key in keys(struct):
        alike.setdefault((key.struct, key.field.name), []).append(key)
    for found in alike.values():
        _, owner, field = found[0]
        info = type_info(field.type)
        names = ", ".join(code(key.name) for key in found)
        yield f"| {names} | {default(field)} | {_allowed(info, field.name)} | {meaning(owner, field, info)} |\n"


def _allowed(info: Type, name: str) -> str:
    """Bounds; a table's keys have rows of their own. A pattern is for machines: its description says it."""
    if _table(info) is None:
        return re.sub(r", `\^.*`", "", bounds(info, name))
    plain = _plain(info)
    return f"at most {plain.max_length} tables" if isinstance(plain, VarTupleType) else "a table"


def _put(text: str, heading: str, table: str) -> str:
    """The page with another table below a heading."""
    before, _, after = text.partition(heading + "\n")
    found = re.search(r"^\| key \|.*?\n(?=\n)", after, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"no table below {heading}")
    return before + heading + "\n" + after[: found.start()] + table + after[found.end() :]


def page() -> str:
    """The whole page: what is written by hand, and both tables."""
    text = PAGE.read_text(encoding="utf-8")
    for heading, struct in FILES:
        text = _put(text, heading, HEAD + "".join(rows(struct)))
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)  # noqa: T201 - a tool says what it wrote
