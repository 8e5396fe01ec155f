# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2

"""Settings files that nobody would write: the report stands, whatever the files say."""

from __future__ import annotations

import copy
import datetime
import math
import re
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyrage
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from daemon.config import explain, load, shipped
from daemon.errors import SettingsError

UNIT: dict[str, Any] = tomllib.loads((shipped() / "unit.toml").read_text())
POLICY: dict[str, Any] = tomllib.loads((shipped() / "policies" / "heusden-2020.toml").read_text())
POLICY["holders"] = [
    {"role": "manager", "label": f"m{n}", "recipient": str(pyrage.x25519.Identity.generate().to_public())} for n in "12"
]
FAULT = re.compile(r"  (unit|policy)\.toml: \S.*: .+")
HEAD = re.compile(r"\d+ faults? in the settings; nothing was started:")

# What TOML can say, steering characters and line ends in keys and values included.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["press", "age1", "\x1b[2J", "\n"]
)
known = st.sampled_from(["pin", "record", "alarm", "buttons", "holders", "groups", "term_h", "role", "broker", "host"])
scalars = (
    texts | st.integers() | st.floats() | st.booleans() | st.dates() | st.datetimes() | st.times()
    | st.sampled_from([0, -1, 2**64, 168, 673, math.nan, math.inf])
)  # fmt: skip
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | known, inner, max_size=4),
    max_leaves=12,
)


def toml(value: Any) -> str:
    """A value as TOML would write it, in one line."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in value) + '"'
        case dict():
            return "{" + ", ".join(f"{toml(str(name))} = {toml(part)}" for name, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case datetime.date() | datetime.time():
            return value.isoformat()
        case _:
            return repr(value)


def write(path: Path, table: dict[str, Any]) -> None:
    path.write_text("\n".join(f"{toml(name)} = {toml(value)}" for name, value in table.items()))


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a table: the key of each setting and of each table."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for name, part in parts for found in ((*place, name), *places(part, (*place, name)))]


@st.composite
def spoiled(draw: st.DrawFn, table: dict[str, Any]) -> dict[str, Any]:
    """A good file with up to three things in it replaced, taken out, or added beside."""
    table = copy.deepcopy(table)
    for _ in range(draw(st.integers(0, 3))):
        *way, name = draw(st.sampled_from(places(table) or [("junk",)]))
        home: Any = table
        for step in way:
            home = home[step]
        deed = draw(st.sampled_from(["replace", "remove", "add"]))
        if deed == "remove" and name in (home if isinstance(home, dict) else range(len(home))):
            del home[name]
        elif deed == "add" and isinstance(home, dict):
            home[draw(texts | known)] = draw(junk)
        else:
            home[name] = draw(junk)
    return table


def check(unit: dict[str, Any], policy: dict[str, Any]) -> None:
    """Loads both files: they are in force and can be explained, or every fault has a line of its own with its key."""
    with TemporaryDirectory() as name:
        write(Path(name) / "unit.toml", unit)
        write(Path(name) / "policy.toml", policy)
        try:
            settings = load(Path(name))
        except SettingsError as error:
            report = str(error)
        else:
            event("in force")
            assert explain.rows_of(settings)
            return
    head, *lines = report.split("\n")
    event(f"{min(len(lines), 5)} faults")
    assert HEAD.fullmatch(head)
    assert lines
    assert all(FAULT.fullmatch(line) and line.isprintable() for line in lines), lines


@given(spoiled(UNIT), spoiled(POLICY))
def test_a_spoiled_file_is_reported_and_nothing_else(unit: dict[str, Any], policy: dict[str, Any]) -> None:
    """H1: whatever was put into a good file, it is in force, or each fault is one printable line that names its key."""
    check(unit, policy)


@given(st.dictionaries(texts | known, junk, max_size=6), st.dictionaries(texts | known, junk, max_size=6))
def test_junk_is_reported_and_nothing_else(unit: dict[str, Any], policy: dict[str, Any]) -> None:
    """H1: a file that has nothing to do with a unit is a report of faults, never another error."""
    check(unit, policy)


@given(st.binary(max_size=60))
def test_bytes_are_reported_and_nothing_else(data: bytes) -> None:
    """H1: bytes that are no text at all are a fault of their file, never another error."""
    with TemporaryDirectory() as name:
        (Path(name) / "unit.toml").write_bytes(data)
        with pytest.raises(SettingsError, match=r"unit\.toml"):
            load(Path(name))


def test_the_good_files_are_good() -> None:
    """H1: what the properties above spoil is in force before they do."""
    with TemporaryDirectory() as name:
        write(Path(name) / "unit.toml", UNIT)
        write(Path(name) / "policy.toml", POLICY)
        assert load(Path(name)).policy.name == "heusden-2020"
