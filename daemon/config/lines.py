# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""The line of each key in a settings file: Python's TOML parser returns values without lines. Pure.

Invariant: only text that `tomllib` has accepted is searched, so that TOML's grammar is not judged a second time. Text
derived from it is parsed by `tomllib` again before it is used (`without`).
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Collection
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Path of a value: names of tables and keys, indices of items."""

KEY = r"(?:[A-Za-z0-9_-]+|\"(?:\\.|[^\"\\])*\"|'[^']*')"
DOTTED = re.compile(rf"[ \t]*({KEY}(?:[ \t]*\.[ \t]*{KEY})*)[ \t]*")
PART = re.compile(KEY)
BETWEEN = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
PIECE = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[{]|[\]}]|\n|[^"\'#\[\]{}\n]+',
    re.DOTALL,
)
"""A string, a comment, a bracket, a line end, or another part of a value."""
FAULT_KEY = re.compile(r'"([^"]*)"|\[(\d+)\]|([^."\[\]]+)')
"""A step of a key as faults name it: `holders[1].recipient`."""


class Statement(NamedTuple):
    """A table's header, or a key with its value."""

    first: int
    """Its line, from 1."""
    last: int
    path: Path
    is_head: bool


@functools.lru_cache(maxsize=2)
def statements(text: str) -> tuple[Statement, ...]:
    """Every statement of a text, in order."""
    found: list[Statement] = []
    arrays: dict[Path, int] = {}
    table: Path = ()
    line, counted = 1, 0
    at = _skip(text, 0)
    while at < len(text):
        line, counted = line + text.count("\n", counted, at), at
        first = line
        is_head = text[at] == "["
        if is_head:
            table, at = _head(text, at, arrays)
            path = table
        else:
            named, at = _dotted(text, at)
            path = (*table, *named)
            at = _value_end(text, at + 1)
        line, counted = line + text.count("\n", counted, at), at
        found.append(Statement(first, line, path, is_head))
        at = _skip(text, at)
    return tuple(found)


def line_of(found: tuple[Statement, ...], key: str) -> int:
    """The line of a key, or else of the table that should have it; 1, the first, if it is in none."""
    path = path_of(key)
    above = [one for one in found if one.path == path[: len(one.path)]]
    if above:
        return max(above, key=lambda one: len(one.path)).first
    return next((one.first for one in found if path and one.path[:1] == path[:1]), 1)


def path_of(key: str) -> Path:
    """The path of a value, from its name in a fault."""
    return tuple(int(item) if item else quoted or plain for quoted, item, plain in FAULT_KEY.findall(key))


def without(text: str, names: Collection[str]) -> str:
    """The text without these keys and tables, other lines unchanged. Raises ValueError if that is impossible."""
    dropped = (one for one in statements(text) if one.path[0] in names)
    gone = {number for one in dropped for number in range(one.first, one.last + 1)}
    left = "\n".join(line for number, line in enumerate(text.split("\n"), 1) if number not in gone)
    said = tomllib.loads(text)
    if tomllib.loads(left) != {name: value for name, value in said.items() if name not in names}:
        raise ValueError(f"{', '.join(names)} cannot be told from the rest")
    return left


def _skip(text: str, at: int) -> int:
    """The next statement after white space and comments."""
    found = BETWEEN.match(text, at)
    return found.end() if found else at


def _head(text: str, at: int, arrays: dict[Path, int]) -> tuple[Path, int]:
    """A table's header: its path, with the index of each item of an array of tables, and the end of its line."""
    is_item = text.startswith("[[", at)
    named, at = _dotted(text, at + 1 + is_item)
    path: Path = ()
    for number, name in enumerate(named):
        path = (*path, name)
        if is_item and number == len(named) - 1:
            arrays[path] = arrays.get(path, -1) + 1
        if path in arrays:
            path = (*path, arrays[path])
    return path, _value_end(text, at + 1 + is_item)


def _dotted(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """A dotted key, and where it ends."""
    found = DOTTED.match(text, at)
    if found is None:
        return ("",), len(text)  # not TOML: `tomllib` would have refused it
    return tuple(_plain(part) for part in PART.findall(found[1])), found.end()


def _plain(part: str) -> str:
    """A part of a key without its quotes."""
    return next(iter(tomllib.loads(f"{part} = 0"))) if part[0] in "\"'" else part


def _value_end(text: str, at: int) -> int:
    """End of the line on which a value ends."""
    depth = 0
    while at < len(text):
        piece = PIECE.match(text, at)
        if piece is None:
            return len(text)
        if piece[0] == "\n" and depth == 0:
            return at
        depth += (piece[0] in "[{") - (piece[0] in "]}")
        at = piece.end()
    return at
